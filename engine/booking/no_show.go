package booking

import (
	"context"
	"time"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/scope"
)

const (
	sweepBatch = 100                     // appointments that one transaction judges
	sweepBack  = 31 * 24 * calendar.Hour // how far a sweep looks back: a server that was off for a month
)

var appointmentSweep = act.Define("appointment."+string(verbNoShow), scope.AppointmentsWrite)

// SweepNoShows marks, in every clinic that has chosen so (no_show_sweep), the
// appointments whose local day has ended and to which nobody came: not checked
// in, no consultation. It answers how many. serve calls it from time to time;
// what is marked can be undone for 24 hours.
func (e *Engine) SweepNoShows(ctx context.Context) (int, error) {
	clinics, err := act.View(ctx, e.Room, func(r Reader) ([]directory.Clinic, error) { return r.Clinics() })
	marked := 0
	for _, clinic := range clinics {
		if !clinic.Settings.NoShowSweep {
			continue
		}
		c := act.System(clinic.N, "no-show-sweep")
		for _, c.Test = range []bool{false, true} {
			n, err := e.sweepNoShows(ctx, c)
			if marked += n; err != nil {
				return marked, err
			}
		}
	}
	return marked, err
}

// sweepNoShows walks the unattended appointments of one calendar, oldest first.
func (e *Engine) sweepNoShows(ctx context.Context, c act.Caller) (marked int, err error) {
	at := act.Position{Number: e.Now().Unix() - sweepBack}
	return act.Portions(ctx, e.Room, c, func(w *Act) (done int, more bool, err error) {
		from := at
		page, err := w.Unattended(c.Clinic, c.Test, from, w.Now, sweepBatch)
		for _, a := range page {
			if err != nil {
				break
			}
			from = act.Position{Number: a.StartsAt, ID: a.ID}
			var swept bool
			if swept, err = w.sweepNoShow(a); swept {
				done++
			}
		}
		if err != nil {
			return 0, false, err
		}
		at = from
		return done, len(page) == sweepBatch, nil
	})
}

// sweepNoShow marks one whose day is over. What the transition table refuses stays as it is.
func (w *Act) sweepNoShow(a Appointment) (bool, error) {
	t := transitionOf(verbNoShow)
	if !dayOver(a, w.Now) || !t.open(&a, w.Now) {
		return false, nil
	}
	err := act.Sub(w.Act, w.e.In, appointmentSweep, func(own *Act) error {
		own.about(a)
		before := a
		if err := own.transit(&a, t, ""); err != nil {
			return err
		}
		return own.save(before, &a)
	})
	return err == nil, err
}

// dayOver reports whether the appointment's local day has ended.
func dayOver(a Appointment, now int64) bool {
	zone, err := calendar.LoadZone(a.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	return calendar.LocalDate(zone, now) > a.LocalDate
}
