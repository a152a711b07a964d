package store_test

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // a SQL shell

	"qualifybase/engine"
	"qualifybase/engine/access"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/outbox"
	"qualifybase/engine/people"
	"qualifybase/engine/record"
	"qualifybase/engine/rights"
	"qualifybase/engine/scope"
	"qualifybase/engine/secret"
	"qualifybase/store"
	"qualifybase/store/storetest"
)

var update = flag.Bool("update", false, "rewrite the files under testdata that tests compare with")

// jsonFile holds what the store writes into each JSON column, a line per column:
// once with every field set and once with nothing to say. Databases hold these
// bytes for years: a change here is a migration.
const jsonFile = "testdata/json_columns.txt"

// documents are the values of all JSON columns.
type documents struct {
	Settings   directory.ClinicSettings
	Address    directory.Address
	Schedule   calendar.Schedule
	Tags       []string
	Metadata   map[string]any
	Consent    map[string]any
	Phones     []people.Phone
	Home       directory.Address
	Consents   people.Consents
	Emergency  people.EmergencyContact
	Numbers    []people.Identifier
	Filled     map[string]int64
	ErasedIDs  []string
	Waiver     *booking.Waiver
	Undo       *booking.Undo
	Codes      []record.Code
	Vitals     []record.Vital
	Scopes     scope.Set
	Origins    []string
	Headers    map[string]string
	Event      json.RawMessage
	Changed    []string
	Subscribed []string
}

// full has every field of every document set.
func full() documents {
	yes := &people.Consent{Granted: true, At: 1777269600, Source: "form"}
	window := calendar.Window{From: 9 * 60, To: 17*60 + 30}
	return documents{
		Settings: directory.ClinicSettings{
			StepMinutes: 15, DefaultMinutes: 30, NoticeMinutes: 60, HorizonDays: 365, BuffersInsideHours: true,
			ReconfirmOnMove: true, Continuity: true, LateCancelHours: 24, NoShowSweep: true, Tier: "standard",
		},
		Address: directory.Address{
			Line1: "Main St 1 <b>", Line2: "c/o \"Ada\"", City: "Köln", Region: "NW", PostalCode: "50667", Country: "DE",
		},
		Schedule: calendar.Schedule{
			Weekly: calendar.Week{1: {window, {From: 22 * 60, To: 6 * 60}}, 0: {{From: 0, To: 24 * 60}}},
			Breaks: calendar.Week{1: {{From: 12 * 60, To: 13 * 60}}},
			Overrides: []calendar.Override{
				{Date: 20570, Windows: []calendar.Window{window}, Reason: "Fair"}, {Date: 20571, Windows: []calendar.Window{}},
			},
		},
		Tags: []string{"implant", "äöü & \U0001F600"},
		Metadata: map[string]any{
			"Own_name": map[string]any{"x_y": json.Number("1")}, "list": []any{nil, true, "a"},
			"id": json.Number("12345678901234567890"),
		},
		Consent:   map[string]any{"gdpr": true},
		Phones:    []people.Phone{{Number: "030 1234567", E164: "+49301234567", Label: "home"}},
		Home:      directory.Address{Line1: "Side St 2"},
		Consents:  people.Consents{EmailReminders: yes, SMSReminders: &people.Consent{At: 1}, Marketing: yes},
		Emergency: people.EmergencyContact{Name: "Noa", Relationship: "partner", Phone: "030 7654321"},
		Numbers:   []people.Identifier{{System: "insurer", Value: "A 1"}},
		Filled:    map[string]int64{"email": 7, "phones": 8},
		ErasedIDs: []string{"01970000-0000-7000-8000-00000000000a"},
		Waiver:    &booking.Waiver{Overlap: true, Hours: true, Reason: "He comes from far"},
		Undo: &booking.Undo{
			Status: booking.Confirmed, CheckedInAt: 1, Reason: "ill", LateCancel: true, At: 2, StartsAt: 3, EndsAt: 4,
			ProviderID: 5, LocationID: 6,
		},
		Codes:      []record.Code{{System: "http://hl7.org/fhir/sid/icd-10", Code: "J20.9", Display: "Acute bronchitis"}},
		Vitals:     []record.Vital{{Code: "body_temperature", Value: 38.4, Unit: "Cel"}},
		Scopes:     scope.Of(scope.LeadsRead, scope.AppointmentsWrite),
		Origins:    []string{"https://praxis.example"},
		Headers:    map[string]string{"ETag": `"1"`, "Location": "/api/v1/leads/1"},
		Event:      json.RawMessage(`{"lead":{"id":"01970000-0000-7000-8000-00000000000a","status":"new"}}`),
		Changed:    []string{"name", "filter:q"},
		Subscribed: []string{"lead.created", "appointment.no_show"},
	}
}

