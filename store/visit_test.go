package store_test

import (
	"database/sql"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // a SQL shell beside the server

	"qualifybase/engine/enginetest"
	"qualifybase/engine/record"
)

// shell is the standard clinic after a visit, and a connection to its file that
// knows nothing of us: what somebody with a SQL shell can do.
type shell struct {
	*enginetest.Clinic
	db                    *sql.DB
	path                  string
	open, ended           record.Consultation
	draft, signed, amend  record.Note // amend is the second version of another note
	stale                 record.Note // a draft under the ended consultation
	planned, issued, over record.Prescription
}

func newShell(t *testing.T) *shell {
	t.Helper()
	s := &shell{Clinic: enginetest.New(t)}
	ctx, c := t.Context(), s.Caller
	must := func(err error) { t.Helper(); enginetest.Must(t, err) }
	patient := s.Patient(t, c, "Ida", "Lind")
	start := func() record.Consultation {
		v, err := s.Engine.StartConsultation(ctx, c, record.ConsultationDraft{PatientID: patient.ID, ProviderID: s.Ada.ID})
		must(err)
		return v
	}
	write := func(v record.Consultation) record.Note {
		n, err := s.Engine.WriteNote(ctx, c, v.ID, record.NoteDraft{Plan: new("rest")})
		must(err)
		return n
	}
	sign := func(n record.Note) record.Note {
		n, err := s.Engine.SignNote(ctx, c, n.ID, nil)
		must(err)
		return n
	}
	prescribe := func(v record.Consultation, status record.PrescriptionStatus) record.Prescription {
		p, err := s.Engine.Prescribe(ctx, c, v.ID, record.PrescriptionDraft{
			Medication: new("M"), Dose: new("1"), Frequency: new("daily"), Status: status})
		must(err)
		return p
	}
	var err error
	s.open, s.ended = start(), start()
	s.draft, s.signed = write(s.open), sign(write(s.open))
	s.amend, err = s.Engine.AmendNote(ctx, c, sign(write(s.open)).ID, nil, record.NoteDraft{Plan: new("tea"), Reason: "x"})
	must(err)
	s.stale = write(s.ended)
	s.planned, s.issued = prescribe(s.ended, record.PrescriptionDrafted), prescribe(s.open, "")
	s.over, err = s.Engine.StopPrescription(ctx, c, prescribe(s.open, "").ID, "rash")
	must(err)
	s.ended, err = s.Engine.EndConsultation(ctx, c, s.ended.ID)
	must(err)
	s.path = s.Store.Path()
	s.db, err = sql.Open("sqlite", "file:"+s.path+"?_pragma=busy_timeout(5000)")
	must(err)
	t.Cleanup(func() { _ = s.db.Close() })
	return s
}

