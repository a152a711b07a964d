package booking_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
	"qualifybase/engine/scope"
)

// desk is the standard clinic with somebody to book for.
type desk struct {
	*enginetest.Clinic
	lead string
}

func newDesk(t testing.TB) desk {
	c := enginetest.New(t)
	d := desk{Clinic: c}
	d.lead = d.person(t, "Ida Muster")
	c.Since(t)
	return d
}

// person adds a lead.
func (d desk) person(t testing.TB, name string) string {
	t.Helper()
	l, err := d.Engine.PutLead(t.Context(), d.Caller, people.LeadDraft{Name: &name})
	enginetest.Must(t, err)
	return l.Lead.ID
}

// at is a booking of half an hour with Ada for the lead.
func (d desk) at(clock string) booking.Booking {
	start := enginetest.Unix(clock)
	return booking.Booking{LeadID: d.lead, ProviderID: d.Ada.ID, StartsAt: start, EndsAt: start + 1800}
}

func (d desk) book(t testing.TB, b booking.Booking) booking.Appointment {
	t.Helper()
	a, err := d.Engine.Book(t.Context(), d.Caller, b)
	enginetest.Must(t, err)
	return a
}

// occupied lists a provider's live footprints of the week, as clock times.
func (d desk) occupied(t testing.TB, provider int64) (out []string) {
	t.Helper()
	d.Read(t, func(r engine.Reader) error {
		from := enginetest.Unix("2026-04-27 00:00")
		rows, err := r.Busy(booking.ProviderResource(provider), false, calendar.Span{Start: from, End: from + 7*86400}, nil)
		for _, o := range rows {
			zone, _ := time.LoadLocation(enginetest.Zone)
			out = append(out, time.Unix(o.Start, 0).In(zone).Format("Mon 15:04")+time.Unix(o.End, 0).In(zone).Format("-15:04"))
		}
		return err
	})
	return out
}

func TestBookAndItsConsequences(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	a := d.book(t, d.at("2026-04-27 09:00"))
	if a.Status != booking.Scheduled || a.ProviderID != d.Ada.ID || a.LocationID != d.Practice.ID || a.Version != 1 ||
		a.TimeZone != enginetest.Zone {
		t.Errorf("booked %+v", a)
	}
	if got := d.occupied(t, d.Ada.ID); !slices.Equal(got, []string{"Mon 09:00-09:30"}) {
		t.Errorf("occupied %v", got)
	}
	trace := d.Since(t)
	if !slices.Equal(trace.Events, []string{"appointment.created", "appointment.scheduled"}) {
		t.Errorf("events %v", trace.Events)
	}
	if want := []string{"appointment.book ok " + a.ID}; !slices.Equal(trace.Audit, want) {
		t.Errorf("audit %v, want %v", trace.Audit, want)
	}
	lead, err := d.Engine.Lead(t.Context(), d.Caller, d.lead)
	enginetest.Must(t, err)
	if lead.Status != people.LeadBooked {
		t.Errorf("the lead is %s, want booked", lead.Status)
	}
}

