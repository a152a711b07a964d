package people_test

import (
	"fmt"
	"strings"
	"testing"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/directory"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
	"qualifybase/engine/scope"
)

// patientRow reads a patient's row, past the stub and the audit.
func patientRow(t *testing.T, c *enginetest.Clinic, id int64) (p people.Patient) {
	t.Helper()
	c.Read(t, func(r engine.Reader) (err error) {
		p, err = r.Patient(c.Row.N, false, id)
		return err
	})
	return p
}

func TestPatientFields(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	female, now := people.SexFemale, c.Clock.Now().Unix()
	p := enginetest.CreatePatient(t, c, people.PatientDraft{
		MRN: new("K 7"), GivenName: new("🌷 לאה"), FamilyName: new("Ní Bhriain"), PreferredName: new("Lea"),
		BirthDate: new("1984-02-29"), Sex: &female,
		Phones: &[]people.Phone{{Number: "030 1234567", Label: "home", E164: "+1 forged"}}, Email: new("Lea@Example.org"),
		Address: &directory.Address{Line1: "Weg 1", City: "Berlin", Country: "de"}, Language: new("PT-br"),
		ContactPreference: new("sms"),
		Consents: &people.Consents{SMSReminders: &people.Consent{Granted: true, Source: "form"},
			Marketing: &people.Consent{At: now - 9}},
		EmergencyContact: &people.EmergencyContact{Name: "Noa", Phone: "030 7654321"},
		Identifiers:      &[]people.Identifier{{System: "insurer", Value: "A 1"}, {System: "insurer", Value: "A 1"}},
		AllergiesText:    new("nuts\nlatex"), AdminNotes: new("pays cash"),
	})
	if p.GivenName != "🌷 לאה" || p.MRN != "K 7" || p.Phones[0].E164 != "+49301234567" || p.Address.Country != "DE" ||
		p.Language != "pt-BR" ||
		*p.Consents.SMSReminders != (people.Consent{Granted: true, At: now, Source: "form"}) ||
		p.Consents.EmailReminders != nil ||
		p.Consents.Marketing.At != now-9 || len(p.Identifiers) != 1 || p.Restricted || p.MergedInto != 0 {
		t.Errorf("the patient is %+v", p)
	}
	enginetest.Traces(t, c, "patient.created",
		fmt.Sprintf("patient.create ok %d mrn,given_name,family_name,birth_date,email,phones,identifiers,"+
			"preferred_name,sex,address,language,contact_preference,consents,emergency_contact,"+
			"allergies_text,admin_notes", p.ID))
	for q, want := range map[string]int{"לאה": 0, "🌷": 1, "ni bh": 1, "lea ni": 1, "k 7": 1, "K7": 0,
		"1984-02-29": 1, "1984-02-28": 0, "030123": 1, "LEA@": 1} {
		list, err := c.Engine.Patients(t.Context(), c.Caller, people.PatientQuery{Q: q}, act.Page{})
		if enginetest.Must(t, err); len(list.Items) != want {
			t.Errorf("%q finds %d, want %d", q, len(list.Items), want)
		}
	}
	c.Since(t)

	// Nothing new is no change, and consents that are said again keep their time.
	c.Clock.Add(3600e9)
	v := p.Version
	same, err := c.Engine.UpdatePatient(t.Context(), c.Caller, p.ID, &v,
		people.PatientDraft{MRN: new(""), GivenName: &p.GivenName,
			Consents: &people.Consents{SMSReminders: &people.Consent{Granted: true, Source: "form"}}})
	enginetest.Must(t, err)
	if same.Version != 1 {
		t.Errorf("nothing new made version %d", same.Version)
	}
	enginetest.Traces(t, c, "")
	after, err := c.Engine.UpdatePatient(t.Context(), c.Caller, p.ID, &v,
		people.PatientDraft{BirthDate: new(""), Email: new(""), Phones: &[]people.Phone{},
			Consents: &people.Consents{SMSReminders: &people.Consent{Granted: false}}})
	enginetest.Must(t, err)
	if after.BirthDate != nil || after.Email != "" || after.EmailKey != "" || len(after.Phones) != 0 ||
		after.Consents.SMSReminders.At != now+3600 ||
		after.Consents.Marketing == nil || after.Version != 2 || after.CreatedAt != p.CreatedAt {
		t.Errorf("the patient became %+v", after)
	}
	enginetest.Traces(t, c, "patient.updated", fmt.Sprintf("patient.update ok %d birth_date,email,phones,consents", p.ID))
	for _, q := range []string{"1984-02-29", "030123", "lea@"} {
		if list, err := c.Engine.Patients(t.Context(), c.Caller, people.PatientQuery{Q: q},
			act.Page{}); err != nil || len(list.Items) != 0 {
			t.Errorf("%q still finds %d, %v", q, len(list.Items), err)
		}
	}
}

