package booking

import (
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

// factOf is the fact of an appointment, with what was before where there is a before.
func factOf(a Appointment, before *Appointment) act.Fact {
	f := act.Fact{}.Object("appointment", act.Fact{}.
		Text("id", a.ID).
		TextIf("lead_id", a.LeadID).
		IntIf("patient_id", a.PatientID).
		Int("provider_id", a.ProviderID).
		IntIf("location_id", a.LocationID).
		IntIf("service_id", a.ServiceID).
		Text("status", string(a.Status)).
		Text("scheduled_at", calendar.UTC(a.StartsAt)).
		Text("ends_at", calendar.UTC(a.EndsAt)).
		Text("time_zone", a.TimeZone).
		TextIf("checked_in_at", calendar.UTCOrNot(a.CheckedInAt)).
		Int("version", a.Version))
	if before == nil {
		return f
	}
	return f.Object("previous", previousOf(a, *before))
}

// previousOf holds only what changed, of the fields above: {} where another one did,
// such as the title. A field that had no value is null.
func previousOf(a, before Appointment) act.Fact {
	var f act.Fact
	if before.Status != a.Status {
		f = f.Text("status", string(before.Status))
	}
	if before.StartsAt != a.StartsAt {
		f = f.Text("scheduled_at", calendar.UTC(before.StartsAt))
	}
	if before.EndsAt != a.EndsAt {
		f = f.Text("ends_at", calendar.UTC(before.EndsAt))
	}
	if before.ProviderID != a.ProviderID {
		f = f.Int("provider_id", before.ProviderID)
	}
	switch {
	case before.LocationID == a.LocationID:
	case before.LocationID == 0:
		f = f.Null("location_id")
	default:
		f = f.Int("location_id", before.LocationID)
	}
	switch {
	case before.CheckedInAt == a.CheckedInAt:
	case before.CheckedInAt == 0:
		f = f.Null("checked_in_at")
	default:
		f = f.Text("checked_in_at", calendar.UTC(before.CheckedInAt))
	}
	return f
}
