package store

import (
	"context"
	"encoding/json"
	"reflect"
	"testing"

	"qualifybase/engine"
	"qualifybase/engine/access"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
	"qualifybase/engine/scope"
	"qualifybase/engine/secret"
)

func oddText(s string) string { return s + " äöü ' \" \U0001F600" }

// What is written is read again as it was, every field of it.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	born, _ := calendar.ParseDate("1815-12-10")
	rate := 7
	m := act.Meta{Version: 3, Change: 4, CreatedAt: 5, UpdatedAt: 6, CreatedBy: "key:a", UpdatedBy: "user:b"}
	var (
		service = directory.Service{Clinic: h.clinic, Name: oddText("s"), DurationMinutes: 30, BufferBefore: 1,
			BufferAfter: 2, Step: 5, Align: directory.AlignPack, LocationKind: directory.AtRoom, MinNotice: -1, HorizonDays: 9,
			DailyCap: 8, AutoConfirm: true, IntakeCampaignID: "c", Active: true, ProviderIDs: h.providers[:2], Meta: m}
		location = directory.Location{Clinic: h.clinic, Name: oddText("l"), Kind: directory.AtClinic, ParentID: h.rooms[0],
			Address: directory.Address{Line1: oddText("1"), City: "B", Country: "DE"}, Phone: "1", TimeZone: "Asia/Tokyo",
			Capacity: 3, Active: true, Meta: m}
		provider = directory.Provider{Clinic: h.clinic, DisplayName: oddText("p"), Credentials: "MD", Specialty: "x",
			RegistrationNo: "1", Email: "e", Phone: "2", Active: true, BookableOnline: true, Colour: "#fff", Weight: 50,
			Priority: 2, BufferBefore: 3, BufferAfter: 4, DailyCap: 5, AssignedAt: 6, LocationIDs: []int64{h.rooms[0]}, Meta: m}
		patient = people.Patient{Clinic: h.clinic, Test: true, MRN: oddText("m"), GivenName: oddText("g"), FamilyName: "f",
			PreferredName: "p", BirthDate: &born, Sex: people.SexOther, Email: "E", EmailKey: "e",
			Phones:  []people.Phone{{Number: "030", E164: "+4930", Label: "home"}},
			Address: directory.Address{Line1: oddText("1")}, Language: "de", ContactPreference: "post",
			Consents:         people.Consents{Marketing: &people.Consent{Granted: true, At: 7, Source: "s"}},
			EmergencyContact: people.EmergencyContact{Name: "n", Relationship: "r", Phone: "1"},
			Identifiers:      []people.Identifier{{System: "s", Value: oddText("v")}},
			AllergiesText:    oddText("a"), AdminNotes: "n",
			SourceLeadID: "x", Status: people.PatientInactive, Filled: map[string]int64{"email": 7}, Restricted: true,
			ErasedAt: 9, Meta: m}
		lead = people.Lead{ID: id(), Clinic: h.clinic, Source: "web", ExternalID: "7", Name: oddText("n"), FirstName: "a",
			LastName: "b", NameKey: "n", Email: "E", EmailKey: "e", Phone: "030", PhoneKey: "+4930", Status: people.LeadLost,
			Notes: oddText("x"), Tags: []string{"t", oddText("u")}, Metadata: map[string]any{"k": "v",
				"n": json.Number("12345678901234567890")}, Consent: map[string]any{"gdpr": true}, PatientID: h.patient, Meta: m}
		key = access.Key{ID: id(), Clinic: h.clinic, KeyID: "abc", Family: secret.FamilyPublic, Name: "k", Hash: "h",
			Scopes: scope.Of(scope.CampaignsRead), RatePerMinute: &rate, AllowedOrigins: []string{"https://a.example"},
			ExpiresAt: noon.Unix() + 9, RevokedAt: noon.Unix() + 8, RotatedTo: "x", CreatedAt: 1, CreatedBy: "cli:x",
			LastUsedAt: 2}
		user = access.User{ID: id(), Clinic: h.clinic, Email: "U", EmailKey: "u", Name: oddText("u"), Role: act.Owner,
			PasswordHash: "$argon2id$", Failures: 1, FirstFailureAt: 2, DisabledAt: 3, Version: 4, CreatedAt: 5, UpdatedAt: 6}
		byDate = directory.Closure{ID: id(), Clinic: h.clinic, Owner: "c", ByDate: true, FromDate: born, ToDate: born + 1,
			Reason: oddText("r"), Change: 1, Created: 2, By: "cli:x"}
		byTime = directory.Closure{ID: id(), Clinic: h.clinic, Owner: "p1", Span: calendar.Span{Start: 5, End: 6},
			Reason: "r", Change: 1, Created: 3, By: "cli:x"}
		schedule = directory.OwnedSchedule{Clinic: h.clinic, Owner: "p1",
			Schedule: calendar.Schedule{Weekly: calendar.Week{1: {{From: 540, To: 1020}}},
				Overrides: []calendar.Override{{Date: born, Windows: []calendar.Window{{From: 1, To: 1440}}}}}, Meta: m}
		hold = booking.Hold{ID: id(), Clinic: h.clinic, Test: true, Caller: "key:1", TokenHash: "t",
			ProviderID: h.providers[0], StartsAt: 1, EndsAt: 2, ExpiresAt: 3, CreatedAt: 4}
		visit = h.visit(h.providers[0], noon.Unix(), 30)
		event = act.Event{Clinic: h.clinic, Seq: 1, ID: "evt_1", Type: "lead.created", Test: true, CreatedAt: 2,
			Data: []byte(`{"id":"x"}`)}
		entry = act.AuditEntry{Clinic: h.clinic, Seq: 1, At: 2, ActorKind: act.ActorLink, ActorID: "a", ActorLabel: "l",
			IP: "::1", RequestID: "r", Action: "appointment.book", Entity: "appointment", EntityID: "e", PatientID: h.patient,
			Outcome: act.OK, ReasonRef: "x", Fields: []string{"title"}, PrevHash: "p", Hash: "h"}
		clinic = directory.Clinic{ID: id(), Slug: "zwei", Name: oddText("c"), TimeZone: "Asia/Tokyo", Country: "JP",
			Settings: directory.ClinicSettings{StepMinutes: 20, Continuity: true}, Version: 2, CreatedAt: 3, UpdatedAt: 4}
	)
	visit.LeadID, visit.LocationID, visit.ServiceID, visit.Notes = h.lead, h.rooms[0], 1, oddText("n")
	visit.CheckedInAt, visit.CancelReason, visit.LateCancel, visit.SeriesID, visit.RebookedFrom = 1, "c", true, "s", "r"
	visit.Assigned, visit.Override, visit.Undo, visit.Sequence = "why", &booking.Waiver{Overlap: true,
		Reason: "x"}, &booking.Undo{Status: booking.Confirmed, At: 5}, 2
	occ := booking.Occupancy{Clinic: h.clinic, Resource: booking.RoomResource(h.rooms[0]),
		Footprint: calendar.Span{Start: visit.StartsAt, End: visit.EndsAt}, AppointmentID: visit.ID, Live: true,
		Override: true}
	h.must(t, func(tx engine.Tx) error {
		for _, write := range []func() error{
			func() error { return tx.InsertClinic(&clinic) }, func() error { return tx.InsertService(&service) },
			func() error { return tx.InsertLocation(&location) },
			func() error { provider.ServiceIDs = []int64{service.ID}; return tx.InsertProvider(&provider) },
			func() error { service.ProviderIDs = append(service.ProviderIDs[:2:2], provider.ID); return nil },
			func() error { return tx.InsertPatient(&patient) }, func() error { return tx.InsertLead(lead) },
			func() error { return tx.InsertKey(key) }, func() error { return tx.InsertUser(user) },
			func() error { return tx.InsertClosure(byTime) }, func() error { return tx.InsertClosure(byDate) },
			func() error { return tx.PutSchedule(schedule) }, func() error { return tx.InsertHold(hold) },
			func() error { return tx.InsertAppointment(visit) }, func() error { return tx.InsertOccupancy(&occ) },
			func() error { return tx.InsertEvent(event) }, func() error { return tx.InsertAudit(entry) },
			func() error {
				return tx.StoreReply(h.clinic, "key:1", "k", "f", "lead:1",
					act.Reply{Status: 201, Header: map[string]string{"ETag": "1"}, Body: []byte("{}")}, 100)
			},
			func() error { return tx.StoreReply(h.clinic, "key:2", "k", "f2", "", act.Reply{Status: 204}, 100) },
		} {
			if err := write(); err != nil {
				return err
			}
		}
		return nil
	})
	other := clinic.N
	see(t, h.Store, func(r engine.Reader) error {
		same := func(name string, want any) func(any, error) {
			return func(got any, err error) {
				t.Helper()
				if err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("%s: %v\nread  %+v\nwrote %+v", name, err, got, want)
				}
			}
		}
		same("service", service)(any2(r.Service(h.clinic, service.ID)))
		same("location", location)(any2(r.Location(h.clinic, location.ID)))
		same("provider", provider)(any2(r.Provider(h.clinic, provider.ID)))
		same("patient", patient)(any2(r.Patient(h.clinic, true, patient.ID)))
		same("lead", lead)(any2(r.Lead(h.clinic, false, lead.ID)))
		same("lead by external id", lead)(any2(r.LeadByExternal(h.clinic, false, "web", "7")))
		same("leads by e-mail", []people.Lead{lead})(any2(r.LeadsByEmail(h.clinic, false, "e")))
		same("leads by phone", []people.Lead{lead})(any2(r.LeadsByPhone(h.clinic, false, "+4930")))
		same("key", key)(any2(r.Key(h.clinic, key.ID)))
		same("keys", []access.Key{key})(any2(r.Keys(h.clinic, act.Position{}, 0)))
		same("origins", key.AllowedOrigins)(any2(r.PublicOrigins(noon.Unix())))
		same("no origins", []string{})(any2(r.PublicOrigins(noon.Unix() + 8)))
		same("user", user)(any2(r.User(user.ID)))
		same("users", []access.User{user})(any2(r.UsersByEmail("u")))
		same("closures", []directory.Closure{byDate, byTime})(any2(r.Closures(h.clinic, "")))
		same("closures of one", []directory.Closure{byTime})(any2(r.Closures(h.clinic, "p1")))
		readBack := schedule
		readBack.CreatedBy = "" // not kept
		same("schedule", readBack)(any2(r.Schedule(h.clinic, "p1")))
		same("hold", hold)(any2(r.Hold(h.clinic, true, hold.ID)))
		same("appointment", visit)(any2(r.Appointment(h.clinic, false, visit.ID)))
		same("occupancy", []booking.Occupancy{occ})(any2(r.OccupancyOf(visit.ID, "")))
		same("events", []act.Event{event})(any2(r.Events(h.clinic, true, 0, "", 5)))
		same("no live events", []act.Event{})(any2(r.Events(h.clinic, false, 0, "", 5)))
		same("audit",
			[]act.AuditEntry{entry})(any2(r.Audit(act.AuditQuery{Clinic: h.clinic, PatientID: h.patient, Outcome: act.OK,
			From: 2, To: 3}, act.Position{}, 5)))
		same("history", []act.AuditEntry{entry})(any2(r.AppointmentEvents(h.clinic, "e", []string{"appointment.read"})))
		same("history without its act",
			[]act.AuditEntry{})(any2(r.AppointmentEvents(h.clinic, "e", []string{"appointment.book"})))
		same("clinic", clinic)(any2(r.ClinicBySlug("zwei")))
		same("clinic by id", clinic)(any2(r.ClinicByPublicID(clinic.ID)))
		_, reply, found, err := r.StoredReply(h.clinic, "key:1", "k", 100)
		if err != nil || !found || reply.Header["ETag"] != "1" || string(reply.Body) != "{}" || reply.Status != 201 {
			t.Errorf("reply %+v %v %v", reply, found, err)
		}
		if _, _, found, _ := r.StoredReply(h.clinic, "key:1", "k", 101); found {
			t.Error("an expired reply was found")
		}
		if _, _, found, _ := r.StoredReply(other, "key:1", "k", 100); found {
			t.Error("another clinic's reply was found")
		}
		return nil
	})
	foreignEyes(t, h, other, map[string]func(engine.Reader) error{
		"service":     func(r engine.Reader) error { _, err := r.Service(other, service.ID); return err },
		"location":    func(r engine.Reader) error { _, err := r.Location(other, location.ID); return err },
		"provider":    func(r engine.Reader) error { _, err := r.Provider(other, provider.ID); return err },
		"patient":     func(r engine.Reader) error { _, err := r.Patient(other, true, patient.ID); return err },
		"live":        func(r engine.Reader) error { _, err := r.Patient(h.clinic, false, patient.ID); return err },
		"lead":        func(r engine.Reader) error { _, err := r.Lead(other, false, lead.ID); return err },
		"test lead":   func(r engine.Reader) error { _, err := r.Lead(h.clinic, true, lead.ID); return err },
		"external":    func(r engine.Reader) error { _, err := r.LeadByExternal(other, false, "web", "7"); return err },
		"key":         func(r engine.Reader) error { _, err := r.Key(other, key.ID); return err },
		"closure":     func(r engine.Reader) error { _, err := r.Closure(other, byDate.ID); return err },
		"schedule":    func(r engine.Reader) error { _, err := r.Schedule(other, "p1"); return err },
		"hold":        func(r engine.Reader) error { _, err := r.Hold(other, true, hold.ID); return err },
		"appointment": func(r engine.Reader) error { _, err := r.Appointment(other, false, visit.ID); return err },
	})
	foreignHands(t, h, other, lead, visit, service, provider)
}

