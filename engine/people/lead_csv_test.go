package people_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"qualifybase/engine/act"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
	"qualifybase/engine/scope"
	"qualifybase/engine/table"
	"qualifybase/engine/uuid"
)

func importing(t *testing.T, c *enginetest.Clinic, text string,
	o people.LeadImport) (act.ImportReport[people.Lead], error) {
	t.Helper()
	return c.Engine.ImportLeads(t.Context(), c.Caller, strings.NewReader(text), o)
}

func counts(r act.ImportReport[people.Lead]) string {
	return fmt.Sprintf("%d rows: %d created, %d updated, %d unchanged, %d bad, written %v", r.Rows, r.Created, r.Updated,
		r.Unchanged, len(r.Bad), r.Written)
}

const peopleFile = "\uFEFFVorname;Nachname;E-Mail;Telefon;Status;Tags;Straße\r\n" +
	"Anna;Schmidt;anna@example.org;030 1234567;In Interview;vip, recall;Weg 1\r\n" +
	";;;;;;\r\n" +
	"Ben;Weiß;;0301234568;;;\r\n" +
	"Anna;Schmidt;ANNA@example.org;;;;\r\n" +
	"Ben;WEISS;;+49 30 1234568;;;\r\n"

func TestImportLeads(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	c.Hook(t, c.Caller)
	nudges := c.Nudges.Load()
	dry, err := importing(t, c, peopleFile, people.LeadImport{DryRun: true})
	enginetest.Must(t, err)
	if got := counts(dry); got != "4 rows: 2 created, 1 updated, 1 unchanged, 0 bad, written false" {
		t.Errorf("the dry run says %s", got)
	}
	acts := []string{}
	for _, p := range dry.Preview {
		acts = append(acts, fmt.Sprint(p.Line, " ", p.Took))
	}
	if got := strings.Join(acts, ", "); got != "2 create, 4 create, 5 unchanged, 6 update" {
		t.Errorf("the preview says %s", got)
	}
	if dry.Columns[6].Field != "" || dry.Columns[0].Field != "first_name" || dry.Columns[3].Header != "Telefon" {
		t.Errorf("the columns are %v", dry.Columns)
	}
	enginetest.Traces(t, c, "")
	if got := names(t, c, people.LeadQuery{}, 0); got != " = 0" || c.Nudges.Load() != nudges {
		t.Errorf("the dry run wrote %s", got)
	}
	c.Since(t)

	wet, err := importing(t, c, peopleFile, people.LeadImport{Source: "fair 2026"})
	enginetest.Must(t, err)
	if got := counts(wet); got != strings.Replace(counts(dry), "false", "true", 1) {
		t.Errorf("the import says %s", got)
	}
	anna, ben := wet.Preview[0].Row, wet.Preview[1].Row
	enginetest.Traces(t, c, "lead.created lead.created lead.updated",
		"lead.create ok "+anna.ID+" source,name,first_name,last_name,email,phone,status,tags",
		"lead.create ok "+ben.ID+" source,name,first_name,last_name,phone,status",
		"lead.update ok "+ben.ID+" phone",
		"lead.import ok created:2,updated:1")
	if anna.Status != people.LeadInInterview || strings.Join(anna.Tags, ",") != "vip,recall" ||
		anna.Source != "fair 2026" || anna.PhoneKey != "+49301234567" {
		t.Errorf("Anna is %+v", anna)
	}
	kept(t, c, c.Caller, anna)
	c.Since(t)

	// Again: the rows of Ben turn his phone's spelling twice, and nobody is new.
	again, err := importing(t, c, peopleFile, people.LeadImport{Source: "other"})
	enginetest.Must(t, err)
	if again.Created != 0 || again.Preview[0].Row.Source != "fair 2026" {
		t.Errorf("the second import says %s, %+v", counts(again), again.Preview[0])
	}
	if got := names(t, c, people.LeadQuery{}, 0); got != "Ben WeißAnna Schmidt = 2" {
		t.Errorf("there are %s", got)
	}
}

