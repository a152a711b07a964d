package engine_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
	"qualifybase/engine/record"
)

// TestVerifyAuditEveryColumn: whatever a SQL shell writes into a row is found,
// also where it decodes to the same value (records.md §5).
func TestVerifyAuditEveryColumn(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	p := enginetest.Register(t, c, c.Caller, "Anna", "Weiß", "")
	enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Ben")})
	// An entity id comes from a path, so it may hold any bytes.
	_, err := c.Engine.Lead(t.Context(), c.Caller, "broken \xff")
	enginetest.Refused(t, err, fault.NotFound)
	_, err = c.Engine.Patient(t.Context(), act.Caller{Clinic: c.Row.N, Kind: act.ActorKey, ID: "k \xfe", Label: "l \xfe"},
		p.ID)
	enginetest.Refused(t, err, fault.Forbidden)
	check := func(name string) act.AuditReport {
		report, err := c.Engine.VerifyAudit(t.Context(), c.Row.N)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return report
	}
	if report := check("untouched"); report.Broken != 0 || report.Rows < 5 {
		t.Fatalf("untouched: %+v", report)
	}
	shell(t, c,
		"CREATE TABLE kept AS SELECT rowid AS n, * FROM audit; DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete")
	const columns = "clinic seq at actor_kind actor_id actor_label ip request_id action entity entity_id " +
		"patient_id outcome reason_ref fields prev_hash hash"
	values := map[string][]string{
		"clinic":     {"2"},
		"patient_id": {"0", "NULL", "99", "-1"},
		"fields": {"' ' || fields", "fields || ' '", "replace(fields, ',', ', ')", "replace(fields, '[', '[ ')", "''",
			"'null'", "'[]'", "'{}'", "'[1]'", "'no json'",
			"CAST(x'5b22ff225d' AS TEXT)", `replace(fields, 'n', '\u006e')`, "replace(fields, 'e', 'E')"},
	}
	for _, column := range []string{"actor_kind", "outcome"} {
		values[column] = []string{"'user'", "'denied'", "'failed'"}
	}
	for _, column := range strings.Fields("seq at") {
		values[column] = []string{column + " + 1000", column + " - 1000"}
	}
	for _, column := range strings.Fields("actor_id actor_label ip request_id action entity entity_id reason_ref " +
		"prev_hash hash") {
		values[column] = []string{column + " || ' '", "''", column + " || char(0)", "upper(" + column + ")",
			"CAST(" + column + " || x'ff' AS TEXT)",
			"replace(" + column + ", char(65533), CAST(x'fe' AS TEXT))"}
	}
	rows := check("untouched").Rows
	db, err := sql.Open("sqlite",
		"file:"+c.Store.Path()+"?_pragma=busy_timeout(5000)&_pragma=foreign_keys(0)"+
			"&_pragma=ignore_check_constraints(1)&_pragma=synchronous(0)")
	enginetest.Must(t, err)
	defer func() { enginetest.Must(t, db.Close()) }()
	run := func(text string) {
		if _, err := db.Exec(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	names := strings.ReplaceAll(columns, " ", ", ")
	tried := 0
	for _, column := range strings.Fields(columns) {
		if len(values[column]) == 0 {
			t.Errorf("no value is tried for %s", column)
		}
		for _, value := range values[column] {
			for seq := rows - 5; seq <= rows; seq++ {
				name := fmt.Sprintf("row %d, %s = %s", seq, column, value)
				run(fmt.Sprintf("UPDATE audit SET %s = %s WHERE clinic = 1 AND seq = %d", column, value, seq))
				n := 0
				enginetest.Must(t,
					db.QueryRow("SELECT count(*) FROM (SELECT rowid, "+names+" FROM audit "+
						"EXCEPT SELECT n, "+names+" FROM kept)").Scan(&n))
				if n > 0 {
					tried++
					if report := check(name); report.Broken == 0 {
						t.Errorf("%s is not found", name)
					}
				}
				run(fmt.Sprintf("DELETE FROM audit WHERE rowid = (SELECT n FROM kept WHERE clinic = 1 AND seq = %d); INSERT "+
					"INTO audit (rowid, %s) SELECT n, %s FROM kept WHERE clinic = 1 AND seq = %[1]d", seq, names, names))
			}
		}
	}
	if report := check("restored"); report.Broken != 0 || tried < 100 {
		t.Errorf("after %d changes: %+v", tried, report)
	}
}

// TestAuditFindsListReads: who saw a person in a list is told with who opened the
// record (records.md §5).
func TestAuditFindsListReads(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	var everyone []people.Patient
	for i := range 12 { // so that one id begins with another's digits
		everyone = append(everyone, enginetest.Register(t, c, c.Caller, "Anna", fmt.Sprintf("Weiß%c", 'a'+i), ""))
	}
	first, twelfth := everyone[0], everyone[11]
	all, err := c.Engine.Patients(ctx, c.Caller, people.PatientQuery{}, act.Page{})
	enginetest.Must(t, err)
	if len(all.Items) != 12 {
		t.Fatalf("%d patients", len(all.Items))
	}
	_, err = c.Engine.Patients(ctx, c.Caller, people.PatientQuery{Q: "Weißl"}, act.Page{})
	enginetest.Must(t, err)
	_, err = c.Engine.Appointments(ctx, c.Caller, booking.AppointmentQuery{PatientID: first.ID}, act.Page{})
	enginetest.Must(t, err)
	c.Since(t) // so that these reads are written before what follows
	// What is somebody's is told of, too, where the list was not asked for by person.
	v, err := c.Engine.StartConsultation(ctx, c.Caller, record.ConsultationDraft{PatientID: first.ID,
		ProviderID: c.Ada.ID})
	enginetest.Must(t, err)
	_, err = c.Engine.WriteNote(ctx, c.Caller, v.ID, record.NoteDraft{Plan: new("rest")})
	enginetest.Must(t, err)
	_, err = c.Engine.Prescribe(ctx, c.Caller, v.ID, record.PrescriptionDraft{Medication: new("M"), Dose: new("1"),
		Frequency: new("daily")})
	enginetest.Must(t, err)
	_, err = c.Engine.Book(ctx, c.Caller, booking.Booking{StartsAt: enginetest.Unix("2026-04-28 09:00"),
		ServiceID: c.Checkup.ID, PatientID: first.ID})
	enginetest.Must(t, err)
	for _, list := range []func() error{
		func() error {
			_, err := c.Engine.Consultations(ctx, c.Caller, record.ConsultationQuery{}, act.Page{})
			return err
		},
		func() error { _, err := c.Engine.Notes(ctx, c.Caller, record.NoteQuery{}, act.Page{}); return err },
		func() error {
			_, err := c.Engine.Prescriptions(ctx, c.Caller, record.PrescriptionQuery{}, act.Page{})
			return err
		},
		func() error {
			_, err := c.Engine.Appointments(ctx, c.Caller, booking.AppointmentQuery{}, act.Page{})
			return err
		},
	} {
		enginetest.Must(t, list())
	}
	c.Since(t)
	saw := "appointment.list prescription.list note.list consultation.list"
	told, err := c.Engine.ExportPatient(ctx, c.Caller, first.ID)
	enginetest.Must(t, err)
	accesses := ""
	for _, a := range told.Accesses {
		accesses = a.Action + " " + accesses
	}
	if !strings.HasPrefix(accesses, saw+" appointment.book") {
		t.Errorf("the export tells of %s", accesses)
	}
	c.Since(t)
	for _, x := range []struct {
		id   int64
		want string
	}{
		{first.ID, "patient.export " + saw +
			" appointment.book prescription.create note.create consultation.start appointment.list patient.list patient.create"},
		{twelfth.ID, "patient.list patient.list patient.create"},
		{everyone[1].ID, "patient.list patient.create"},
		{999, ""},
	} {
		var got []string
		page := act.Page{Limit: 1}
		for {
			list, err := c.Engine.AuditLog(ctx, c.Caller, act.AuditQuery{PatientID: x.id}, page)
			enginetest.Must(t, err)
			for _, a := range list.Items {
				if a.Action != "audit.list" {
					got = append(got, a.Action)
				}
			}
			if page.Cursor = list.Next; !list.More {
				break
			}
		}
		if strings.Join(got, " ") != x.want {
			t.Errorf("patient %d: %v, want %s", x.id, got, x.want)
		}
	}
	plan := ""
	ask(t, c, &plan, `EXPLAIN QUERY PLAN SELECT seq FROM audit WHERE clinic = 1 AND entity_id = '' AND patient_id IS NULL
		AND instr(fields, CASE entity WHEN 'patient' THEN '"id:1"' ELSE '"patient:1"' END) > 0`)
	if !strings.Contains(plan, "audit_lists") {
		t.Errorf("lists are found by %q, not by their index", plan)
	}
}
