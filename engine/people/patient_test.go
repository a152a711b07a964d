package people

import (
	"strings"
	"testing"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/table"
)

// Events and audit rows hold no name, address or number (webhooks.md, records.md §5).
func TestFactsAreThin(t *testing.T) {
	t.Parallel()
	l := Lead{ID: "id", Source: "SOURCE", ExternalID: "EXT", Name: "NAME", FirstName: "FIRST", LastName: "LAST",
		Email: "MAIL", Phone: "PHONE",
		PhoneKey: "+49", Notes: "NOTES", Tags: []string{"TAG"}, Metadata: map[string]any{"META": 1}, Status: LeadNew}
	p := Patient{ID: 7, GivenName: "GIVEN", FamilyName: "FAMILY", Email: "MAIL", Phones: []Phone{{Number: "PHONE"}},
		Status: PatientActive}
	for want, fact := range map[string]act.Fact{
		`{"lead":{"id":"id","status":"new","version":0,` +
			`"created_at":"1970-01-01T00:00:00Z","updated_at":"1970-01-01T00:00:00Z"}}`: LeadFact(l),
		`{"patient":{"id":7,"status":"active","version":0,` +
			`"created_at":"1970-01-01T00:00:00Z","updated_at":"1970-01-01T00:00:00Z"}}`: PatientFact(p),
	} {
		if got := string(fact.JSON()); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Whatever a file holds, reading a row as a patient ends, and what an export
// writes of the result is read as the same.
func FuzzPatientCells(f *testing.F) {
	f.Add("given_name,family_name,phones,identifiers,birth_date,sex",
		"Ida,Lind,home: 030 1234567; 0171 1,a: 1; 2,3.2.1990,w")
	f.Add("Name;Geburtsdatum;Handy", "Müller, Zoë;1990-02-30;;;")
	f.Add("mrn", ":;|")
	f.Fuzz(func(t *testing.T, header, row string) {
		columns, err := takePatientColumns(strings.Split(header, ","))
		if err != nil {
			return
		}
		cells := strings.Split(row, ",")
		if len(cells) > len(columns) {
			cells = cells[:len(columns)]
		}
		x := act.Edit{HomeCountry: "DE", Today: calendar.NewDate(2026, 4, 27)}
		var draft PatientDraft
		patientFields.Read(&x.Faults, &Patient{}, &draft, table.CellsOf(columns, cells))
		p := BlankPatient()
		p.Filled = map[string]int64{}
		patientEdits.Apply(&x, &p, &draft)
		if len(x.Faults) > 0 {
			return
		}
		again := phonesOfCell(writePhones(p.Phones), "phones")
		for i, phone := range p.Phones {
			if i >= len(again) || again[i].Number != phone.Number {
				t.Errorf("%+v comes back as %+v", p.Phones, again)
			}
		}
		keys, _ := p.Keys()
		for _, key := range keys {
			if len(key) < 2 || key[1] != ':' {
				t.Errorf("key %q", key)
			}
		}
	})
}
