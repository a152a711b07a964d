package people_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/directory"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
	"qualifybase/engine/uuid"
)

func TestMerge(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	a := enginetest.CreatePatient(t, c, lind("Ida", "Lind", "1990-02-03", "old@example.org", ida))
	b := enginetest.CreatePatient(t, c, lind("Ida", "Berg", "", "new@example.org", ""))
	l := enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Ida"), Email: new("x@example.org")}).Lead
	visit, err := c.Engine.Book(t.Context(), c.Caller, booking.Booking{StartsAt: enginetest.Unix("2026-04-28 09:00"),
		ServiceID: c.Checkup.ID, LeadID: l.ID})
	enginetest.Must(t, err)
	_, err = c.Engine.ConvertLead(t.Context(), c.Caller, l.ID, nil, a.ID, people.PatientDraft{})
	enginetest.Must(t, err)
	c.Since(t)

	got := enginetest.Merge(t, c, a.ID, b.ID)
	if got.ID != b.ID || got.FamilyName != "Berg" || got.Email != "new@example.org" ||
		got.Phones[0].E164 != "+49301234567" || got.BirthDate.String() != "1990-02-03" ||
		got.MRN != b.MRN || got.Version != b.Version+1 {
		t.Errorf("the survivor is %+v", got)
	}
	enginetest.Traces(t, c, "patient.merged", fmt.Sprintf("patient.merge ok %d from:%d,birth_date,phones", b.ID, a.ID),
		fmt.Sprintf("patient.merge ok %d into:%d,birth_date,phones", a.ID, b.ID))
	owners := func() string {
		var out string
		c.Read(t, func(r engine.Reader) error {
			x, err := r.Appointment(c.Row.N, false, visit.ID)
			y, err2 := r.Lead(c.Row.N, false, l.ID)
			out = fmt.Sprint(x.PatientID, y.PatientID)
			if err != nil {
				return err
			}
			return err2
		})
		return out
	}
	if got := owners(); got != fmt.Sprint(b.ID, b.ID) {
		t.Errorf("the rows name %s", got)
	}
	stub, err := c.Engine.Patient(t.Context(), c.Caller, a.ID)
	enginetest.Must(t, err)
	if stub.MergedInto != b.ID || stub.Status != people.PatientMerged || stub.GivenName+stub.FamilyName+stub.Email != "" ||
		len(stub.Phones) != 0 || stub.BirthDate != nil {
		t.Errorf("the stub shows %+v", stub)
	}
	list, err := c.Engine.Patients(t.Context(), c.Caller, people.PatientQuery{}, act.Page{})
	if err != nil || len(list.Items) != 1 {
		t.Errorf("the list has %d, %v", len(list.Items), err)
	}
	var since int64
	walk, err := c.Engine.Patients(t.Context(), c.Caller, people.PatientQuery{UpdatedSince: &since}, act.Page{})
	if err != nil || len(walk.Items) != 2 || walk.Items[0].GivenName != "" && walk.Items[1].GivenName != "" {
		t.Errorf("a sync hears of %+v, %v", walk.Items, err)
	}
	// The loser's own keys lead to the survivor.
	found, err := c.Engine.MatchPatients(t.Context(), c.Caller, lind("Ida", "Lind", "1990-02-03", "", ida))
	if err != nil || len(found) != 1 || found[0].Patient.ID != b.ID || found[0].Grade != people.Certain {
		t.Errorf("the loser's keys find %s, %v", likenesses(found), err)
	}
	c.Since(t)
	back, err := c.Engine.UnmergePatient(t.Context(), c.Caller, a.ID, nil)
	enginetest.Must(t, err)
	if back.Status != people.PatientActive || back.GivenName != "Ida" || back.Email != "old@example.org" {
		t.Errorf("restored is %+v", back)
	}
	if p := patientRow(t, c, b.ID); len(p.Phones) != 0 || p.BirthDate != nil || len(p.Filled) != 0 {
		t.Errorf("the survivor keeps %+v", p)
	}
	if got := owners(); got != fmt.Sprint(a.ID, a.ID) {
		t.Errorf("the rows name %s", got)
	}
	enginetest.Traces(t, c, "patient.updated patient.updated",
		fmt.Sprintf("patient.unmerge ok %d parted:%d,birth_date,phones", b.ID, a.ID),
		fmt.Sprintf("patient.unmerge ok %d from:%d", a.ID, b.ID))
}

