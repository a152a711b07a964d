package people_test

import (
	"fmt"
	"testing"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
	"qualifybase/engine/uuid"
)

func TestConvertLeadCreates(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	l := enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Ida Lind"), Email: new("ida@example.org"),
		Phone: new(ida)}).Lead
	a, err := c.Engine.Book(t.Context(), c.Caller, booking.Booking{StartsAt: enginetest.Unix("2026-04-28 09:00"),
		ServiceID: c.Checkup.ID, LeadID: l.ID})
	enginetest.Must(t, err)
	other := c.Book(t, "2026-04-28 10:00", c.Ada, c.Checkup)
	c.Since(t)
	female := people.SexFemale
	out := enginetest.Convert(t, c, l, 0, people.PatientDraft{BirthDate: new("1990-02-03"), Sex: &female,
		FamilyName: new("Lind-Berg")})
	p := out.Patient
	if !out.Created || p.GivenName != "Ida" || p.FamilyName != "Lind-Berg" || p.Phones[0].E164 != "+49301234567" ||
		p.EmailKey != "ida@example.org" ||
		p.SourceLeadID != l.ID || p.Sex != female || p.MRN == "" || out.Lead.Status != people.LeadConverted ||
		out.Lead.PatientID != p.ID || out.Lead.ID != l.ID {
		t.Errorf("the conversion is %+v", out)
	}
	enginetest.Traces(t, c, "lead.converted patient.created", fmt.Sprintf("lead.convert ok %s status,patient_id", l.ID))
	kept(t, c, c.Caller, out.Lead)
	c.Read(t, func(r engine.Reader) error {
		b, err := r.Appointment(c.Row.N, false, a.ID)
		if err == nil && (b.PatientID != p.ID || b.LeadID != l.ID || b.Version != a.Version+1 || b.Change <= a.Change) {
			t.Errorf("its appointment is %+v", b)
		}
		x, err2 := r.Appointment(c.Row.N, false, other.ID)
		if err2 != nil || x.PatientID != 0 || x.Version != other.Version {
			t.Errorf("another's appointment is %+v, %v", x, err2)
		}
		return err
	})
	// Again: the same patient, nothing more.
	again := enginetest.Convert(t, c, l, 0, people.PatientDraft{GivenName: new("Somebody")})
	if again.Created || again.Patient.ID != p.ID || again.Patient.GivenName != "Ida" {
		t.Errorf("the second conversion is %+v", again)
	}
	if again = enginetest.Convert(t, c, l, p.ID, people.PatientDraft{}); again.Patient.ID != p.ID {
		t.Errorf("naming the patient answers %+v", again)
	}
	enginetest.Traces(t, c, "")
	_, err = c.Engine.ConvertLead(t.Context(), c.Caller, l.ID, nil,
		enginetest.CreatePatient(t, c, enginetest.Named("Otto", "Berg")).ID, people.PatientDraft{})
	enginetest.Refused(t, err, fault.Conflict, "patient_id")
}

func TestConvertLeadLinks(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	p := enginetest.CreatePatient(t, c, lind("Ida", "Lind", "1990-02-03", "", ida))
	l := enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Ida Lind"), Phone: new(ida)}).Lead
	c.Since(t)

	// The same phone and given name: somebody has to look.
	_, err := c.Engine.ConvertLead(t.Context(), c.Caller, l.ID, nil, 0, people.PatientDraft{})
	e := enginetest.Refused(t, err, fault.Conflict, "patient_id")
	if refs, _ := e.Candidates.([]people.MatchRef); len(refs) != 1 ||
		refs[0].PatientID != p.ID || refs[0].Grade != people.Probable {
		t.Errorf("the candidates are %+v", e.Candidates)
	}
	enginetest.Traces(t, c, "", fmt.Sprintf("lead.convert failed %s error:CONFLICT", l.ID))
	kept(t, c, c.Caller, l)

	// With the birth date it is certain.
	out := enginetest.Convert(t, c, l, 0, people.PatientDraft{BirthDate: new("1990-02-03")})
	if out.Created || out.Patient.ID != p.ID || out.Patient.Version != p.Version || out.Lead.PatientID != p.ID {
		t.Errorf("linked is %+v", out)
	}
	enginetest.Traces(t, c, "lead.converted", fmt.Sprintf("lead.convert ok %s status,patient_id", l.ID))

	// Who is named is taken; who insists gets a new one.
	m := enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Eva Lind"), Email: new("eva@example.org")}).Lead
	if out = enginetest.Convert(t, c, m, p.ID, people.PatientDraft{}); out.Created || out.Patient.ID != p.ID {
		t.Errorf("by name it is %+v", out)
	}
	n := enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Ida Lind"), Email: new("i@example.org"),
		Phone: new("")}).Lead
	if out = enginetest.Convert(t, c, n, 0, people.PatientDraft{BirthDate: new("1990-02-03"),
		AllowDuplicate: true}); !out.Created {
		t.Errorf("who insists gets %+v", out)
	}
}

func TestConvertLeadRefuses(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	l := enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Email: new("x@example.org")}).Lead
	own := c.Patient(t, c.Caller, "A", "B")
	rival, _ := c.Rival(t)
	foreign, err := c.Engine.CreatePatient(t.Context(), rival, enginetest.Named("A", "B"))
	enginetest.Must(t, err)
	c.Since(t)
	for _, x := range []struct {
		name    string
		by      act.Caller
		id      string
		patient int64
		draft   people.PatientDraft
		kind    fault.Kind
		fields  []string
	}{
		{"a lead without a name", c.Caller, l.ID, 0, people.PatientDraft{BirthDate: new("1990-02-31")}, fault.Invalid,
			[]string{"given_name", "family_name", "birth_date"}},
		{"a patient and fields", c.Caller, l.ID, own.ID, people.PatientDraft{BirthDate: new("1990-02-03")}, fault.Invalid,
			[]string{"patient_id"}},
		{"another clinic's patient", c.Caller, l.ID, foreign.ID, people.PatientDraft{}, fault.NotFound, nil},
		{"another clinic's lead", rival, l.ID, foreign.ID, people.PatientDraft{}, fault.NotFound, nil},
		{"no lead", c.Caller, uuid.New(c.Clock.Now()), 0, enginetest.Named("A", "B"), fault.NotFound, nil},
		{"a test key", c.Test, l.ID, 0, enginetest.Named("A", "B"), fault.NotFound, nil},
	} {
		_, err := c.Engine.ConvertLead(t.Context(), x.by, x.id, nil, x.patient, x.draft)
		enginetest.Refused(t, err, x.kind, x.fields...)
	}
	old := int64(9)
	_, err = c.Engine.ConvertLead(t.Context(), c.Caller, l.ID, &old, 0, enginetest.Named("A", "B"))
	enginetest.Refused(t, err, fault.PreconditionFailed)
	kept(t, c, c.Caller, l)
	if ev := c.Since(t).Events; len(ev) != 0 {
		t.Errorf("refusals told %v", ev)
	}
}
