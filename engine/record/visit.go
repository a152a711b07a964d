package record

import (
	"slices"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
)

// What consultations, notes and prescriptions share.

// lawful wants a step that the table has; else it names those that it has.
func lawful[S ~string](what string, steps map[S][]S, from, to S) error {
	if slices.Contains(steps[from], to) {
		return nil
	}
	err := fault.Fail(fault.InvalidTransition, "A %s that is %s cannot become %s", what, from, to)
	err.Allowed = []string{}
	for _, s := range steps[from] {
		err.Allowed = append(err.Allowed, string(s))
	}
	return err
}

// consultation loads the consultation that an act is about.
func (w *Act) consultation(id string) (Consultation, error) {
	w.EntityID = id
	v, err := w.Consultation(w.Caller.Clinic, w.Caller.Test, id)
	if err == nil {
		w.aboutVisit(v, id)
	}
	return v, err
}

// aboutVisit tells audit and idempotency whose record is acted on.
func (w *Act) aboutVisit(v Consultation, entityID string) {
	w.EntityID, w.PatientID = entityID, v.PatientID
	if v.PatientID != 0 {
		w.Subject = "patient:" + act.IDText(v.PatientID)
	}
}

// open wants a consultation in progress: one that has ended refuses new notes,
// vitals and prescriptions, and edits of all of them (records.md §3).
func (v *Consultation) open() error {
	switch v.Status {
	case ConsultationEnded:
		return fault.Fail(fault.Conflict, "The consultation has ended").On("consultation_id",
			"Amend one of its signed notes, or write an addendum to one with addendum_to")
	case ConsultationInError:
		return v.standing()
	}
	return nil
}

// standing wants a consultation that is not a mistake.
func (v *Consultation) standing() error {
	if v.Status != ConsultationInError {
		return nil
	}
	return fault.Fail(fault.Conflict, "The consultation was entered in error").On("consultation_id",
		"Use the right consultation")
}

// author is who writes: the provider that was named, else the consultation's.
// Keys and users have no provider of their own; the audit names them (records.md §1).
func (w *Act) author(v Consultation, named int64) (int64, error) {
	if named == 0 || named == v.ProviderID {
		return v.ProviderID, nil
	}
	plan, err := w.Plan(w.Caller.Clinic)
	if err != nil {
		return 0, err
	}
	p := plan.Provider(named)
	if p == nil {
		return 0, fault.Absent("provider").On("author_id", "Must be a provider of this clinic")
	}
	if !p.Active {
		return 0, fault.Fail(fault.ProviderInactive, "This provider is inactive").On("author_id", "Name an active provider")
	}
	return named, nil
}