func TestPatientFaults(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	sex, status := people.Sex("f"), people.PatientMerged
	many := make([]people.Phone, people.MaxPhones+1)
	ids := make([]people.Identifier, people.MaxIdentifiers+1)
	future := c.Clock.Now().Unix() + 60
	for name, x := range map[string]struct {
		change people.PatientDraft
		fields []string
	}{
		"everything at once": {people.PatientDraft{MRN: new(strings.Repeat("1", 101)),
			GivenName: new(strings.Repeat("x", 100<<10)), FamilyName: new("\u0301\u0308"),
			BirthDate: new("2023-02-30"), Sex: &sex, Phones: &[]people.Phone{{Number: "12"}, {}}, Email: new("a@b"),
			Address:  &directory.Address{Country: "XX", City: "a\x00"},
			Language: new("tlhXX-!"), ContactPreference: new("pigeon"),
			Consents:         &people.Consents{Marketing: &people.Consent{At: future}},
			EmergencyContact: &people.EmergencyContact{Phone: "x"}, Identifiers: &[]people.Identifier{{System: "s"}},
			AllergiesText: new("\u202E"),
			AdminNotes:    new(strings.Repeat("x", 4001)), Status: &status},
			[]string{"mrn", "given_name", "family_name", "birth_date", "sex", "phones[0].number", "phones[1].number", "email",
				"address.country", "address.city",
				"language", "contact_preference", "consents.marketing.at", "emergency_contact.phone", "identifiers[0].value",
				"allergies_text", "admin_notes", "status"}},
		"emptied names": {people.PatientDraft{GivenName: new(" "), FamilyName: new("\t")},
			[]string{"given_name", "family_name"}},
		"too many":            {people.PatientDraft{Phones: &many, Identifiers: &ids}, []string{"phones", "identifiers"}},
		"born tomorrow":       {people.PatientDraft{BirthDate: new("2026-04-28")}, []string{"birth_date"}},
		"born in 1849":        {people.PatientDraft{BirthDate: new("1849-12-31")}, []string{"birth_date"}},
		"a date in words":     {people.PatientDraft{BirthDate: new("3 May 1980")}, []string{"birth_date"}},
		"a date of 13 months": {people.PatientDraft{BirthDate: new("1980-13-01")}, []string{"birth_date"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := x.change
			if d.GivenName == nil {
				d.GivenName, d.FamilyName = new("A"), new("B")
			}
			_, err := c.Engine.CreatePatient(t.Context(), c.Caller, d)
			e := enginetest.Refused(t, err, fault.Invalid, x.fields...)
			if strings.Contains(e.Error(), "pigeon") || strings.Contains(e.Error(), "3 May") {
				t.Errorf("the refusal holds what was sent: %v", e)
			}
			enginetest.Traces(t, c, "")
		})
	}
	if list, err := c.Engine.Patients(t.Context(), c.Caller, people.PatientQuery{},
		act.Page{}); err != nil || len(list.Items) != 0 {
		t.Errorf("%d patients are left of refusals, %v", len(list.Items), err)
	}
}

