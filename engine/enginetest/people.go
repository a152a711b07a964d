package enginetest

import (
	"context"
	"strings"
	"testing"

	"qualifybase/engine/access"
	"qualifybase/engine/act"
	"qualifybase/engine/people"
)

// PutLead puts a lead that must be accepted.
func PutLead(t testing.TB, c *Clinic, by act.Caller, d people.LeadDraft) people.LeadPut {
	t.Helper()
	p, err := c.Engine.PutLead(t.Context(), by, d)
	Must(t, err)
	return p
}

// Convert makes a patient of a lead, or links it with patient.
func Convert(t testing.TB, c *Clinic, l people.Lead, patient int64, d people.PatientDraft) people.Conversion {
	t.Helper()
	out, err := c.Engine.ConvertLead(t.Context(), c.Caller, l.ID, nil, patient, d)
	Must(t, err)
	return out
}

// Named is a draft of names alone.
func Named(given, family string) people.PatientDraft {
	return people.PatientDraft{GivenName: &given, FamilyName: &family}
}

// CreatePatient makes a patient's record through its use case.
func CreatePatient(t testing.TB, c *Clinic, d people.PatientDraft) people.Patient {
	t.Helper()
	p, err := c.Engine.CreatePatient(t.Context(), c.Caller, d)
	Must(t, err)
	return p
}

// Register is CreatePatient by a caller, with a birth date or "".
func Register(t testing.TB, c *Clinic, by act.Caller, given, family, birth string) people.Patient {
	t.Helper()
	d := Named(given, family)
	if birth != "" {
		d.BirthDate = &birth
	}
	p, err := c.Engine.CreatePatient(t.Context(), by, d)
	Must(t, err)
	return p
}

// Merge puts a patient's record into another's.
func Merge(t testing.TB, c *Clinic, loser, into int64) people.Patient {
	t.Helper()
	p, err := c.Engine.MergePatients(t.Context(), c.Caller, loser, into, nil)
	Must(t, err)
	return p
}

// IssueKey makes a key as the shell.
func IssueKey(t testing.TB, c *Clinic, d access.KeyDraft) access.Key {
	t.Helper()
	if d.Name == "" {
		d.Name = "A key"
	}
	k, err := c.Engine.CreateKey(context.Background(), c.Shell, d)
	Must(t, err)
	return k
}

// Traces checks all events and audit rows since the last look.
func Traces(t testing.TB, c *Clinic, events string, audit ...string) {
	t.Helper()
	got := c.Since(t)
	if text := strings.Join(got.Events, " "); text != events {
		t.Errorf("the events are %q, want %q", text, events)
	}
	if a, w := strings.Join(got.Audit, "\n\t"), strings.Join(audit, "\n\t"); a != w {
		t.Errorf("the audit says\n\t%s\nwant\n\t%s", a, w)
	}
}
