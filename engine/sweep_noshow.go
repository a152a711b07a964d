package engine

import (
	"context"
	"time"
)

const (
	sweepBatch = 100            // appointments that one transaction judges
	sweepBack  = 31 * 24 * Hour // how far a sweep looks back: a server that was off for a month
)

var appointmentSweep = Action{"appointment." + string(verbNoShow), AppointmentsWrite}

// SweepNoShows marks, in every clinic that has chosen so (no_show_sweep), the
// appointments whose local day has ended and to which nobody came: not checked
// in, no consultation. It answers how many. serve calls it from time to time;
// what is marked can be undone for 24 hours.
func (e *Engine) SweepNoShows(ctx context.Context) (int, error) {
	clinics, err := view(ctx, e, func(r Reader) ([]Clinic, error) { return r.Clinics() })
	marked := 0
	for _, clinic := range clinics {
		if !clinic.Settings.NoShowSweep {
			continue
		}
		c := System(clinic.N, "no-show-sweep")
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
func (e *Engine) sweepNoShows(ctx context.Context, c Caller) (marked int, err error) {
	at := Position{Number: e.now().Unix() - sweepBack}
	return portions(ctx, e, c, func(w *Act) (done int, more bool, err error) {
		from := at
		page, err := w.Unattended(c.Clinic, c.Test, from, w.Now, sweepBatch)
		for _, a := range page {
			if err != nil {
				break
			}
			from = Position{Number: a.StartsAt, ID: a.ID}
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
	err := w.Sub(appointmentSweep, func(own *Act) error {
		own.about(a)
		before := a
		if err := own.transit(&a, t, ""); err != nil {
			return err
		}
		return own.save(before, &a)
	})
	return err == nil, err
}

// dayOver tells whether the appointment's local day has ended.
func dayOver(a Appointment, now int64) bool {
	zone, err := LoadZone(a.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	return LocalDate(zone, now) > a.LocalDate
}