// empty is what the store gives where there is nothing.
func empty() documents {
	return documents{
		Tags: []string{}, Metadata: map[string]any{}, Consent: map[string]any{}, ErasedIDs: []string{},
		Codes: []record.Code{}, Vitals: []record.Vital{}, Origins: []string{}, Headers: map[string]string{},
		Event: json.RawMessage(`{}`), Changed: []string{}, Subscribed: []string{},
	}
}

const (
	theID = "01970000-0000-7000-8000-000000000001"
	now   = 1777269600
)

// write makes one row of every table that has JSON columns, with these documents.
func (d documents) write(tx engine.Tx) error {
	m := act.Meta{Version: 1, Change: 1, CreatedAt: now, UpdatedAt: now, CreatedBy: "cli:test", UpdatedBy: "cli:test"}
	c := directory.Clinic{
		ID: theID, Slug: "praxis", Name: "Praxis", TimeZone: "Europe/Berlin", Country: "DE", Settings: d.Settings, Version: 1,
	}
	if err := tx.InsertClinic(&c); err != nil {
		return err
	}
	l := directory.Location{Clinic: c.N, Name: "Practice", Kind: directory.AtClinic, Address: d.Address, Active: true,
		Meta: m}
	p := directory.Provider{Clinic: c.N, DisplayName: "Ada", Active: true, Weight: 100, Meta: m}
	person := people.Patient{
		Clinic: c.N, MRN: "P-1", GivenName: "Ida", FamilyName: "Lind", Sex: people.SexUnknown, Status: people.PatientActive,
		Phones: d.Phones, Address: d.Home, Consents: d.Consents, EmergencyContact: d.Emergency, Identifiers: d.Numbers,
		Filled: d.Filled, Meta: m,
	}
	if err := errors.Join(tx.InsertLocation(&l), tx.InsertProvider(&p), tx.InsertPatient(&person)); err != nil {
		return err
	}
	start := int64(now + 3600)
	span := calendar.Span{Start: start, End: start + 1800}
	hook := outbox.Webhook{
		ID: theID, Clinic: c.N, URL: "https://crm.example.com/", Events: d.Subscribed, Payload: outbox.Thin,
		SignatureHeader: "X-QualifyBase-Signature", MaxInFlight: 1, Enabled: true, Sealed: []byte("sealed"), Meta: m,
	}
	return errors.Join(
		tx.PutSchedule(directory.OwnedSchedule{Clinic: c.N, Owner: "c", Schedule: d.Schedule, Meta: m}),
		tx.InsertLead(people.Lead{
			ID: theID, Clinic: c.N, Source: "form", Name: "Ida", NameKey: "ida", Status: people.LeadNew,
			Tags: d.Tags, Metadata: d.Metadata, Consent: d.Consent, Meta: m,
		}),
		tx.InsertErasure(c.N, rights.Erasure{ID: theID, LeadIDs: d.ErasedIDs, ErasedAt: now}),
		tx.InsertAppointment(booking.Appointment{
			ID: theID, Clinic: c.N, PatientID: person.ID, ProviderID: p.ID, Status: booking.Scheduled, StartsAt: span.Start,
			EndsAt: span.End, Footprint: span, TimeZone: "Europe/Berlin", LocalDate: 20570, Override: d.Waiver, Undo: d.Undo,
			Meta: m,
		}),
		tx.InsertConsultation(record.Consultation{
			ID: theID, Clinic: c.N, PatientID: person.ID, ProviderID: p.ID, Mode: record.InPerson,
			Status:    record.ConsultationOpen,
			StartedAt: now, Meta: m,
		}),
		tx.InsertNote(record.Note{
			ID: theID, Row: theID, N: 1, Clinic: c.N, ConsultationID: theID, AuthorID: p.ID, Plan: "Rest", Codes: d.Codes,
			Vitals: d.Vitals, Status: record.NoteDrafted, Meta: m,
		}),
		tx.InsertKey(access.Key{
			ID: theID, Clinic: c.N, KeyID: "8fJ2kQ0a", Family: secret.FamilyScoped, Name: "key", Hash: "hash", Scopes: d.Scopes,
			AllowedOrigins: d.Origins, CreatedAt: now, CreatedBy: "cli:test",
		}),
		tx.StoreReply(c.N, "key:1", "k1", "print", "", act.Reply{Status: 201, Header: d.Headers, Body: []byte("{}")}, now),
		tx.InsertEvent(act.Event{Clinic: c.N, Seq: 1, ID: theID, Type: "lead.created", CreatedAt: now, Data: d.Event}),
		tx.InsertAudit(act.AuditEntry{
			Clinic: c.N, Seq: 1, At: now, ActorKind: act.ActorCLI, Action: "lead.put", Entity: "lead", EntityID: theID,
			Outcome: act.OK, Fields: d.Changed,
		}),
		tx.InsertWebhook(&hook),
	)
}

