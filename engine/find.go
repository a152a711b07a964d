package engine

import "context"

var (
	appointmentRead    = deed{"appointment.read", AppointmentsRead}
	appointmentList    = deed{"appointment.list", AppointmentsRead}
	appointmentHistory = deed{"appointment.history", AppointmentsRead}
)

// Appointment gives one appointment of the clinic. Errors: NotFound.
func (e *Engine) Appointment(ctx context.Context, c Caller, id string) (Appointment, error) {
	a, err := read(ctx, e, c, appointmentRead, func(r Reader) (Appointment, error) {
		return r.Appointment(c.Clinic, c.Test, id)
	})
	if err == nil {
		e.seen(c, appointmentRead, a.ID, a.PatientID)
	}
	return a, err
}
