package httpapi

import (
	"context"
	"net/url"
	"strings"

	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/httpapi/wire"
)

// Appointment is a booked visit (contract.md §9).
type Appointment struct {
	ID                 string         `json:"id" format:"uuid"`
	LeadID             *string        `json:"lead_id"`
	PatientID          *int64         `json:"patient_id"`
	ProviderID         int64          `json:"provider_id"`
	LocationID         *int64         `json:"location_id"`
	ServiceID          *int64         `json:"service_id"`
	Title              string         `json:"title"`
	Notes              string         `json:"notes"`
	Status             booking.Status `json:"status"`
	ScheduledAt        wire.Instant   `json:"scheduled_at"`
	EndsAt             wire.Instant   `json:"ends_at"`
	TimeZone           string         `json:"time_zone" doc:"The zone it was booked in"`
	CheckedInAt        *wire.Instant  `json:"checked_in_at"`
	CancellationReason *string        `json:"cancellation_reason"`
	LateCancel         bool           `json:"late_cancel" doc:"Cancelled closer to the start than the clinic wants"`
	Source             *string        `json:"source"`
	SeriesID           *string        `json:"series_id"`
	RebookedFrom       *string        `json:"rebooked_from" doc:"The appointment that this one replaces"`
	AssignedBecause    *string        `json:"assigned_because" doc:"Why this provider, where none was asked for"`
	Override           *Waiver        `json:"override,omitempty" doc:"Only where staff booked against a rule"`
	wire.Meta
}

// Waiver says which rules a booking skips, and why.
type Waiver struct {
	AllowOverlap      bool   `json:"allow_overlap"`
	AllowOutsideHours bool   `json:"allow_outside_hours"`
	Reason            string `json:"reason"`
}

// Location implements Located.
func (a Appointment) Location() string { return "/appointments/" + a.ID }

// AppointmentOf is an appointment on the wire.
func AppointmentOf(a booking.Appointment) Appointment {
	out := Appointment{
		ID: a.ID, LeadID: wire.Opt(a.LeadID), PatientID: wire.Opt(a.PatientID), ProviderID: a.ProviderID,
		LocationID: wire.Opt(a.LocationID), ServiceID: wire.Opt(a.ServiceID), Title: a.Title, Notes: a.Notes,
		Status: a.Status, ScheduledAt: wire.Instant(a.StartsAt), EndsAt: wire.Instant(a.EndsAt), TimeZone: a.TimeZone,
		CheckedInAt: wire.At(a.CheckedInAt), CancellationReason: wire.Opt(a.CancelReason), LateCancel: a.LateCancel,
		Source: wire.Opt(a.Source), SeriesID: wire.Opt(a.SeriesID), RebookedFrom: wire.Opt(a.RebookedFrom),
		AssignedBecause: wire.Opt(a.Assigned), Meta: wire.MetaOf(a.Meta),
	}
	if w := a.Override; w != nil {
		out.Override = &Waiver{w.Overlap, w.Hours, w.Reason}
	}
	return out
}

// Booking is an unsaved appointment; a slot of availability with a person in it.
type Booking struct {
	ScheduledAt       *wire.Instant `json:"scheduled_at,omitempty" doc:"Required, unless hold_id says it"`
	EndsAt            *wire.Instant `json:"ends_at,omitempty" doc:"Required, unless service_id or hold_id says it"`
	LocalStart        *wire.Instant `json:"local_start,omitempty" doc:"As availability gave it; must be the same instant"`
	LeadID            string        `json:"lead_id,omitempty" doc:"Or patient_id"`
	PatientID         int64         `json:"patient_id,omitempty" doc:"Or lead_id"`
	ProviderID        int64         `json:"provider_id,omitempty" doc:"Assigned when absent"`
	LocationID        int64         `json:"location_id,omitempty"`
	ServiceID         int64         `json:"service_id,omitempty"`
	Title             string        `json:"title,omitempty" maxLength:"200"`
	Notes             string        `json:"notes,omitempty" maxLength:"4000"`
	Source            string        `json:"source,omitempty" maxLength:"500"`
	SeriesID          string        `json:"series_id,omitempty" maxLength:"500"`
	RebookedFrom      string        `json:"rebooked_from,omitempty" doc:"The id of the cancelled appointment or no-show that this one replaces"`
	HoldID            string        `json:"hold_id,omitempty"`
	HoldToken         string        `json:"hold_token,omitempty"`
	AllowOverlap      bool          `json:"allow_overlap,omitempty" doc:"Needs appointments:override and reason"`
	AllowOutsideHours bool          `json:"allow_outside_hours,omitempty" doc:"Needs appointments:override and reason"`
	Reason            string        `json:"reason,omitempty" maxLength:"500"`
}