func TestImportLeadsOfTheSenderTwice(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	const text = "external_id,name,email,tags\n1,Anna,anna@example.org,a;b\n2,Ben,,\n3,Cleo,cleo@example.org,\n"
	first, err := importing(t, c, text, people.LeadImport{Source: "crm"})
	enginetest.Must(t, err)
	c.Since(t)
	second, err := importing(t, c, text, people.LeadImport{Source: "crm"})
	enginetest.Must(t, err)
	if first.Created != 3 || second.Unchanged != 3 || second.Created+second.Updated != 0 {
		t.Errorf("%s, then %s", counts(first), counts(second))
	}
	enginetest.Traces(t, c, "", "lead.import ok created:0,updated:0")
	third, err := importing(t, c, text+"4,Dora,,\n", people.LeadImport{Source: "crm"})
	enginetest.Must(t, err)
	if third.Unchanged != 3 || third.Created != 1 {
		t.Errorf("the third says %s", counts(third))
	}
	enginetest.Traces(t, c, "lead.created",
		"lead.create ok "+third.Preview[3].Row.ID+" external_id,source,name,first_name,status",
		"lead.import ok created:1,updated:0")
}

func TestImportLeadsRefuses(t *testing.T) {
	t.Parallel()
	const faulty = "name,email,phone,status\n" +
		"Anna,anna@example.org,,\n" +
		"Ben,ben@,x,hot\n" +
		"Cleo,cleo@example.org\n" +
		",,,new\n" +
		"Dora,\"dora@example.org,,\n"
	c := enginetest.New(t)
	check := func(r act.ImportReport[people.Lead]) {
		t.Helper()
		var lines []string
		for _, b := range r.Bad {
			var fields []string
			for _, d := range b.Details {
				fields = append(fields, d.Field)
			}
			lines = append(lines, fmt.Sprint(b.Line, ":", strings.Join(fields, "+")))
		}
		if got := strings.Join(lines, " "); got != "3:email+phone+status 4:line 5:name 6:line" {
			t.Errorf("the faulty lines are %s", got)
		}
	}
	report, err := importing(t, c, faulty, people.LeadImport{})
	e := enginetest.Refused(t, err, fault.Invalid, "email", "phone", "status", "line", "name", "line")
	if !strings.Contains(e.Details[0].Message, "Line 3: ") || !strings.Contains(e.Message, "4 of 5") {
		t.Errorf("%v does not say where", e)
	}
	check(report)
	if report.Written {
		t.Error("the report says that something was written")
	}
	enginetest.Traces(t, c, "")
	if got := names(t, c, people.LeadQuery{}, 0); got != " = 0" {
		t.Errorf("a refused import wrote %s", got)
	}
	c.Since(t)
	report, err = importing(t, c, faulty, people.LeadImport{DryRun: true})
	enginetest.Must(t, err)
	check(report)
	report, err = importing(t, c, faulty, people.LeadImport{SkipBad: true})
	enginetest.Must(t, err)
	check(report)
	if got := names(t, c, people.LeadQuery{}, 0); got != "Anna = 1" || !report.Written || report.Created != 1 {
		t.Errorf("skipping the bad wrote %s, says %s", got, counts(report))
	}
	c.Since(t)

	for text, field := range map[string]string{
		"": "file", "street,city\na,b\n": "file", "PK\x03\x04": "file",
		"name\n" + strings.Repeat("A\n", people.MaxImportRows+1): "file",
	} {
		_, err = importing(t, c, text, people.LeadImport{})
		enginetest.Refused(t, err, fault.Invalid, field)
	}
	_, err = importing(t, c, "name\nA\n", people.LeadImport{Source: "a\nb"})
	enginetest.Refused(t, err, fault.Invalid, "source")
	enginetest.Traces(t, c, "")
	reader := c.Caller
	reader.Scopes = scope.Of(scope.LeadsRead)
	_, err = c.Engine.ImportLeads(t.Context(), reader, strings.NewReader("name\nA\n"), people.LeadImport{})
	enginetest.Refused(t, err, fault.Forbidden)
	enginetest.Traces(t, c, "", "lead.import denied scope:leads:write")
}

