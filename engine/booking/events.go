package booking

import (
	"encoding/json"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
)

// The thin canonical facts of events (webhooks.md): ids, status and times, in
// snake_case. Never a name, a note or a clinical word: this is patient data.

// What happens to an appointment, as subscribers hear of it.
var (
	apptBooked    = act.Change{"appointment.created", "appointment.scheduled"}
	apptUpdated   = act.Change{"appointment.updated"}
	apptConfirmed = act.Change{"appointment.updated", "appointment.confirmed"}
	apptCheckedIn = act.Change{"appointment.updated", "appointment.checked_in"}
	apptCompleted = act.Change{"appointment.updated", "appointment.completed"}
	apptNoShow    = act.Change{"appointment.updated", "appointment.no_show"}
	apptCancelled = act.Change{"appointment.cancelled"}
)

type appointmentFact struct {
	Appointment appointmentThin `json:"appointment"`
	Previous    *previousThin   `json:"previous,omitempty"`
}

type appointmentThin struct {
	ID          string `json:"id"`
	LeadID      string `json:"lead_id,omitempty"`
	PatientID   int64  `json:"patient_id,omitempty"`
	ProviderID  int64  `json:"provider_id"`
	LocationID  int64  `json:"location_id,omitempty"`
	ServiceID   int64  `json:"service_id,omitempty"`
	Status      Status `json:"status"`
	ScheduledAt string `json:"scheduled_at"`
	EndsAt      string `json:"ends_at"`
	TimeZone    string `json:"time_zone"`
	CheckedInAt string `json:"checked_in_at,omitempty"`
	Version     int64  `json:"version"`
}

// previousThin holds only what changed, of the fields above: {} where another one
// did, such as the title. A field that had no value is null.
type previousThin struct {
	Status      Status `json:"status,omitempty"`
	ScheduledAt string `json:"scheduled_at,omitempty"`
	EndsAt      string `json:"ends_at,omitempty"`
	ProviderID  int64  `json:"provider_id,omitempty"`
	LocationID  any    `json:"location_id,omitempty"`
	CheckedInAt any    `json:"checked_in_at,omitempty"`
}

// events are what subscribers may hear of appointments.
func events() []act.EventKind {
	return []act.EventKind{{
		Changes: []act.Change{apptBooked, apptUpdated, apptConfirmed, apptCheckedIn, apptCompleted, apptNoShow,
			apptCancelled},
		Sample: factOf(Appointment{
			ID: act.SampleID, LeadID: "0196716a-1c3d-7b52-9c0e-5d9f0a6b7c8d", ProviderID: 2, LocationID: 1, ServiceID: 3,
			Status: Scheduled, StartsAt: 1777273200, EndsAt: 1777275000, TimeZone: "Europe/Berlin", Meta: act.Meta{Version: 1},
		}, nil),
	}}
}

// none is null where omitempty would leave the field out.
var none = json.RawMessage("null")

// factOf is the fact of an appointment, with what was before where there is a before.
func factOf(a Appointment, before *Appointment) appointmentFact {
	f := appointmentFact{Appointment: appointmentThin{
		ID: a.ID, LeadID: a.LeadID, PatientID: a.PatientID, ProviderID: a.ProviderID, LocationID: a.LocationID,
		ServiceID: a.ServiceID, Status: a.Status, ScheduledAt: calendar.UTC(a.StartsAt), EndsAt: calendar.UTC(a.EndsAt),
		TimeZone: a.TimeZone, Version: a.Version,
	}}
	if a.CheckedInAt != 0 {
		f.Appointment.CheckedInAt = calendar.UTC(a.CheckedInAt)
	}
	if before == nil {
		return f
	}
	p := &previousThin{}
	if before.Status != a.Status {
		p.Status = before.Status
	}
	if before.StartsAt != a.StartsAt {
		p.ScheduledAt = calendar.UTC(before.StartsAt)
	}
	if before.EndsAt != a.EndsAt {
		p.EndsAt = calendar.UTC(before.EndsAt)
	}
	if before.ProviderID != a.ProviderID {
		p.ProviderID = before.ProviderID
	}
	if before.LocationID != a.LocationID {
		if p.LocationID = none; before.LocationID != 0 {
			p.LocationID = before.LocationID
		}
	}
	if before.CheckedInAt != a.CheckedInAt {
		if p.CheckedInAt = none; before.CheckedInAt != 0 {
			p.CheckedInAt = calendar.UTC(before.CheckedInAt)
		}
	}
	f.Previous = p
	return f
}
