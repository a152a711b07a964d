package people_test

import (
	"fmt"
	"strings"
	"testing"

	"qualifybase/engine/act"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
	"qualifybase/engine/scope"
)

const ida = "030 1234567" // a phone

// lind is a person on file and whom others are compared with.
func lind(given, family, birth, email, phone string) people.PatientDraft {
	d := enginetest.Named(given, family)
	d.BirthDate, d.Email = &birth, &email
	if phone != "" {
		d.Phones = &[]people.Phone{{Number: phone}}
	}
	return d
}

func likenesses(found []people.Match) string {
	var out []string
	for _, m := range found {
		out = append(out, fmt.Sprintf("%s %s (%s)", m.Patient.GivenName, m.Grade, strings.Join(m.Matched, " ")))
	}
	return strings.Join(out, ", ")
}

// records.md §4: the grades as they are written there.
func TestMatchGrades(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	d := lind("Ida", "Lind", "1990-02-03", "ida@example.org", ida)
	d.Identifiers = &[]people.Identifier{{System: "Insurer", Value: "A 123"}}
	p := enginetest.CreatePatient(t, c, d)
	c.Since(t)
	insured := lind("Otto", "Berg", "", "", "")
	insured.Identifiers = &[]people.Identifier{{System: "insurer", Value: "a123"}}
	twinInsured := lind("Eva", "Lind", "1990-02-03", "", ida)
	twinInsured.Identifiers = insured.Identifiers
	for _, x := range []struct {
		name  string
		probe people.PatientDraft
		want  string
	}{
		{"the same identifier", insured, "Ida certain (identifiers)"},
		{"birth date, names, phone", lind("IDA", "lind", "1990-02-03", "", "+49 30 1234567"),
			"Ida certain (birth_date family_name given_name phones)"},
		{"birth date, names, e-mail", lind("Idá", "LIND", "1990-02-03", "IDA@example.org", ""),
			"Ida certain (birth_date family_name given_name email)"},
		{"birth date and names alone", lind("Ida", "Lind", "1990-02-03", "", ""),
			"Ida probable (birth_date family_name given_name)"},
		{"birth date, family name, initial", lind("Ilse", "Lind", "1990-02-03", "", ""),
			"Ida probable (birth_date family_name)"},
		{"phone and given name", lind("Ida", "Berg", "", "", ida), "Ida probable (given_name phones)"},
		{"a twin", lind("Eva", "Lind", "1990-02-03", "ida@example.org", ida),
			"Ida possible (birth_date family_name phones email)"},
		{"a twin on one insurance", twinInsured, "Ida probable (identifiers birth_date family_name phones)"},
		{"birth date and family name", lind("Eva", "Lind", "1990-02-03", "", ""), "Ida possible (birth_date family_name)"},
		{"e-mail alone", lind("Otto", "Berg", "", "ida@example.org", ""), "Ida possible (email)"},
		{"the same phone alone is a family", lind("Otto", "Lind", "", "", ida), ""},
		{"another birth date", lind("Ida", "Lind", "1991-02-03", "", ""), ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			found, err := c.Engine.MatchPatients(t.Context(), c.Caller, x.probe)
			enginetest.Must(t, err)
			if got := likenesses(found); got != x.want {
				t.Errorf("found %q, want %q", got, x.want)
			}
			id := ""
			if x.want != "" {
				id = fmt.Sprintf(" id:%d", p.ID)
			}
			enginetest.Traces(t, c, "", "patient.match ok"+id)
		})
	}
	rival, _ := c.Rival(t)
	for _, by := range []act.Caller{rival, c.Test} {
		if found, err := c.Engine.MatchPatients(t.Context(), by, d); err != nil || len(found) != 0 {
			t.Errorf("others find %v, %v", likenesses(found), err)
		}
	}
	for _, bad := range []people.PatientDraft{{}, enginetest.Named("Ida", "Lind"), {BirthDate: new("1990-02-03")}} {
		_, err := c.Engine.MatchPatients(t.Context(), c.Caller, bad)
		enginetest.Refused(t, err, fault.Invalid, "birth_date")
	}
	_, err := c.Engine.MatchPatients(t.Context(), c.Caller, people.PatientDraft{Email: new("x"),
		Phones: &[]people.Phone{{Number: "x"}}})
	enginetest.Refused(t, err, fault.Invalid, "email", "phones[0].number")
}

// A phone that a thousand share still finds the one of that given name.
func TestMatchInAFullBucket(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	for i := range 300 {
		d := lind(fmt.Sprintf("Aa%03d", i), "Home", "", "", ida)
		if i == 299 {
			d.GivenName = new("Zora")
		}
		enginetest.CreatePatient(t, c, d)
	}
	found, err := c.Engine.MatchPatients(t.Context(), c.Caller, lind("Zora", "Berg", "", "", ida))
	if enginetest.Must(t, err); likenesses(found) != "Zora probable (given_name phones)" {
		t.Errorf("found %s", likenesses(found))
	}
}

func TestCreatePatientTwice(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	d := lind("Ida", "Lind", "1990-02-03", "", ida)
	p := enginetest.CreatePatient(t, c, d)
	c.Since(t)
	_, err := c.Engine.CreatePatient(t.Context(), c.Caller, d)
	e := enginetest.Refused(t, err, fault.Conflict, "allow_duplicate")
	if refs, _ := e.Candidates.([]people.MatchRef); len(refs) != 1 ||
		refs[0].PatientID != p.ID || refs[0].Grade != people.Certain {
		t.Errorf("the candidates are %+v", e.Candidates)
	}
	enginetest.Traces(t, c, "", "patient.create failed error:CONFLICT")
	writer := c.Caller
	writer.Scopes = scope.Of(scope.PatientsWrite)
	_, err = c.Engine.CreatePatient(t.Context(), writer, d)
	if e := enginetest.Refused(t, err, fault.Conflict, "allow_duplicate"); e.Candidates != nil {
		t.Errorf("who may not read patients is told %v", e.Candidates)
	}
	// Twins are two people; who says so may have two records.
	enginetest.CreatePatient(t, c, lind("Eva", "Lind", "1990-02-03", "", ida))
	d.AllowDuplicate = true
	if second := enginetest.CreatePatient(t, c, d); second.ID == p.ID {
		t.Error("no second record was made")
	}
}
