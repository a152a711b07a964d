package store_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/directory"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/engine/outbox"
	"qualifybase/engine/people"
	"qualifybase/engine/record"
	"qualifybase/engine/rights"
	"qualifybase/engine/scope"
	"qualifybase/engine/uuid"
	"qualifybase/store"
	"qualifybase/store/storetest"
)

const canary = "Xanthippe"

// tablesWith names the tables of a file in which the canary sings.
func tablesWith(t *testing.T, path string) (found []string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	enginetest.Must(t, err)
	defer db.Close()
	tables, err := db.Query("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
	enginetest.Must(t, err)
	var names []string
	for tables.Next() {
		var name string
		enginetest.Must(t, tables.Scan(&name))
		names = append(names, name)
	}
	for _, name := range names {
		rows, err := db.Query("SELECT * FROM " + name)
		enginetest.Must(t, err)
		columns, err := rows.Columns()
		enginetest.Must(t, err)
		hit := false
		for rows.Next() {
			cells := make([]any, len(columns))
			for i := range cells {
				cells[i] = new(sql.RawBytes)
			}
			enginetest.Must(t, rows.Scan(cells...))
			for _, cell := range cells {
				hit = hit || bytes.Contains(bytes.ToLower(*cell.(*sql.RawBytes)), []byte(strings.ToLower(canary)))
			}
		}
		enginetest.Must(t, rows.Err())
		rows.Close()
		if hit {
			found = append(found, name)
		}
	}
	return found
}

// planted is a person whose every text is the canary, in every table that a text
// of a person can reach.
func planted(t *testing.T, c *enginetest.Clinic) (root, merged people.Patient, lead people.Lead) {
	t.Helper()
	ctx, by := t.Context(), c.Caller
	must := func(err error) { t.Helper(); enginetest.Must(t, err) }
	_, err := c.Engine.CreateWebhook(ctx, by, outbox.WebhookDraft{URL: new("https://crm.example.com/hook"),
		Events: &[]string{"*"}, Payload: new(outbox.Full)})
	must(err)
	keyed := 0
	remembered := func() act.Caller { // replies are kept
		k := by
		keyed++
		k.Idempotency = &act.Idempotency{Key: fmt.Sprint(keyed), Fingerprint: "f"}
		k.Encode = func(v any, err error) act.Reply {
			return act.Reply{Status: 200, Body: fmt.Appendf(nil, "%+v %v", v, err)}
		}
		return k
	}
	put, err := c.Engine.PutLead(ctx, remembered(), people.LeadDraft{Name: new(canary + " Lind"),
		Email: new(canary + "@example.org"), Notes: new(canary),
		Tags: &[]string{canary}, Metadata: &map[string]any{"x": canary}})
	must(err)
	lead = put.Lead
	a, err := c.Engine.Book(ctx, remembered(), booking.Booking{StartsAt: enginetest.Unix("2026-04-28 09:00"),
		EndsAt: enginetest.Unix("2026-04-28 09:30"),
		LeadID: lead.ID, Title: canary, Notes: canary, AllowHours: true, Reason: canary})
	must(err)
	conversion, err := c.Engine.ConvertLead(ctx, remembered(), lead.ID, nil, 0,
		people.PatientDraft{BirthDate: new("1990-02-03")})
	must(err)
	root = conversion.Patient
	_, err = c.Engine.UpdatePatient(ctx, remembered(), root.ID, nil,
		people.PatientDraft{MRN: new(canary), PreferredName: new(canary), AdminNotes: new(canary),
			AllergiesText: new(canary), Address: &directory.Address{Line1: canary},
			EmergencyContact: &people.EmergencyContact{Name: canary},
			Identifiers:      &[]people.Identifier{{System: "s", Value: canary}},
			Phones:           &[]people.Phone{{Number: "030 1234567", Label: canary}},
			Consents:         &people.Consents{Marketing: &people.Consent{Granted: true, Source: canary}}})
	must(err)
	_, err = c.Engine.Cancel(ctx, remembered(), a.ID, canary)
	must(err)
	merged, err = c.Engine.CreatePatient(ctx, remembered(), people.PatientDraft{GivenName: new(canary),
		FamilyName: new("Berg")})
	must(err)
	_, err = c.Engine.MergePatients(ctx, remembered(), merged.ID, root.ID, nil)
	must(err)
	v, err := c.Engine.StartConsultation(ctx, by, record.ConsultationDraft{PatientID: root.ID, ProviderID: c.Ada.ID})
	must(err)
	_, err = c.Engine.WriteNote(ctx, by, v.ID, record.NoteDraft{Plan: new(canary)}) // a draft
	must(err)
	_, err = c.Engine.Prescribe(ctx, by, v.ID, record.PrescriptionDraft{Medication: new(canary), Dose: new("1"),
		Frequency: new("daily"), Status: record.PrescriptionDrafted})
	must(err)
	_, err = c.Engine.EndConsultation(ctx, by, v.ID)
	must(err)
	c.Since(t)
	return root, merged, lead
}

// Erased is erased: no row of any table holds a word of the person, but for what
// was signed; and a restored backup forgets them again.
func TestErase(t *testing.T) {
	t.Parallel()
	var told []rights.Erasure
	c := enginetest.NewWith(t, engine.Options{Erased: func(g rights.Erasure) { told = append(told, g) }})
	root, merged, lead := planted(t, c)
	before := []string{"appointments", "audit_reasons", "deliveries", "idempotency", "leads", "notes", "patient_keys",
		"patients", "prescriptions"}
	if got := tablesWith(t, c.Store.Path()); !slices.Equal(got, before) {
		t.Fatalf("planted in %v, want %v", got, before)
	}
	backup := filepath.Join(t.TempDir(), "qb.db")
	db, err := sql.Open("sqlite", c.Store.Path())
	enginetest.Must(t, err)
	_, err = db.Exec("VACUUM INTO ?", backup)
	enginetest.Must(t, err)
	db.Close()

	got, err := c.Engine.ErasePatient(t.Context(), c.Caller, root.ID)
	enginetest.Must(t, err)
	if !got.Restricted || got.ErasedAt != c.Clock.Now().Unix() || got.GivenName != "Erased" ||
		got.MRN != fmt.Sprintf("erased-%d", root.ID) || got.BirthDate != nil || got.Status != people.PatientInactive {
		t.Errorf("erased is %+v", got)
	}
	if got := tablesWith(t, c.Store.Path()); len(got) != 0 {
		t.Errorf("the person is still in %v", got)
	}
	c.Left(t, fmt.Sprintf("patient.erase ok %d leads:1,appointments:1,records:2", root.ID))
	if len(told) != 2 || told[0].PatientID != root.ID || !slices.Equal(told[0].LeadIDs, []string{lead.ID}) ||
		told[1].PatientID != merged.ID {
		t.Errorf("the operator was told %+v", told)
	}
	graves, err := c.Engine.Erasures(t.Context())
	if err != nil || len(graves) != 2 {
		t.Fatalf("the tombstones are %+v, %v", graves, err)
	}
	refusals(t, c, root, merged)

	// The backup, restored.
	s := storetest.OpenWith(t, backup, store.Options{Now: c.Clock.Now})
	e := engine.New(s, c.Options)
	if got := tablesWith(t, backup); !slices.Equal(got, before) {
		t.Fatalf("the backup has the person in %v", got)
	}
	n, err := e.ReapplyErasures(t.Context(), graves)
	if err != nil || n == 0 {
		t.Errorf("%d erasures were applied again, %v", n, err)
	}
	if got := tablesWith(t, backup); len(got) != 0 {
		t.Errorf("the restored person is in %v", got)
	}
	if n, err = e.ReapplyErasures(t.Context(), graves); err != nil || n != 0 {
		t.Errorf("again they had %d effects, %v", n, err)
	}
	if report, err := e.VerifyAudit(t.Context(), c.Row.N); err != nil || report.Broken != 0 {
		t.Errorf("the audit is %+v, %v", report, err)
	}
	if bad, err := s.Integrity(t.Context()); err != nil || len(bad) != 0 {
		t.Errorf("the file is damaged: %v, %v", bad, err)
	}
}

// refusals are what an erased record answers.
func refusals(t *testing.T, c *enginetest.Clinic, root, merged people.Patient) {
	t.Helper()
	again, err := c.Engine.ErasePatient(t.Context(), c.Caller, root.ID)
	if err != nil || again.ErasedAt == 0 {
		t.Errorf("erasing again: %+v, %v", again, err)
	}
	_, err = c.Engine.UpdatePatient(t.Context(), c.Caller, root.ID, nil, people.PatientDraft{Restricted: new(false)})
	enginetest.Refused(t, err, fault.Gone)
	_, err = c.Engine.UnmergePatient(t.Context(), c.Caller, merged.ID, nil)
	enginetest.Refused(t, err, fault.Gone)
	_, err = c.Engine.MergePatients(t.Context(), c.Caller, root.ID, merged.ID, nil)
	enginetest.Refused(t, err, fault.Gone)
	_, err = c.Engine.Book(t.Context(), c.Caller, booking.Booking{StartsAt: enginetest.Unix("2026-04-28 11:00"),
		ServiceID: c.Checkup.ID, PatientID: root.ID})
	enginetest.Refused(t, err, fault.Gone)
	if list, err := c.Engine.Patients(t.Context(), c.Caller, people.PatientQuery{Q: "erased"},
		act.Page{}); err != nil || len(list.Items) != 0 {
		t.Errorf("a search finds %d erased, %v", len(list.Items), err)
	}
}

// A tombstone of a number that somebody else has by now erases nobody.
func TestReapplyMeansThePerson(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	p := c.Patient(t, c.Caller, "Otto", "Berg")
	l := c.Lead(t, c.Caller)
	c.Since(t)
	for _, g := range []rights.Erasure{
		{Clinic: c.Row.ID, PatientID: p.ID, CreatedAt: p.CreatedAt - 1},
		{Clinic: c.Row.ID, PatientID: p.ID, CreatedAt: p.CreatedAt, Test: true},
		{Clinic: c.Row.ID, PatientID: p.ID + 99, CreatedAt: p.CreatedAt},
		{Clinic: "another", PatientID: p.ID, CreatedAt: p.CreatedAt, LeadIDs: []string{l.ID}},
	} {
		if n, err := c.Engine.ReapplyErasures(t.Context(), []rights.Erasure{g}); err != nil || n != 0 {
			t.Errorf("%+v had %d effects, %v", g, n, err)
		}
	}
	c.Left(t)
	if n, err := c.Engine.ReapplyErasures(t.Context(),
		[]rights.Erasure{{Clinic: c.Row.ID, LeadIDs: []string{l.ID, uuid.New(c.Clock.Now())}}}); err != nil || n != 1 {
		t.Errorf("a lead's tombstone had %d effects, %v", n, err)
	}
	_, err := c.Engine.Lead(t.Context(), c.Caller, l.ID)
	enginetest.Refused(t, err, fault.NotFound)
}

func TestEraseRefuses(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	p := c.Patient(t, c.Caller, "Otto", "Berg")
	a, err := c.Engine.Book(t.Context(), c.Caller, booking.Booking{StartsAt: enginetest.Unix("2026-04-28 09:00"),
		ServiceID: c.Checkup.ID, PatientID: p.ID})
	enginetest.Must(t, err)
	writer := c.Caller
	writer.Scopes = scope.All.Without(scope.Of(scope.PatientsErase, scope.PatientsExport))
	_, err = c.Engine.ErasePatient(t.Context(), writer, p.ID)
	if e := enginetest.Refused(t, err, fault.Forbidden); e.Missing != scope.PatientsErase {
		t.Errorf("missing is %s", e.Missing)
	}
	_, err = c.Engine.ExportPatient(t.Context(), writer, p.ID)
	enginetest.Refused(t, err, fault.Forbidden)
	c.Since(t)
	_, err = c.Engine.ErasePatient(t.Context(), c.Caller, p.ID)
	enginetest.Refused(t, err, fault.Conflict, "id")
	rival, _ := c.Rival(t)
	_, err = c.Engine.ErasePatient(t.Context(), rival, p.ID)
	enginetest.Refused(t, err, fault.NotFound)
	_, err = c.Engine.ErasePatient(t.Context(), c.Test, p.ID)
	enginetest.Refused(t, err, fault.NotFound)
	c.Cancel(t, a)
	v, err := c.Engine.StartConsultation(t.Context(), c.Caller,
		record.ConsultationDraft{PatientID: p.ID, ProviderID: c.Ada.ID})
	enginetest.Must(t, err)
	_, err = c.Engine.ErasePatient(t.Context(), c.Caller, p.ID)
	if e := enginetest.Refused(t, err, fault.Conflict, "id"); !strings.Contains(e.Details[0].Message, v.ID) {
		t.Errorf("an open visit is not named: %v", e)
	}
	_, err = c.Engine.EndConsultation(t.Context(), c.Caller, v.ID)
	enginetest.Must(t, err)
	_, err = c.Engine.ErasePatient(t.Context(), c.Caller, p.ID)
	enginetest.Must(t, err)
	for _, sql := range []string{"DELETE FROM erasures", "UPDATE erasures SET patient_id = NULL", "DELETE FROM patients"} {
		db, err := sqlOpen(c.Store.Path())
		enginetest.Must(t, err)
		if _, err := db.Exec(sql); err == nil {
			t.Errorf("%s was done", sql)
		}
		db.Close()
	}
}

func sqlOpen(path string) (*sql.DB, error) { return sql.Open("sqlite", path) }
