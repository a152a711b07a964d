package people

import (
	"strings"
	"testing"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/fault/faulttest"
	"qualifybase/engine/phone"
	"qualifybase/engine/table"
	"qualifybase/engine/text"

	"pgregory.net/rapid"
)

func TestLeadNames(t *testing.T) {
	t.Parallel()
	type names struct{ name, first, last, key string }
	for _, c := range []struct {
		what              string
		old               names
		name, first, last *string
		want              names
	}{
		{"name alone", names{}, new("Anna Maria Schmidt"), nil, nil,
			names{"Anna Maria Schmidt", "Anna Maria", "Schmidt", "anna maria schmidt"}},
		{"one word", names{}, new("Zoë"), nil, nil, names{"Zoë", "Zoë", "", "zoe"}},
		{"with a comma", names{}, new("Schmidt, Anna"), nil, nil, names{"Schmidt, Anna", "Anna", "Schmidt", "anna schmidt"}},
		{"two commas", names{}, new("Schmidt, Anna, Dr."), nil, nil,
			names{"Schmidt, Anna, Dr.", "Schmidt, Anna,", "Dr.", "schmidt, anna, dr."}},
		{"parts", names{}, nil, new("Anna"), new("Schmidt"), names{"Anna Schmidt", "Anna", "Schmidt", "anna schmidt"}},
		{"first alone", names{}, nil, new("Anna"), nil, names{"Anna", "Anna", "", "anna"}},
		{"last alone", names{}, nil, nil, new("Schmidt"), names{"Schmidt", "", "Schmidt", "schmidt"}},
		{"all three", names{}, new("Dr. Anna Schmidt"), new("Anna"), new("Schmidt"),
			names{"Dr. Anna Schmidt", "Anna", "Schmidt", "dr. anna schmidt"}},
		{"a form's empty parts", names{}, new("Anna Schmidt"), new(""), new(""),
			names{"Anna Schmidt", "Anna", "Schmidt", "anna schmidt"}},
		{"a form's empty name", names{}, new(""), new("Anna"), new("Schmidt"),
			names{"Anna Schmidt", "Anna", "Schmidt", "anna schmidt"}},
		{"nothing sent", names{"A B", "A", "B", "a b"}, nil, nil, nil, names{"A B", "A", "B", "a b"}},
		{"married", names{"Anna Schmidt", "Anna", "Schmidt", "anna schmidt"}, nil, nil, new("Weiß"),
			names{"Anna Weiß", "Anna", "Weiß", "anna weiss"}},
		{"the same name keeps its parts", names{"Anna Maria Schmidt", "Anna", "Maria Schmidt", "anna maria schmidt"},
			new("Anna Maria Schmidt"), nil, nil,
			names{"Anna Maria Schmidt", "Anna", "Maria Schmidt", "anna maria schmidt"}},
		{"taken away", names{"A B", "A", "B", "a b"}, new(""), nil, nil, names{}},
		{"parts taken away", names{"A B", "A", "B", "a b"}, nil, new(""), new(""), names{}},
	} {
		l := Lead{Name: c.old.name, FirstName: c.old.first, LastName: c.old.last, NameKey: c.old.key}
		applyName(&act.Edit{}, &l, &LeadDraft{Name: c.name, FirstName: c.first, LastName: c.last})
		if got := (names{l.Name, l.FirstName, l.LastName, l.NameKey}); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.what, got, c.want)
		}
	}
}

// said is a new lead of what a draft says at a clinic in Germany.
func said(d LeadDraft) (Lead, fault.Faults) {
	x, l := act.Edit{HomeCountry: "DE"}, Lead{Source: DefaultLeadSource, Status: LeadNew}
	leadFields.Apply(&x, &l, &d)
	return l, x.Faults
}

