package record

import (
	"context"
	"math"
	"slices"
	"strconv"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/text"
	"qualifybase/engine/uuid"
)

// PrescriptionStatus is where a prescription stands (records.md §1).
type PrescriptionStatus string

// The states of a prescription.
const (
	PrescriptionDrafted   PrescriptionStatus = "draft"
	PrescriptionActive    PrescriptionStatus = "active"
	PrescriptionCompleted PrescriptionStatus = "completed"
	PrescriptionStopped   PrescriptionStatus = "stopped"
	PrescriptionInError   PrescriptionStatus = "entered_in_error"
)

// prescriptionSteps is the one table of what may follow.
var prescriptionSteps = map[PrescriptionStatus][]PrescriptionStatus{
	PrescriptionDrafted:   {PrescriptionActive, PrescriptionInError},
	PrescriptionActive:    {PrescriptionCompleted, PrescriptionStopped, PrescriptionInError},
	PrescriptionCompleted: {PrescriptionInError},
	PrescriptionStopped:   {PrescriptionInError},
}

var prescriptionStatuses = []PrescriptionStatus{PrescriptionDrafted, PrescriptionActive, PrescriptionCompleted,
	PrescriptionStopped, PrescriptionInError}

// Prescription is a record of what was prescribed (FHIR MedicationRequest). It
// is printed, never sent.
type Prescription struct {
	ID             string
	Clinic         int64
	Test           bool
	ConsultationID string
	PatientID      int64 // the consultation's; read only
	AuthorID       int64 // the provider who prescribes
	Medication     string
	MedicationCode string
	Dose           string
	Route          string
	Frequency      string
	AsNeeded       bool
	StartDate      calendar.Date
	DurationDays   int            // 0 = none; never beside EndDate
	EndDate        *calendar.Date // the last day
	Quantity       string         // a decimal number; "" = not said
	Unit           string
	Refills        int
	Substitution   bool // substitution_allowed
	Instructions   string
	Status         PrescriptionStatus
	StopReason     string
	act.Meta
}

// LastDay is the last day of a prescription that has one.
func (p Prescription) LastDay() *calendar.Date {
	if p.DurationDays == 0 {
		return p.EndDate
	}
	last := p.StartDate.AddDays(p.DurationDays - 1)
	return &last
}

// PrescriptionDraft is an unsaved prescription: nil is "not sent".
type PrescriptionDraft struct {
	Medication     *string
	MedicationCode *string
	Dose           *string
	Route          *string
	Frequency      *string
	AsNeeded       *bool
	StartDate      *calendar.Date // default: today at the clinic
	DurationDays   *int           // replaces end_date; 0 clears both
	EndDate        *calendar.Date // replaces duration_days
	Quantity       *float64
	Unit           *string
	Refills        *int
	Substitution   *bool
	Instructions   *string
	AuthorID       int64              // 0 = the consultation's provider
	Status         PrescriptionStatus // "" = active when made, as it is when changed
	StopReason     string             // with status stopped
}

// PrescriptionQuery asks for a list of prescriptions; zero fields do not filter.
type PrescriptionQuery struct {
	Clinic         int64
	Test           bool
	ConsultationID string
	PatientID      int64
	Status         PrescriptionStatus
}

// Limits of a prescription beside those of text.
const (
	MaxPrescribedDays = 3650
	MaxRefills        = 99
	MinQuantity       = 0.001
	MaxQuantity       = 1e6
)

var (
	prescriptionCreate = act.Define("prescription.create", scope.ConsultationsWrite)
	prescriptionUpdate = act.Define("prescription.update", scope.ConsultationsWrite)
	prescriptionStop   = act.Define("prescription.stop", scope.ConsultationsWrite)
)

