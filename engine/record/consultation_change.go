package record

import (
	"context"
	"slices"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/text"
)

// PatchConsultation changes a consultation that is in progress, ends it, or marks
// one as entered in error, with what hangs on it.
//
// Errors: Invalid, NotFound, PreconditionFailed, InvalidTransition, Conflict.
func (e *Engine) PatchConsultation(ctx context.Context, c act.Caller, id string, p ConsultationPatch) (Consultation,
	error) {
	if err := p.check(); err != nil {
		return Consultation{}, err
	}
	return act.Do(ctx, e.Room, c, consultationUpdate, func(w *Act) (Consultation, error) {
		v, err := w.consultation(id)
		if err != nil {
			return v, err
		}
		if err := act.CheckVersion(p.Version, v.Version); err != nil {
			return v, err
		}
		err = w.patchConsultation(&v, p)
		return v, err
	})
}

// consultationFields are what a patch changes by itself. The location is looked up
// and the status is a step: patchConsultation does both.
var consultationFields = act.Fields[Consultation, ConsultationPatch]{
	act.FieldOf("mode", act.OneOf("Must be "+text.Or(Modes), Modes...),
		func(v *Consultation, d *ConsultationPatch) (*Mode, **Mode) { return &v.Mode, &d.Mode }),
	act.FieldOf("reason", act.Line(text.MaxText),
		func(v *Consultation, d *ConsultationPatch) (*string, **string) { return &v.Reason, &d.Reason }),
}

func (p *ConsultationPatch) check() error {
	var x act.Edit
	consultationFields.Apply(&x, &Consultation{}, p)
	f := x.Faults
	if p.Status != nil && !slices.Contains(ConsultationStatuses, *p.Status) {
		f.Add("status", "Must be %s", text.Or(ConsultationStatuses))
	}
	why := ""
	if p.StatusReason != nil {
		why = text.Clean(&f, "status_reason", *p.StatusReason, text.MaxText)
		p.StatusReason = &why
	}
	if p.Status != nil && *p.Status == ConsultationInError && why == "" {
		f.Add("status_reason", "Required with entered_in_error")
	}
	if why != "" && (p.Status == nil || *p.Status != ConsultationInError) {
		f.Add("status_reason", "Only allowed with status entered_in_error")
	}
	return f.Err()
}

// patchConsultation applies a patch: first the fields, then the step.
func (w *Act) patchConsultation(v *Consultation, p ConsultationPatch) error {
	var x act.Edit
	row := *v
	if p.LocationID != nil {
		plan, err := w.Plan(w.Caller.Clinic)
		if err != nil {
			return err
		}
		if *p.LocationID != 0 && plan.Location(*p.LocationID) == nil {
			return fault.Absent("location").On("location_id", "Must be a location of this clinic")
		}
		act.Put(&x, "location_id", &row.LocationID, *p.LocationID)
	}
	consultationFields.Apply(&x, &row, &p)
	if err := x.Err(); err != nil {
		return err
	}
	step := p.Status != nil && *p.Status != v.Status
	if len(x.Changed) > 0 {
		if err := row.open(); err != nil {
			return err
		}
		if err := w.Stamp(&row.Meta); err != nil {
			return err
		}
		if err := w.UpdateConsultation(row); err != nil {
			return err
		}
		*v, w.Fields = row, x.Changed
	}
	switch {
	case !step:
		w.Quiet = len(x.Changed) == 0
		return nil
	case *p.Status == ConsultationEnded:
		return w.end(v)
	case *p.Status == ConsultationInError:
		return w.mistaken(v, *p.StatusReason)
	}
	return lawful("consultation", consultationSteps, v.Status, *p.Status)
}

// mistaken marks a consultation that should not be as entered in error, with its
// drafts and prescriptions. A signed note says so itself, by an amendment.
func (w *Act) mistaken(v *Consultation, reason string) error {
	if err := lawful("consultation", consultationSteps, v.Status, ConsultationInError); err != nil {
		return err
	}
	notes, err := w.Notes(NoteQuery{Clinic: v.Clinic, Test: v.Test, ConsultationID: v.ID}, act.Position{}, 0)
	if err != nil {
		return err
	}
	for _, n := range notes {
		if n.Status == NoteSigned || n.Status == NoteAmended {
			return fault.Fail(fault.Conflict, "This consultation has a signed note").
				On("status", "first amend note %s with status entered_in_error", n.ID)
		}
	}
	for _, n := range notes {
		if n.Status != NoteDrafted {
			continue
		}
		n.Status = NoteInError
		if err := w.Stamp(&n.Meta); err != nil {
			return err
		}
		if err := w.UpdateNote(n); err != nil {
			return err
		}
	}
	list, err := w.Prescriptions(PrescriptionQuery{Clinic: v.Clinic, Test: v.Test, ConsultationID: v.ID}, act.Position{},
		0)
	if err != nil {
		return err
	}
	for _, p := range list {
		if p.Status == PrescriptionInError {
			continue
		}
		p.Status = PrescriptionInError
		if err := w.Stamp(&p.Meta); err != nil {
			return err
		}
		if err := w.UpdatePrescription(p); err != nil {
			return err
		}
	}
	v.Status, w.Reason = ConsultationInError, reason
	w.Fields = append(w.Fields, "status")
	if err := w.Stamp(&v.Meta); err != nil {
		return err
	}
	return w.UpdateConsultation(*v)
}