func TestLeadDraftFaults(t *testing.T) {
	t.Parallel()
	long := func(n int) *string { return new(strings.Repeat("x", n)) }
	many := make([]string, text.MaxTags+1)
	bad := LeadStatus("hot")
	huge := map[string]any{"k": strings.Repeat("x", text.MaxMetadata)}
	fits := map[string]any{"k": strings.Repeat("<", text.MaxMetadata-len(`{"k":""}`))}
	for _, c := range []struct {
		draft  LeadDraft
		faults []string
	}{
		{LeadDraft{}, nil},
		{LeadDraft{Name: long(100), FirstName: long(100), LastName: long(100), ExternalID: long(500), Source: long(500),
			Notes: long(4000)}, nil},
		{LeadDraft{Name: long(101), FirstName: long(101), LastName: long(101), ExternalID: long(501), Source: long(501),
			Notes: long(4001)},
			[]string{"name", "first_name", "last_name", "external_id", "source", "notes"}},
		{LeadDraft{Email: new("nobody"), Phone: new("call me"), Status: &bad, Tags: &many},
			[]string{"email", "phone", "status", "tags"}},
		{LeadDraft{Email: new(""), Phone: new(""), Tags: &[]string{}}, nil},
		{LeadDraft{Tags: &[]string{"ok", " "}}, []string{"tags"}},
		{LeadDraft{Metadata: &huge, Consent: &huge}, []string{"metadata", "consent"}},
		{LeadDraft{Metadata: &fits}, nil},
		{LeadDraft{Metadata: &map[string]any{"f": func() {}}}, []string{"metadata"}},
		{LeadDraft{Name: new("a\x00b"), Notes: new("a\x07b"), ExternalID: new("a\nb")},
			[]string{"name", "notes", "external_id"}},
	} {
		_, f := said(c.draft)
		faulttest.Want(t, f, c.faults...)
	}
	l, f := said(LeadDraft{Tags: &[]string{"B", "a", "b", "A ", "c"}, Source: new(""), Phone: new("030 1234567"),
		Email: new("A@B.example")})
	if strings.Join(l.Tags, "") != "Bac" || l.Source != "api" || l.PhoneKey != "+49301234567" ||
		l.Phone != "030 1234567" || l.EmailKey != "a@b.example" || l.Email != "A@B.example" || len(f) > 0 {
		t.Errorf("cleaned to %+v, %v", l, f)
	}
}

func TestLeadFaults(t *testing.T) {
	t.Parallel()
	if err := (Lead{Status: LeadNew, Source: "api", Notes: "x"}).faults(); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a lead without name, e-mail, phone and external_id: %v", err)
	}
	for _, l := range []Lead{{Name: "A"}, {Email: "a@b.example"}, {Phone: "1"}, {ExternalID: "7"}} {
		if err := l.faults(); err != nil {
			t.Errorf("%+v: %v", l, err)
		}
	}
	if err := (Lead{Name: strings.Repeat("x", text.MaxName+1)}).faults(); fault.KindOf(err) != fault.Invalid {
		t.Error("a name made of two long parts passes")
	}
}

// A match by e-mail or phone never replaces another (source, external_id), a name
// or a non-empty e-mail (contract.md §9).
func TestLeadBeside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		maybe := func(label string, values ...string) *string {
			i := rapid.IntRange(-1, len(values)-1).Draw(t, label)
			if i < 0 {
				return nil
			}
			return &values[i]
		}
		pick := func(label string, values ...string) string { return rapid.SampledFrom(values).Draw(t, label) }
		old := Lead{Source: pick("source", "web", "crm"), ExternalID: pick("ext", "", "1"), Status: LeadNew,
			Email: pick("email", "", "a@b.example"), Phone: pick("phone", "", "030 1234567"), Notes: pick("notes", "", "old")}
		applyName(&act.Edit{}, &old, &LeadDraft{Name: new(pick("name", "", "Anna Schmidt"))})
		draft := LeadDraft{Source: maybe("source", "", "web", "crm", "ads"), ExternalID: maybe("ext", "", "1", "2"),
			Name: maybe("name", "", "Ben Weiß"), LastName: maybe("last", "", "Other"), Email: maybe("email", "", "c@d.example"),
			Phone: maybe("phone", "", "030 7654321"), Notes: maybe("notes", "", "new")}
		sent, faults := said(draft)
		if len(faults) > 0 {
			t.Fatalf("%+v is faulty: %v", draft, faults)
		}
		put := func(old Lead) (l Lead, changed []string) {
			x, fields := act.Edit{HomeCountry: "DE"}, draft.beside(old, sent)
			leadFields.Apply(&x, &old, &fields)
			return old, x.Changed
		}
		l, _ := put(old)
		if old.ExternalID != "" && (l.ExternalID != old.ExternalID || l.Source != old.Source) {
			t.Fatalf("(%s, %s) became (%s, %s)", old.Source, old.ExternalID, l.Source, l.ExternalID)
		}
		if old.Name != "" && (l.Name != old.Name || l.FirstName != old.FirstName || l.LastName != old.LastName ||
			l.NameKey != old.NameKey) {
			t.Fatalf("the name %q became %q", old.Name, l.Name)
		}
		if old.Email != "" && l.Email != old.Email || old.Phone != "" && l.Phone == "" || old.Notes != "" && l.Notes == "" {
			t.Fatalf("%+v lost something: %+v", old, l)
		}
		if old.ExternalID == "" && !blank(draft.ExternalID) && (l.ExternalID != *draft.ExternalID ||
			l.Source != sent.Source) {
			t.Fatalf("the sender's id was not adopted: %+v", l)
		}
		if _, changed := put(l); len(changed) > 0 {
			t.Fatalf("sending the same again changes %v", changed)
		}
	})
}