// Every refusal leaves the calendar as it was, and says what it is about.
func TestBookRefusals(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.book(t, d.at("2026-04-27 10:00"))
	other := d.person(t, "Otto Muster")
	_, rivals := d.Rival(t)
	inactive := d.AddProvider(t, directory.ProviderDraft{DisplayName: new("Gone"), Active: new(false)})
	d.Since(t)
	for _, test := range []struct {
		name   string
		change func(*booking.Booking)
		kind   fault.Kind
		fields []string
	}{
		{"nothing said", func(b *booking.Booking) { *b = booking.Booking{} }, fault.Invalid,
			[]string{"scheduled_at", "ends_at", "lead_id"}},
		{"zero length", func(b *booking.Booking) { b.EndsAt = b.StartsAt }, fault.Invalid, []string{"ends_at"}},
		{"end before start", func(b *booking.Booking) { b.EndsAt = b.StartsAt - 60 }, fault.Invalid, []string{"ends_at"}},
		{"longer than a day", func(b *booking.Booking) { b.EndsAt = b.StartsAt + 90000 }, fault.Invalid, []string{"ends_at"}},
		{"another local start", func(b *booking.Booking) { b.LocalStart = b.StartsAt + 3600 }, fault.Invalid,
			[]string{"local_start"}},
		{"unknown lead", func(b *booking.Booking) { b.LeadID = "0196f3a0-0000-7000-8000-000000000000" }, fault.NotFound, nil},
		{"another clinic's provider", func(b *booking.Booking) { b.ProviderID = rivals.ID }, fault.NotFound,
			[]string{"provider_id"}},
		{"unknown service", func(b *booking.Booking) { b.ServiceID = 999 }, fault.NotFound, []string{"service_id"}},
		{"in the past", func(b *booking.Booking) { b.StartsAt -= 86400; b.EndsAt -= 86400 }, fault.InThePast,
			[]string{"scheduled_at"}},
		{"in the lunch hour", func(b *booking.Booking) {
			b.StartsAt = enginetest.Unix("2026-04-27 12:00")
			b.EndsAt = b.StartsAt + 1800
		}, fault.OutsideHours, []string{"scheduled_at"}},
		{"over the closing hour", func(b *booking.Booking) {
			b.StartsAt = enginetest.Unix("2026-04-27 16:45")
			b.EndsAt = b.StartsAt + 1800
		}, fault.OutsideHours, []string{"scheduled_at"}},
		{"beyond the horizon", func(b *booking.Booking) { b.StartsAt += 371 * 86400; b.EndsAt = b.StartsAt + 1800 },
			fault.BeyondHorizon, []string{"scheduled_at"}},
		{"taken", func(b *booking.Booking) { b.LeadID = other; b.StartsAt += 3600 + 900; b.EndsAt = b.StartsAt + 1800 },
			fault.SlotTaken, []string{"scheduled_at"}},
		{"the same person twice", func(b *booking.Booking) {
			b.ProviderID = 0
			b.LocationID = d.Branch.ID
			b.StartsAt += 3600 + 900
			b.EndsAt = b.StartsAt + 1800
		}, fault.PatientOverlap, []string{"scheduled_at"}},
		{"an inactive provider", func(b *booking.Booking) { b.ProviderID = inactive.ID }, fault.ProviderInactive,
			[]string{"provider_id"}},
		{"a provider elsewhere", func(b *booking.Booking) { b.ProviderID = d.Cleo.ID; b.LocationID = d.Practice.ID },
			fault.ProviderInactive, []string{"provider_id"}},
		{"an override without a reason", func(b *booking.Booking) { b.AllowOverlap = true }, fault.Invalid,
			[]string{"reason"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := d.at("2026-04-27 09:00")
			test.change(&b)
			d.Unchanged(t, func() {
				_, err := d.Engine.Book(t.Context(), d.Caller, b)
				enginetest.Refused(t, err, test.kind, test.fields...)
			})
			if ev := d.Since(t).Events; len(ev) > 0 {
				t.Errorf("events %v", ev)
			}
		})
	}
}

// A 409 carries three open slots that do not overlap one another, and each of
// them books when it is posted back with a person.
func TestAlternativesBook(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.book(t, d.at("2026-04-28 10:00"))
	b := d.at("2026-04-28 10:15")
	b.LeadID = d.person(t, "Otto Muster")
	_, err := d.Engine.Book(t.Context(), d.Caller, b)
	e := enginetest.Refused(t, err, fault.SlotTaken, "scheduled_at")
	if len(e.Alternatives.([]booking.Slot)) != 3 {
		t.Fatalf("%d alternatives", len(e.Alternatives.([]booking.Slot)))
	}
	for i, s := range e.Alternatives.([]booking.Slot) {
		a := d.book(t, booking.Booking{LeadID: b.LeadID, StartsAt: s.StartsAt, EndsAt: s.EndsAt, LocalStart: s.StartsAt,
			ProviderID: s.ProviderID, LocationID: s.LocationID, ServiceID: s.ServiceID})
		if i == 0 && a.StartsAt != enginetest.Unix("2026-04-28 10:30") && a.StartsAt != enginetest.Unix("2026-04-28 09:30") {
			t.Errorf("the nearest is %s", time.Unix(a.StartsAt, 0).UTC())
		}
	}
}