func any2[T any](v T, err error) (any, error) { return v, err }

// foreignEyes expects every look to be NotFound.
func foreignEyes(t *testing.T, h *house, _ int64, looks map[string]func(engine.Reader) error) {
	t.Helper()
	for name, look := range looks {
		if err := engine.View(context.Background(), h, look); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s of another tenant: %v", name, err)
		}
	}
}

// foreignHands expects writes under another tenant's number to meet nothing.
func foreignHands(t *testing.T, h *house, other int64, lead people.Lead, visit booking.Appointment,
	service directory.Service, provider directory.Provider) {
	t.Helper()
	lead.Clinic, visit.Clinic, service.Clinic, provider.Clinic = other, other, other, other
	for name, write := range map[string]func(engine.Tx) error{
		"lead":        func(tx engine.Tx) error { return tx.UpdateLead(lead) },
		"delete lead": func(tx engine.Tx) error { return tx.DeleteLead(other, lead.ID) },
		"appointment": func(tx engine.Tx) error { return tx.UpdateAppointment(visit) },
		"service":     func(tx engine.Tx) error { return tx.UpdateService(service) },
		"provider":    func(tx engine.Tx) error { return tx.UpdateProvider(provider) },
	} {
		if err := engine.Update(context.Background(), h, write); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s under another tenant: %v", name, err)
		}
	}
}

