package people

import (
	"context"
	"slices"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
)

// Conversion is what became of a lead.
type Conversion struct {
	Lead    Lead
	Patient Patient
	Created bool // else it was linked to a patient who was there
}

var leadConvert = act.Define("lead.convert", scope.LeadsWrite)

// ConvertLead makes a patient of a lead, or links the lead with one (records.md
// §4). What the lead lacks comes from the draft, whose values win; with patientID
// the lead is linked with that patient, and the draft must be empty. The lead
// keeps its id, its appointments get the patient in the same transaction.
// Converting again answers the same patient, linked. version is the lead's
// If-Match. Needs leads:write.
//
// Without patientID, a single certain match is linked; any other match is a
// Conflict that lists the candidates and writes nothing, unless the draft allows
// duplicates.
//
// Errors: NotFound (lead, patient), PreconditionFailed, Invalid (every fault at
// once), Conflict (needs_review; converted to another patient; patient merged or
// restricted), Gone (patient erased).
func (e *Engine) ConvertLead(ctx context.Context, c act.Caller, id string, version *int64, patientID int64,
	d PatientDraft) (Conversion, error) {
	if patientID != 0 && d != (PatientDraft{}) {
		return Conversion{}, fault.BadField("patient_id",
			"Send no other field: the patient's own fields are changed with PATCH /patients/{id}")
	}
	return act.Do(ctx, e.Room, c, leadConvert, func(w *Act) (Conversion, error) {
		l, err := w.OwnLead(id, version)
		if err != nil {
			return Conversion{}, err
		}
		if l.PatientID != 0 {
			if patientID != 0 && patientID != l.PatientID {
				return Conversion{}, fault.Fail(fault.Conflict, "The lead is converted already").On("patient_id",
					"The lead is patient %d", l.PatientID)
			}
			p, err := w.Patient(c.Clinic, c.Test, l.PatientID)
			w.Quiet = true
			return Conversion{Lead: l, Patient: p}, err
		}
		out, err := w.convert(l, patientID, d)
		if err != nil {
			return Conversion{}, err
		}
		w.PatientID, w.Subject = out.Patient.ID, PatientSubject(out.Patient.ID)
		return out, nil
	})
}

// convert finds or makes the patient and ties the lead and its visits to it.
func (w *Act) convert(l Lead, patientID int64, d PatientDraft) (Conversion, error) {
	p, created, err := w.becomes(l, patientID, d)
	if err != nil {
		return Conversion{}, err
	}
	if created {
		p.SourceLeadID = l.ID
		if err := w.writePatient(&p); err != nil {
			return Conversion{}, err
		}
	}
	l.Status, l.PatientID = LeadConverted, p.ID
	w.Fields = []string{"status", "patient_id"}
	if err := w.saveLead(&l, leadConverted); err != nil {
		return Conversion{}, err
	}
	if created { // told after the lead, as in the table of webhooks.md "Events"
		w.Emit(patientCreated, PatientFact(p))
	}
	return Conversion{l, p, created}, w.visitsOf(l, p)
}

// becomes is the patient that a lead becomes: the one named, the only certain
// match, or a new one that is not yet written.
func (w *Act) becomes(l Lead, patientID int64, d PatientDraft) (p Patient, isNew bool, err error) {
	if patientID != 0 {
		if p, err = w.Patient(w.Caller.Clinic, w.Caller.Test, patientID); err == nil {
			err = p.Usable()
		}
		return p, false, err
	}
	x, err := w.newEdit()
	if err != nil {
		return p, false, err
	}
	if p, _, err = w.newPatient(x, d.over(l)); err != nil {
		return p, false, err
	}
	if d.AllowDuplicate {
		return p, true, nil
	}
	found, err := candidatesFor(w, p)
	if err != nil || len(found) == 0 {
		return p, true, err
	}
	certain := slices.DeleteFunc(slices.Clone(found), func(m Match) bool { return m.Grade != Certain })
	if len(certain) == 1 {
		return certain[0].Patient, false, nil
	}
	return p, false, w.lists(fault.Fail(fault.Conflict, "needs_review: this may be a patient who is on file").
		On("patient_id", "Send the patient's id to link the lead, or allow_duplicate: true to make a new one"), found)
}

// over is the draft with what it lacks from the lead.
func (d PatientDraft) over(l Lead) PatientDraft {
	lack := func(sent **string, value string) {
		if *sent == nil && value != "" {
			*sent = &value
		}
	}
	lack(&d.GivenName, l.FirstName)
	lack(&d.FamilyName, l.LastName)
	lack(&d.Email, l.Email)
	if d.Phones == nil && l.Phone != "" {
		d.Phones = &[]Phone{{Number: l.Phone}}
	}
	return d
}

// visitsOf gives the lead's appointments their patient.
func (w *Act) visitsOf(l Lead, p Patient) error {
	rows, err := w.RowsOfLead(l.Clinic, l.ID)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := w.point(row, p.ID); err != nil {
			return err
		}
	}
	return nil
}