// Surgery keeps ten minutes free on either side of provider and room.
func TestBuffersAndRooms(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	surgery := func(clock string, provider, room int64) (booking.Appointment, error) {
		return d.Engine.Book(t.Context(), d.Caller, booking.Booking{LeadID: d.person(t, "Somebody"), ServiceID: d.Surgery.ID,
			StartsAt: enginetest.Unix(clock), ProviderID: provider, LocationID: room})
	}
	a, err := surgery("2026-04-27 10:00", d.Ada.ID, d.Room1.ID)
	enginetest.Must(t, err)
	if a.EndsAt-a.StartsAt != 3600 || a.LocationID != d.Room1.ID {
		t.Errorf("booked %+v", a)
	}
	_, err = surgery("2026-04-27 10:30", d.Ben.ID, d.Room1.ID)
	enginetest.Refused(t, err, fault.SlotTaken, "scheduled_at")
	b, err := surgery("2026-04-27 10:30", d.Ben.ID, 0)
	enginetest.Must(t, err)
	if b.LocationID != d.Room2.ID {
		t.Errorf("the other room was free, not %d", b.LocationID)
	}
	half := d.at("2026-04-27 11:00")
	half.LeadID = d.person(t, "Next")
	_, err = d.Engine.Book(t.Context(), d.Caller, half)
	enginetest.Refused(t, err, fault.SlotTaken, "scheduled_at")
	half.StartsAt, half.EndsAt = half.StartsAt+600, half.EndsAt+600
	d.book(t, half)
}

func TestHolds(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	start := enginetest.Unix("2026-04-27 09:00")
	h, err := d.Engine.PlaceHold(t.Context(), d.Caller, booking.HoldDraft{StartsAt: start, EndsAt: start + 1800,
		ProviderID: d.Ada.ID})
	enginetest.Must(t, err)
	if h.ExpiresAt != d.Clock.Now().Unix()+300 || h.Token == "" {
		t.Errorf("held %+v", h)
	}
	_, err = d.Engine.Book(t.Context(), d.Caller, d.at("2026-04-27 09:15"))
	enginetest.Refused(t, err, fault.SlotTaken, "scheduled_at")

	_, err = d.Engine.Book(t.Context(), d.Caller, booking.Booking{LeadID: d.lead, HoldID: h.ID, HoldToken: "guess"})
	enginetest.Refused(t, err, fault.NotFound, "hold_token")
	_, err = d.Engine.Book(t.Context(), d.Caller, booking.Booking{LeadID: d.lead, HoldID: h.ID, HoldToken: h.Token,
		StartsAt: start + 900})
	enginetest.Refused(t, err, fault.Invalid, "scheduled_at")
	d.book(t, booking.Booking{LeadID: d.lead, HoldID: h.ID, HoldToken: h.Token})
	if got := d.occupied(t, d.Ada.ID); !slices.Equal(got, []string{"Mon 09:00-09:30"}) {
		t.Errorf("occupied %v", got)
	}
	_, err = d.Engine.Book(t.Context(), d.Caller, booking.Booking{LeadID: d.person(t, "Late"), HoldID: h.ID,
		HoldToken: h.Token})
	enginetest.Refused(t, err, fault.Gone, "hold_id")
	if !strings.Contains(err.Error(), "The hold was already used") {
		t.Errorf("a used hold: %v", err)
	}
	enginetest.Refused(t, d.Engine.DropHold(t.Context(), d.Caller, h.ID), fault.Gone, "id")

	h, err = d.Engine.PlaceHold(t.Context(), d.Caller, booking.HoldDraft{StartsAt: start + 3600, EndsAt: start + 5400,
		ProviderID: d.Ada.ID, Minutes: 1})
	enginetest.Must(t, err)
	d.Clock.Add(time.Minute)
	_, err = d.Engine.Book(t.Context(), d.Caller, booking.Booking{LeadID: d.person(t, "Later"), HoldID: h.ID,
		HoldToken: h.Token})
	enginetest.Refused(t, err, fault.Gone, "hold_id")
	if !strings.Contains(err.Error(), "The hold has expired") {
		t.Errorf("an expired hold: %v", err)
	}
	enginetest.Refused(t, d.Engine.DropHold(t.Context(), d.Caller, h.ID), fault.Gone, "id")
	b := d.at("2026-04-27 10:00")
	b.LeadID = d.person(t, "Free at once")
	d.book(t, b)
	_, err = d.Engine.PlaceHold(t.Context(), d.Caller, booking.HoldDraft{StartsAt: start, EndsAt: start + 60, Minutes: 16})
	enginetest.Refused(t, err, fault.Invalid, "minutes")
}

