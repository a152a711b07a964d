package people

import (
	"cmp"
	"context"
	"slices"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/text"
)

// Grade is how sure it is that two records are one person (FHIR match grade).
type Grade string

// The grades, the surest first (records.md §4).
const (
	Certain  Grade = "certain"
	Probable Grade = "probable"
	Possible Grade = "possible"
)

// Grades lists them in this order.
var Grades = []Grade{Certain, Probable, Possible}

// Words lists the values as text.
func (Grade) Words() []string { return text.Words(Grades) }

// Match is a patient who may be the one that is meant.
type Match struct {
	Patient Patient
	Grade   Grade
	Matched []string // wire names of what is the same
}

// MatchRef is a Match in a refusal: no word about the person, so that the
// refusal may be kept under an idempotency key.
type MatchRef struct {
	PatientID int64
	Grade     Grade
	Matched   []string
}

const (
	bucketRows    = 100 // rows that are looked at per key: those of the same given name first
	maxCandidates = 20
)

var patientMatch = act.Define("patient.match", scope.PatientsRead)

// grade applies records.md §4; "" is no match. The same phone alone is a family;
// twins (birth date, family and phone the same, another given name) are never
// certain, whatever else is shared.
func (s shared) grade() Grade {
	twin := s.birth && s.family && s.phone && !s.given
	switch {
	case !twin && (s.identifier || s.birth && s.family && s.given && (s.phone || s.email)):
		return Certain
	case s.identifier, s.birth && s.family && s.initial, s.phone && s.given:
		return Probable
	case s.email, s.birth && s.family:
		return Possible
	}
	return ""
}

// candidatesFor finds who the probe may be, the surest first. A record that was
// merged stands for its survivor; restricted records are passed over.
func candidatesFor(r Reader, probe Patient) ([]Match, error) {
	found, err := r.PatientsByKeys(probe.Clinic, probe.Test, probe.blocking(), text.Fold(probe.GivenName), bucketRows)
	if err != nil {
		return nil, err
	}
	best := map[int64]Match{}
	for _, p := range found {
		s := compare(probe, p)
		grade := s.grade()
		if grade == "" || p.ID == probe.ID {
			continue
		}
		for p.Status == PatientMerged {
			if p, err = r.Patient(p.Clinic, p.Test, p.MergedInto); err != nil {
				return nil, err
			}
		}
		c := Match{p, grade, s.names()}
		if old, ok := best[p.ID]; !p.Restricted && p.ID != probe.ID && (!ok || surer(c, old) < 0) {
			best[p.ID] = c
		}
	}
	out := make([]Match, 0, len(best))
	for _, c := range best {
		out = append(out, c)
	}
	slices.SortFunc(out, surer)
	return out[:min(len(out), maxCandidates)], nil
}

// surer orders candidates: by grade, then by how much is the same, then the older record.
func surer(a, b Match) int {
	return cmp.Or(cmp.Compare(slices.Index(Grades, a.Grade), slices.Index(Grades, b.Grade)),
		cmp.Compare(len(b.Matched), len(a.Matched)), cmp.Compare(a.Patient.ID, b.Patient.ID))
}

// MatchPatients says who a person may be (records.md §4): the draft's names, birth
// date, phones, e-mail and identifiers count, and none is required alone. Needs
// patients:read.
//
// Errors: Invalid, also when nothing is sent that a person can be found by.
func (e *Engine) MatchPatients(ctx context.Context, c act.Caller, d PatientDraft) ([]Match, error) {
	out, err := act.Read(ctx, e.Room, c, patientMatch, func(r Reader) ([]Match, error) {
		probe, err := e.probe(r, c, d)
		if err != nil {
			return nil, err
		}
		return candidatesFor(r, probe)
	})
	if err == nil {
		e.AuditRead(c, patientMatch, "", 0, act.ListFields(nil, out,
			func(x Match) string { return act.IDText(x.Patient.ID) })...)
	}
	return out, err
}

// probe is a person who is looked for.
func (e *Engine) probe(r Reader, c act.Caller, d PatientDraft) (Patient, error) {
	home, err := r.Clinic(c.Clinic)
	if err != nil {
		return Patient{}, err
	}
	x, err := editAt(home, e.Now().Unix())
	if err != nil {
		return Patient{}, err
	}
	p := Patient{Clinic: c.Clinic, Test: c.Test}
	x.Text("given_name", &p.GivenName, d.GivenName, text.MaxName)
	x.Text("family_name", &p.FamilyName, d.FamilyName, text.MaxName)
	patientFacts.Apply(&x, &p, &d)
	if err := x.Err(); err != nil {
		return Patient{}, err
	}
	if len(p.blocking()) == 0 {
		x.Add("birth_date", "Required with family_name, or send a phone, an email or an identifier")
	}
	return p, x.Err()
}

// noDouble refuses a new patient who is certainly on file.
func (w *Act) noDouble(p Patient) error {
	found, err := candidatesFor(w, p)
	if err != nil {
		return err
	}
	found = slices.DeleteFunc(found, func(c Match) bool { return c.Grade != Certain })
	if len(found) == 0 {
		return nil
	}
	return w.lists(fault.Fail(fault.Conflict, "This person has a record already").
		On("allow_duplicate", "Use that record, or send true to make a second one"), found)
}

// lists names the candidates in a refusal, for callers who may read patients.
func (w *Act) lists(e *fault.Error, found []Match) *fault.Error {
	if w.Caller.May(scope.PatientsRead) {
		refs := []MatchRef{}
		for _, c := range found {
			refs = append(refs, MatchRef{c.Patient.ID, c.Grade, c.Matched})
		}
		e.Candidates = refs
	}
	return e
}