// What is exported can be imported elsewhere and is the same.
func TestExportLeads(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	converted := people.LeadContacted
	enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("=cmd|' /C calc'!A0"), Email: new("a@example.org"),
		Notes: new("two\nlines, \"quoted\"")})
	enginetest.PutLead(t, c, c.Caller, people.LeadDraft{ExternalID: new("-7"), Source: new("@crm"),
		Name: new("Schmidt, Anna"), Phone: new("+49 30 1234567"), Status: &converted,
		Tags: &[]string{"a,b", "c"}, Metadata: &map[string]any{"k": "<ü>"}, Consent: &map[string]any{"email": true}})
	enginetest.PutLead(t, c, c.Test, people.LeadDraft{Name: new("Test Person")})
	c.Since(t)
	var out bytes.Buffer
	n, err := c.Engine.ExportLeads(t.Context(), c.Caller, people.LeadQuery{}, &out)
	enginetest.Must(t, err)
	if n != 2 || strings.Contains(out.String(), "Test Person") {
		t.Errorf("exported %d:\n%s", n, out.String())
	}
	for _, cell := range strings.FieldsFunc(out.String(), func(r rune) bool { return r == ',' || r == '\n' || r == '"' }) {
		if strings.ContainsAny(cell[:1], "=+-@") {
			t.Errorf("a spreadsheet takes %q for a formula", cell)
		}
	}
	if a := c.Since(t).Audit; len(a) != 1 || !strings.HasPrefix(a[0], "lead.export ok id:") ||
		strings.Count(a[0], "id:") != 2 {
		t.Errorf("the audit says %v", a)
	}

	rival, _ := c.Rival(t)
	report, err := c.Engine.ImportLeads(t.Context(), rival, bytes.NewReader(out.Bytes()), people.LeadImport{})
	enginetest.Refused(t, err, fault.Invalid, "id", "id") // another clinic's ids
	report, err = c.Engine.ImportLeads(t.Context(), rival,
		strings.NewReader(strings.Replace(out.String(), ",id,", ",,", 1)), people.LeadImport{})
	if err != nil || report.Created != 2 {
		t.Fatalf("%s, %v\n%s", counts(report), err, out.String())
	}
	var back bytes.Buffer
	_, err = c.Engine.ExportLeads(t.Context(), rival, people.LeadQuery{}, &back)
	enginetest.Must(t, err)
	sameRows(t, out.String(), back.String())
	report, err = importing(t, c, out.String(), people.LeadImport{})
	if err != nil || report.Unchanged != 2 {
		t.Errorf("at home again: %s, %v", counts(report), err)
	}
}

// A file read twice changes nothing more, also where its rows have a name or a
// phone alone; what differs is another lead.
func TestImportNamesTwice(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	const text = "name,phone,tags\nAnna Schmidt,,vip\nBen,,\n,030 1234567,\n"
	first, err := importing(t, c, text, people.LeadImport{})
	enginetest.Must(t, err)
	enginetest.PutLead(t, c, c.Test, people.LeadDraft{Name: new("Cleo"), Source: new("csv")})
	second, err := importing(t, c, strings.Replace(text, "Anna Schmidt", "ANNA  SCHMIDT", 1), people.LeadImport{})
	enginetest.Must(t, err)
	if first.Created != 3 || second.Unchanged != 2 || second.Created != 1 {
		t.Errorf("%s, then with another spelling %s", counts(first), counts(second))
	}
	c.Since(t)
	for _, x := range []struct {
		text  string
		o     people.LeadImport
		wants string
	}{
		{text, people.LeadImport{}, "3 rows: 0 created, 0 updated, 3 unchanged, 0 bad, written true"},
		{"name\nBen\n", people.LeadImport{Source: "fair"}, "1 rows: 1 created, 0 updated, 0 unchanged, 0 bad, written true"},
		{"name,tags\nBen,new\n", people.LeadImport{}, "1 rows: 1 created, 0 updated, 0 unchanged, 0 bad, written true"},
		// the other is a test
		{"name\nCleo\n", people.LeadImport{}, "1 rows: 1 created, 0 updated, 0 unchanged, 0 bad, written true"},
	} {
		report, err := importing(t, c, x.text, x.o)
		if got := counts(report); err != nil || got != x.wants {
			t.Errorf("%q: %s, %v", x.text, got, err)
		}
	}
}

