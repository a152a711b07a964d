package booking

import (
	"context"
	"time"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/ical"
)

// AppointmentsBetween is Appointments with a range that may be given in local
// dates of the clinic: each stands for its first instant, so the last one is not
// included (booking.md §3.5).
//
// Errors: those of Appointments.
func (e *Engine) AppointmentsBetween(ctx context.Context, c act.Caller, from, to calendar.Moment,
	q AppointmentQuery, p act.Page) (act.List[Appointment], error) {
	zone := time.UTC
	if from.IsDate || to.IsDate {
		plan, err := act.View(ctx, e.Room, func(r Reader) (*directory.Plan, error) { return r.Plan(c.Clinic) })
		if err != nil {
			return act.List[Appointment]{}, err
		}
		zone = plan.Zone
	}
	q.From, q.To = from.In(zone), to.In(zone)
	return e.Appointments(ctx, c, q, p)
}

// AppointmentCalendar is an appointment as a calendar file. host makes its UID
// one of a kind ("api.clinic.example"). It says where and when, never why.
//
// Errors: NotFound.
func (e *Engine) AppointmentCalendar(ctx context.Context, c act.Caller, id, host string) ([]byte, error) {
	var a Appointment
	text, err := act.Read(ctx, e.Room, c, appointmentRead, func(r Reader) ([]byte, error) {
		var err error
		if a, err = r.Appointment(c.Clinic, c.Test, id); err != nil {
			return nil, err
		}
		plan, err := r.Plan(c.Clinic)
		if err != nil {
			return nil, err
		}
		ev := ical.Event{
			UID: a.ID + "@" + host, Sequence: a.Sequence, Stamp: time.Unix(a.UpdatedAt, 0),
			Start: time.Unix(a.StartsAt, 0), End: time.Unix(a.EndsAt, 0), Status: icsStatus(a.Status),
			Summary: "Appointment, " + plan.Clinic.Name,
		}
		if l := plan.Location(a.LocationID); l != nil {
			ev.Location = l.Postal()
		}
		return ical.Calendar(ev), nil
	})
	if err == nil {
		e.AuditRead(c, appointmentRead, a.ID, a.PatientID)
	}
	return text, err
}

func icsStatus(s Status) ical.Status {
	switch s {
	case Scheduled:
		return ical.Tentative
	case Cancelled, NoShow:
		return ical.Cancelled
	}
	return ical.Confirmed
}