// A moved appointment frees its old slot in the same instant; a move that is
// refused changes nothing.
func TestReschedule(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	a := d.book(t, d.at("2026-04-27 09:00"))
	b := d.at("2026-04-27 10:00")
	b.LeadID = d.person(t, "Otto Muster")
	d.book(t, b)
	d.Since(t)

	d.Unchanged(t, func() {
		_, err := d.Engine.Reschedule(t.Context(), d.Caller, a.ID, booking.Move{StartsAt: a.StartsAt + 2700})
		enginetest.Refused(t, err, fault.SlotTaken, "scheduled_at")
		_, err = d.Engine.Reschedule(t.Context(), d.Caller, a.ID, booking.Move{Version: new(int64(7)),
			StartsAt: a.StartsAt + 900})
		enginetest.Refused(t, err, fault.PreconditionFailed)
	})
	d.Since(t)
	moved, err := d.Engine.Reschedule(t.Context(), d.Caller, a.ID, booking.Move{StartsAt: a.StartsAt + 900})
	enginetest.Must(t, err)
	if moved.EndsAt-moved.StartsAt != 1800 || moved.Version != 2 || moved.Sequence != 1 {
		t.Errorf("moved %+v", moved)
	}
	if got := d.occupied(t, d.Ada.ID); !slices.Equal(got, []string{"Mon 09:15-09:45", "Mon 10:00-10:30"}) {
		t.Errorf("occupied %v", got)
	}
	trace := d.Since(t)
	if !slices.Equal(trace.Events, []string{"appointment.updated"}) ||
		!slices.Equal(trace.Audit, []string{"appointment.reschedule ok " + a.ID + " scheduled_at,ends_at"}) {
		t.Errorf("left %+v", trace)
	}
	same, err := d.Engine.Reschedule(t.Context(), d.Caller, a.ID, booking.Move{StartsAt: moved.StartsAt})
	enginetest.Must(t, err)
	if trace = d.Since(t); same.Version != 2 || len(trace.Events)+len(trace.Audit) > 0 {
		t.Errorf("a move to where it is left %+v", trace)
	}
	elsewhere, err := d.Engine.Reschedule(t.Context(), d.Caller, a.ID,
		booking.Move{StartsAt: moved.StartsAt, ProviderID: d.Ben.ID})
	enginetest.Must(t, err)
	if elsewhere.ProviderID != d.Ben.ID || len(d.occupied(t, d.Ada.ID)) != 1 || len(d.occupied(t, d.Ben.ID)) != 1 {
		t.Errorf("now at %+v", elsewhere)
	}
}

// The whole table of transitions (records.md §2): each verb at each moment.
func TestLifecycle(t *testing.T) {
	t.Parallel()
	type verb = func(*engine.Engine, context.Context, act.Caller, string) (booking.Appointment, error)
	cancel := func(e *engine.Engine, ctx context.Context, c act.Caller, id string) (booking.Appointment, error) {
		return e.Cancel(ctx, c, id, "ill")
	}
	verbs := map[string]verb{"confirm": (*engine.Engine).Confirm, "check-in": (*engine.Engine).CheckIn,
		"complete": (*engine.Engine).Complete,
		"no-show":  (*engine.Engine).MarkNoShow, "cancel": cancel}
	for _, test := range []struct {
		name   string
		before []string
		now    string // the visit is at 10:00–10:30
		verb   string
		want   booking.Status // "" = refused
		events []string
	}{
		{"confirm", nil, "08:00", "confirm", booking.Confirmed, []string{"appointment.updated", "appointment.confirmed"}},
		{"confirm again", []string{"confirm"}, "08:00", "confirm", booking.Confirmed, nil},
		{"confirm just after the start", nil, "10:14", "confirm", booking.Confirmed,
			[]string{"appointment.updated", "appointment.confirmed"}},
		{"confirm too late", nil, "10:15", "confirm", "", nil},
		{"cancel", nil, "08:00", "cancel", booking.Cancelled, []string{"appointment.cancelled"}},
		{"cancel twice", []string{"cancel"}, "08:00", "cancel", booking.Cancelled, nil},
		{"cancel during the visit", nil, "10:29", "cancel", booking.Cancelled, []string{"appointment.cancelled"}},
		{"cancel afterwards", nil, "10:30", "cancel", "", nil},
		{"check in", []string{"confirm"}, "09:50", "check-in", booking.Confirmed,
			[]string{"appointment.updated", "appointment.checked_in"}},
		{"check in hours before", nil, "07:59", "check-in", "", nil},
		{"complete", []string{"confirm"}, "10:30", "complete", booking.Completed,
			[]string{"appointment.updated", "appointment.completed"}},
		{"complete too early", nil, "09:29", "complete", "", nil},
		{"no-show", nil, "10:15", "no-show", booking.NoShow, []string{"appointment.updated", "appointment.no_show"}},
		{"no-show within the grace", nil, "10:14", "no-show", "", nil},
		{"no-show of one who is here", []string{"check-in"}, "10:20", "no-show", "", nil},
		{"confirm a cancelled one", []string{"cancel"}, "08:00", "confirm", "", nil},
		{"complete a cancelled one", []string{"cancel"}, "10:30", "complete", "", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDesk(t)
			a := d.book(t, d.at("2026-04-27 10:00"))
			for _, v := range test.before {
				if v == "check-in" {
					d.Clock.Set(enginetest.At("2026-04-27 10:00"))
				}
				_, err := verbs[v](d.Engine, t.Context(), d.Caller, a.ID)
				enginetest.Must(t, err)
			}
			d.Clock.Set(enginetest.At("2026-04-27 " + test.now))
			d.Since(t)
			got, err := verbs[test.verb](d.Engine, t.Context(), d.Caller, a.ID)
			if test.want == "" {
				e, _ := err.(*fault.Error)
				if fault.KindOf(err) != fault.InvalidTransition || e.Allowed == nil {
					t.Fatalf("got %v", err)
				}
				return
			}
			enginetest.Must(t, err)
			if got.Status != test.want {
				t.Errorf("is %s, want %s", got.Status, test.want)
			}
			if ev := d.Since(t).Events; !slices.Equal(ev, test.events) {
				t.Errorf("events %v, want %v", ev, test.events)
			}
			if live := len(d.occupied(t, d.Ada.ID)) == 1; live != test.want.Live() {
				t.Errorf("occupied: %v", live)
			}
		})
	}
}

