package engine

import (
	"strings"
	"testing"
)

func TestPatientDraft(t *testing.T) {
	today := NewDate(2026, 4, 27)
	date := func(text string) *Date {
		d, err := ParseDate(text)
		if err != nil {
			t.Fatal(err)
		}
		return &d
	}
	phones := func(numbers ...string) *[]Phone {
		out := []Phone{}
		for _, n := range numbers {
			out = append(out, Phone{Number: n, E164: "+1 forged", Label: "mobile"})
		}
		return &out
	}
	eleven := make([]Phone, MaxPhones+1)
	a, b := new("Anna"), new("Weiß")
	for _, c := range []struct {
		draft  PatientDraft
		faults []string
	}{
		{PatientDraft{GivenName: a, FamilyName: b}, nil},
		{PatientDraft{}, []string{"given_name", "family_name"}},
		{PatientDraft{GivenName: new(" "), FamilyName: new(strings.Repeat("x", 101))}, []string{"given_name", "family_name"}},
		{PatientDraft{GivenName: a, FamilyName: b, BirthDate: date("2026-04-27")}, nil},
		{PatientDraft{GivenName: a, FamilyName: b, BirthDate: date("2026-04-28")}, []string{"birth_date"}},
		{PatientDraft{GivenName: a, FamilyName: b, BirthDate: date("1850-01-01")}, nil},
		{PatientDraft{GivenName: a, FamilyName: b, BirthDate: date("1849-12-31")}, []string{"birth_date"}},
		{PatientDraft{GivenName: a, FamilyName: b, Email: new("x"), Phones: phones("030 1234567", "x", "")}, []string{"email", "phones[1].number", "phones[2].number"}},
		{PatientDraft{GivenName: a, FamilyName: b, Phones: &eleven}, []string{"phones"}},
	} {
		var f Faults
		c.draft.cleaned(&f, "DE", today)
		wantFaults(t, f, c.faults...)
	}
	var f Faults
	p := PatientDraft{GivenName: a, FamilyName: b, Email: new("A@B.example"), Phones: phones("030 1234567")}.cleaned(&f, "DE", today)
	if p.NameKey != "weiss anna" || p.PhoneKey != "+49301234567" || p.Phones[0].E164 != p.PhoneKey || p.Phones[0].Label != "mobile" || p.EmailKey != "a@b.example" || p.Status != PatientActive {
		t.Errorf("cleaned to %+v, %v", p, f)
	}
}

// Events and audit rows hold no name, address or number (webhooks.md, records.md §5).
func TestFactsAreThin(t *testing.T) {
	w := work{c: Caller{Clinic: 1}}
	l := Lead{ID: "id", Source: "SOURCE", ExternalID: "EXT", Name: "NAME", FirstName: "FIRST", LastName: "LAST", Email: "MAIL", Phone: "PHONE",
		PhoneKey: "+49", Notes: "NOTES", Tags: []string{"TAG"}, Metadata: map[string]any{"META": 1}, Status: LeadNew}
	p := Patient{ID: 7, GivenName: "GIVEN", FamilyName: "FAMILY", Email: "MAIL", Phones: []Phone{{Number: "PHONE"}}, Status: PatientActive}
	if w.happened(leadCreated, leadFact(l)) != nil || w.happened(patientCreated, patientFact(p)) != nil {
		t.Fatal("no fact")
	}
	want := []string{
		`{"lead":{"id":"id","status":"new","version":0,"created_at":"1970-01-01T00:00:00Z","updated_at":"1970-01-01T00:00:00Z"}}`,
		`{"patient":{"id":7,"status":"active","version":0,"created_at":"1970-01-01T00:00:00Z","updated_at":"1970-01-01T00:00:00Z"}}`,
	}
	for i, ev := range w.events {
		if string(ev.Data) != want[i] {
			t.Errorf("%s, want %s", ev.Data, want[i])
		}
	}
}
