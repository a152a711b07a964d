package people_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"

	"qualifybase/engine/act"
	"qualifybase/engine/directory"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
	"qualifybase/engine/scope"
)

func admit(t *testing.T, c *enginetest.Clinic, text string,
	o people.PatientImport) (act.ImportReport[people.Patient], error) {
	t.Helper()
	return c.Engine.ImportPatients(t.Context(), c.Caller, strings.NewReader(text), o)
}

func tally(r act.ImportReport[people.Patient]) string {
	var acts, bad []string
	for _, p := range r.Preview {
		acts = append(acts, fmt.Sprint(p.Line, " ", p.Took))
	}
	for _, b := range r.Bad {
		for _, d := range b.Details {
			bad = append(bad, fmt.Sprint(b.Line, " ", d.Field))
		}
	}
	return fmt.Sprintf("%d rows: +%d ~%d =%d [%s] (%s) written %v", r.Rows, r.Created, r.Updated, r.Unchanged,
		strings.Join(acts, ", "), strings.Join(bad, ", "), r.Written)
}

const register1 = "\uFEFFPatientennummer;Vorname;Nachname;Geburtsdatum;Geschlecht;Telefon;Handy;" +
	"E-Mail;Straße;PLZ;Ort;Versichertennummer;Augenfarbe\r\n" +
	"K-1;Anna;Weiß;29.2.1980;w;030 1234567;0171 1234567;anna@example.org;Weg 1;10115;Berlin;aok: A 123;blau\r\n" +
	";;;;;;;;;;;;\r\n" +
	";Ben;Weiß;1982-03-04;m;030 1234567;;;Weg 1;10115;Berlin;;\r\n"

func TestImportPatients(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	dry, err := admit(t, c, register1, people.PatientImport{DryRun: true})
	enginetest.Must(t, err)
	if got := tally(dry); got != "2 rows: +2 ~0 =0 [2 create, 4 create] () written false" {
		t.Errorf("the dry run says %s", got)
	}
	if dry.Columns[12].Field != "" || dry.Columns[11].Field != "identifiers" || dry.Columns[6].Field != "phones" {
		t.Errorf("the columns are %v", dry.Columns)
	}
	if list, err := c.Engine.Patients(t.Context(), c.Caller, people.PatientQuery{},
		act.Page{}); err != nil || len(list.Items) != 0 {
		t.Errorf("the dry run left %d patients, %v", len(list.Items), err)
	}
	c.Since(t)
	wet, err := admit(t, c, register1, people.PatientImport{})
	enginetest.Must(t, err)
	anna, ben := patientRow(t, c, wet.Preview[0].Row.ID), patientRow(t, c, wet.Preview[1].Row.ID)
	if anna.MRN != "K-1" || anna.BirthDate.String() != "1980-02-29" || anna.Sex != people.SexFemale ||
		len(anna.Phones) != 2 || anna.Phones[1].Label != "handy" ||
		anna.Address != (directory.Address{Line1: "Weg 1", City: "Berlin", PostalCode: "10115"}) ||
		anna.Identifiers[0] != (people.Identifier{System: "aok", Value: "A 123"}) || ben.MRN != "P-00001" {
		t.Errorf("Anna is %+v", anna)
	}
	enginetest.Traces(t, c, "patient.created patient.created",
		fmt.Sprintf("patient.create ok %d mrn,given_name,family_name,birth_date,email,phones,identifiers,sex,address",
			anna.ID),
		fmt.Sprintf("patient.create ok %d given_name,family_name,birth_date,phones,sex,address", ben.ID),
		"patient.import ok created:2,updated:0")

	again, err := admit(t, c, register1, people.PatientImport{})
	if enginetest.Must(t, err); tally(again) != "2 rows: +0 ~0 =2 [2 unchanged, 4 unchanged] () written true" {
		t.Errorf("again it says %s", tally(again))
	}
	enginetest.Traces(t, c, "", "patient.import ok created:0,updated:0")

	// By MRN what the row has something in changes; phones are added, address parts stay.
	third, err := admit(t, c, "mrn,family_name,phones,city\nk-1,Schwarz,work: 030 7654321; 0171/1234567,Potsdam\n",
		people.PatientImport{})
	enginetest.Must(t, err)
	p := patientRow(t, c, anna.ID)
	if tally(third) != "1 rows: +0 ~1 =0 [2 update] () written true" || p.GivenName != "Anna" ||
		p.FamilyName != "Schwarz" || len(p.Phones) != 3 || p.Phones[2].Label != "work" ||
		p.Address != (directory.Address{Line1: "Weg 1", City: "Potsdam", PostalCode: "10115"}) {
		t.Errorf("%s: Anna is %+v", tally(third), p)
	}
}