func (b Booking) draft() booking.Booking {
	return booking.Booking{
		StartsAt: b.ScheduledAt.Seconds(), EndsAt: b.EndsAt.Seconds(), LocalStart: b.LocalStart.Seconds(),
		LeadID: b.LeadID, PatientID: b.PatientID, ProviderID: b.ProviderID, LocationID: b.LocationID,
		ServiceID: b.ServiceID, Title: b.Title, Notes: b.Notes, Source: b.Source, SeriesID: b.SeriesID,
		RebookedFrom: b.RebookedFrom, HoldID: b.HoldID, HoldToken: b.HoldToken, AllowOverlap: b.AllowOverlap,
		AllowHours: b.AllowOutsideHours, Reason: b.Reason,
	}
}

// AppointmentPatch changes an appointment; a status is the same act as its verb.
type AppointmentPatch struct {
	ScheduledAt        *wire.Instant   `json:"scheduled_at,omitempty" doc:"Without ends_at the length is kept"`
	EndsAt             *wire.Instant   `json:"ends_at,omitempty"`
	ProviderID         *int64          `json:"provider_id,omitempty"`
	LocationID         *int64          `json:"location_id,omitempty"`
	Title              *string         `json:"title,omitempty" maxLength:"200"`
	Notes              *string         `json:"notes,omitempty" maxLength:"4000"`
	Status             *booking.Status `json:"status,omitempty"`
	CancellationReason *string         `json:"cancellation_reason,omitempty" maxLength:"500"`
	AllowOverlap       bool            `json:"allow_overlap,omitempty" doc:"Needs appointments:override and reason"`
	AllowOutsideHours  bool            `json:"allow_outside_hours,omitempty" doc:"Needs appointments:override and reason"`
	Reason             *string         `json:"reason,omitempty" maxLength:"500" doc:"Why a rule is overridden, or of the cancellation"`
}

func (p AppointmentPatch) draft(version *int64) booking.AppointmentPatch {
	reason := p.CancellationReason
	if reason == nil {
		reason = p.Reason
	}
	return booking.AppointmentPatch{
		Version: version, StartsAt: p.ScheduledAt.Pointer(), EndsAt: p.EndsAt.Pointer(), ProviderID: p.ProviderID,
		LocationID: p.LocationID, Title: p.Title, Notes: p.Notes, Status: p.Status, Reason: reason,
		AllowOverlap: p.AllowOverlap, AllowHours: p.AllowOutsideHours,
	}
}

type appointmentQuery struct {
	wire.Paged
	From         calendar.Moment `query:"from" doc:"Starts at or after: a date of the clinic, or an instant"`
	To           calendar.Moment `query:"to" doc:"Starts before"`
	Status       booking.Status  `query:"status"`
	ProviderID   int64           `query:"provider_id" minimum:"1"`
	PatientID    int64           `query:"patient_id" minimum:"1"`
	LeadID       string          `query:"lead_id"`
	UpdatedSince *wire.Instant   `query:"updated_since" doc:"For a sync: walks changes from there on, oldest first"`
}

// calendarFile is an appointment, or the same as a calendar file.
type calendarFile struct {
	Appointment
	ics []byte
}