// read takes the documents out of the rows that write made.
func read(t *testing.T, s *store.Store) (d documents) {
	t.Helper()
	err := engine.View(t.Context(), s, func(r engine.Reader) error {
		c, err := r.ClinicByPublicID(theID)
		if err != nil {
			return err
		}
		locations, err1 := r.Locations(c.N, act.Position{}, 0)
		schedule, err2 := r.Schedule(c.N, "c")
		lead, err3 := r.Lead(c.N, false, theID)
		person, err4 := r.PatientByMRN(c.N, false, "p-1")
		erasures, err5 := r.Erasures()
		visit, err6 := r.Appointment(c.N, false, theID)
		note, err7 := r.Note(c.N, false, theID)
		key, err8 := r.Key(c.N, theID)
		_, reply, _, err9 := r.StoredReply(c.N, "key:1", "k1", now)
		events, err10 := r.Events(c.N, false, 0, "", 5)
		audit, err11 := r.AuditChain(c.N, 0, 5)
		hook, err12 := r.Webhook(c.N, false, theID)
		err = errors.Join(err1, err2, err3, err4, err5, err6, err7, err8, err9, err10, err11, err12)
		if err != nil || len(locations) != 1 || len(erasures) != 1 || len(events) != 1 || len(audit) != 1 {
			t.Fatalf("%d locations, %d erasures, %d events, %d audit rows, want one of each: %v",
				len(locations), len(erasures), len(events), len(audit), err)
		}
		d = documents{
			c.Settings, locations[0].Address, schedule.Schedule, lead.Tags, lead.Metadata, lead.Consent,
			person.Phones, person.Address, person.Consents, person.EmergencyContact, person.Identifiers, person.Filled,
			erasures[0].LeadIDs, visit.Override, visit.Undo, note.Codes, note.Vitals, key.Scopes, key.AllowedOrigins,
			reply.Header, events[0].Data, audit[0].Fields, hook.Events,
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestJSONColumns: what the store writes into its JSON columns is, byte for byte,
// what jsonFile says, and a row that holds these bytes is read as the same values.
func TestJSONColumns(t *testing.T) {
	t.Parallel()
	columns, want := jsonColumns(t), readFixtures(t)
	got := map[string]string{}
	for variant, d := range map[string]documents{"full": full(), "empty": empty()} {
		path := filepath.Join(t.TempDir(), "qb.db")
		s := open(t, path)
		if err := engine.Update(t.Context(), s, d.write); err != nil {
			t.Fatalf("%s: %v", variant, err)
		}
		equal(t, variant+", as written", d, read(t, s))
		shell := openShell(t, path)
		for _, column := range columns {
			table, name, _ := strings.Cut(column, ".")
			var text string
			if err := shell.QueryRow("SELECT " + name + " FROM " + table).Scan(&text); err != nil {
				t.Fatalf("%s: %v", column, err)
			}
			got[column+" "+variant] = text
		}
	}
	if *update {
		writeFixtures(t, got)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if text, ok := want[name]; !ok {
			t.Errorf("%s is not in %s; run this test with -update", name, jsonFile)
		} else if text != got[name] {
			t.Errorf("%s\nstored  %s\nfixture %s", name, got[name], text)
		}
	}
	for name := range want {
		if _, ok := got[name]; !ok {
			t.Errorf("%s has %q, which is no JSON column of schema.sql", jsonFile, name)
		}
	}
}

// TestOldJSONIsRead puts the fixtures into rows by hand, as a database of an
// earlier day holds them.
func TestOldJSONIsRead(t *testing.T) {
	t.Parallel()
	fixtures := readFixtures(t)
	for variant, pair := range map[string][2]documents{"full": {full(), empty()}, "empty": {empty(), full()}} {
		path := filepath.Join(t.TempDir(), "qb.db")
		s := open(t, path)
		if err := engine.Update(t.Context(), s, pair[1].write); err != nil {
			t.Fatalf("%s: %v", variant, err)
		}
		shell := openShell(t, path)
		dropTriggers(t, shell) // what is append-only changes, too
		for _, column := range jsonColumns(t) {
			table, name, _ := strings.Cut(column, ".")
			if _, err := shell.Exec("UPDATE "+table+" SET "+name+" = ?", fixtures[column+" "+variant]); err != nil {
				t.Fatalf("%s: %v", column, err)
			}
		}
		equal(t, variant+", from the fixture", pair[0], read(t, open(t, path)))
	}
}

// TestUnknownScheduleIsRefused: a day that is misspelled, or a time that is none, must
// not be read as a closed day.
func TestUnknownScheduleIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "qb.db")
	s := open(t, path)
	if err := engine.Update(t.Context(), s, full().write); err != nil {
		t.Fatal(err)
	}
	shell := openShell(t, path)
	for _, doc := range []string{
		`{"weekly":{"monday":[]},"breaks":{},"overrides":[]}`, `{"weekly":{},"pauses":{}}`,
		`{"weekly":{"mon":[{"from":"9","to":"10:00"}]}}`,
		`{"overrides":[{"date":"2026-04-27","windows":[{"from":"09:00"}]}]}`,
		`[]`,
	} {
		if _, err := shell.Exec("UPDATE schedules SET doc = ?", doc); err != nil {
			t.Fatal(err)
		}
		err := engine.View(t.Context(), s, func(r engine.Reader) error {
			_, err := r.Schedule(1, "c")
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "is no JSON of the expected shape") {
			t.Errorf("%s is read: %v", doc, err)
		}
	}
}

// equal names every document that differs.
func equal(t *testing.T, what string, want, got documents) {
	t.Helper()
	w, g := reflect.ValueOf(want), reflect.ValueOf(got)
	for i := range w.NumField() {
		if w, g := w.Field(i).Interface(), g.Field(i).Interface(); !reflect.DeepEqual(w, g) {
			t.Errorf("%s: %s\nis   %#v\nwant %#v", what, reflect.TypeFor[documents]().Field(i).Name, g, w)
		}
	}
}

func open(t *testing.T, path string) *store.Store {
	t.Helper()
	return storetest.OpenWith(t, path, store.Options{Now: func() time.Time { return time.Unix(now, 0) }})
}

func openShell(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func dropTriggers(t *testing.T, shell *sql.DB) {
	t.Helper()
	rows, err := shell.Query("SELECT 'DROP TRIGGER ' || name FROM sqlite_schema WHERE type = 'trigger'")
	if err != nil {
		t.Fatal(err)
	}
	var drops []string
	for rows.Next() {
		var drop string
		if err := rows.Scan(&drop); err != nil {
			t.Fatal(err)
		}
		drops = append(drops, drop)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := shell.Exec(strings.Join(drops, "; ")); err != nil {
		t.Fatal(err)
	}
}

// jsonColumns are the columns that schema.sql says hold JSON, as "leads.tags".
func jsonColumns(t *testing.T) (list []string) {
	t.Helper()
	table := ""
	begins, column := regexp.MustCompile(`^CREATE TABLE (\w+)`), regexp.MustCompile(`^  (\w+) .*-- JSON\b`)
	for line := range strings.Lines(storetest.Schema(t)) {
		if m := begins.FindStringSubmatch(line); m != nil {
			table = m[1]
		} else if m := column.FindStringSubmatch(line); m != nil {
			list = append(list, table+"."+m[1])
		}
	}
	if n := reflect.TypeFor[documents]().NumField(); len(list) != n {
		t.Fatalf("schema.sql names %d JSON columns, this test knows %d: %s", len(list), n, list)
	}
	return list
}

// readFixtures reads "leads.tags full" → text.
func readFixtures(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open(jsonFile)
	if err != nil && *update {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	out := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, text, ok := strings.Cut(lines.Text(), ": ")
		if !ok {
			t.Fatalf("%s: want a column, full or empty, and its text after a colon: %q", jsonFile, lines.Text())
		}
		out[name] = text
	}
	return out
}

func writeFixtures(t *testing.T, fixtures map[string]string) {
	t.Helper()
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(fixtures)) {
		b.WriteString(name + ": " + fixtures[name] + "\n")
	}
	if err := os.WriteFile(jsonFile, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}
