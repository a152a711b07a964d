package booking

import (
	"context"
	"strconv"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/text"
)

var (
	appointmentRead    = act.Define("appointment.read", scope.AppointmentsRead)
	appointmentList    = act.Define("appointment.list", scope.AppointmentsRead)
	appointmentHistory = act.Define("appointment.history", scope.AppointmentsRead)
)

// Appointment gives one appointment of the clinic. Errors: NotFound.
func (e *Engine) Appointment(ctx context.Context, c act.Caller, id string) (Appointment, error) {
	a, err := act.Read(ctx, e.Room, c, appointmentRead, func(r Reader) (Appointment, error) {
		return r.Appointment(c.Clinic, c.Test, id)
	})
	if err == nil {
		e.AuditRead(c, appointmentRead, a.ID, a.PatientID)
	}
	return a, err
}

// Appointments lists appointments, newest first, or with UpdatedSince by the
// clinic's change number, so that a sync skips nothing (contract.md §7).
//
// Errors: Invalid (range, status), InvalidCursor.
func (e *Engine) Appointments(ctx context.Context, c act.Caller, q AppointmentQuery, p act.Page) (act.List[Appointment],
	error) {
	q.Clinic, q.Test = c.Clinic, c.Test
	if err := q.check(); err != nil {
		return act.List[Appointment]{}, err
	}
	list, err := act.Read(ctx, e.Room, c, appointmentList, func(r Reader) (act.List[Appointment], error) {
		return act.Listing[Appointment]{
			Order: act.OrderOf(q.UpdatedSince), Filter: act.FilterOf("appointments", q),
			Place: func(a Appointment) act.Position { return act.Placed(a.ID, a.Meta) },
			Count: func() (int64, error) { return r.CountAppointments(q) },
			Start: func() (int64, error) { return r.FirstAppointmentChange(c.Clinic, c.Test, *q.UpdatedSince) },
			Rows:  func(after act.Position, n int) ([]Appointment, error) { return r.Appointments(q, after, n) },
		}.Page(p)
	})
	if err == nil {
		fields := act.ListFields(q.filters(), list.Items, func(a Appointment) string { return a.ID })
		e.AuditRead(c, appointmentList, "", q.PatientID, act.OfPatients(q.PatientID, fields, list.Items,
			Appointment.patient)...)
	}
	return list, err
}

// patient is whose appointment it is; 0 = nobody's who is a patient.
func (a Appointment) patient() int64 { return a.PatientID }

func (q *AppointmentQuery) check() error {
	var f fault.Faults
	if q.Status != "" && !q.Status.Valid() {
		f.Add("status", "Must be %s", text.Or(Statuses))
	}
	if q.From != 0 && q.To != 0 && q.To <= q.From {
		f.Add("to", "Must be after from")
	}
	return f.Err()
}

// filters names the filters that were used, for the audit.
func (q *AppointmentQuery) filters() (names act.Filters) {
	names.Add("from", q.From != 0)
	names.Add("to", q.To != 0)
	names.Add("status", q.Status != "")
	names.Add("provider_id", q.ProviderID != 0)
	names.Add("patient_id", q.PatientID != 0)
	names.Add("lead_id", q.LeadID != "")
	names.Add("updated_since", q.UpdatedSince != nil)
	return names
}

// readActions are the audit's words for looking at an appointment.
var readActions = []string{appointmentRead.Name, appointmentHistory.Name}

// History is what changed an appointment, oldest first, from the audit; who only
// looked or was refused stands there alone.
// Errors: NotFound.
func (e *Engine) History(ctx context.Context, c act.Caller, id string) ([]act.AuditEntry, error) {
	var a Appointment
	rows, err := act.Read(ctx, e.Room, c, appointmentHistory, func(r Reader) (_ []act.AuditEntry, err error) {
		if a, err = r.Appointment(c.Clinic, c.Test, id); err != nil {
			return nil, err
		}
		return r.AppointmentEvents(c.Clinic, id, readActions)
	})
	if err == nil {
		e.AuditRead(c, appointmentHistory, id, a.PatientID)
	}
	return rows, err
}

// byStart orders availability; its text key is the last start given.
const byStart act.Order = "start"

// filter binds a cursor of availability to its question: everything but the limit.
func (q AvailabilityQuery) filter(clinic int64) string {
	b := strconv.AppendInt(make([]byte, 0, 96), clinic, 10)
	// Written by hand: it runs for every page, and JSON took longer than the search.
	for _, m := range [...]calendar.Moment{q.From, q.To} {
		switch {
		case m.IsDate:
			b = strconv.AppendInt(append(b, " d"...), int64(m.Date), 10)
		case m.Set:
			b = strconv.AppendInt(append(b, " t"...), m.At, 10)
		default:
			b = append(b, " -"...)
		}
	}
	for _, n := range [...]int64{int64(q.Minutes), q.ProviderID, q.LocationID, q.ServiceID} {
		b = strconv.AppendInt(append(b, ' '), n, 10)
	}
	return act.Fingerprint([]byte("availability"), append(append(b, ' '), q.Preference...))
}

// after reads the cursor: the last start already given, 0 without one.
func (q AvailabilityQuery) after(clinic int64) (int64, error) {
	if q.Cursor == "" {
		return 0, nil
	}
	at, err := act.ParseCursor(q.Cursor, byStart, q.filter(clinic))
	if err != nil {
		return 0, err
	}
	start, err := strconv.ParseInt(at.Key, 10, 64)
	if err != nil {
		return 0, fault.Fail(fault.InvalidCursor, "Invalid cursor").On("cursor", "Must be a next_cursor of this list")
	}
	return start, nil
}

// next is the cursor behind the last slot of a page.
func (q AvailabilityQuery) next(clinic, now int64, last Slot) string {
	return act.Cursor{
		Position: act.Position{CreatedAt: now, ID: strconv.FormatInt(last.ProviderID, 10)},
		Order:    byStart, Key: strconv.FormatInt(last.StartsAt, 10), Total: -1, Filter: q.filter(clinic),
	}.Encode()
}
