package engine

import "context"

// Consultation gives one consultation of the clinic. Errors: NotFound.
func (e *Engine) Consultation(ctx context.Context, c Caller, id string) (Consultation, error) {
	v, err := read(ctx, e, c, consultationRead, func(r Reader) (Consultation, error) {
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
func (e *Engine) Consultations(ctx context.Context, c Caller, q ConsultationQuery, p Page) (List[Consultation], error) {
	q.Clinic, q.Test = c.Clinic, c.Test
	if err := q.check(); err != nil {
		return List[Consultation]{}, err
	}
	list, err := read(ctx, e, c, consultationList, func(r Reader) (List[Consultation], error) {
		return listing[Consultation]{
			filter: FilterOf("consultations", q),
			place:  func(v Consultation) Position { return placed(v.ID, v.Meta) },
			count:  func() (int64, error) { return r.CountConsultations(q) },
			rows:   func(after Position, n int) ([]Consultation, error) { return r.Consultations(q, after, n) },
		}.page(p)
	})
	if err == nil {
		fields := listFields(q.filters(), list.Items, func(v Consultation) string { return v.ID })
		e.AuditRead(c, consultationList, "", q.PatientID,
			ofPatients(q.PatientID, fields, list.Items, func(v Consultation) int64 { return v.PatientID })...)
	}
	return list, err
}

func (q *ConsultationQuery) check() error {
	var f Faults
	switch q.Status {
	case "", ConsultationOpen, ConsultationEnded, ConsultationInError:
	default:
		f.Add("status", "Must be in_progress, ended or entered_in_error")
	}
	if q.From != 0 && q.To != 0 && q.To <= q.From {
		f.Add("to", "Must be after from")
	}
	return f.Err()
}

func (q *ConsultationQuery) filters() (names Filters) {
	names.Add("appointment_id", q.AppointmentID != "")
	names.Add("patient_id", q.PatientID != 0)
	names.Add("provider_id", q.ProviderID != 0)
	names.Add("status", q.Status != "")
	names.Add("from", q.From != 0)
	names.Add("to", q.To != 0)
	return names
}
