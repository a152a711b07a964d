package booking

import (
	"context"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/text"
)

// Confirm, CheckIn, Complete and MarkNoShow make a transition of records.md §2;
// repeated, they answer as before and change nothing.
//
// Errors: NotFound, InvalidTransition with the states that may follow.
func (e *Engine) Confirm(ctx context.Context, c act.Caller, id string) (Appointment, error) {
	return e.transit(ctx, c, id, verbConfirm, "")
}

// CheckIn notes that the patient is here.
func (e *Engine) CheckIn(ctx context.Context, c act.Caller, id string) (Appointment, error) {
	return e.transit(ctx, c, id, verbCheckIn, "")
}

// Complete closes a visit that took place.
func (e *Engine) Complete(ctx context.Context, c act.Caller, id string) (Appointment, error) {
	return e.transit(ctx, c, id, verbComplete, "")
}

// MarkNoShow says that nobody came; the slot is free again.
func (e *Engine) MarkNoShow(ctx context.Context, c act.Caller, id string) (Appointment, error) {
	return e.transit(ctx, c, id, verbNoShow, "")
}

// Cancel frees the slot; the reason is kept with the appointment.
func (e *Engine) Cancel(ctx context.Context, c act.Caller, id, reason string) (Appointment, error) {
	var f fault.Faults
	reason = text.Clean(&f, "reason", reason, text.MaxText)
	if err := f.Err(); err != nil {
		return Appointment{}, err
	}
	return e.transit(ctx, c, id, verbCancel, reason)
}

func (e *Engine) transit(ctx context.Context, c act.Caller, id string, v verb, reason string) (Appointment, error) {
	return e.change(ctx, c, "appointment."+string(v), id, nil, func(w *Act, a *Appointment) error {
		return w.transit(a, transitionOf(v), reason)
	})
}

// UndoAppointment takes the last transition or move back, for 24 hours, with a
// reason; a slot that was freed is checked again.
func (e *Engine) UndoAppointment(ctx context.Context, c act.Caller, id, reason string) (Appointment, error) {
	var f fault.Faults
	reason = text.Require(&f, "reason", reason, text.MaxText)
	if err := f.Err(); err != nil {
		return Appointment{}, err
	}
	return e.change(ctx, c, "appointment.undo", id, nil, func(w *Act, a *Appointment) error { return w.undo(a, reason) })
}

// transit makes one transition, or nothing if it was made before.
func (w *Act) transit(a *Appointment, t *transition, reason string) error {
	if t.reached(a) {
		return nil
	}
	if !t.open(a, w.Now) {
		return invalidTransition(a, "become "+t.name, w.Now)
	}
	was := a.memory(w.Now)
	switch {
	case t.to == "":
		a.CheckedInAt = w.Now
	default:
		a.Status = t.to
	}
	if t.to == Cancelled {
		plan, err := w.Plan(w.Caller.Clinic)
		if err != nil {
			return err
		}
		a.CancelReason = reason
		a.LateCancel = a.StartsAt-w.Now < int64(plan.Clinic.Settings.LateCancelHours)*calendar.Hour
	}
	a.Undo = was
	return w.release(*a)
}

// release ends the occupancy of an appointment that is no longer live. Its rows
// stay, so that undo can bring them back under the trigger's eye.
func (w *Act) release(a Appointment) error {
	if a.Status.Live() {
		return nil
	}
	rows, err := w.OccupancyOf(a.ID, "")
	for i := range rows {
		rows[i].Live = false
		if err := w.UpdateOccupancy(rows[i]); err != nil {
			return err
		}
	}
	return err
}

// undo restores what the last change replaced.
func (w *Act) undo(a *Appointment, reason string) error {
	u := a.Undo
	if u == nil || w.Now-u.At > undoFor {
		return invalidTransition(a, "be undone", w.Now).
			On("status", "Only the last change of the past 24 hours can be undone")
	}
	if signed, err := w.SignedUnder(a.Clinic, a.ID); err != nil {
		return err
	} else if signed {
		return invalidTransition(a, "be undone", w.Now).On("status", "The visit has a signed note: amend the note instead")
	}
	w.Reason = reason
	a.Status, a.CheckedInAt, a.CancelReason, a.LateCancel, a.Undo = u.Status, u.CheckedInAt, u.Reason, u.LateCancel, nil
	if !a.Status.Live() {
		return w.release(*a)
	}
	waiver := a.Override
	if waiver == nil && u.StartsAt <= w.Now { // the visit's own time has begun: only the slot is checked
		waiver = &Waiver{Hours: true, Reason: reason}
	}
	old := a.Override
	if err := w.place(a, calendar.Span{Start: u.StartsAt, End: u.EndsAt}, u.ProviderID, u.LocationID, waiver); err != nil {
		return err
	}
	a.Override = old
	return nil
}

// memory is what undo needs to restore the appointment as it is now.
func (a *Appointment) memory(now int64) *Undo {
	return &Undo{
		Status: a.Status, CheckedInAt: a.CheckedInAt, Reason: a.CancelReason, LateCancel: a.LateCancel, At: now,
		StartsAt: a.StartsAt, EndsAt: a.EndsAt, ProviderID: a.ProviderID, LocationID: a.LocationID,
	}
}

// appointmentComplete is the act of an ending consultation on its appointment.
var appointmentComplete = act.Define("appointment."+string(verbComplete), scope.AppointmentsWrite)

// CompleteVisited completes the appointment of a consultation that ends. It has a
// row of its own in the audit, so that its history tells it.
func (w *Act) CompleteVisited(id string) error {
	return act.Sub(w.Act, w.e.In, appointmentComplete, func(own *Act) error {
		a, err := own.Appointment(w.Caller.Clinic, w.Caller.Test, id)
		if err != nil {
			return err
		}
		own.about(a)
		before := a
		if err := own.transit(&a, transitionOf(verbComplete), ""); err != nil {
			return err
		}
		return own.save(before, &a)
	})
}

// MayBeVisited refuses a consultation of an appointment that could not be completed
// now: it may begin from half an hour before the start.
func (a *Appointment) MayBeVisited(now int64) error {
	if complete := transitionOf(verbComplete); complete.reached(a) || complete.open(a, now) {
		return nil
	}
	return invalidTransition(a, "have a consultation", now).On("appointment_id",
		"A consultation may begin from 30 minutes before an appointment that is scheduled or confirmed")
}