// attacks are statements that must all fail: with the words of the trigger.
func (s *shell) attacks() []struct{ name, sql, word string } {
	row := "id = '" + s.signed.Row + "'"
	columns := strings.Fields(`id note_id n supersedes clinic test consultation_id author_id addendum_to
		subjective objective assessment plan codes vitals status signed_by signed_at amend_reason content_sha256
		version change created_at updated_at created_by updated_by`)
	copied := func(other ...string) string { // the signed row again, with some columns other than they are
		values := slices.Clone(columns)
		for i := 0; i < len(other); i += 2 {
			values[slices.Index(columns, other[i])] = other[i+1]
		}
		return "INTO notes (" + strings.Join(columns, ",") + ") SELECT " + strings.Join(values, ",") + " FROM notes WHERE " +
			row
	}
	quoted := func(text string) string { return "'" + text + "'" }
	return []struct{ name, sql, word string }{
		{"update a signed note", "UPDATE notes SET plan = 'x' WHERE " + row, "cannot be changed"},
		{"touch only its time", "UPDATE notes SET updated_at = updated_at + 1 WHERE " + row, "cannot be changed"},
		{"make it a draft again",
			"UPDATE notes SET status = 'draft', signed_by = NULL, signed_at = NULL, content_sha256 = '' WHERE " + row,
			"cannot be changed"},
		{"update an amended note", "UPDATE notes SET plan = 'x' WHERE id = '" + s.amend.Row + "'", "cannot be changed"},
		{"update the version before", "UPDATE notes SET plan = 'x' WHERE id = '" + s.amend.Supersedes + "'",
			"cannot be changed"},
		{"delete a signed note", "DELETE FROM notes WHERE " + row, "cannot be deleted"},
		{"delete all notes", "DELETE FROM notes", "cannot be deleted"},
		{"replace a signed note", "INSERT OR REPLACE " + copied("plan", "'x'"), "exists"},
		{"push a draft over it", "UPDATE OR REPLACE notes SET id = '" + s.signed.Row + "' WHERE id = '" + s.draft.Row + "'",
			"the place of a note"},
		{"move a draft", "UPDATE notes SET consultation_id = '" + s.ended.ID + "' WHERE id = '" + s.draft.Row + "'",
			"the place of a note"},
		{"supersede a draft", "INSERT " + copied("id", "'new'", "note_id", quoted(s.draft.ID), "n", "2", "supersedes",
			quoted(s.draft.Row),
			"status", "'amended'", "amend_reason", "'x'"), "latest signed version"},
		{"fork the versions", "INSERT " + copied("id", "'new'", "note_id", quoted(s.amend.ID), "n", "2", "supersedes",
			quoted(s.amend.Supersedes),
			"status", "'amended'", "amend_reason", "'x'"), "exists"},
		{"a new note under an ended consultation", "INSERT " + copied("id", "'new'", "note_id", "'new'", "consultation_id",
			quoted(s.ended.ID)), "has ended"},
		{"add to a draft", "INSERT " + copied("id", "'new'", "note_id", "'new'", "addendum_to", quoted(s.draft.ID)),
			"have an addendum"},
		{"edit a draft under an ended consultation", "UPDATE notes SET vitals = '[]', plan = 'x' WHERE id = '" + s.stale.Row +
			"'", "has ended"},
		{"reopen a consultation", "UPDATE consultations SET status = 'in_progress', ended_at = NULL WHERE id = '" +
			s.ended.ID + "'", "cannot be changed"},
		{"edit an ended consultation", "UPDATE consultations SET reason = 'x' WHERE id = '" + s.ended.ID + "'",
			"cannot be changed"},
		{"delete a consultation", "DELETE FROM consultations WHERE id = '" + s.open.ID + "'", "has signed notes"},
		{"edit an issued prescription", "UPDATE prescriptions SET dose = '9' WHERE id = '" + s.issued.ID + "'",
			"cannot be changed"},
		{"revive a stopped prescription", "UPDATE prescriptions SET status = 'active' WHERE id = '" + s.over.ID + "'",
			"keeps its status"},
		{"complete a stopped prescription", "UPDATE prescriptions SET status = 'completed' WHERE id = '" + s.over.ID + "'",
			"keeps its status"},
		{"activate under an ended consultation", "UPDATE prescriptions SET status = 'active' WHERE id = '" + s.planned.ID +
			"'", "cannot be changed"},
		{"delete an issued prescription", "DELETE FROM prescriptions WHERE id = '" + s.issued.ID + "'", "cannot be deleted"},
		{"prescribe under an ended consultation", "INSERT INTO prescriptions SELECT 'new', clinic, test, '" + s.ended.ID + `',
			author_id, medication, medication_code, dose, route, frequency, as_needed, start_date, duration_days, end_date,
			quantity, unit, refills, substitution_allowed, instructions, status, stop_reason, version, change,
			created_at, updated_at, created_by, updated_by
			FROM prescriptions WHERE id = '` + s.issued.ID + "'", "has ended"},
		{"replace a prescription", "INSERT OR REPLACE INTO prescriptions SELECT * FROM prescriptions WHERE id = '" +
			s.issued.ID + "'", "exists"},
	}
}

func (s *shell) notes(t *testing.T) string {
	t.Helper()
	var text string
	enginetest.Must(t, s.db.QueryRow(`
		SELECT group_concat(id || plan || status || version || updated_at || content_sha256, ' ')
		FROM (SELECT * FROM notes ORDER BY id)`).Scan(&text))
	return text
}

