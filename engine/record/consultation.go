package record

import (
	"cmp"
	"context"
	"slices"

	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/text"
)

// ConsultationStatus is where a consultation stands (records.md §1).
type ConsultationStatus string

// The states of a consultation.
const (
	ConsultationOpen    ConsultationStatus = "in_progress"
	ConsultationEnded   ConsultationStatus = "ended"
	ConsultationInError ConsultationStatus = "entered_in_error"
)

// ConsultationStatuses lists them.
var ConsultationStatuses = []ConsultationStatus{ConsultationOpen, ConsultationEnded, ConsultationInError}

// Words lists the values as text.
func (ConsultationStatus) Words() []string { return text.Words(ConsultationStatuses) }

// consultationSteps is the one table of what may follow.
var consultationSteps = map[ConsultationStatus][]ConsultationStatus{
	ConsultationOpen:  {ConsultationEnded, ConsultationInError},
	ConsultationEnded: {ConsultationInError},
}

// Mode is how patient and provider met.
type Mode string

// The modes of a consultation.
const (
	InPerson Mode = "in_person"
	ByVideo  Mode = "video"
	ByPhone  Mode = "phone"
)

// Modes lists them.
var Modes = []Mode{InPerson, ByVideo, ByPhone}

// Words lists the values as text.
func (Mode) Words() []string { return text.Words(Modes) }

// Valid reports whether the mode is one of ours.
func (m Mode) Valid() bool { return slices.Contains(Modes, m) }

// Consultation is a visit as the clinician keeps it (FHIR Encounter).
type Consultation struct {
	ID            string
	Clinic        int64
	Test          bool
	AppointmentID string // "" = without one
	PatientID     int64
	ProviderID    int64
	LocationID    int64 // 0 = none
	Mode          Mode
	Reason        string // why the patient came
	Status        ConsultationStatus
	StartedAt     int64 // UTC seconds
	EndedAt       int64 // 0 = not yet
	act.Meta
}

// ConsultationDraft is an unsaved consultation; zero fields are "not sent". An
// appointment brings its patient, provider and location along.
type ConsultationDraft struct {
	AppointmentID string
	PatientID     int64
	ProviderID    int64
	LocationID    int64
	Mode          Mode
	Reason        string
	StartedAt     int64 // 0 = now
}

// ConsultationPatch changes a consultation: nil is "not sent".
type ConsultationPatch struct {
	Version      *int64 // If-Match
	LocationID   *int64
	Mode         *Mode
	Reason       *string
	Status       *ConsultationStatus // ended, or entered_in_error with StatusReason
	StatusReason *string
}

// ConsultationQuery asks for a list of consultations; zero fields do not filter.
type ConsultationQuery struct {
	Clinic        int64
	Test          bool
	AppointmentID string
	PatientID     int64
	ProviderID    int64
	Status        ConsultationStatus
	From, To      int64 // started in [From, To)
}

var (
	consultationStart  = act.Define("consultation.start", scope.ConsultationsWrite)
	consultationUpdate = act.Define("consultation.update", scope.ConsultationsWrite)
	consultationEnd    = act.Define("consultation.end", scope.ConsultationsWrite)
	consultationRead   = act.Define("consultation.read", scope.ConsultationsRead)
	consultationList   = act.Define("consultation.list", scope.ConsultationsRead)
)

// StartConsultation opens the record of a visit: of an appointment, which brings
// patient, provider and location along, or of a patient without one. An
// appointment has one consultation, and may have it from half an hour before its
// start, as it may be completed.
//
// Errors: Invalid, NotFound (appointment, patient, provider, location), Conflict
// (a lead that is no patient yet; a second consultation of the appointment),
// InvalidTransition (cancelled, too early), ProviderInactive.
func (e *Engine) StartConsultation(ctx context.Context, c act.Caller, d ConsultationDraft) (Consultation, error) {
	if err := d.check(e.Now().Unix()); err != nil {
		return Consultation{}, err
	}
	return act.Do(ctx, e.Room, c, consultationStart, func(w *Act) (Consultation, error) { return w.start(d) })
}

func (d *ConsultationDraft) check(now int64) error {
	var f fault.Faults
	if d.AppointmentID == "" {
		if d.PatientID == 0 {
			f.Add("patient_id", "Required, or send appointment_id")
		}
		if d.ProviderID == 0 {
			f.Add("provider_id", "Required, or send appointment_id")
		}
	}
	if d.Mode != "" && !d.Mode.Valid() {
		f.Add("mode", "Must be %s", text.Or(Modes))
	}
	switch {
	case d.StartedAt > now+calendar.Minute:
		f.Add("started_at", "Must not be in the future")
	case d.StartedAt < 0:
		f.Add("started_at", "Must not be before 1970")
	}
	d.Reason = text.Clean(&f, "reason", d.Reason, text.MaxText)
	return f.Err()
}

