package directory_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
)

func TestPutSchedule(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	ada := directory.OwnedBy('p', c.Ada.ID)
	unset, err := c.Engine.Schedule(ctx, c.Caller, ada)
	if err != nil || unset.Version != 0 || !unset.IsZero() {
		t.Errorf("never set: %+v, %v", unset, err)
	}
	breaks := enginetest.Hours("Mon 10:00-10:15")
	christmas, lastDay := calendar.NewDate(2026, 12, 24), calendar.NewDate(2026, 12, 31)
	morning := []calendar.Window{{From: 9 * 60, To: 12 * 60}}
	asked := calendar.Schedule{Weekly: enginetest.Hours("Mon 14:00-18:00,09:00-13:00"), Breaks: breaks,
		Overrides: []calendar.Override{{Date: lastDay, Windows: morning}, {Date: christmas, Reason: " Christmas "}}}
	got, err := c.Engine.PutSchedule(ctx, c.Caller, ada, new(int64(0)), asked)
	enginetest.Must(t, err)
	kept, err := c.Engine.Schedule(ctx, c.Caller, ada)
	enginetest.Must(t, err)
	want := calendar.Schedule{Weekly: enginetest.Hours("Mon 09:00-13:00,14:00-18:00"), Breaks: breaks,
		Overrides: []calendar.Override{{Date: christmas, Windows: []calendar.Window{}, Reason: "Christmas"},
			{Date: lastDay, Windows: morning}}}
	if !reflect.DeepEqual(kept.Schedule, want) || kept.Version != 1 || got.Version != 1 || got.Stranded == nil ||
		len(got.Stranded) != 0 {
		t.Errorf("kept %+v, answered %+v", kept, got)
	}
	c.Left(t, fmt.Sprintf("schedule.update ok p%d weekly,breaks,overrides", c.Ada.ID))

	c.Unchanged(t, func() {
		again, err := c.Engine.PutSchedule(ctx, c.Caller, ada, new(int64(1)), asked)
		if err != nil || again.Version != 1 || again.Stranded == nil {
			t.Errorf("the same again: %+v, %v", again, err)
		}
		_, err = c.Engine.PutSchedule(ctx, c.Caller, ada, new(int64(0)), calendar.Schedule{})
		enginetest.Refused(t, err, fault.PreconditionFailed)
	})
	c.Left(t)
	empty, err := c.Engine.PutSchedule(ctx, c.Caller, ada, new(int64(1)), calendar.Schedule{})
	if err != nil || !empty.IsZero() || empty.Version != 2 {
		t.Errorf("taken away: %+v, %v", empty, err)
	}
}

func TestPutScheduleRefuses(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	_, theirs := c.Rival(t)
	weekly := calendar.Schedule{Weekly: enginetest.Hours("Mon 09:00-12:00")}
	with := func(fn func(s *calendar.Schedule)) calendar.Schedule {
		s := calendar.Schedule{Weekly: enginetest.Hours("Mon 09:00-12:00")}
		fn(&s)
		return s
	}
	ada := directory.OwnedBy('p', c.Ada.ID)
	christmas := calendar.NewDate(2026, 12, 24)
	for _, test := range []struct {
		name   string
		owner  directory.OwnerRef
		s      calendar.Schedule
		kind   fault.Kind
		fields []string
	}{
		{"a provider of another clinic", directory.OwnedBy('p', theirs.ID), weekly, fault.NotFound, nil},
		{"a location that is not", directory.OwnedBy('l', 999), weekly, fault.NotFound, nil},
		{"a service that is not", directory.OwnedBy('s', 999), weekly, fault.NotFound, nil},
		{"no owner", "x1", weekly, fault.NotFound, nil},
		{"nor this", "p", weekly, fault.NotFound, nil},
		{"nor that", "px", weekly, fault.NotFound, nil},
		{"the clinic without hours", directory.ClinicOwner, calendar.Schedule{}, fault.Invalid, []string{"weekly"}},
		{"breaks alone", ada, calendar.Schedule{Breaks: enginetest.Hours("Mon 12:00-13:00")}, fault.Invalid,
			[]string{"weekly"}},
		{"all faults at once", ada, with(func(s *calendar.Schedule) {
			s.Weekly[1] = []calendar.Window{{From: -1, To: 60}, {From: 0, To: 1441}}
			s.Breaks[2] = make([]calendar.Window, 25)
			s.Overrides = []calendar.Override{{Date: christmas, Reason: strings.Repeat("x", 501)},
				{Date: christmas, Windows: []calendar.Window{{From: 1440, To: 3}}},
				{Date: calendar.MinDate - 1}}
		}), fault.Invalid, []string{"weekly.mon[0]", "weekly.mon[1]", "breaks.tue", "overrides[0].reason",
			"overrides[1].date", "overrides[1].windows[0]", "overrides[2].date"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c.Unchanged(t, func() {
				_, err := c.Engine.PutSchedule(t.Context(), c.Caller, test.owner, nil, test.s)
				enginetest.Refused(t, err, test.kind, test.fields...)
			})
			if test.kind == fault.NotFound {
				_, err := c.Engine.Schedule(t.Context(), c.Caller, test.owner)
				enginetest.Refused(t, err, fault.NotFound)
				c.Left(t, fmt.Sprintf("schedule.update failed %s error:NOT_FOUND", test.owner))
			} else {
				c.Left(t)
			}
		})
	}
	c.Unchanged(t, func() {
		_, err := c.Engine.PutSchedule(t.Context(), c.Test, ada, nil, weekly)
		enginetest.Refused(t, err, fault.Forbidden)
	})
}