// Prescribe records a prescription under a consultation in progress: active, or
// a draft that is edited and activated before the consultation ends.
//
// Errors: Invalid, NotFound, Conflict (the consultation has ended).
func (e *Engine) Prescribe(ctx context.Context, c act.Caller, consultationID string, d PrescriptionDraft) (Prescription,
	error) {
	if d.Status != "" && d.Status != PrescriptionDrafted && d.Status != PrescriptionActive {
		return Prescription{}, fault.BadField("status", "A prescription begins as active or draft")
	}
	if err := d.reasonless(); err != nil {
		return Prescription{}, err
	}
	return act.Do(ctx, e.Room, c, prescriptionCreate, func(w *Act) (Prescription, error) {
		p := Prescription{
			ID: uuid.New(e.Now()), Clinic: c.Clinic, Test: c.Test, ConsultationID: consultationID,
			Substitution: true, Status: PrescriptionActive,
		}
		v, err := w.consultation(consultationID)
		if err != nil {
			return p, err
		}
		p.PatientID = v.PatientID
		w.aboutVisit(v, p.ID)
		if err := v.open(); err != nil {
			return p, err
		}
		if p.AuthorID, err = w.author(v, d.AuthorID); err != nil {
			return p, err
		}
		if p.StartDate, err = w.today(); err != nil {
			return p, err
		}
		if d.Status != "" {
			p.Status = d.Status
		}
		var x act.Edit
		d.apply(&x, &p, w.Now)
		if err := x.Err(); err != nil {
			return p, err
		}
		w.Fields = x.Changed
		if err := w.Stamp(&p.Meta); err != nil {
			return p, err
		}
		if err := w.InsertPrescription(p); err != nil {
			return p, err
		}
		w.Emit(prescriptionCreated, prescriptionFactOf(p, v))
		return p, nil
	})
}

// today is the date at the clinic.
func (w *Act) today() (calendar.Date, error) {
	plan, err := w.Plan(w.Caller.Clinic)
	if err != nil {
		return 0, err
	}
	return plan.Clinic.Today(w.Now)
}

// PatchPrescription edits a draft, and moves any prescription through its states:
// active, completed, stopped (with stop_reason), entered_in_error.
//
// Errors: Invalid, NotFound, PreconditionFailed, InvalidTransition, Conflict (not
// a draft any more; the consultation has ended).
func (e *Engine) PatchPrescription(ctx context.Context, c act.Caller, id string, version *int64,
	d PrescriptionDraft) (Prescription, error) {
	if d.Status != "" && !slices.Contains(prescriptionStatuses, d.Status) {
		return Prescription{}, fault.BadField("status", "Must be draft, active, completed, stopped or entered_in_error")
	}
	if err := d.reasonless(); err != nil {
		return Prescription{}, err
	}
	return act.Do(ctx, e.Room, c, prescriptionUpdate, func(w *Act) (Prescription, error) {
		p, v, err := w.prescription(id)
		if err != nil {
			return p, err
		}
		if err := act.CheckVersion(version, p.Version); err != nil {
			return p, err
		}
		err = w.represcribe(&p, v, d)
		return p, err
	})
}

// represcribe applies a patch: first the draft's fields, then the step.
func (w *Act) represcribe(p *Prescription, v Consultation, d PrescriptionDraft) error {
	var x act.Edit
	row := *p
	d.apply(&x, &row, w.Now)
	if d.AuthorID != 0 {
		author, err := w.author(v, d.AuthorID)
		if err != nil {
			return err
		}
		act.Put(&x, "author_id", &row.AuthorID, author)
	}
	if len(x.Changed) > 0 {
		if row.Status != PrescriptionDrafted {
			return fault.Fail(fault.Conflict, "A prescription that was issued does not change").
				On("status", "stop it with POST /prescriptions/%s/stop, and make a new one", p.ID)
		}
		if err := v.open(); err != nil {
			return err
		}
	}
	if d.Status != "" && d.Status != row.Status {
		if err := lawful("prescription", prescriptionSteps, row.Status, d.Status); err != nil {
			return err
		}
		if d.Status == PrescriptionActive {
			if err := v.open(); err != nil {
				return err
			}
		}
		act.Put(&x, "status", &row.Status, d.Status)
		if d.Status == PrescriptionStopped {
			x.Must("stop_reason", &row.StopReason, &d.StopReason, text.MaxText)
			w.Reason = row.StopReason
		}
	}
	if write, err := w.Finish(&x, &row.Meta, 0); err != nil || !write {
		return err
	}
	*p = row
	return w.UpdatePrescription(row)
}

