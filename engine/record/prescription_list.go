package record

import (
	"context"
	"slices"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
	"qualifybase/engine/scope"
	"qualifybase/engine/text"
)

var (
	prescriptionRead  = act.Define("prescription.read", scope.ConsultationsRead)
	prescriptionList  = act.Define("prescription.list", scope.ConsultationsRead)
	prescriptionPrint = act.Define("prescription.print", scope.ConsultationsRead)
)

// Prescription gives one prescription of the clinic. Errors: NotFound.
func (e *Engine) Prescription(ctx context.Context, c act.Caller, id string) (Prescription, error) {
	p, err := act.Read(ctx, e.Room, c, prescriptionRead, func(r Reader) (Prescription, error) {
		return r.Prescription(c.Clinic, c.Test, id)
	})
	if err == nil {
		e.AuditRead(c, prescriptionRead, p.ID, p.PatientID)
	}
	return p, err
}

// Prescriptions lists prescriptions, newest first.
//
// Errors: Invalid (status, limit), NotFound (consultation), InvalidCursor.
func (e *Engine) Prescriptions(ctx context.Context, c act.Caller, q PrescriptionQuery,
	p act.Page) (act.List[Prescription], error) {
	q.Clinic, q.Test = c.Clinic, c.Test
	if q.Status != "" && !slices.Contains(PrescriptionStatuses, q.Status) {
		return act.List[Prescription]{}, fault.BadField("status",
			"Must be %s", text.Or(PrescriptionStatuses))
	}
	list, err := act.Read(ctx, e.Room, c, prescriptionList, func(r Reader) (act.List[Prescription], error) {
		if q.ConsultationID != "" { // so that another clinic's is not an empty list
			v, err := r.Consultation(c.Clinic, c.Test, q.ConsultationID)
			if err != nil {
				return act.List[Prescription]{}, err
			}
			q.PatientID = v.PatientID
		}
		return act.Listing[Prescription]{
			Filter: act.FilterOf("prescriptions", q),
			Place:  func(p Prescription) act.Position { return act.Placed(p.ID, p.Meta) },
			Count:  func() (int64, error) { return r.CountPrescriptions(q) },
			Rows:   func(after act.Position, n int) ([]Prescription, error) { return r.Prescriptions(q, after, n) },
		}.Page(p)
	})
	if err == nil {
		fields := act.ListFields(q.filters(), list.Items, func(p Prescription) string { return p.ID })
		e.AuditRead(c, prescriptionList, "", q.PatientID,
			act.OfPatients(q.PatientID, fields, list.Items, func(p Prescription) int64 { return p.PatientID })...)
	}
	return list, err
}

func (q *PrescriptionQuery) filters() (names act.Filters) {
	names.Add("consultation_id", q.ConsultationID != "")
	names.Add("patient_id", q.PatientID != 0)
	names.Add("status", q.Status != "")
	return names
}

// PrescriptionSheet is what a printed prescription shows.
type PrescriptionSheet struct {
	Prescription Prescription
	Clinic       directory.Clinic
	Location     *directory.Location // nil = none
	Provider     directory.Provider
	Patient      people.Patient
	Today        calendar.Date // at the clinic
}

// PrescriptionSheet gives a prescription with all that its print view needs; the
// read stands in the audit as a print. Errors: NotFound.
func (e *Engine) PrescriptionSheet(ctx context.Context, c act.Caller, id string) (PrescriptionSheet, error) {
	s, err := act.Read(ctx, e.Room, c, prescriptionPrint, func(r Reader) (s PrescriptionSheet, err error) {
		if s.Prescription, err = r.Prescription(c.Clinic, c.Test, id); err != nil {
			return s, err
		}
		v, err := r.Consultation(c.Clinic, c.Test, s.Prescription.ConsultationID)
		if err != nil {
			return s, err
		}
		if s.Clinic, err = r.Clinic(c.Clinic); err != nil {
			return s, err
		}
		if s.Patient, err = r.Patient(c.Clinic, c.Test, v.PatientID); err != nil {
			return s, err
		}
		if s.Provider, err = r.Provider(c.Clinic, s.Prescription.AuthorID); err != nil {
			return s, err
		}
		if v.LocationID != 0 {
			place, err := r.Location(c.Clinic, v.LocationID)
			if err != nil {
				return s, err
			}
			s.Location = &place
		}
		s.Today, err = s.Clinic.Today(e.Now().Unix())
		return s, err
	})
	if err == nil {
		e.AuditRead(c, prescriptionPrint, id, s.Patient.ID)
	}
	return s, err
}
