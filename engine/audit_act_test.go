package engine_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // a SQL shell beside the server

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
	"qualifybase/engine/scope"
)

func TestAuditLog(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	rival, _ := c.Rival(t)
	p := enginetest.Register(t, c, c.Caller, "Anna", "Weiß", "")
	_, err := c.Engine.Patient(ctx, c.Caller, p.ID)
	enginetest.Must(t, err)
	c.Clock.Add(time.Minute)
	enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Ben")})
	_, err = c.Engine.PutLead(ctx, act.Caller{Clinic: c.Row.N, Kind: act.ActorKey, ID: "weak"},
		people.LeadDraft{Name: new("Ben")})
	enginetest.Refused(t, err, fault.Forbidden)
	c.Since(t)
	now := c.Clock.Now().Unix()
	for _, x := range []struct {
		q    act.AuditQuery
		want string
	}{
		{act.AuditQuery{PatientID: p.ID}, "patient.read patient.create"},
		{act.AuditQuery{Entity: "lead"}, "lead.put lead.put"},
		{act.AuditQuery{Entity: "lead", Outcome: act.Denied}, "lead.put"},
		{act.AuditQuery{Action: "patient.read", EntityID: fmt.Sprint(p.ID)}, "patient.read"},
		{act.AuditQuery{Entity: "patient", To: now}, "patient.read patient.create"},
		{act.AuditQuery{Entity: "patient", From: now}, ""},
		{act.AuditQuery{Clinic: rival.Clinic, PatientID: p.ID}, "patient.read patient.create"}, // the caller's clinic counts
	} {
		list, err := c.Engine.AuditLog(ctx, c.Caller, x.q, act.Page{})
		enginetest.Must(t, err)
		var got []string
		for _, a := range list.Items {
			if a.Action != "audit.list" {
				got = append(got, a.Action)
			}
		}
		if strings.Join(got, " ") != x.want {
			t.Errorf("%+v: %v, want %s", x.q, got, x.want)
		}
	}
	c.Since(t)
	list, err := c.Engine.AuditLog(ctx, rival, act.AuditQuery{PatientID: p.ID}, act.Page{})
	if err != nil || len(list.Items) != 0 {
		t.Errorf("another clinic sees %d rows, %v", len(list.Items), err)
	}
	_, err = c.Engine.AuditLog(ctx, c.Caller, act.AuditQuery{Outcome: "maybe"}, act.Page{})
	enginetest.Refused(t, err, fault.Invalid, "outcome")
	reader := c.Caller
	reader.Scopes = scope.All.Without(scope.Of(scope.AuditRead))
	_, err = c.Engine.AuditLog(ctx, reader, act.AuditQuery{}, act.Page{})
	enginetest.Refused(t, err, fault.Forbidden)
	c.Since(t)
	_, err = c.Engine.AuditLog(ctx, c.Caller, act.AuditQuery{PatientID: p.ID, Action: "patient.read"}, act.Page{})
	enginetest.Must(t, err)
	enginetest.Traces(t, c, "", "audit.list ok filter:patient_id,filter:action")
}

// The log's pages stand still although reading them adds rows.
func TestAuditLogPages(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	for i := range 7 {
		enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new(fmt.Sprint(i))})
	}
	page, last, rows := act.Page{Limit: 3}, int64(1<<62), 0
	for {
		list, err := c.Engine.AuditLog(t.Context(), c.Caller, act.AuditQuery{Entity: "lead"}, page)
		enginetest.Must(t, err)
		for _, a := range list.Items {
			if a.Seq >= last {
				t.Errorf("row %d after row %d", a.Seq, last)
			}
			last = a.Seq
			rows++
		}
		if !list.More {
			break
		}
		page.Cursor = list.Next
	}
	if rows != 7 {
		t.Errorf("%d rows, want 7", rows)
	}
}

func TestVerifyAudit(t *testing.T) {
	t.Parallel()
	const drop = "DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete; "
	for _, x := range []struct {
		name, sql string
		broken    func(last int64) int64
		reason    string
	}{
		{"whole", "", func(int64) int64 { return 0 }, ""},
		{"an actor changed", drop + "UPDATE audit SET actor_id = 'other' WHERE clinic = 1 AND seq = 5",
			func(int64) int64 { return 5 }, "changed"},
		{"a patient taken out", drop + "UPDATE audit SET patient_id = NULL WHERE clinic = 1 AND patient_id = 1",
			func(last int64) int64 { return last - 1 }, "changed"},
		{"a field added", drop + `UPDATE audit SET fields = '["x"]' WHERE clinic = 1 AND seq = 1`,
			func(int64) int64 { return 1 }, "changed"},
		{"a row gone", drop + "DELETE FROM audit WHERE clinic = 1 AND seq = 4", func(int64) int64 { return 4 }, "missing"},
		{"the first gone", drop + "DELETE FROM audit WHERE clinic = 1 AND seq = 1", func(int64) int64 { return 1 },
			"missing"},
		{"the tail cut off", drop + "DELETE FROM audit WHERE clinic = 1 AND seq > 6", func(int64) int64 { return 7 },
			"cut off"},
		{"all gone", drop + "DELETE FROM audit WHERE clinic = 1", func(int64) int64 { return 1 }, "cut off"},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := enginetest.New(t)
			rival, _ := c.Rival(t)
			enginetest.Register(t, c, c.Caller, "Anna", "Weiß", "")
			enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Ben")})
			var last int64
			c.Write(t, func(tx engine.Tx) error { h, err := tx.Counters(c.Row.N); last = h.Audit; return err })
			if c.Row.N != 1 || last < 8 {
				t.Fatalf("clinic %d with %d rows", c.Row.N, last)
			}
			shell(t, c, x.sql)
			report, err := c.Engine.VerifyAudit(t.Context(), c.Row.N)
			enginetest.Must(t, err)
			if report.Broken != x.broken(last) || !strings.Contains(report.Reason, x.reason) ||
				(report.Reason == "") != (x.reason == "") {
				t.Errorf("the report is %+v, want row %d, %q", report, x.broken(last), x.reason)
			}
			if x.sql == "" && report.Rows != last {
				t.Errorf("%d rows read of %d", report.Rows, last)
			}
			if report, err = c.Engine.VerifyAudit(t.Context(), rival.Clinic); err != nil || report.Broken != 0 {
				t.Errorf("the other clinic: %+v, %v", report, err)
			}
		})
	}
	c := enginetest.New(t)
	_, err := c.Engine.VerifyAudit(t.Context(), 99)
	enginetest.Refused(t, err, fault.NotFound)
}