// start is StartConsultation inside its transaction.
func (w *Act) start(d ConsultationDraft) (v Consultation, err error) {
	v = Consultation{
		ID: w.NewID(), Clinic: w.Caller.Clinic, Test: w.Caller.Test, Status: ConsultationOpen, AppointmentID: d.AppointmentID,
		PatientID: d.PatientID, ProviderID: d.ProviderID, LocationID: d.LocationID,
		Mode: d.Mode, Reason: d.Reason, StartedAt: cmp.Or(d.StartedAt, w.Now),
	}
	w.aboutVisit(v, v.ID)
	if d.AppointmentID != "" {
		if err := w.fromAppointment(&v); err != nil {
			return v, err
		}
	}
	if err := w.inCare(v.PatientID); err != nil {
		return v, err
	}
	plan, err := w.Plan(w.Caller.Clinic)
	if err != nil {
		return v, err
	}
	switch p := plan.Provider(v.ProviderID); {
	case p == nil:
		return v, fault.Absent("provider").On("provider_id", "Must be a provider of this clinic")
	case !p.Active && d.ProviderID != 0:
		return v, fault.Fail(fault.ProviderInactive, "This provider sees no patients").On("provider_id",
			"Choose another provider")
	}
	place := plan.Location(v.LocationID)
	if v.LocationID != 0 && place == nil {
		return v, fault.Absent("location").On("location_id", "Must be a location of this clinic")
	}
	if v.Mode == "" {
		v.Mode = InPerson
		if place != nil && place.Kind == directory.AtVirtual {
			v.Mode = ByVideo
		}
	}
	w.aboutVisit(v, v.ID)
	if err := w.Stamp(&v.Meta); err != nil {
		return v, err
	}
	if err := w.InsertConsultation(v); err != nil {
		return v, err
	}
	w.Emit(consultStarted, consultationFactOf(v))
	return v, nil
}

// fromAppointment takes over what the appointment knows, if a consultation of it
// may begin.
func (w *Act) fromAppointment(v *Consultation) error {
	a, err := w.Appointment(w.Caller.Clinic, w.Caller.Test, v.AppointmentID)
	if err != nil {
		return err
	}
	if err := a.MayBeVisited(w.Now); err != nil {
		return err
	}
	other, err := w.BegunVisit(w.Caller.Clinic, a.ID)
	if err != nil {
		return err
	}
	if other != "" {
		return fault.Fail(fault.Conflict, "The appointment already has a consultation").
			On("appointment_id", "Continue consultation %s, or mark it as entered in error", other)
	}
	patient, err := w.patientOf(a)
	if err != nil {
		return err
	}
	if v.PatientID != 0 && v.PatientID != patient {
		return fault.BadField("patient_id", "Must be the appointment's patient; leave it out to take that one")
	}
	v.PatientID = patient
	v.ProviderID = cmp.Or(v.ProviderID, a.ProviderID)
	v.LocationID = cmp.Or(v.LocationID, a.LocationID)
	return nil
}

// patientOf is who an appointment's patient is; a lead must have become one.
func (w *Act) patientOf(a booking.Appointment) (int64, error) {
	if a.PatientID != 0 || a.LeadID == "" {
		if a.PatientID == 0 {
			return 0, fault.Fail(fault.Conflict, "The appointment has no patient: its lead was deleted").
				On("appointment_id", "start the consultation with patient_id and without appointment_id")
		}
		return a.PatientID, nil
	}
	lead, err := w.Lead(w.Caller.Clinic, w.Caller.Test, a.LeadID)
	if err != nil {
		return 0, err
	}
	if lead.PatientID == 0 {
		return 0, fault.Fail(fault.Conflict, "The appointment is for a lead who is not a patient yet").
			On("appointment_id", "convert the lead first: POST /leads/%s/convert", a.LeadID)
	}
	return lead.PatientID, nil
}

// inCare wants a patient of this clinic whose record is in use.
func (w *Act) inCare(id int64) error {
	p, err := w.Patient(w.Caller.Clinic, w.Caller.Test, id)
	if fault.KindOf(err) == fault.NotFound {
		return fault.Absent("patient").On("patient_id", "Must be a patient of this clinic")
	}
	if err != nil {
		return err
	}
	return p.Usable()
}

// EndConsultation ends a consultation and completes its appointment in the same
// transaction, by the same transition table. Repeated, it answers as before and
// changes nothing.
//
// Errors: NotFound, InvalidTransition (entered in error).
func (e *Engine) EndConsultation(ctx context.Context, c act.Caller, id string) (Consultation, error) {
	return act.Do(ctx, e.Room, c, consultationEnd, func(w *Act) (Consultation, error) {
		v, err := w.consultation(id)
		if err != nil {
			return v, err
		}
		err = w.end(&v)
		return v, err
	})
}

// end makes the step in_progress → ended.
func (w *Act) end(v *Consultation) error {
	if v.Status == ConsultationEnded {
		w.Quiet = true
		return nil
	}
	if err := lawful("consultation", consultationSteps, v.Status, ConsultationEnded); err != nil {
		return err
	}
	v.Status, v.EndedAt = ConsultationEnded, max(w.Now, v.StartedAt)
	if err := w.Stamp(&v.Meta); err != nil {
		return err
	}
	if err := w.UpdateConsultation(*v); err != nil {
		return err
	}
	w.Fields = append(w.Fields, "status", "ended_at")
	if v.AppointmentID != "" {
		if err := w.booking().CompleteVisited(v.AppointmentID); err != nil {
			return err
		}
	}
	w.Emit(consultEnded, consultationFactOf(*v))
	return nil
}