func (c calendarFile) Render() (string, []byte) { return "text/calendar; charset=utf-8", c.ics }

// getAppointment answers /appointments/:id and, by its suffix, /appointments/:id.ics:
// the router has no room for both.
func (s *Server) getAppointment(ctx context.Context, c act.Caller, in wire.ByID) (calendarFile, error) {
	if id, ics := strings.CutSuffix(in.ID, ".ics"); ics {
		text, err := s.e.AppointmentCalendar(ctx, c, id, s.host())
		return calendarFile{ics: text}, err
	}
	a, err := s.e.Appointment(ctx, c, in.ID)
	return calendarFile{Appointment: AppointmentOf(a)}, err
}

// host names this installation in the UIDs of calendar files.
func (s *Server) host() string {
	if u, err := url.Parse(s.o.PublicURL); err == nil && u.Hostname() != "" {
		return u.Hostname()
	}
	return "qualifybase"
}

// bookingRefusals are the refusals of booking, in the order of booking.md §1.7.
var bookingRefusals = []fault.Kind{
	fault.SlotTaken, fault.PatientOverlap, fault.OutsideHours, fault.InThePast, fault.TooSoon,
	fault.BeyondHorizon,
	fault.CapReached, fault.ProviderInactive, fault.NotFound,
}

func (s *Server) appointmentRows() []Row {
	book := func(ctx context.Context, c act.Caller, in wire.Create[Booking]) (booking.Appointment, error) {
		return s.e.Book(ctx, c, in.Body.draft())
	}
	find := func(ctx context.Context, c act.Caller, in appointmentQuery) (act.List[booking.Appointment], error) {
		return s.e.AppointmentsBetween(ctx, c, in.From, in.To, booking.AppointmentQuery{
			Status: in.Status, ProviderID: in.ProviderID, PatientID: in.PatientID, LeadID: in.LeadID,
			UpdatedSince: in.UpdatedSince.Pointer(),
		}, in.Page())
	}
	patch := func(ctx context.Context, c act.Caller, in wire.Update[AppointmentPatch]) (booking.Appointment, error) {
		return s.e.PatchAppointment(ctx, c, in.ID, in.Body.draft(in.Version))
	}
	const read, write = scope.AppointmentsRead, scope.AppointmentsWrite
	change := append([]fault.Kind{fault.InvalidTransition, fault.Conflict}, bookingRefusals...)
	return append([]Row{
		{Method: "GET", Path: "/appointments", Scope: read, Tag: "Appointments", ID: "listAppointments",
			Summary: "List appointments", Status: 200, Op: List(find, AppointmentOf)},
		{Method: "POST", Path: "/appointments", Scope: write, Tag: "Appointments", ID: "bookAppointment",
			Summary: "Book an appointment", Status: 201,
			Doc: "Takes a person (lead_id or patient_id), a start, and an end or a service. A taken time is " +
				"answered with up to three others.",
			Errors: append([]fault.Kind{fault.Gone}, bookingRefusals...),
			Example: `{"lead_id":"c3e8a1d4-0000-7000-8000-000000000000","scheduled_at":"2026-04-27T09:00:00Z",` +
				`"ends_at":"2026-04-27T09:30:00Z","title":"Consultation"}`,
			Op: Op(book, AppointmentOf)},
		{Method: "GET", Path: "/appointments/:id", Scope: read, Tag: "Appointments", ID: "getAppointment",
			Summary: "Get an appointment",
			Doc:     "With the suffix .ics it is a calendar file.", Status: 200,
			Op: AlsoAs("text/calendar", Op(s.getAppointment, wire.Same[calendarFile]))},
		{Method: "PATCH", Path: "/appointments/:id", Scope: write, Tag: "Appointments", ID: "updateAppointment",
			Summary: "Reschedule or update an appointment",
			Status:  200, Errors: change, Example: `{"scheduled_at":"2026-04-28T09:00:00Z"}`,
			Op: Op(patch, AppointmentOf)},
	}, s.verbRows(change)...)
}