// An export names its leads by id: at home it changes nothing, edited it changes
// just them, and ids of nobody, of test leads or taken external ids are faults.
func TestImportLeadsByID(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	anna := enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Anna"), Notes: new("a\nb")}).Lead
	ben := enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Ben"), Email: new("ben@example.org")}).Lead
	enginetest.PutLead(t, c, c.Caller, people.LeadDraft{ExternalID: new("7"), Source: new("crm")})
	test := enginetest.PutLead(t, c, c.Test, people.LeadDraft{Name: new("Anna")}).Lead
	var out bytes.Buffer
	_, err := c.Engine.ExportLeads(t.Context(), c.Caller, people.LeadQuery{}, &out)
	enginetest.Must(t, err)
	c.Since(t)
	report, err := importing(t, c, out.String(), people.LeadImport{})
	if err != nil || report.Unchanged != 3 || report.Created+report.Updated != 0 {
		t.Errorf("%s, %v", counts(report), err)
	}
	enginetest.Traces(t, c, "", "lead.import ok created:0,updated:0")
	report, err = importing(t, c, "id,external_id,name,email\n"+ben.ID+",,Benno,benno@example.org\n", people.LeadImport{})
	enginetest.Must(t, err)
	got, err := c.Engine.Lead(t.Context(), c.Caller, ben.ID)
	if err != nil || report.Updated != 1 || got.Name != "Benno" || got.Email != "benno@example.org" ||
		got.Source != ben.Source {
		t.Errorf("%s, %+v, %v", counts(report), got, err)
	}
	c.Since(t)
	faulty := "id,external_id,source,name\n" + uuid.New(c.Clock.Now()) + ",,,Anna\n" + test.ID + ",,,Anna\nx,,,Anna\n" +
		anna.ID + ",7,crm,Anna\n"
	_, err = importing(t, c, faulty, people.LeadImport{})
	enginetest.Refused(t, err, fault.Invalid, "id", "id", "id", "external_id")
	enginetest.Traces(t, c, "")
}

// sameRows compares two exports without ids, times and order.
func sameRows(t *testing.T, a, b string) {
	t.Helper()
	read := func(text string) map[string]bool {
		_, rows, err := table.Read(strings.NewReader(text), 0)
		enginetest.Must(t, err)
		out := map[string]bool{}
		for _, r := range rows {
			out[strings.Join(r.Cells[:12], "|")] = true
		}
		return out
	}
	x, y := read(a), read(b)
	for row := range x {
		if !y[row] {
			t.Errorf("%s is lost among %v", row, y)
		}
	}
}

func TestExportLeadsInPages(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	var text strings.Builder
	text.WriteString("name,external_id\n")
	for i := range 1203 {
		fmt.Fprintf(&text, "L%d,%d\n", i, i)
	}
	_, err := importing(t, c, text.String(), people.LeadImport{})
	enginetest.Must(t, err)
	start := c.Clock.Now().Unix()
	for _, q := range []people.LeadQuery{{}, {UpdatedSince: &start}, {Source: "csv"}} {
		c.Since(t)
		var out bytes.Buffer
		n, err := c.Engine.ExportLeads(t.Context(), c.Caller, q, &out)
		if err != nil || n != 1203 || strings.Count(out.String(), "\n") != 1204 {
			t.Errorf("%+v: %d leads, %v", q, n, err)
		}
		if a := c.Since(t).Audit; len(a) != 3 {
			t.Errorf("%d audit rows, want one per page", len(a))
		}
	}
	var out bytes.Buffer
	if n, err := c.Engine.ExportLeads(t.Context(), c.Caller, people.LeadQuery{UpdatedSince: new(start + 1)},
		&out); n != 0 || err != nil || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("%d leads, %v: want the header alone", n, err)
	}
	_, err = c.Engine.ExportLeads(t.Context(), c.Caller, people.LeadQuery{}, broken{})
	if err == nil {
		t.Error("a write that fails goes unnoticed")
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, fmt.Errorf("the pipe is closed") }
