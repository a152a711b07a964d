package httpapi

import (
	"context"

	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/httpapi/wire"
)

// Reschedule is the body of a move (records.md §7).
type Reschedule struct {
	ScheduledAt wire.Instant  `json:"scheduled_at"`
	EndsAt      *wire.Instant `json:"ends_at,omitempty" doc:"Without it the length is kept"`
	ProviderID  int64         `json:"provider_id,omitempty"`
	LocationID  int64         `json:"location_id,omitempty"`
}

// Cancellation is the body of a cancel.
type Cancellation struct {
	Reason string `json:"reason,omitempty" maxLength:"500"`
}

// Undoing is the body of an undo.
type Undoing struct {
	Reason string `json:"reason" maxLength:"500"`
}

// HistoryEntry is one act on an appointment, from the audit.
type HistoryEntry struct {
	At      wire.Instant `json:"at"`
	Action  string       `json:"action" doc:"appointment.book, appointment.confirm, …"`
	Actor   Actor        `json:"actor"`
	Outcome act.Outcome  `json:"outcome"`
	Fields  []string     `json:"fields" doc:"Names of what changed"`
}

// Actor is who did something.
type Actor struct {
	Kind  act.ActorKind `json:"kind"`
	ID    string        `json:"id"`
	Label string        `json:"label" doc:"The visible part of a key, a user's role"`
}

// ActorOf is who did what an audit row tells.
func ActorOf(a act.AuditEntry) Actor { return Actor{a.ActorKind, a.ActorID, a.ActorLabel} }

func historyEntry(a act.AuditEntry) HistoryEntry {
	return HistoryEntry{wire.Instant(a.At), a.Action, ActorOf(a), a.Outcome, wire.List(a.Fields)}
}

// verbRows are the transitions of an appointment (records.md §2).
func (s *Server) verbRows(refusals []fault.Kind) []Row {
	type move func(context.Context, act.Caller, string) (booking.Appointment, error)
	verb := func(name, id, summary string, do move) Row {
		use := func(ctx context.Context, c act.Caller, in wire.ByID) (booking.Appointment, error) {
			return do(ctx, c, in.ID)
		}
		return Row{Method: "POST", Path: "/appointments/:id/" + name, Scope: scope.AppointmentsWrite,
			Tag: "Appointments", ID: id, Summary: summary,
			Status: 200, Errors: []fault.Kind{fault.InvalidTransition, fault.Conflict}, Op: Op(use, AppointmentOf)}
	}
	reschedule := func(ctx context.Context, c act.Caller, in wire.Update[Reschedule]) (booking.Appointment, error) {
		b := in.Body
		return s.e.Reschedule(ctx, c, in.ID, booking.Move{Version: in.Version, StartsAt: int64(b.ScheduledAt),
			EndsAt: b.EndsAt.Seconds(), ProviderID: b.ProviderID, LocationID: b.LocationID})
	}
	cancel := func(ctx context.Context, c act.Caller, in wire.Action[Cancellation]) (booking.Appointment, error) {
		return s.e.Cancel(ctx, c, in.ID, in.Body.Reason)
	}
	undo := func(ctx context.Context, c act.Caller, in wire.Action[Undoing]) (booking.Appointment, error) {
		return s.e.UndoAppointment(ctx, c, in.ID, in.Body.Reason)
	}
	history := func(ctx context.Context, c act.Caller, in wire.ByID) (act.List[act.AuditEntry], error) {
		rows, err := s.e.History(ctx, c, in.ID)
		n := int64(len(rows))
		return act.List[act.AuditEntry]{Items: rows, Total: &n}, err
	}
	const write = scope.AppointmentsWrite
	return []Row{
		verb("confirm", "confirmAppointment", "Confirm an appointment", s.e.Confirm),
		{Method: "POST", Path: "/appointments/:id/cancel", Scope: write, Tag: "Appointments", ID: "cancelAppointment",
			Summary: "Cancel an appointment",
			Status:  200, Errors: []fault.Kind{fault.InvalidTransition, fault.Conflict},
			Example: `{"reason":"The patient is ill"}`, Op: Op(cancel, AppointmentOf)},
		{Method: "POST", Path: "/appointments/:id/reschedule", Scope: write, Tag: "Appointments",
			ID: "rescheduleAppointment", Summary: "Move an appointment",
			Doc: "The old slot is free in the same instant; on failure nothing has changed.", Status: 200,
			Errors:  refusals,
			Example: `{"scheduled_at":"2026-04-28T09:00:00Z"}`, Op: Op(reschedule, AppointmentOf)},
		verb("check-in", "checkInAppointment", "The patient is here", s.e.CheckIn),
		verb("complete", "completeAppointment", "The visit took place", s.e.Complete),
		verb("no-show", "markNoShow", "Nobody came", s.e.MarkNoShow),
		{Method: "POST", Path: "/appointments/:id/undo", Scope: write, Tag: "Appointments", ID: "undoAppointment",
			Summary: "Take the last change back",
			Doc:     "Within 24 hours; a slot that was freed is checked again.", Status: 200, Errors: refusals,
			Example: `{"reason":"Wrong patient"}`, Op: Op(undo, AppointmentOf)},
		{Method: "GET", Path: "/appointments/:id/history", Scope: scope.AppointmentsRead, Tag: "Appointments",
			ID:      "getAppointmentHistory",
			Summary: "What happened to an appointment", Status: 200, Op: List(history, historyEntry)},
	}
}
