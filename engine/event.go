package engine

import (
	"context"
	"encoding/json"
	"slices"
)

// Event is the thin canonical fact of a change (webhooks.md): ids, status and
// times; never a name or a clinical word.
type Event struct {
	Clinic    int64
	Seq       int64 // gap-free per clinic
	ID        string
	Type      string
	Test      bool
	CreatedAt int64
	Data      json.RawMessage // snake_case JSON object
}

// change is something that happened, as use cases say it; eventTypes is the one
// table from it to what subscribers hear, in order. Adding an event is a line here.
type change uint8

const (
	apptBooked change = iota
	apptUpdated
	apptConfirmed
	apptCheckedIn
	apptCompleted
	apptNoShow
	apptCancelled
	leadCreated
	leadUpdated
	leadDeleted
	leadConverted
	patientCreated
	patientUpdated
	patientMerged
	consultStarted
	consultEnded
	noteCreated
	noteWasSigned
	noteWasAmended
	prescriptionCreated
	intakeStarted // subscribable from now on; emitted with the interviews
	intakeCompleted
	webhookTested
)

var eventTypes = map[change][]string{
	apptBooked:     {"appointment.created", "appointment.scheduled"},
	apptUpdated:    {"appointment.updated"},
	apptConfirmed:  {"appointment.updated", "appointment.confirmed"},
	apptCheckedIn:  {"appointment.updated", "appointment.checked_in"},
	apptCompleted:  {"appointment.updated", "appointment.completed"},
	apptNoShow:     {"appointment.updated", "appointment.no_show"},
	apptCancelled:  {"appointment.cancelled"},
	leadCreated:    {"lead.created"},
	leadUpdated:    {"lead.updated"},
	leadDeleted:    {"lead.deleted"},
	leadConverted:  {"lead.converted"},
	patientCreated: {"patient.created"},
	patientUpdated: {"patient.updated"},
	patientMerged:  {"patient.merged"},

	consultStarted:      {"consultation.started"},
	consultEnded:        {"consultation.ended"},
	noteCreated:         {"soap_note.created"},
	noteWasSigned:       {"soap_note.signed"},
	noteWasAmended:      {"soap_note.amended"},
	prescriptionCreated: {"prescription.created"},
	intakeStarted:       {"intake.started"},
	intakeCompleted:     {"intake.completed"},
	webhookTested:       {"webhook.test"},
}

// Events lists the clinic's events, oldest first, those behind the seq after; typ
// "" is all of them. What a consumer missed it can read here, as long as it
// keeps the seq it has seen last. Needs webhooks:manage.
func (e *Engine) Events(ctx context.Context, c Caller, after int64, typ string, p Page) (List[Event], error) {
	query := struct {
		Clinic, After int64
		Test          bool
		Type          string
	}{c.Clinic, after, c.Test, typ}
	if after < 0 {
		return List[Event]{}, Fail(Invalid, "Invalid query parameters").On("after_seq", "Must be a seq, 0 or more")
	}
	if typ != "" && !knownEvent(typ) {
		return List[Event]{}, Fail(Invalid, "Invalid query parameters").On("type", "Must be the type of an event, such as appointment.created")
	}
	return read(ctx, e, c, Action{"event.list", WebhooksManage}, func(r Reader) (List[Event], error) {
		return listing[Event]{
			order: SeqUp, filter: FilterOf("events", query),
			place: func(ev Event) Position {
				return Position{CreatedAt: ev.CreatedAt, ID: ev.ID, Number: ev.Seq}
			},
			rows: func(at Position, limit int) ([]Event, error) {
				return r.Events(c.Clinic, c.Test, max(after, at.Number), typ, limit)
			},
		}.page(p)
	})
}

// knownEvent tells whether some change is told under this type.
func knownEvent(typ string) bool {
	for _, types := range eventTypes {
		if slices.Contains(types, typ) {
			return true
		}
	}
	return false
}
