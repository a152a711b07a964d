package engine

import "encoding/json"

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
}
