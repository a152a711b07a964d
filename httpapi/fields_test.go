package httpapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"qualifybase/engine/enginetest"
	"qualifybase/engine/people"
	"qualifybase/httpapi/wire"
)

// Every field that a PATCH of a lead may send is in the next GET: one that is
// forgotten between the body and the database is answered 200 and fails here.
func TestEveryFieldOfALead(t *testing.T) {
	t.Parallel()
	bothForms(t, func(w *world) {
		var made, changed LeadDraft
		enginetest.Fill(w, &made, "some", map[string]any{"Name": "Ida Lind", "FirstName": "Ida", "LastName": "Lind",
			"Email": "ida@example.org", "Phone": "030 1234567", "Status": people.LeadContacted})
		enginetest.Fill(w, &changed, "other", map[string]any{"Email": "lind@example.org",
			"Phone": "030 7654321", "Status": people.LeadLost, "Notes": "two\nlines"})
		w.keepsFields("/leads", made, changed)
	})
}

// The same of a patient.
func TestEveryFieldOfAPatient(t *testing.T) {
	t.Parallel()
	bothForms(t, func(w *world) {
		var made PatientDraft
		enginetest.Fill(w, &made, "some", map[string]any{"BirthDate": "1990-02-03", "Sex": people.SexFemale,
			"Phones": []Phone{{Number: "030 1234567", Label: "home"}}, "Email": "ida@example.org",
			"Address": Address{Line1: "1", Line2: "2", City: "3", Region: "4", PostalCode: "5",
				Country: "DE"},
			"Consents":         consentsOf("form"),
			"EmergencyContact": EmergencyContact{Name: "Noa", Relationship: "son", Phone: "030 1234568"},
			"Identifiers":      []Identifier{{System: "insurer", Value: "A 1"}},
			"Language":         "de", "ContactPreference": "sms", "AllowDuplicate": false})
		var changed PatientPatch
		enginetest.Fill(w, &changed, "other", map[string]any{"BirthDate": "1991-03-04", "Sex": people.SexOther,
			"Phones": []Phone{{Number: "030 7654321"}}, "Email": "berg@example.org",
			"Address": Address{Line1: "other"}, "Consents": consentsOf("call"),
			"EmergencyContact": EmergencyContact{Name: "Kim"},
			"Identifiers":      []Identifier{{System: "s", Value: "2"}}, "Language": "pt-BR",
			"ContactPreference": "post", "Status": people.PatientDeceased})
		w.keepsFields("/patients", made, changed)
	})
}

// A draft of the engine has no field that no request can send.
func TestEveryFieldCanBeSent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		draft any
		wire  []string
	}{
		{people.LeadDraft{}, enginetest.FieldNames(LeadDraft{})},
		{people.PatientDraft{}, append(enginetest.FieldNames(PatientDraft{}), enginetest.FieldNames(PatientPatch{})...)},
	} {
		for _, name := range enginetest.FieldNames(c.draft) {
			if !slices.Contains(c.wire, name) {
				t.Errorf("%T.%s is in no request", c.draft, name)
			}
		}
	}
}

func consentsOf(source string) Consents {
	at := wire.At(monday.Unix() - 60)
	return Consents{&Consent{true, at, source}, &Consent{false, at, source}, &Consent{true, at, source}}
}

// keepsFields creates a thing and changes each of its fields alone; each must be in
// the GET that follows.
func (w *world) keepsFields(path string, made, changed any) {
	w.Helper()
	fields := func(draft any) (out map[string]any) {
		text, err := json.Marshal(draft)
		if err == nil {
			err = json.Unmarshal(text, &out)
		}
		if err != nil {
			w.Fatal(err)
		}
		return out
	}
	post, err := json.Marshal(made)
	if err != nil {
		w.Fatal(err)
	}
	at := path + "/" + w.as("POST", path, string(post)).is(201, "").id("data", "id")
	for name, sent := range fields(made) {
		w.hasField(at, name, sent)
	}
	patches := fields(changed)
	names := slices.Sorted(maps.Keys(patches))
	if i := slices.Index(names, "restricted"); i >= 0 { // the last, for the record then changes in nothing more
		names = append(slices.Delete(names, i, i+1), "restricted")
	}
	for _, name := range names {
		body, err := json.Marshal(map[string]any{name: patches[name]})
		if err != nil {
			w.Fatal(err)
		}
		w.as("PATCH", at, string(body)).is(200, "")
		w.hasField(at, name, patches[name])
	}
}

func (w *world) hasField(at, name string, sent any) {
	w.Helper()
	if got := w.as("GET", at, "").is(200, "").get("data", name); !within(got, sent) {
		w.Errorf("%s of %s is %v, sent was %v", name, at, got, sent)
	}
}

// within reports whether a reply has all that was sent; it may have more, as the
// E.164 form of a phone.
func within(got, sent any) bool {
	switch sent := sent.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		for name := range sent {
			ok = ok && within(object[name], sent[name])
		}
		return ok
	case []any:
		list, ok := got.([]any)
		return ok && len(list) == len(sent) && !slices.ContainsFunc(list, func(v any) bool {
			return !slices.ContainsFunc(sent, func(s any) bool { return within(v, s) })
		})
	}
	return fmt.Sprint(got) == fmt.Sprint(sent)
}