// StopPrescription stops an active prescription, also of an ended consultation.
// Stopping twice answers as before and changes nothing.
//
// Errors: Invalid (no reason), NotFound, InvalidTransition.
func (e *Engine) StopPrescription(ctx context.Context, c act.Caller, id, reason string) (Prescription, error) {
	var f fault.Faults
	reason = text.Require(&f, "reason", reason, text.MaxText)
	if err := f.Err(); err != nil {
		return Prescription{}, err
	}
	return act.Do(ctx, e.Room, c, prescriptionStop, func(w *Act) (Prescription, error) {
		p, v, err := w.prescription(id)
		if err != nil {
			return p, err
		}
		err = w.represcribe(&p, v, PrescriptionDraft{Status: PrescriptionStopped, StopReason: reason})
		return p, err
	})
}

// prescription loads the prescription that an act is about, with its consultation.
func (w *Act) prescription(id string) (Prescription, Consultation, error) {
	w.EntityID = id
	p, err := w.Prescription(w.Caller.Clinic, w.Caller.Test, id)
	if err != nil {
		return p, Consultation{}, err
	}
	v, err := w.consultation(p.ConsultationID)
	w.aboutVisit(v, id)
	return p, v, err
}

// reasonless refuses a reason for stopping what is not stopped: it would be lost.
func (d *PrescriptionDraft) reasonless() error {
	if d.StopReason != "" && d.Status != PrescriptionStopped {
		return fault.BadField("stop_reason", "Is said with status stopped alone")
	}
	return nil
}

// apply puts what was sent into a prescription, and checks the whole.
func (d *PrescriptionDraft) apply(x *act.Edit, p *Prescription, now int64) {
	x.Must("medication", &p.Medication, d.Medication, text.MaxTitle)
	x.Text("medication_code", &p.MedicationCode, d.MedicationCode, text.MaxName)
	x.Must("dose", &p.Dose, d.Dose, text.MaxTitle)
	x.Text("route", &p.Route, d.Route, text.MaxName)
	x.Must("frequency", &p.Frequency, d.Frequency, text.MaxTitle)
	x.Flag("as_needed", &p.AsNeeded, d.AsNeeded)
	if d.StartDate != nil {
		act.Put(x, "start_date", &p.StartDate, *d.StartDate)
		if away := int64(p.StartDate) - now/86400; max(away, -away) > MaxPrescribedDays {
			x.Add("start_date", "Must lie within %d days of today", MaxPrescribedDays)
		}
	}
	d.applyEnd(x, p)
	switch {
	case d.Quantity == nil:
	case !(*d.Quantity >= MinQuantity) || *d.Quantity > MaxQuantity:
		x.Add("quantity", "Must be %g to %d", MinQuantity, int(MaxQuantity))
	default:
		act.Put(x, "quantity", &p.Quantity, decimal(*d.Quantity))
	}
	x.Text("unit", &p.Unit, d.Unit, text.MaxName)
	x.Number("refills", &p.Refills, d.Refills, 0, MaxRefills)
	x.Flag("substitution_allowed", &p.Substitution, d.Substitution)
	if d.Instructions != nil {
		act.Put(x, "instructions", &p.Instructions, text.CleanNotes(&x.Faults, "instructions", *d.Instructions,
			text.MaxNotes))
	}
}

// applyEnd takes duration_days or end_date, never both: the one that is sent
// replaces the other.
func (d *PrescriptionDraft) applyEnd(x *act.Edit, p *Prescription) {
	x.Number("duration_days", &p.DurationDays, d.DurationDays, 0, MaxPrescribedDays)
	end := p.EndDate
	switch {
	case d.EndDate != nil:
		end = d.EndDate
		if d.DurationDays == nil {
			act.Put(x, "duration_days", &p.DurationDays, 0)
		}
	case d.DurationDays != nil:
		end = nil
	}
	if (end == nil) != (p.EndDate == nil) || end != nil && *end != *p.EndDate {
		p.EndDate = end
		x.Changed = append(x.Changed, "end_date")
	}
	if p.EndDate == nil {
		return
	}
	if p.DurationDays != 0 {
		x.Add("end_date", "Send duration_days or end_date, not both")
	}
	if days := int(*p.EndDate) - int(p.StartDate); days < 0 || days >= MaxPrescribedDays {
		x.Add("end_date", "Must not be before start_date, nor %d days after it", MaxPrescribedDays)
	}
}

// decimal is the shortest text of a number, without an exponent.
func decimal(v float64) string { return strconv.FormatFloat(math.Abs(v), 'f', -1, 64) }
