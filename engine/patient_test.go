package engine

import "testing"

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