// What was undone is as it was, unless the slot has gone to somebody else.
func TestUndo(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	a := d.book(t, d.at("2026-04-27 10:00"))
	_, err := d.Engine.Cancel(t.Context(), d.Caller, a.ID, "mistake")
	enginetest.Must(t, err)
	_, err = d.Engine.UndoAppointment(t.Context(), d.Caller, a.ID, " ")
	enginetest.Refused(t, err, fault.Invalid, "reason")
	back, err := d.Engine.UndoAppointment(t.Context(), d.Caller, a.ID, "wrong patient")
	enginetest.Must(t, err)
	if back.Status != booking.Scheduled || back.CancelReason != "" || len(d.occupied(t, d.Ada.ID)) != 1 {
		t.Errorf("undone to %+v", back)
	}
	_, err = d.Engine.UndoAppointment(t.Context(), d.Caller, a.ID, "again")
	enginetest.Refused(t, err, fault.InvalidTransition, "status")

	_, err = d.Engine.Cancel(t.Context(), d.Caller, a.ID, "ill")
	enginetest.Must(t, err)
	b := d.at("2026-04-27 10:15")
	b.LeadID = d.person(t, "Otto Muster")
	d.book(t, b)
	d.Unchanged(t, func() {
		_, err = d.Engine.UndoAppointment(t.Context(), d.Caller, a.ID, "well again")
		enginetest.Refused(t, err, fault.SlotTaken, "scheduled_at")
	})
}

// An override skips its own check and says so; everybody else still sees it.
func TestOverride(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.book(t, d.at("2026-04-27 10:00"))
	b := d.at("2026-04-27 10:15")
	b.LeadID, b.AllowOverlap, b.Reason = d.person(t, "Urgent"), true, "acute pain"
	narrow := d.Caller
	narrow.Scopes = scope.Of(scope.AppointmentsWrite)
	_, err := d.Engine.Book(t.Context(), narrow, b)
	if e := enginetest.Refused(t, err, fault.Forbidden); e.Missing != scope.AppointmentsOverride {
		t.Errorf("missing %v", e.Missing)
	}
	a := d.book(t, b)
	if a.Override == nil || !a.Override.Overlap || a.Override.Reason != "acute pain" {
		t.Errorf("override %+v", a.Override)
	}
	c := d.at("2026-04-27 10:30")
	c.LeadID = d.person(t, "Third")
	_, err = d.Engine.Book(t.Context(), d.Caller, c)
	enginetest.Refused(t, err, fault.SlotTaken, "scheduled_at")
	_, err = d.Engine.Confirm(t.Context(), d.Caller, a.ID) // beside its legal neighbour
	enginetest.Must(t, err)

	late := d.at("2026-04-26 20:00") // a Sunday evening that has passed
	late.LeadID, late.AllowHours, late.Reason = d.person(t, "Emergency"), true, "came on Sunday"
	d.book(t, late)
}