func TestMergeRefuses(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	a, b, d := enginetest.CreatePatient(t, c, enginetest.Named("A", "A")), enginetest.CreatePatient(t, c,
		enginetest.Named("B", "B")), enginetest.CreatePatient(t, c, enginetest.Named("D", "D"))
	closed := enginetest.CreatePatient(t, c, enginetest.Named("R", "R"))
	_, err := c.Engine.UpdatePatient(t.Context(), c.Caller, closed.ID, nil, people.PatientDraft{Restricted: new(true)})
	enginetest.Must(t, err)
	rival, _ := c.Rival(t)
	foreign, err := c.Engine.CreatePatient(t.Context(), rival, enginetest.Named("F", "F"))
	enginetest.Must(t, err)
	enginetest.Merge(t, c, a.ID, b.ID)
	enginetest.Merge(t, c, b.ID, d.ID)
	c.Since(t)
	old := int64(1)
	for _, x := range []struct {
		name        string
		loser, into int64
		version     *int64
		kind        fault.Kind
		fields      []string
	}{
		{"into itself", d.ID, d.ID, nil, fault.Invalid, []string{"into"}},
		{"into nobody", d.ID, 0, nil, fault.Invalid, []string{"into"}},
		{"in a circle", d.ID, a.ID, nil, fault.Conflict, []string{"into"}},
		{"in a circle of two", b.ID, a.ID, nil, fault.Conflict, []string{"id"}},
		{"twice", a.ID, b.ID, nil, fault.Conflict, []string{"id"}},
		{"a restricted one", closed.ID, d.ID, nil, fault.Conflict, []string{"restricted"}},
		{"into a restricted one", d.ID, closed.ID, nil, fault.Conflict, []string{"restricted"}},
		{"another clinic's", d.ID, foreign.ID, nil, fault.NotFound, []string{"into"}},
		{"into another clinic's", foreign.ID, d.ID, nil, fault.NotFound, nil},
		{"an older version", d.ID, closed.ID, &old, fault.PreconditionFailed, nil},
	} {
		_, err := c.Engine.MergePatients(t.Context(), c.Caller, x.loser, x.into, x.version)
		enginetest.Refused(t, err, x.kind, x.fields...)
	}
	_, err = c.Engine.UnmergePatient(t.Context(), c.Caller, d.ID, nil)
	enginetest.Refused(t, err, fault.Conflict, "id")
	if ev := c.Since(t).Events; len(ev) != 0 {
		t.Errorf("refusals told %v", ev)
	}
	_, err = c.Engine.UpdatePatient(t.Context(), c.Caller, a.ID, nil, people.PatientDraft{GivenName: new("X")})
	enginetest.Refused(t, err, fault.Conflict, "patient_id")
	_, err = c.Engine.Book(t.Context(), c.Caller, booking.Booking{StartsAt: enginetest.Unix("2026-04-28 09:00"),
		ServiceID: c.Checkup.ID, PatientID: a.ID})
	enginetest.Refused(t, err, fault.Conflict, "patient_id")
	// Also with a shell: a circle cannot be written.
	err = engine.Update(t.Context(), c.Store, func(tx engine.Tx) error {
		p, err := tx.Patient(c.Row.N, false, d.ID)
		if err != nil {
			return err
		}
		p.Status, p.MergedInto = people.PatientMerged, a.ID
		return tx.UpdatePatient(p)
	})
	if err == nil || !strings.Contains(err.Error(), "circle") {
		t.Errorf("a circle was written: %v", err)
	}
}

// What changed in the survivor stays changed; what another loser has fills the gap.
func TestUnmergeKeepsWhatCameLater(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	root := enginetest.CreatePatient(t, c, enginetest.Named("Root", "R"))
	first := enginetest.CreatePatient(t, c, lind("First", "R", "1990-02-03", "first@example.org", ida))
	second := enginetest.CreatePatient(t, c, lind("Second", "R", "1991-02-03", "second@example.org", ""))
	enginetest.Merge(t, c, first.ID, root.ID)
	enginetest.Merge(t, c, second.ID, root.ID)
	_, err := c.Engine.UpdatePatient(t.Context(), c.Caller, root.ID, nil,
		people.PatientDraft{Phones: &[]people.Phone{{Number: "030 7654321"}}})
	enginetest.Must(t, err)
	later, err := c.Engine.Book(t.Context(), c.Caller, booking.Booking{StartsAt: enginetest.Unix("2026-04-28 09:00"),
		ServiceID: c.Checkup.ID, PatientID: root.ID})
	enginetest.Must(t, err)
	_, err = c.Engine.UnmergePatient(t.Context(), c.Caller, first.ID, nil)
	enginetest.Must(t, err)
	p := patientRow(t, c, root.ID)
	if p.Email != "second@example.org" || p.BirthDate.String() != "1991-02-03" || p.Phones[0].Number != "030 7654321" ||
		p.Filled["email"] != second.ID || p.Filled["phones"] != 0 {
		t.Errorf("the survivor is %+v", p)
	}
	a, err := c.Engine.Appointment(t.Context(), c.Caller, later.ID)
	if err != nil || a.PatientID != root.ID {
		t.Errorf("what came later went with the loser: %+v, %v", a, err)
	}
}

