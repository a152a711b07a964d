package record

import (
	"context"
	"slices"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/text"
)

// Consultation gives one consultation of the clinic. Errors: NotFound.
func (e *Engine) Consultation(ctx context.Context, c act.Caller, id string) (Consultation, error) {
	v, err := act.Read(ctx, e.Room, c, consultationRead, func(r Reader) (Consultation, error) {
		return r.Consultation(c.Clinic, c.Test, id)
	})
	if err == nil {
		e.AuditRead(c, consultationRead, v.ID, v.PatientID)
	}
	return v, err
}

// Consultations lists consultations, newest first.
//
// Errors: Invalid (status, range, limit), InvalidCursor.
func (e *Engine) Consultations(ctx context.Context, c act.Caller, q ConsultationQuery,
	p act.Page) (act.List[Consultation], error) {
	q.Clinic, q.Test = c.Clinic, c.Test
	if err := q.check(); err != nil {
		return act.List[Consultation]{}, err
	}
	list, err := act.Read(ctx, e.Room, c, consultationList, func(r Reader) (act.List[Consultation], error) {
		return act.Listing[Consultation]{
			Filter: act.FilterOf("consultations", q),
			Place:  func(v Consultation) act.Position { return act.Placed(v.ID, v.Meta) },
			Count:  func() (int64, error) { return r.CountConsultations(q) },
			Rows:   func(after act.Position, n int) ([]Consultation, error) { return r.Consultations(q, after, n) },
		}.Page(p)
	})
	if err == nil {
		fields := act.ListFields(q.filters(), list.Items, func(v Consultation) string { return v.ID })
		e.AuditRead(c, consultationList, "", q.PatientID,
			act.OfPatients(q.PatientID, fields, list.Items, func(v Consultation) int64 { return v.PatientID })...)
	}
	return list, err
}

func (q *ConsultationQuery) check() error {
	var f fault.Faults
	if q.Status != "" && !slices.Contains(ConsultationStatuses, q.Status) {
		f.Add("status", "Must be %s", text.Or(ConsultationStatuses))
	}
	if q.From != 0 && q.To != 0 && q.To <= q.From {
		f.Add("to", "Must be after from")
	}
	return f.Err()
}

func (q *ConsultationQuery) filters() (names act.Filters) {
	names.Add("appointment_id", q.AppointmentID != "")
	names.Add("patient_id", q.PatientID != 0)
	names.Add("provider_id", q.ProviderID != 0)
	names.Add("status", q.Status != "")
	names.Add("from", q.From != 0)
	names.Add("to", q.To != 0)
	return names
}