// The invariants hold against a SQL shell, too.
func TestTriggersGuardTheFile(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	h.must(t, h.booking(1))
	h.must(t, func(tx engine.Tx) error {
		if err := tx.InsertAudit(act.AuditEntry{Clinic: h.clinic, Seq: 1, ActorKind: act.ActorCLI, Action: "a",
			Outcome: act.OK}); err != nil {
			return err
		}
		return tx.InsertEvent(act.Event{Clinic: h.clinic, Seq: 1, Type: "x", Data: []byte("{}")})
	})
	c, err := dial(h.path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if err := c.script("PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000"); err != nil {
		t.Fatal(err)
	}
	at := func(from, to, rest string) string {
		return "INSERT INTO occupancy (clinic, resource, test, s, e, appointment_id, live, override) SELECT clinic, " +
			"resource, test, s + " +
			from + ", e + " + to + ", appointment_id, " + rest + " FROM occupancy WHERE id = 1"
	}
	for _, step := range []struct {
		name, sql string
		ok        bool
	}{
		{"overlapping by a second", at("1799", "1799", "1, 0"), false},
		{"around it", at("-60", "60", "1, 0"), false},
		{"a long one from before", at("-80000", "-1799", "1, 0"), false},
		{"touching", at("1800", "1800", "1, 0"), true},
		{"not live", at("0", "0", "0, 0"), true},
		{"an override", at("0", "0", "1, 1"), true},
		{"beside the override", at("-900", "-900", "1, 0"), false},
		{"reviving", "UPDATE occupancy SET live = 1 WHERE live = 0", false},
		{"moving onto", "UPDATE occupancy SET s = s - 900, e = e - 900 WHERE id = 2", false},
		{"confirming in place", "UPDATE occupancy SET live = live", true},
		{"longer than a day", at("90000", "180000", "1, 0"), false},
		{"changing the audit", "UPDATE audit SET actor_id = 'x'", false},
		{"deleting from the audit", "DELETE FROM audit", false},
		{"changing an event", "UPDATE events SET type = 'x'", false},
		{"deleting an event", "DELETE FROM events", false},
		{"an orphan", "UPDATE occupancy SET appointment_id = 'none'", false},
	} {
		if _, _, err := c.exec(step.sql); (err == nil) != step.ok {
			t.Errorf("%s: %v", step.name, err)
		}
	}
}

func TestHolds(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	room, doctor := booking.RoomResource(h.rooms[0]), booking.ProviderResource(h.providers[0])
	span := calendar.Span{Start: noon.Unix() + 3600, End: noon.Unix() + 5400}
	hold := booking.Hold{ID: id(), Clinic: h.clinic, Caller: "key:1", ProviderID: h.providers[0], StartsAt: span.Start,
		EndsAt: span.End, ExpiresAt: noon.Unix() + 300, CreatedAt: noon.Unix()}
	h.must(t, func(tx engine.Tx) error {
		if err := tx.InsertHold(hold); err != nil {
			return err
		}
		for _, res := range []booking.Resource{doctor, room} {
			o := booking.Occupancy{Clinic: h.clinic, Resource: res, Footprint: span, HoldID: hold.ID, ExpiresAt: hold.ExpiresAt,
				Live: true}
			if err := tx.InsertOccupancy(&o); err != nil {
				return err
			}
		}
		return nil
	})
	busy := func(res booking.Resource) (n int) {
		see(t, h.Store, func(r engine.Reader) error {
			list, err := r.Busy(res, false, span, nil)
			n = len(list)
			return err
		})
		return n
	}
	open := func(now int64) (n int) {
		see(t, h.Store, func(r engine.Reader) (err error) { n, err = r.OpenHolds(h.clinic, "key:1", now); return err })
		return n
	}
	if busy(doctor) != 1 || busy(room) != 1 || open(noon.Unix()) != 1 || open(noon.Unix()+300) != 0 {
		t.Fatalf("held: doctor %d, room %d, open %d", busy(doctor), busy(room), open(noon.Unix()))
	}
	h.must(t, func(tx engine.Tx) error { return tx.DeleteExpired(doctor, false, noon.Unix()+299) })
	if busy(doctor) != 1 {
		t.Error("a live hold was deleted")
	}
	h.must(t, func(tx engine.Tx) error { return tx.DeleteExpired(doctor, false, noon.Unix()+300) })
	if busy(doctor) != 0 || busy(room) != 0 {
		t.Error("an expired hold still occupies")
	}
	// its booking is Gone, not NotFound
	see(t, h.Store, func(r engine.Reader) error { _, err := r.Hold(h.clinic, false, hold.ID); return err })
	later := hold
	later.ID, later.CreatedAt, later.ExpiresAt = id(), hold.ExpiresAt+daySeconds+1, hold.ExpiresAt+daySeconds+301
	h.must(t, func(tx engine.Tx) error { return tx.InsertHold(later) })
	h.must(t, func(tx engine.Tx) error {
		n, err := tx.DropHolds(later.CreatedAt, 10)
		if n != 1 {
			t.Errorf("%d old holds were dropped, want 1", n)
		}
		return err
	})
	err := engine.View(context.Background(), h, func(r engine.Reader) error {
		_, err := r.Hold(h.clinic, false, hold.ID)
		return err
	})
	if fault.KindOf(err) != fault.NotFound {
		t.Errorf("a day later: %v", err)
	}
	h.must(t, func(tx engine.Tx) error { return tx.DeleteHold(later) })
	if n := h.count(t, "SELECT (SELECT count(*) FROM holds) + (SELECT count(*) FROM occupancy)"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

func TestRepliesAreDropped(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	h.must(t, func(tx engine.Tx) error {
		for i := range int64(10) {
			if err := tx.StoreReply(h.clinic, "key:1", string(rune('a'+i)), "f", "", act.Reply{Status: 200}, i); err != nil {
				return err
			}
		}
		for _, step := range []struct{ limit, want int }{{4, 4}, {4, 3}, {4, 0}} {
			if n, err := tx.DropReplies(7, step.limit); n != step.want || err != nil {
				t.Errorf("dropped %d, %v, want %d", n, err, step.want)
			}
		}
		return nil
	})
}