// Whatever is merged and unmerged, in whatever order: taken back altogether, every
// row is as it was, but for the numbers by which a sync hears of it. A thousand
// graphs: go test ./engine/people -run MergesRestore -rapid.checks=1000
func TestMergesRestoreEveryRow(t *testing.T) {
	c := enginetest.New(t)
	hour := 0
	rapid.Check(t, func(r *rapid.T) {
		var ids []int64
		for i := range rapid.IntRange(2, 6).Draw(r, "patients") {
			ids = append(ids, graphPatient(t, c, r, i, &hour))
		}
		before, own := rowsOf(t, c, ids), map[int64]string{}
		for _, id := range ids {
			own[id] = patientRow(t, c, id).Email
		}
		merged := map[int64]int64{}
		free := func() (out []int64) {
			for _, id := range ids {
				if merged[id] == 0 {
					out = append(out, id)
				}
			}
			return out
		}
		for range rapid.IntRange(1, 12).Draw(r, "steps") {
			losers := slices.Sorted(maps.Keys(merged))
			if roots := free(); len(losers) == 0 || len(roots) > 1 && rapid.Bool().Draw(r, "merge") {
				loser := rapid.SampledFrom(roots).Draw(r, "loser")
				into := rapid.SampledFrom(slices.DeleteFunc(roots, func(id int64) bool { return id == loser })).Draw(r, "into")
				enginetest.Merge(t, c, loser, into)
				merged[loser] = into
				continue
			}
			loser := rapid.SampledFrom(losers).Draw(r, "back")
			if _, err := c.Engine.UnmergePatient(t.Context(), c.Caller, loser, nil); err != nil {
				r.Fatal(err)
			}
			delete(merged, loser)
		}
		holds(t, c, r, ids, merged, before, own)
		for len(merged) > 0 {
			loser := rapid.SampledFrom(slices.Sorted(maps.Keys(merged))).Draw(r, "last")
			if _, err := c.Engine.UnmergePatient(t.Context(), c.Caller, loser, nil); err != nil {
				r.Fatal(err)
			}
			delete(merged, loser)
			holds(t, c, r, ids, merged, before, own)
		}
		if after := rowsOf(t, c, ids); !maps.Equal(after, before) {
			for row, was := range before {
				if after[row] != was {
					r.Errorf("%s was\n%s\nis\n%s", row, was, after[row])
				}
			}
		}
	})
}

// graphPatient makes a patient with some fields, a lead and some visits.
func graphPatient(t *testing.T, c *enginetest.Clinic, r *rapid.T, i int, hour *int) int64 {
	d := enginetest.Named(fmt.Sprint("G", i), "Graph")
	some := func(name string) bool { return rapid.Bool().Draw(r, name) }
	if some("email") {
		d.Email = new(fmt.Sprintf("g%d@example.org", i))
	}
	if some("birth") {
		d.BirthDate = new(fmt.Sprintf("199%d-02-03", i))
	}
	if some("phone") {
		d.Phones = &[]people.Phone{{Number: fmt.Sprintf("030 123456%d", i)}}
	}
	if some("address") {
		d.Address = &directory.Address{City: fmt.Sprint("City ", i)}
	}
	if some("consents") {
		d.Consents = &people.Consents{Marketing: &people.Consent{Granted: true, Source: fmt.Sprint(i)}}
	}
	if some("identifiers") {
		d.Identifiers = &[]people.Identifier{{System: "s", Value: fmt.Sprint(i)}}
	}
	d.AllowDuplicate = true
	p := enginetest.CreatePatient(t, c, d)
	if some("lead") {
		l := c.Lead(t, c.Caller)
		_, err := c.Engine.ConvertLead(t.Context(), c.Caller, l.ID, nil, p.ID, people.PatientDraft{})
		enginetest.Must(t, err)
	}
	for range rapid.IntRange(0, 2).Draw(r, "visits") {
		*hour++
		at := enginetest.At("2026-04-28 09:00").Unix() + int64(*hour)*1800
		c.Write(t, func(tx engine.Tx) error { // past the opening hours: only the row counts here
			return tx.InsertAppointment(booking.Appointment{ID: uuid.New(c.Clock.Now()), Clinic: c.Row.N, PatientID: p.ID,
				ProviderID: c.Ada.ID,
				Status:     booking.Scheduled, StartsAt: at, EndsAt: at + 1800, TimeZone: enginetest.Zone, LocalDate: 20571,
				Meta: act.Meta{Version: 1, Change: 1, CreatedAt: at, UpdatedAt: at, CreatedBy: "x", UpdatedBy: "x"}})
		})
	}
	return p.ID
}