func TestSignedNotesStandAgainstSQL(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	before := s.notes(t)
	for _, a := range s.attacks() {
		if _, err := s.db.Exec(a.sql); err == nil || !strings.Contains(err.Error(), a.word) {
			t.Errorf("%s: %v, want a refusal with %q\n%s", a.name, err, a.word, a.sql)
		}
	}
	if after := s.notes(t); after != before {
		t.Errorf("notes were\n%s\nare\n%s", before, after)
	}
	for _, fine := range []string{
		"UPDATE notes SET plan = 'tea', version = version + 1 WHERE id = '" + s.draft.Row + "'",
		"DELETE FROM notes WHERE id = '" + s.draft.Row + "'",
		"UPDATE consultations SET patient_id = patient_id, version = version + 1 WHERE id = '" + s.ended.ID + "'", // a merge
		"UPDATE consultations SET status = 'entered_in_error' WHERE id = '" + s.ended.ID + "'",
		"UPDATE prescriptions SET status = 'completed' WHERE id = '" + s.issued.ID + "'",
	} {
		if _, err := s.db.Exec(fine); err != nil {
			t.Errorf("%s: %v", fine, err)
		}
	}
}

// TestSignedNotesStandAgainstTheShell is the same with the sqlite3 program of the
// machine, whose SQLite is another, older one.
func TestSignedNotesStandAgainstTheShell(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("sqlite3")
	if err != nil {
		t.Skip("there is no sqlite3 here")
	}
	s := newShell(t)
	for _, a := range s.attacks() {
		out, err := exec.Command(program, "-bail", s.path, a.sql).CombinedOutput()
		if err == nil || !strings.Contains(string(out), a.word) {
			t.Errorf("%s: %v %s", a.name, err, out)
		}
	}
}

// TestOneConsultationPerAppointment is the invariant below the engine's check.
func TestOneConsultationPerAppointment(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	a := s.Book(t, "2026-04-27 09:00", s.Ada, s.Checkup)
	insert := func(id, status string) error {
		_, err := s.db.Exec(`INSERT INTO consultations SELECT ?, clinic, test, ?, patient_id, provider_id,
			location_id, mode, reason, ?, started_at, CASE ? WHEN 'in_progress' THEN NULL ELSE started_at END,
			version, change, created_at, updated_at, created_by, updated_by
			FROM consultations WHERE id = ?`, id, a.ID, status, status, s.open.ID)
		return err
	}
	enginetest.Must(t, insert("one", "entered_in_error"))
	enginetest.Must(t, insert("two", "ended"))
	if err := insert("three", "in_progress"); err == nil {
		t.Error("a second consultation stands beside an ended one")
	}
	enginetest.Must(t, insert("four", "entered_in_error"))
}