// Schedules are read with providers:read or, as Klinivo promises, appointments:read.
func TestScheduleScopes(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	for right, ok := range map[scope.Scope]bool{scope.ProvidersRead: true, scope.AppointmentsRead: true,
		scope.LeadsRead: false, scope.ProvidersWrite: false} {
		caller := c.Caller
		caller.Scopes = scope.Of(right)
		_, err := c.Engine.Schedule(t.Context(), caller, directory.ClinicOwner)
		if ok {
			enginetest.Must(t, err)
		} else if e := enginetest.Refused(t, err, fault.Forbidden); e.Missing != scope.ProvidersRead {
			t.Errorf("%s: missing is %s", right, e.Missing)
		}
	}
}

// Every change of hours that leaves a booked visit outside says which, and
// changes nothing about it (records.md §1).
func TestStranded(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	nine := c.Book(t, "2026-04-28 09:00", c.Ada, c.Checkup)
	four := c.Book(t, "2026-04-28 16:00", c.Ada, c.Checkup)
	ben := c.Book(t, "2026-04-28 13:00", c.Ben, c.Checkup)
	gone := c.Book(t, "2026-04-28 14:00", c.Ada, c.Checkup)
	_, err := c.Engine.Cancel(ctx, c.Caller, gone.ID, "")
	enginetest.Must(t, err)
	c.BookAs(t, c.Test, "2026-04-28 16:00", c.Ada, c.Checkup) // test rows are not told
	p, l, s := directory.OwnedBy('p', c.Ada.ID), directory.OwnedBy('l', c.Practice.ID), directory.OwnedBy('s',
		c.Checkup.ID)
	mornings := calendar.Schedule{Weekly: enginetest.Hours("Mon-Fri 09:00-12:00")}
	all := calendar.Schedule{Weekly: enginetest.Hours("Mon-Sun 00:00-24:00")}
	for _, test := range []struct {
		name  string
		owner directory.OwnerRef
		s     calendar.Schedule
		want  []booking.Appointment
	}{
		{"the provider's", p, mornings, []booking.Appointment{four}},
		{"nobody twice", p, mornings, nil},
		{"outside before already", directory.OwnedBy('p', c.Cleo.ID), mornings, nil},
		{"longer again", p, all, nil},
		{"the place's", l, mornings, []booking.Appointment{ben, four}},
		{"longer again", l, all, nil},
		{"the service's", s, mornings, []booking.Appointment{ben, four}},
		{"longer again", s, calendar.Schedule{}, nil},
		{"not the clinic's, where the place has its own", directory.ClinicOwner, mornings, nil},
		{"a break", p, calendar.Schedule{Weekly: all.Weekly, Breaks: enginetest.Hours("Tue 16:15-16:20")},
			[]booking.Appointment{four}},
		{"a date of its own", p, calendar.Schedule{Weekly: all.Weekly,
			Overrides: []calendar.Override{{Date: calendar.NewDate(2026, 4, 28)}}},
			[]booking.Appointment{nine}}, // four was stranded by the break already
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := c.Engine.PutSchedule(ctx, c.Caller, test.owner, nil, test.s)
			enginetest.Must(t, err)
			told(t, got.Stranded, test.want...)
		})
	}
	for _, a := range []booking.Appointment{nine, four, ben} {
		kept, err := c.Engine.Appointment(ctx, c.Caller, a.ID)
		if err != nil || kept.Status != booking.Scheduled || kept.Version != a.Version {
			t.Errorf("a stranded appointment is %+v, %v", kept, err)
		}
	}
}

// Where the clinic wants buffers inside hours, a buffer that is left outside strands.
func TestStrandedByItsBuffer(t *testing.T) {
	t.Parallel()
	for _, inside := range []bool{false, true} {
		c := enginetest.New(t)
		_, err := c.Engine.UpdateClinic(t.Context(), c.Caller, nil, directory.ClinicPatch{BuffersInsideHours: &inside})
		enginetest.Must(t, err)
		a := c.Book(t, "2026-04-28 10:00", c.Ada, c.Surgery) // 10 minutes on either side
		got := c.PutHours(t, directory.ClinicOwner, "Mon-Fri 10:00-17:00")
		if inside {
			told(t, got.Stranded, a)
		} else {
			told(t, got.Stranded)
		}
	}
}

// told checks who was named as stranded.
func told(t *testing.T, got []directory.Stranded, want ...booking.Appointment) {
	t.Helper()
	if got == nil || len(got) != len(want) {
		t.Fatalf("stranded %+v, want %d", got, len(want))
	}
	for i, a := range want {
		if got[i] != (directory.Stranded{ID: a.ID, StartsAt: a.StartsAt, EndsAt: a.EndsAt, Provider: a.ProviderID}) {
			t.Errorf("stranded %+v, want %+v", got[i], a)
		}
	}
}