func TestLeadChanges(t *testing.T) {
	t.Parallel()
	a := Lead{Metadata: map[string]any{"n": 1.0, "s": "<x>"}, Tags: []string{"a"}}
	b := a
	b.Metadata = map[string]any{"s": "<x>", "n": 1.0}
	if got := leadFields.Changes(&a, &b); len(got) > 0 {
		t.Errorf("equal leads differ in %v", got)
	}
	b = Lead{ExternalID: "1", Source: "s", Name: "n", FirstName: "f", LastName: "l", Email: "e", Phone: "p",
		Status: LeadLost, Notes: "n",
		Tags: []string{}, Metadata: map[string]any{"n": 2.0}, Consent: map[string]any{"x": nil}}
	if got := strings.Join(leadFields.Changes(&a, &b),
		" "); got != "external_id source name first_name last_name email phone status notes tags metadata consent" {
		t.Errorf("differ in %s", got)
	}
	if got := leadFields.Changes(&Lead{}, &Lead{Metadata: map[string]any{}, Tags: []string{}}); len(got) > 0 {
		t.Errorf("nothing and empty differ in %v", got)
	}
}

func TestPhoneStart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ q, country, want string }{
		{"0301", "DE", "+49301"}, {"030 12-34", "DE", "+49301234"}, {"+49 30", "DE", "+4930"}, {"0049 30", "DE", "+4930"},
		{"301", "DE", "+49301"}, {"+43 1", "DE", "+431"}, {"415 55", "US", "+141555"}, {"030", "", "030"},
		{"+4930", "", "+4930"},
		{"anna", "DE", "anna"}, {"anna 1234", "DE", "anna 1234"}, {"12", "DE", "12"}, {"", "DE", ""},
		{"a@b.example", "DE", "a@b.example"},
		{"00", "DE", "00"}, {"12+34", "DE", "12+34"}, {"1990-01-01x", "DE", "1990-01-01x"},
	} {
		if got := phone.Start(c.q, c.country); got != c.want {
			t.Errorf("%q in %s begins %q, want %q", c.q, c.country, got, c.want)
		}
	}
}

func TestLeadColumns(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"name": "name", "First Name": "first_name", "first_name": "first_name", "FIRSTNAME": "first_name",
		"Vorname":  "first_name",
		"Nachname": "last_name", "E-Mail": "email", "E-Mail-Adresse": "email", "email address": "email",
		"E-mail 1 - Value": "email",
		"Telefon":          "phone", "Tel.": "phone", "Téléphone": "phone", "Handy-Nr": "", "Mobile Phone": "phone",
		"Phone 1 - Value": "phone",
		"Prénom":          "first_name", "Straße": "", "": "", "External ID": "external_id", "externalId": "external_id",
		"Quelle": "source",
		"Status": "status", "Tags": "tags", "Notizen": "notes", "metadata": "metadata", "consent": "consent",
		"created_at": "", "Vollständiger Name": "name",
	} {
		if got := leadColumns.Headings().Take([]string{header})[0].Field; got != want {
			t.Errorf("%q is %q, want %q", header, got, want)
		}
	}
	columns, err := takeLeadColumns([]string{"id", "E-Mail"})
	if err != nil || columns[0].Field != "external_id" || columns[1].Field != "email" {
		t.Errorf("%v, %v: a plain id is the sender's", columns, err)
	}
	columns, err = takeLeadColumns([]string{"external_id", "id", "name"})
	if err != nil || columns[0].Field != "external_id" || columns[1].Field != "id" {
		t.Errorf("%v, %v: beside an external_id the id is ours", columns, err)
	}
	for _, twice := range [][]string{{"name", "Full Name"}, {"email", "E-Mail", "EMAIL"}, {"status", "name", "Stage"},
		{"id", "name", "ID"}} {
		if _, err = takeLeadColumns(twice); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v, want a fault", twice, err)
		}
	}
	if _, err = takeLeadColumns([]string{"Straße", "notes", "status"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a table of nobody: %v", err)
	}
}

