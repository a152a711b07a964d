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

// PrescriptionStatuses lists them.
var PrescriptionStatuses = []PrescriptionStatus{PrescriptionDrafted, PrescriptionActive, PrescriptionCompleted,
	PrescriptionStopped, PrescriptionInError}

// Words lists the values as text.
func (PrescriptionStatus) Words() []string { return text.Words(PrescriptionStatuses) }

// prescriptionSteps is the one table of what may follow.
var prescriptionSteps = map[PrescriptionStatus][]PrescriptionStatus{
	PrescriptionDrafted:   {PrescriptionActive, PrescriptionInError},
	PrescriptionActive:    {PrescriptionCompleted, PrescriptionStopped, PrescriptionInError},
	PrescriptionCompleted: {PrescriptionInError},
	PrescriptionStopped:   {PrescriptionInError},
}

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
		x := act.Edit{Now: w.Now}
		prescriptionFields.Apply(&x, &p, &d)
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
	if d.Status != "" && !slices.Contains(PrescriptionStatuses, d.Status) {
		return Prescription{}, fault.BadField("status", "Must be %s", text.Or(PrescriptionStatuses))
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
	x := act.Edit{Now: w.Now}
	row := *p
	prescriptionFields.Apply(&x, &row, &d)
	if d.AuthorID != 0 {
		author, err := w.author(v, d.AuthorID)
		if err != nil {
			return err
		}
		act.Put(&x, "author_id", &row.AuthorID, author)
	}
	if len(x.Changed) > 0 {
		if row.Status != PrescriptionDrafted {
			return fault.Fail(fault.Conflict, "A prescription that was issued cannot be changed").
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
		return fault.BadField("stop_reason", "Only allowed with status stopped")
	}
	return nil
}

// prescriptionFields are what a draft says of a prescription; its author and its
// state are for the acts.
var prescriptionFields = act.Fields[Prescription, PrescriptionDraft]{
	act.FieldOf("medication", act.Required(text.MaxTitle),
		func(p *Prescription, d *PrescriptionDraft) (*string, **string) { return &p.Medication, &d.Medication }),
	act.FieldOf("medication_code", act.Line(text.MaxName),
		func(p *Prescription, d *PrescriptionDraft) (*string, **string) {
			return &p.MedicationCode, &d.MedicationCode
		}),
	act.FieldOf("dose", act.Required(text.MaxTitle),
		func(p *Prescription, d *PrescriptionDraft) (*string, **string) { return &p.Dose, &d.Dose }),
	act.FieldOf("route", act.Line(text.MaxName),
		func(p *Prescription, d *PrescriptionDraft) (*string, **string) { return &p.Route, &d.Route }),
	act.FieldOf("frequency", act.Required(text.MaxTitle),
		func(p *Prescription, d *PrescriptionDraft) (*string, **string) { return &p.Frequency, &d.Frequency }),
	act.FieldOf("as_needed", act.Flag(),
		func(p *Prescription, d *PrescriptionDraft) (*bool, **bool) { return &p.AsNeeded, &d.AsNeeded }),
	act.FieldOf("start_date", act.Cleaned(cleanStart),
		func(p *Prescription, d *PrescriptionDraft) (*calendar.Date, **calendar.Date) {
			return &p.StartDate, &d.StartDate
		}),
	act.FieldOf("duration_days", act.Plain[int](),
		func(p *Prescription, d *PrescriptionDraft) (*int, **int) { return &p.DurationDays, &d.DurationDays }).
		Applied(applyEnd),
	{Name: "end_date", Same: func(a, b *Prescription) bool { // with the duration
		return a.EndDate == b.EndDate || a.EndDate != nil && b.EndDate != nil && *a.EndDate == *b.EndDate
	}},
	{Name: "quantity", Apply: applyQuantity, Same: func(a, b *Prescription) bool { return a.Quantity == b.Quantity }},
	act.FieldOf("unit", act.Line(text.MaxName),
		func(p *Prescription, d *PrescriptionDraft) (*string, **string) { return &p.Unit, &d.Unit }),
	act.FieldOf("refills", act.Number(0, MaxRefills),
		func(p *Prescription, d *PrescriptionDraft) (*int, **int) { return &p.Refills, &d.Refills }),
	act.FieldOf("substitution_allowed", act.Flag(),
		func(p *Prescription, d *PrescriptionDraft) (*bool, **bool) { return &p.Substitution, &d.Substitution }),
	act.FieldOf("instructions", act.Lines(),
		func(p *Prescription, d *PrescriptionDraft) (*string, **string) {
			return &p.Instructions, &d.Instructions
		}),
}

func cleanStart(x *act.Edit, field string, sent calendar.Date) calendar.Date {
	if away := int64(sent) - x.Now/86400; max(away, -away) > MaxPrescribedDays {
		x.Add(field, "Must be within %d days of today", MaxPrescribedDays)
	}
	return sent
}

func applyQuantity(x *act.Edit, p *Prescription, d *PrescriptionDraft) {
	switch {
	case d.Quantity == nil:
	case !(*d.Quantity >= MinQuantity) || *d.Quantity > MaxQuantity:
		x.Add("quantity", "Must be %g to %d", MinQuantity, int(MaxQuantity))
	default:
		p.Quantity = decimal(*d.Quantity)
	}
}

// applyEnd takes duration_days or end_date, never both: the one that is sent
// replaces the other.
func applyEnd(x *act.Edit, p *Prescription, d *PrescriptionDraft) {
	x.Number("duration_days", &p.DurationDays, d.DurationDays, 0, MaxPrescribedDays)
	switch {
	case d.EndDate != nil:
		p.EndDate = d.EndDate
		if d.DurationDays == nil {
			p.DurationDays = 0
		}
	case d.DurationDays != nil:
		p.EndDate = nil
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