// TestVisitsStayInTheirClinic: nobody with a SQL shell ties a visit to another
// clinic's rows, or live rows to test ones.
func TestVisitsStayInTheirClinic(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	rival, doctor := s.Rival(t)
	theirs, test := s.Patient(t, rival, "Eva", "Rot"), s.Patient(t, s.Test, "Tess", "Rot")
	visit, err := s.Engine.StartConsultation(t.Context(), rival,
		record.ConsultationDraft{PatientID: theirs.ID, ProviderID: doctor.ID})
	enginetest.Must(t, err)
	planned, err := s.Engine.Prescribe(t.Context(), s.Caller, s.open.ID, record.PrescriptionDraft{
		Medication: new("M"), Dose: new("1"), Frequency: new("daily"), Status: record.PrescriptionDrafted})
	enginetest.Must(t, err)
	var elsewhere, booked int64
	enginetest.Must(t, s.db.QueryRow("SELECT id FROM locations WHERE clinic = ?", rival.Clinic).Scan(&elsewhere))
	a := s.Book(t, "2026-04-27 09:00", s.Ada, s.Checkup)
	_, err = s.db.Exec("UPDATE appointments SET test = 1 WHERE id = ?", a.ID)
	enginetest.Must(t, err)
	move := func(table, id, set string, args ...any) string {
		_, err := s.db.Exec("UPDATE "+table+" SET "+set+" WHERE id = ?", append(args, id)...)
		return fmt.Sprint(err)
	}
	copied := func(table, id string, changes ...string) string { // the row again, with another id and other columns
		rows, err := s.db.Query("SELECT * FROM " + table + " LIMIT 0")
		enginetest.Must(t, err)
		defer rows.Close()
		columns, err := rows.Columns()
		enginetest.Must(t, err)
		values := slices.Clone(columns)
		for i := 0; i < len(changes); i += 2 {
			values[slices.Index(columns, changes[i])] = changes[i+1]
		}
		_, err = s.db.Exec("INSERT INTO "+table+" SELECT "+strings.Join(values, ",")+" FROM "+table+" WHERE id = ?", id)
		return fmt.Sprint(err)
	}
	n := func(id int64) string { return fmt.Sprint(id) }
	for what, got := range map[string]string{
		"patient of another clinic":              move("consultations", s.open.ID, "patient_id = ?", theirs.ID),
		"patient of another clinic, in the past": move("consultations", s.ended.ID, "patient_id = ?", theirs.ID),
		"test patient":                           move("consultations", s.open.ID, "patient_id = ?", test.ID),
		"provider of another clinic":             move("consultations", s.open.ID, "provider_id = ?", doctor.ID),
		"location of another clinic":             move("consultations", s.open.ID, "location_id = ?", elsewhere),
		"test appointment":                       move("consultations", s.open.ID, "appointment_id = ?", a.ID),
		"to another clinic":                      move("consultations", s.open.ID, "clinic = ?", rival.Clinic),
		"over, to test":                          move("consultations", s.ended.ID, "test = 1"),
		"draft's author":                         move("notes", s.draft.Row, "author_id = ?", doctor.ID),
		"draft's signer": move("notes", s.draft.Row,
			"signed_by = ?, signed_at = 1, content_sha256 = 'x', status = 'signed'", doctor.ID),
		"prescription's author": move("prescriptions", planned.ID, "author_id = ?", doctor.ID),
		"prescription's clinic": move("prescriptions", planned.ID, "clinic = ?", rival.Clinic),
		"prescription's kind":   move("prescriptions", planned.ID, "test = 1"),
		"new visit, patient":    copied("consultations", s.open.ID, "id", "'x'", "patient_id", n(theirs.ID)),
		"new visit, kind":       copied("consultations", s.open.ID, "id", "'x'", "test", "1"),
		"new visit, provider": copied("consultations", s.open.ID, "id", "'x'", "provider_id",
			n(doctor.ID)),
		"new visit, location": copied("consultations", s.open.ID, "id", "'x'", "location_id",
			n(elsewhere)),
		"new visit, appointment": copied("consultations", s.open.ID, "id", "'x'", "appointment_id",
			"'"+a.ID+"'"),
		"new visit, clinic": copied("consultations", s.open.ID, "id", "'x'", "clinic", n(rival.Clinic)),
		"new note, consultation": copied("notes", s.draft.Row, "id", "'x'", "note_id", "'x'",
			"consultation_id", "'"+visit.ID+"'"),
		"new note, author": copied("notes", s.draft.Row, "id", "'x'", "note_id", "'x'", "author_id",
			n(doctor.ID)),
		"new note, kind": copied("notes", s.draft.Row, "id", "'x'", "note_id", "'x'", "test", "1"),
		"new note, signer": copied("notes", s.signed.Row, "id", "'x'", "note_id", "'x'", "signed_by",
			n(doctor.ID)),
		"new prescription, consultation": copied("prescriptions", s.issued.ID, "id", "'x'", "consultation_id",
			"'"+visit.ID+"'"),
		"new prescription, author": copied("prescriptions", s.issued.ID, "id", "'x'", "author_id",
			n(doctor.ID)),
		"merge": move("patients", n(s.open.PatientID), "status = 'merged', merged_into = ?",
			theirs.ID),
		"merge, kind": move("patients", n(s.open.PatientID), "status = 'merged', merged_into = ?",
			test.ID),
	} {
		if !strings.Contains(got, "of its own clinic") && !strings.Contains(got, "of the same clinic") {
			t.Errorf("%s: %s", what, got)
		}
	}
	enginetest.Must(t, s.db.QueryRow("SELECT count(*) FROM consultations WHERE id = 'x'").Scan(&booked))
	if booked != 0 {
		t.Error("a row of two clinics was written")
	}
}