// Test keys book on the same engine and never meet live rows (booking.md §1.5a).
func TestTestKeys(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.book(t, d.at("2026-04-27 10:00"))
	name := "Probe"
	l, err := d.Engine.PutLead(t.Context(), d.Test, people.LeadDraft{Name: &name})
	enginetest.Must(t, err)
	b := d.at("2026-04-27 10:00")
	_, err = d.Engine.Book(t.Context(), d.Test, b) // a live lead
	enginetest.Refused(t, err, fault.NotFound)
	b.LeadID = l.Lead.ID
	a, err := d.Engine.Book(t.Context(), d.Test, b)
	enginetest.Must(t, err)
	_, err = d.Engine.Appointment(t.Context(), d.Caller, a.ID)
	enginetest.Refused(t, err, fault.NotFound)
	_, err = d.Engine.Book(t.Context(), d.Test, b)
	if fault.KindOf(err) != fault.SlotTaken {
		t.Errorf("the same slot twice: %v", err)
	}
}

func TestAssignment(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	at := func(clock string) booking.Booking {
		b := d.at(clock)
		b.ProviderID, b.LeadID = 0, d.person(t, "Patient at "+clock)
		return b
	}
	b := at("2026-04-27 10:00")
	b.ProviderID = d.Ada.ID
	d.book(t, b)
	a := d.book(t, at("2026-04-27 11:00"))
	if a.ProviderID == d.Ada.ID || a.Assigned == "" {
		t.Errorf("assigned %d because %q, though Ada has more to do", a.ProviderID, a.Assigned)
	}
	_, err := d.Engine.UpdateProvider(t.Context(), d.Caller, d.Ada.ID, nil, directory.ProviderDraft{Priority: new(-1)})
	enginetest.Must(t, err)
	a = d.book(t, at("2026-04-28 09:00"))
	if a.ProviderID != d.Ada.ID || a.Assigned != "priority: -1 before 0" {
		t.Errorf("assigned %d because %q", a.ProviderID, a.Assigned)
	}
	// Continuity goes before priority: who was seen by Ben sees Ben again.
	first := at("2026-04-27 09:00")
	first.ProviderID = d.Ben.ID
	seen := d.book(t, first)
	d.Clock.Set(enginetest.At("2026-04-27 09:30"))
	_, err = d.Engine.Complete(t.Context(), d.Caller, seen.ID)
	enginetest.Must(t, err)
	again := at("2026-04-28 11:00")
	again.LeadID = first.LeadID
	a = d.book(t, again)
	if a.ProviderID != d.Ben.ID || a.Assigned != "continuity: seen before" {
		t.Errorf("assigned %d because %q", a.ProviderID, a.Assigned)
	}
}

func TestDailyCap(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_, err := d.Engine.UpdateProvider(t.Context(), d.Caller, d.Ada.ID, nil, directory.ProviderDraft{DailyCap: new(2)})
	enginetest.Must(t, err)
	for _, clock := range []string{"2026-04-27 09:00", "2026-04-27 10:00"} {
		d.book(t, d.at(clock))
	}
	b := d.at("2026-04-27 11:00")
	_, err = d.Engine.Book(t.Context(), d.Caller, b)
	enginetest.Refused(t, err, fault.CapReached, "scheduled_at")
	list, err := d.Engine.Availability(t.Context(), d.Caller, booking.AvailabilityQuery{ProviderID: d.Ada.ID, Limit: 1})
	enginetest.Must(t, err)
	if len(list.Items) != 1 || list.Items[0].StartsAt != enginetest.Unix("2026-04-28 09:00") {
		t.Errorf("offered %+v", list.Items)
	}
}