func TestImportPatientsRefuses(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ada := enginetest.CreatePatient(t, c, lind("Ida", "Lind", "1990-02-03", "ida@example.org", ida))
	c.Since(t)
	faulty := "given_name,family_name,birth_date,email,phones,sex,status\n" +
		"Good,One,1990-01-01,,,,\n" +
		"Bad,,1990-02-30,x,1,?,gone\n" + // every fault of a row at once
		"Short,row\n" +
		"Slash,Date,02/03/1990,,,,\n" +
		"Ilse,Lind,1990-02-03,,,,\n" // probably Ida
	report, err := admit(t, c, faulty, people.PatientImport{})
	e := enginetest.Refused(t, err, fault.Invalid, "sex", "family_name", "birth_date", "email", "phones[0].number",
		"status", "line", "birth_date", "line")
	if !strings.Contains(e.Message, "4 of 5") || strings.Contains(e.Error(), "Ilse") {
		t.Errorf("the refusal is %v", e)
	}
	if got := tally(report); !strings.Contains(got, "+1 ~0 =0 [2 create] (3 sex, 3 family_name") ||
		!strings.HasSuffix(got, "4 line, 5 birth_date, 6 line) written false") {
		t.Errorf("the report says %s", got)
	}
	enginetest.Traces(t, c, "")
	if list, err := c.Engine.Patients(t.Context(), c.Caller, people.PatientQuery{},
		act.Page{}); err != nil || len(list.Items) != 1 || list.Items[0].ID != ada.ID {
		t.Errorf("%d patients, %v", len(list.Items), err)
	}
	c.Since(t)
	report, err = admit(t, c, faulty, people.PatientImport{SkipBad: true, AllowDuplicates: true})
	if enginetest.Must(t, err); report.Created != 2 || len(report.Bad) != 3 || !report.Written {
		t.Errorf("the good rows: %s", tally(report))
	}
	reader := c.Caller
	reader.Scopes = scope.Of(scope.PatientsRead)
	_, err = c.Engine.ImportPatients(t.Context(), reader, strings.NewReader(faulty), people.PatientImport{})
	enginetest.Refused(t, err, fault.Forbidden)
	_, err = c.Engine.ExportPatients(t.Context(), reader, people.PatientQuery{}, &bytes.Buffer{})
	enginetest.Refused(t, err, fault.Forbidden)
	for name, text := range map[string]string{
		"nobody":         "colour,size\nred,2\n",
		"empty":          "",
		"10,000 columns": "given_name,family_name" + strings.Repeat(",x", 9_998) + "\n",
		"a spreadsheet":  "PK\x03\x04",
		"binary":         "given_name,family_name\nA\x00,B\n",
	} {
		if _, err := admit(t, c, text, people.PatientImport{}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Files as they come: Windows-1252, tabs, one name column, a restricted and a merged record.
func TestImportPatientsOddly(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ansi, err := charmap.Windows1252.NewEncoder().String("Name\tTelefon\r\nMüller, Zoë\t030 1234567\r\n")
	enginetest.Must(t, err)
	report, err := admit(t, c, ansi, people.PatientImport{})
	enginetest.Must(t, err)
	if p := report.Preview[0].Row; p.GivenName != "Zoë" || p.FamilyName != "Müller" {
		t.Errorf("from Windows-1252 it is %+v", p)
	}
	// Without a birth date, the same name with the same phone is the same person.
	if report, err = admit(t, c, "name,phone\nZoe Muller,+49 30 1234567\n",
		people.PatientImport{}); err != nil || report.Created != 0 {
		t.Errorf("read again: %s, %v", tally(report), err)
	}
	a, b := enginetest.CreatePatient(t, c, enginetest.Named("A", "A")), enginetest.CreatePatient(t, c,
		enginetest.Named("B", "B"))
	enginetest.Merge(t, c, a.ID, b.ID)
	_, err = c.Engine.UpdatePatient(t.Context(), c.Caller, b.ID, nil, people.PatientDraft{Restricted: new(true)})
	enginetest.Must(t, err)
	report, err = admit(t, c, "mrn,given_name,family_name\n"+a.MRN+",X,Y\n"+b.MRN+",X,Y\n", people.PatientImport{})
	enginetest.Refused(t, err, fault.Invalid, "line", "patient_id", "line", "restricted")
	if report.Written || patientRow(t, c, b.ID).GivenName != "B" {
		t.Errorf("a record that stands still was changed: %s", tally(report))
	}
}

// What is exported can be imported and changes nothing; formulas are guarded.
func TestExportPatients(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	female := people.SexFemale
	enginetest.CreatePatient(t, c, people.PatientDraft{MRN: new("=1+1"), GivenName: new("@Ida"), FamilyName: new("-Lind"),
		BirthDate: new("1990-02-03"), Sex: &female,
		Phones:           &[]people.Phone{{Number: "+49 30 1234567", Label: "home"}, {Number: "0171 1234567"}},
		Email:            new("ida@example.org"),
		Address:          &directory.Address{Line1: "Weg 1, \"Hof\"", Country: "DE"},
		EmergencyContact: &people.EmergencyContact{Name: "Noa"},
		Identifiers:      &[]people.Identifier{{System: "urn:x:y", Value: "A 1"}, {System: "s", Value: "2"}},
		AllergiesText:    new("a\nb"), AdminNotes: new("\t=x"), Language: new("de")})
	hidden := enginetest.CreatePatient(t, c, enginetest.Named("Hidden", "H"))
	_, err := c.Engine.UpdatePatient(t.Context(), c.Caller, hidden.ID, nil, people.PatientDraft{Restricted: new(true)})
	enginetest.Must(t, err)
	for i := range 3 {
		enginetest.CreatePatient(t, c, enginetest.Named(fmt.Sprint("N", i), "Many"))
	}
	enginetest.Merge(t, c, enginetest.CreatePatient(t, c, enginetest.Named("Loser", "L")).ID,
		enginetest.CreatePatient(t, c, enginetest.Named("Winner", "W")).ID)
	c.Since(t)
	var out bytes.Buffer
	n, err := c.Engine.ExportPatients(t.Context(), c.Caller, people.PatientQuery{}, &out)
	if enginetest.Must(t,
		err); n != 5 || strings.Contains(out.String(), "Hidden") || strings.Contains(out.String(), "Loser") {
		t.Errorf("%d patients:\n%s", n, out.String())
	}
	for _, want := range []string{"'=1+1,'@Ida,'-Lind", "home: +49 30 1234567; 0171 1234567", "urn:x:y: A 1; s: 2"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the export lacks %s:\n%s", want, out.String())
		}
	}
	if got := c.Since(t).Audit; len(got) != 1 || !strings.HasPrefix(got[0], "patient.export_list ok id:") {
		t.Errorf("the audit says %v", got)
	}
	report, err := admit(t, c, out.String(), people.PatientImport{})
	if err != nil || report.Unchanged != 5 || report.Created+report.Updated != 0 {
		t.Errorf("read back: %s, %v", tally(report), err)
	}
	out.Reset()
	if n, err := c.Engine.ExportPatients(t.Context(), c.Caller, people.PatientQuery{Q: "many"},
		&out); err != nil || n != 3 {
		t.Errorf("%d of a search, %v", n, err)
	}
}