func TestPatientMRN(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	a := enginetest.CreatePatient(t, c, people.PatientDraft{MRN: new("P-00001"), GivenName: new("A"),
		FamilyName: new("A")})
	b := enginetest.CreatePatient(t, c, enginetest.Named("B", "B"))
	if b.MRN != "P-00002" {
		t.Errorf("the first number made is %s", b.MRN)
	}
	c.Since(t)
	_, err := c.Engine.CreatePatient(t.Context(), c.Caller, people.PatientDraft{MRN: new("p-00002"), GivenName: new("C"),
		FamilyName: new("C")})
	enginetest.Refused(t, err, fault.Conflict, "mrn")
	_, err = c.Engine.UpdatePatient(t.Context(), c.Caller, a.ID, nil, people.PatientDraft{MRN: new("P-00002")})
	enginetest.Refused(t, err, fault.Conflict, "mrn")
	enginetest.Traces(t, c, "", "patient.create failed error:CONFLICT",
		fmt.Sprintf("patient.update failed %d error:CONFLICT", a.ID))
	if got, err := c.Engine.UpdatePatient(t.Context(), c.Caller, a.ID, nil,
		people.PatientDraft{MRN: new("p-00001")}); err != nil || got.MRN != "p-00001" {
		t.Errorf("its own number in other letters: %v, %v", got.MRN, err)
	}
	// Test rows and other clinics have numbers of their own.
	rival, _ := c.Rival(t)
	for _, by := range []act.Caller{c.Test, rival} {
		if _, err := c.Engine.CreatePatient(t.Context(), by, people.PatientDraft{MRN: new("P-00002"), GivenName: new("B"),
			FamilyName: new("B")}); err != nil {
			t.Error(err)
		}
	}
}

func TestUpdatePatientRefuses(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	p := enginetest.CreatePatient(t, c, enginetest.Named("Ada", "Byron"))
	rival, _ := c.Rival(t)
	c.Since(t)
	old := int64(7)
	_, err := c.Engine.UpdatePatient(t.Context(), c.Caller, p.ID, &old, people.PatientDraft{GivenName: new("B")})
	enginetest.Refused(t, err, fault.PreconditionFailed)
	for _, by := range []act.Caller{c.Test, rival} {
		_, err = c.Engine.UpdatePatient(t.Context(), by, p.ID, nil, people.PatientDraft{GivenName: new("B")})
		enginetest.Refused(t, err, fault.NotFound)
	}
	c.Since(t)
	reader := c.Caller
	reader.Scopes = scope.Of(scope.PatientsRead)
	_, err = c.Engine.UpdatePatient(t.Context(), reader, p.ID, nil, people.PatientDraft{GivenName: new("B")})
	enginetest.Refused(t, err, fault.Forbidden)
	enginetest.Traces(t, c, "", "patient.update denied scope:patients:write")

	// A restricted record is kept, not worked with.
	_, err = c.Engine.UpdatePatient(t.Context(), c.Caller, p.ID, nil, people.PatientDraft{Restricted: new(true)})
	enginetest.Must(t, err)
	_, err = c.Engine.UpdatePatient(t.Context(), c.Caller, p.ID, nil, people.PatientDraft{GivenName: new("B")})
	enginetest.Refused(t, err, fault.Conflict, "restricted")
	_, err = c.Engine.Book(t.Context(), c.Caller, booking.Booking{StartsAt: enginetest.Unix("2026-04-28 09:00"),
		ServiceID: c.Checkup.ID, PatientID: p.ID})
	enginetest.Refused(t, err, fault.Conflict, "restricted")
	if list, err := c.Engine.Patients(t.Context(), c.Caller, people.PatientQuery{Q: "byron"},
		act.Page{}); err != nil || len(list.Items) != 0 {
		t.Errorf("a search finds %d restricted records, %v", len(list.Items), err)
	}
	if found, err := c.Engine.MatchPatients(t.Context(), c.Caller,
		people.PatientDraft{FamilyName: new("Byron"), Email: new("x@example.org")}); err != nil || len(found) != 0 {
		t.Errorf("a match finds %d restricted records, %v", len(found), err)
	}
	if got, err := c.Engine.UpdatePatient(t.Context(), c.Caller, p.ID, nil,
		people.PatientDraft{Restricted: new(false), GivenName: new("B")}); err != nil || got.GivenName != "B" {
		t.Errorf("lifted it is %+v, %v", got, err)
	}
}
