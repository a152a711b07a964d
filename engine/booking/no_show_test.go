package booking_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"qualifybase/engine/booking"
	"qualifybase/engine/directory"
	"qualifybase/engine/enginetest"
)

func TestSweepNoShows(t *testing.T) {
	t.Parallel()
	v := enginetest.NewVisit(t)
	ctx := t.Context()
	_, err := v.Engine.UpdateClinic(ctx, v.Caller, nil, directory.ClinicPatch{NoShowSweep: new(true)})
	enginetest.Must(t, err)
	seen := v.Booked(t, "2026-04-27 09:30", v.Patient(t, v.Caller, "In", "Time").ID)
	missed := v.Booked(t, "2026-04-27 16:30", v.Patient(t, v.Caller, "No", "Body").ID)
	tomorrow := v.Booked(t, "2026-04-28 09:00", v.Ida.ID)
	trial := v.BookAs(t, v.Test, "2026-04-27 11:00", v.Ada, v.Checkup)
	v.Begun(t) // Ida's visit of 09:00 has a consultation that nobody ended
	v.Clock.Set(enginetest.At("2026-04-27 09:25"))
	v.Hook(t, v.Caller)
	_, err = v.Engine.CheckIn(ctx, v.Caller, seen.ID)
	enginetest.Must(t, err)
	v.Since(t)

	v.Clock.Set(enginetest.At("2026-04-27 23:59"))
	if n, err := v.Engine.SweepNoShows(ctx); n != 0 || err != nil {
		t.Fatalf("before the day's end: %d, %v", n, err)
	}
	v.Left(t)
	v.Clock.Set(enginetest.At("2026-04-28 00:00"))
	nudged := v.Nudges.Load()
	if n, err := v.Engine.SweepNoShows(ctx); n != 2 || err != nil {
		t.Fatalf("marked %d, %v; want 2", n, err)
	}
	trace := v.Since(t)
	if want := []string{"appointment.no-show ok " + missed.ID + " status",
		"appointment.no-show ok " + trial.ID + " status"}; !slices.Equal(trace.Audit, want) {
		t.Errorf("audit %v, want %v", trace.Audit, want)
	}
	if strings.Join(trace.Events,
		" ") != "appointment.updated appointment.no_show appointment.updated appointment.no_show" ||
		v.Nudges.Load() == nudged {
		t.Errorf("events %v, %d nudges", trace.Events, v.Nudges.Load()-nudged)
	}
	for id, want := range map[string]booking.Status{v.Appt.ID: booking.Scheduled, seen.ID: booking.Scheduled,
		missed.ID: booking.NoShow, tomorrow.ID: booking.Scheduled} {
		if a, err := v.Engine.Appointment(ctx, v.Caller, id); err != nil || a.Status != want {
			t.Errorf("%s is %s, want %s (%v)", id, a.Status, want, err)
		}
	}
	v.Since(t)
	if n, err := v.Engine.SweepNoShows(ctx); n != 0 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
	v.Left(t)
	v.Clock.Add(time.Hour)
	if a, err := v.Engine.UndoAppointment(ctx, v.Caller, missed.ID,
		"was here"); err != nil || a.Status != booking.Scheduled {
		t.Errorf("undone: %+v, %v", a, err)
	}
}

func TestSweepIsTheClinicsChoice(t *testing.T) {
	t.Parallel()
	v := enginetest.NewVisit(t)
	v.Clock.Set(enginetest.At("2026-04-29 12:00"))
	if n, err := v.Engine.SweepNoShows(t.Context()); n != 0 || err != nil {
		t.Errorf("marked %d, %v", n, err)
	}
}

func TestSweepInManyBatches(t *testing.T) {
	t.Parallel()
	v := enginetest.NewVisit(t)
	ctx := t.Context()
	_, err := v.Engine.UpdateClinic(ctx, v.Caller, nil, directory.ClinicPatch{NoShowSweep: new(true)})
	enginetest.Must(t, err)
	want := 1      // the visit's own
	for range 41 { // three at once with each of three providers, and one more
		for _, p := range []directory.Provider{v.Ada, v.Ben, v.Cleo} {
			start := enginetest.Unix("2026-04-28 09:00") + int64(want%8)*900
			_, err := v.Engine.Book(ctx, v.Caller, booking.Booking{StartsAt: start, EndsAt: start + 900, ProviderID: p.ID,
				PatientID: v.Ida.ID, AllowOverlap: true, Reason: "a full house"})
			enginetest.Must(t, err)
			want++
		}
	}
	v.Clock.Set(enginetest.At("2026-05-02 12:00"))
	if n, err := v.Engine.SweepNoShows(ctx); n != want || err != nil {
		t.Errorf("marked %d of %d, %v", n, want, err)
	}
}