// shell runs SQL as somebody with the file and a stock sqlite3 would.
func shell(t *testing.T, c *enginetest.Clinic, text string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+c.Store.Path()+"?_pragma=busy_timeout(5000)")
	enginetest.Must(t, err)
	defer func() { enginetest.Must(t, db.Close()) }()
	_, err = db.Exec(text)
	enginetest.Must(t, err)
}

// Without dropping the triggers first, nobody changes what happened.
func TestAuditIsAppendOnly(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("A")})
	db, err := sql.Open("sqlite", "file:"+c.Store.Path()+"?_pragma=busy_timeout(5000)")
	enginetest.Must(t, err)
	defer func() { enginetest.Must(t, db.Close()) }()
	for _, text := range []string{"UPDATE audit SET at = 0", "DELETE FROM audit", "UPDATE events SET type = 'x'",
		"DELETE FROM events"} {
		if _, err := db.Exec(text); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", text, err)
		}
	}
	report, err := c.Engine.VerifyAudit(t.Context(), c.Row.N)
	if err != nil || report.Broken != 0 || report.Rows == 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	rival, _ := c.Rival(t)
	a := enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("A")}).Lead
	enginetest.PutLead(t, c, c.Test, people.LeadDraft{Name: new("T")})
	enginetest.PutLead(t, c, rival, people.LeadDraft{Name: new("R")})
	enginetest.Register(t, c, c.Caller, "Anna", "Weiß", "")
	_, err := c.Engine.UpdateLead(ctx, c.Caller, a.ID, nil, people.LeadDraft{Notes: new("x")})
	enginetest.Must(t, err)
	walk := func(by act.Caller, after int64, typ string, limit int) (out string, last int64) {
		page := act.Page{Limit: limit}
		for {
			list, err := c.Engine.Events(ctx, by, after, typ, page)
			enginetest.Must(t, err)
			for _, ev := range list.Items {
				out, last = strings.TrimSpace(out+" "+ev.Type), ev.Seq
				if ev.Clinic != by.Clinic || ev.Test != by.Test || !strings.HasPrefix(ev.ID, "evt_") {
					t.Errorf("%+v for %+v", ev, by)
				}
			}
			if !list.More {
				return out, last
			}
			page.Cursor = list.Next
		}
	}
	for _, x := range []struct {
		by    act.Caller
		after int64
		typ   string
		limit int
		want  string
	}{
		{c.Caller, 0, "", 0, "lead.created patient.created lead.updated"},
		{c.Caller, 0, "", 1, "lead.created patient.created lead.updated"},
		{c.Caller, 1, "", 2, "patient.created lead.updated"},
		{c.Caller, 0, "lead.updated", 1, "lead.updated"},
		{c.Caller, 99, "", 1, ""},
		{c.Test, 0, "", 1, "lead.created"},
		{rival, 0, "", 1, "lead.created"},
	} {
		if got, _ := walk(x.by, x.after, x.typ, x.limit); got != x.want {
			t.Errorf("after %d, %q: %s, want %s", x.after, x.typ, got, x.want)
		}
	}
	_, err = c.Engine.Events(ctx, c.Caller, -1, "", act.Page{})
	enginetest.Refused(t, err, fault.Invalid, "after_seq")
	_, err = c.Engine.Events(ctx, c.Caller, 0, "lead.exploded", act.Page{})
	enginetest.Refused(t, err, fault.Invalid, "type")
	reader := c.Caller
	reader.Scopes = scope.All.Without(scope.Of(scope.WebhooksManage))
	_, err = c.Engine.Events(ctx, reader, 0, "", act.Page{})
	enginetest.Refused(t, err, fault.Forbidden)
}

// ask scans the last column of one row, as a SQL shell shows it.
func ask(t *testing.T, c *enginetest.Clinic, into any, text string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+c.Store.Path()+"?_pragma=busy_timeout(5000)")
	enginetest.Must(t, err)
	defer func() { enginetest.Must(t, db.Close()) }()
	rows, err := db.Query(text)
	enginetest.Must(t, err)
	defer func() { enginetest.Must(t, rows.Close()) }()
	if !rows.Next() {
		t.Fatalf("%s: no row", text)
	}
	names, err := rows.Columns()
	enginetest.Must(t, err)
	row := make([]any, len(names))
	for i := range row {
		row[i] = new(any)
	}
	row[len(row)-1] = into
	enginetest.Must(t, rows.Scan(row...))
}