// The same key heard by many at once acts once, and all hear the same bytes.
func TestIdempotencyRaced(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	const n = 32
	var wait sync.WaitGroup
	replies := make([]string, n)
	for i := range n {
		wait.Go(func() {
			c := d.Caller
			c.Idempotency = &act.Idempotency{Key: "one", Fingerprint: "same"}
			c.Encode = func(result any, err error) act.Reply {
				replies[i] = result.(booking.Appointment).ID
				return act.Reply{Status: 201, Body: []byte(replies[i])}
			}
			_, err := d.Engine.Book(context.Background(), c, d.at("2026-04-27 09:00"))
			if r, ok := err.(*act.Replay); ok {
				replies[i] = string(r.Reply.Body)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if replies[0] == "" || len(slices.Compact(slices.Clone(replies))) != 1 {
		t.Errorf("heard %v", replies)
	}
	if got := d.occupied(t, d.Ada.ID); len(got) != 1 {
		t.Errorf("occupied %v", got)
	}
	c := d.Caller
	c.Idempotency = &act.Idempotency{Key: "one", Fingerprint: "another"}
	_, err := d.Engine.Book(t.Context(), c, d.at("2026-04-27 11:00"))
	enginetest.Refused(t, err, fault.KeyReused)
}

// A refusal is an answer too: a retry must not book what came free meanwhile.
func TestIdempotencyKeepsRefusals(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	a := d.book(t, d.at("2026-04-27 09:00"))
	b := d.at("2026-04-27 09:00")
	b.LeadID = d.person(t, "Otto Muster")
	c := d.Caller
	c.Idempotency = &act.Idempotency{Key: "k", Fingerprint: "f"}
	c.Encode = func(_ any, err error) act.Reply {
		return act.Reply{Status: 409, Body: []byte(fault.KindOf(err))}
	}
	_, err := d.Engine.Book(t.Context(), c, b)
	enginetest.Refused(t, err, fault.SlotTaken, "scheduled_at")
	_, err = d.Engine.Cancel(t.Context(), d.Caller, a.ID, "")
	enginetest.Must(t, err)
	_, err = d.Engine.Book(t.Context(), c, b)
	if r, ok := err.(*act.Replay); !ok || string(r.Reply.Body) != "SLOT_TAKEN" {
		t.Errorf("the retry heard %v", err)
	}
	d.Clock.Add(24*time.Hour + time.Second)
	b.StartsAt, b.EndsAt = b.StartsAt+2*86400, b.EndsAt+2*86400
	_, err = d.Engine.Book(t.Context(), c, b)
	enginetest.Must(t, err)
}

// Many clients take overlapping, unequal times: exactly those win that do not
// overlap, all others hear 409, and no row is left behind (booking.md §11).
func TestRacingBookings(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	const clients = 32
	leads := make([]string, clients)
	for i := range leads {
		leads[i] = d.person(t, "Client")
	}
	for round := range 10 {
		day := enginetest.Unix("2026-04-27 09:00") + int64(round%5)*86400 + int64(round/5)*7*86400
		var wait sync.WaitGroup
		var mu sync.Mutex
		var won []calendar.Span
		for i := range clients {
			wait.Go(func() {
				span := calendar.Span{Start: day + int64(i*7%23)*300, End: day + int64(i*7%23)*300 + int64(10+i%5*10)*60}
				_, err := d.Engine.Book(context.Background(), d.Caller, booking.Booking{LeadID: leads[i], ProviderID: d.Ada.ID,
					StartsAt: span.Start, EndsAt: span.End})
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won = append(won, span)
				} else if fault.KindOf(err) != fault.SlotTaken {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		for i := range won {
			for j := range i {
				if won[i].Overlaps(won[j]) {
					t.Fatalf("round %d: %v and %v both won", round, won[i], won[j])
				}
			}
		}
		if len(won) == 0 {
			t.Fatal("nobody won")
		}
	}
}

// list(now) ∋ t ⇔ book(t) succeeds, and after cancel(book(x)) the list is as before.
func TestListAndBookAgree(t *testing.T) {
	d := newDesk(t)
	rapid.Check(t, func(r *rapid.T) {
		q := booking.AvailabilityQuery{Limit: 200, Minutes: rapid.SampledFrom([]int{0, 10, 25, 45, 90}).Draw(r, "minutes")}
		if rapid.Bool().Draw(r, "one provider") {
			q.ProviderID = rapid.SampledFrom([]int64{d.Ada.ID, d.Ben.ID, d.Cleo.ID}).Draw(r, "provider")
		}
		if rapid.Bool().Draw(r, "service") {
			q.ServiceID = rapid.SampledFrom([]int64{d.Checkup.ID, d.Surgery.ID}).Draw(r, "service id")
		}
		from := calendar.NewDate(2026, 4, 27) + calendar.Date(rapid.IntRange(0, 10).Draw(r, "day"))
		to := from + 1
		q.From, q.To = calendar.StartOf(from), calendar.StartOf(to)
		before, err := d.Engine.Availability(context.Background(), d.Caller, q)
		if err != nil {
			r.Fatal(err)
		}
		start := enginetest.Unix(from.String()+" 07:00") + int64(rapid.IntRange(0, 14*12).Draw(r, "five minutes"))*300
		length := int64(max(q.Minutes, 30)) * 60
		if q.Minutes > 0 {
			length = int64(q.Minutes) * 60
		} else if q.ServiceID == d.Surgery.ID {
			length = 3600
		}
		listed := slices.ContainsFunc(before.Items, func(s booking.Slot) bool { return s.StartsAt == start })
		b := booking.Booking{LeadID: d.person(t, "R"), StartsAt: start, EndsAt: start + length, ProviderID: q.ProviderID,
			ServiceID: q.ServiceID}
		a, err := d.Engine.Book(context.Background(), d.Caller, b)
		onGrid := (start-enginetest.Unix(from.String()+" 08:00"))%900 == 0
		if listed != (err == nil) && (listed || onGrid) {
			r.Fatalf("listed %v, booked %v", listed, err)
		}
		if err != nil {
			return
		}
		if rapid.Bool().Draw(r, "cancel") {
			if _, err := d.Engine.Cancel(context.Background(), d.Caller, a.ID, ""); err != nil {
				r.Fatal(err)
			}
			after, err := d.Engine.Availability(context.Background(), d.Caller, q)
			if err != nil || !slices.EqualFunc(before.Items, after.Items, func(x, y booking.Slot) bool {
				return x.StartsAt == y.StartsAt
			}) {
				r.Fatalf("the list after book and cancel differs: %v", err)
			}
		}
	})
}

// TestDayLong: list and arbiter refuse the same lengths, a whole day included
// (booking.md §1.1).
func TestDayLong(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	start := enginetest.Unix("2026-04-27 09:00")
	waived := func(length int64) error {
		b := d.at("2026-04-27 09:00")
		b.StartsAt, b.EndsAt, b.AllowHours, b.Reason = start, start+length, true, "A night watch"
		b.LeadID = d.person(t, fmt.Sprint("For ", length))
		_, err := d.Engine.Book(t.Context(), d.Caller, b)
		return err
	}
	hold := func(length int64) error {
		_, err := d.Engine.PlaceHold(t.Context(), d.Caller, booking.HoldDraft{StartsAt: start, EndsAt: start + length})
		return err
	}
	enginetest.Refused(t, waived(86400), fault.Invalid, "ends_at")
	enginetest.Refused(t, hold(86400), fault.Invalid, "ends_at")
	enginetest.Refused(t, hold(86399), fault.OutsideHours, "scheduled_at")
	a := d.book(t, d.at("2026-04-27 09:00"))
	_, err := d.Engine.Reschedule(t.Context(), d.Caller, a.ID, booking.Move{StartsAt: start, EndsAt: start + 86400})
	enginetest.Refused(t, err, fault.Invalid, "ends_at")
	_, err = d.Engine.PatchAppointment(t.Context(), d.Caller, a.ID, booking.AppointmentPatch{EndsAt: new(start + 86400)})
	enginetest.Refused(t, err, fault.Invalid, "ends_at")
	_, err = d.Engine.Availability(t.Context(), d.Caller, booking.AvailabilityQuery{Minutes: 1440})
	enginetest.Refused(t, err, fault.Invalid, "duration")
}

// TestMoveOfTheEnded: an appointment that is over does not move, not even to where
// it was; repeating what was sent stays harmless (booking.md §7).
func TestMoveOfTheEnded(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	a := d.book(t, d.at("2026-04-27 09:00"))
	_, err := d.Engine.Cancel(t.Context(), d.Caller, a.ID, "")
	enginetest.Must(t, err)
	for name, act := range map[string]func() error{
		"reschedule": func() error {
			_, err := d.Engine.Reschedule(t.Context(), d.Caller, a.ID, booking.Move{StartsAt: a.StartsAt})
			return err
		},
		"patch": func() error {
			_, err := d.Engine.PatchAppointment(t.Context(), d.Caller, a.ID,
				booking.AppointmentPatch{StartsAt: new(a.StartsAt), EndsAt: new(a.EndsAt)})
			return err
		},
		"elsewhere": func() error {
			_, err := d.Engine.Reschedule(t.Context(), d.Caller, a.ID, booking.Move{StartsAt: a.StartsAt + 3600})
			return err
		},
	} {
		err := act()
		enginetest.Refused(t, err, fault.InvalidTransition, "status")
		if !strings.Contains(err.Error(), "An appointment that is cancelled cannot be moved now") {
			t.Errorf("%s: %v", name, err)
		}
	}
	cancelled := booking.Cancelled
	for _, p := range []booking.AppointmentPatch{{Status: &cancelled}, {Status: &cancelled, StartsAt: new(a.StartsAt)}} {
		if _, err := d.Engine.PatchAppointment(t.Context(), d.Caller, a.ID, p); err != nil {
			t.Errorf("cancelled again: %v", err)
		}
	}
}
