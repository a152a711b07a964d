package booking

import (
	"time"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/fault"
)

// verb is what may be done to an appointment's state.
type verb string

// The verbs, as the routes name them.
const (
	verbConfirm  verb = "confirm"
	verbCheckIn  verb = "check-in"
	verbCancel   verb = "cancel"
	verbComplete verb = "complete"
	verbNoShow   verb = "no-show"
)

// transition is a row of the one table of records.md §2: from which states a verb
// leads where, and when it may.
type transition struct {
	verb   verb
	from   []Status
	to     Status // "" = the state stays (check-in is a timestamp)
	name   string // of the target, as callers read it in `allowed`
	event  act.Change
	allows func(a *Appointment, now int64, zone *time.Location) bool
}

const undoFor = 24 * calendar.Hour // how long the last change can be taken back

var transitions = []transition{
	{verbConfirm, []Status{Scheduled}, Confirmed, "confirmed", apptConfirmed,
		func(a *Appointment, now int64, _ *time.Location) bool { return a.StartsAt > now-15*calendar.Minute }},
	{verbCheckIn, []Status{Scheduled, Confirmed}, "", "checked_in", apptCheckedIn,
		func(a *Appointment, now int64, zone *time.Location) bool {
			return a.CheckedInAt == 0 && max(a.StartsAt-now, now-a.StartsAt) <= 2*calendar.Hour &&
				calendar.LocalDate(zone, now) == calendar.LocalDate(zone, a.StartsAt)
		}},
	{verbCancel, []Status{Scheduled, Confirmed}, Cancelled, "cancelled", apptCancelled,
		func(a *Appointment, now int64, _ *time.Location) bool { return now < a.EndsAt }},
	{verbComplete, []Status{Scheduled, Confirmed}, Completed, "completed", apptCompleted,
		func(a *Appointment, now int64, _ *time.Location) bool { return now >= a.StartsAt-30*calendar.Minute }},
	{verbNoShow, []Status{Scheduled, Confirmed}, NoShow, "no_show", apptNoShow,
		func(a *Appointment, now int64, _ *time.Location) bool {
			return now >= a.StartsAt+15*calendar.Minute && a.CheckedInAt == 0
		}},
}

// open reports whether the transition may be made now.
func (t *transition) open(a *Appointment, now int64) bool {
	zone, err := calendar.LoadZone(a.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	for _, s := range t.from {
		if s == a.Status {
			return t.allows(a, now, zone)
		}
	}
	return false
}

// reached reports whether the appointment already is where the transition leads: a
// repeated act answers 200 and emits nothing (booking.md §7).
func (t *transition) reached(a *Appointment) bool {
	if t.to == "" {
		return a.CheckedInAt != 0 && (a.Status == Scheduled || a.Status == Confirmed)
	}
	return a.Status == t.to
}

// transitionOf finds a verb's row.
func transitionOf(v verb) *transition {
	for i := range transitions {
		if transitions[i].verb == v {
			return &transitions[i]
		}
	}
	panic("no such transition: " + string(v))
}

// transitionTo finds the row that leads to a state; nil if none does.
func transitionTo(s Status) *transition {
	for i := range transitions {
		if transitions[i].to == s {
			return &transitions[i]
		}
	}
	return nil
}

// invalidTransition is the refusal of what ("become confirmed", "be moved"), with the
// transitions that may follow now.
func invalidTransition(a *Appointment, what string, now int64) *fault.Error {
	err := fault.Fail(fault.InvalidTransition, "An appointment that is %s cannot %s now", a.Status, what)
	err.Allowed = []string{}
	for i := range transitions {
		if transitions[i].open(a, now) {
			err.Allowed = append(err.Allowed, transitions[i].name)
		}
	}
	switch a.Status {
	case Cancelled, NoShow:
		err.On("status", "Make a new booking, with rebooked_from")
	case Completed:
		if a.Undo != nil && now-a.Undo.At <= undoFor && what != "be undone" {
			err.On("status", "If that is wrong, undo it within 24 hours: POST /appointments/%s/undo", a.ID)
		}
	}
	return err
}