// rowsOf is every row of the patients, as text, without what every change moves.
func rowsOf(t *testing.T, c *enginetest.Clinic, ids []int64) map[string]string {
	out := map[string]string{}
	note := func(name string, m *act.Meta, row func() any) {
		m.Version, m.Change, m.UpdatedAt, m.UpdatedBy = 0, 0, 0, ""
		out[name] = fmt.Sprintf("%+v", row())
	}
	c.Read(t, func(r engine.Reader) error {
		for _, id := range ids {
			p, err := r.Patient(c.Row.N, false, id)
			if err != nil {
				return err
			}
			birth := fmt.Sprint(p.BirthDate)
			if p.BirthDate != nil {
				birth = p.BirthDate.String()
			}
			p.BirthDate = nil
			consent := fmt.Sprint(p.Consents.Marketing)
			p.Consents = people.Consents{}
			note(fmt.Sprint("patient ", id), &p.Meta, func() any { return fmt.Sprintf("%+v %s %s", p, birth, consent) })
			keys, given := p.Keys()
			out[fmt.Sprint("keys ", id)] = fmt.Sprint(keys, given)
			visits, err := r.Appointments(booking.AppointmentQuery{Clinic: c.Row.N, PatientID: id}, act.Position{}, 0)
			if err != nil {
				return err
			}
			for _, a := range visits {
				note("appointment "+a.ID, &a.Meta, func() any { return a })
			}
		}
		leads, err := r.Leads(people.LeadQuery{Clinic: c.Row.N}, act.Position{}, 0)
		for _, l := range leads {
			if slices.Contains(ids, l.PatientID) {
				note("lead "+l.ID, &l.Meta, func() any { return l })
			}
		}
		return err
	})
	return out
}

// holds checks what is true between merges: every row names the record that
// stands for its owner; a survivor shows its own e-mail, else that of somebody who
// is merged into it now, and none only if none of them has one.
func holds(t *testing.T, c *enginetest.Clinic, r *rapid.T, ids []int64, merged map[int64]int64,
	before map[string]string, own map[int64]string) {
	if now := rowsOf(t, c, ids); len(now) != len(before) {
		r.Fatalf("%d rows were, %d are", len(before), len(now))
	}
	inside := map[int64]string{} // root → the e-mails of all that it stands for
	for _, id := range ids {
		root := id
		for merged[root] != 0 {
			root = merged[root]
		}
		inside[root] += own[id]
	}
	for _, id := range ids {
		p := patientRow(t, c, id)
		if p.MergedInto != merged[id] {
			r.Fatalf("%d is merged into %d, want %d", id, p.MergedInto, merged[id])
		}
		if merged[id] == 0 && (own[id] != "" && p.Email != own[id] || (p.Email == "") != (inside[id] == "") ||
			!strings.Contains(inside[id], p.Email)) {
			r.Fatalf("%d shows the e-mail %q; its own is %q, among it are %q", id, p.Email, own[id], inside[id])
		}
		c.Read(t, func(r2 engine.Reader) error {
			rows, err := r2.RowsOfPatient(p.Clinic, id)
			owned, err2 := r2.OwnedRows(p.Clinic, id)
			if merged[id] != 0 && len(rows) != 0 || merged[id] == 0 && len(owned) != 0 {
				r.Fatalf("%d (merged into %d) still has %v, and notes of %v", id, merged[id], rows, owned)
			}
			if err == nil {
				err = err2
			}
			return err
		})
	}
}