// Every other heading of a column leads to it, and to no other.
func TestAliases(t *testing.T) {
	t.Parallel()
	for _, headings := range []table.Headings{leadColumns.Headings(), patientFields.Headings()} {
		for _, h := range headings {
			for alias := range strings.FieldsSeq(h.Aliases) {
				if got := headings.Take([]string{alias})[0].Field; got != h.Name {
					t.Errorf("%q is a heading of %s, but is taken for %q", alias, h.Name, got)
				}
			}
		}
	}
}

func TestLeadOfCells(t *testing.T) {
	t.Parallel()
	columns, err := takeLeadColumns([]string{"Name", "Mobile", "Phone", "Status", "Tags", "metadata", "x"})
	if err != nil {
		t.Fatal(err)
	}
	read := func(cells ...string) (d LeadDraft, f fault.Faults) {
		leadColumns.Read(&f, &Lead{}, &d, table.CellsOf(columns, cells))
		return d, f
	}
	d, f := read(" Anna ", "", "030 1", "In Interview", "a; b,c | d", `{"n":12345678901234567890}`, "y")
	if len(f) > 0 || *d.Name != "Anna" || *d.Phone != "030 1" || *d.Status != LeadInInterview ||
		strings.Join(*d.Tags, "") != "abcd" || d.Email != nil {
		t.Errorf("%+v, %v", d, f)
	}
	if text := writeObject(*d.Metadata); text != `{"n":12345678901234567890}` {
		t.Errorf("the number became %s", text)
	}
	for _, bad := range []string{"x", "[1]", "null", `{"a":1} {"b":2}`, `{"a":`} {
		_, f := read("Anna", "", "", "", "", bad, "")
		faulttest.Want(t, f, "metadata")
	}
}

func TestTagCells(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var f fault.Faults
		raw := rapid.SliceOfN(rapid.StringN(1, 20, 60), 0, 8).Draw(t, "tags")
		tags := []string{}
		for _, tag := range raw {
			if clean := text.Require(&f, "tags", tag, text.MaxName); clean != "" {
				tags = append(tags, clean)
			}
		}
		got := tagsOfCell(writeTags(tags))
		if len(got) != len(tags) || strings.Join(got, "\x00") != strings.Join(tags, "\x00") {
			t.Fatalf("%q came back as %q by way of %q", tags, got, writeTags(tags))
		}
	})
}

func FuzzLeadOfCells(f *testing.F) {
	f.Add("Name", "Anna", "tags", "a;b")
	f.Add("E-Mail", "a@b.example", "metadata", `{"a":1}`)
	f.Fuzz(func(t *testing.T, h1, c1, h2, c2 string) {
		columns, err := takeLeadColumns([]string{h1, h2})
		if err != nil {
			return
		}
		read := func(columns []table.Column, cells []string) (Lead, fault.Faults) {
			x, l := act.Edit{HomeCountry: "DE"}, Lead{Source: "csv", Status: LeadNew}
			var d LeadDraft
			leadColumns.Read(&x.Faults, &Lead{}, &d, table.CellsOf(columns, cells))
			leadFields.Apply(&x, &l, &d)
			return l, x.Faults
		}
		l, faults := read(columns, []string{c1, c2})
		if len(faults) > 0 || l.faults() != nil {
			return
		}
		// What an export writes of it reads back as the same lead.
		header, cells := leadColumns.Written()
		back, faults := read(leadColumns.Headings().Take(header), cells(l))
		if changed := leadFields.Changes(&l, &back); len(faults) > 0 || len(changed) > 0 {
			t.Errorf("%+v comes back changed in %v, %v", l, changed, faults)
		}
	})
}
