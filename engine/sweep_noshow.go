package engine

import (
	"context"
	"time"
)

const (
	sweepBatch = 100            // appointments that one transaction judges
	sweepBack  = 31 * 24 * hour // how far a sweep looks back: a server that was off for a month
)

var appointmentSweep = Action{"appointment." + string(verbNoShow), AppointmentsWrite}

// SweepNoShows marks, in every clinic that has chosen so (no_show_sweep), the
// appointments whose local day has ended and to which nobody came: not checked
// in, no consultation. It answers how many. serve calls it from time to time;
// what is marked can be undone for 24 hours.
func (e *Engine) SweepNoShows(ctx context.Context) (int, error) {
	var clinics []Clinic
	err := e.store.View(ctx, func(r Reader) (err error) {
		clinics, err = r.Clinics()
		return err
	})
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
	now := e.now().Unix()
	at := Position{Number: now - sweepBack}
	for ctx.Err() == nil {
		seen, done := 0, 0
		err := e.store.Update(ctx, func(tx Tx) error {
			batch, err := tx.Unattended(c.Clinic, c.Test, at, now, sweepBatch)
			if err != nil {
				return err
			}
			for _, a := range batch {
				at = Position{Number: a.StartsAt, ID: a.ID}
				swept, err := e.sweep(tx, c, a, now)
				if err != nil {
					return err
				}
				if swept {
					done++
				}
			}
			seen = len(batch)
			return nil
		})
		if err != nil {
			return marked, err
		}
		if marked += done; done > 0 {
			e.opt.Nudge()
		}
		if seen < sweepBatch {
			return marked, nil
		}
	}
	return marked, ctx.Err()
}

// sweep marks one whose day is over. What the transition table refuses stays as it is.
func (e *Engine) sweep(tx Tx, c Caller, a Appointment, now int64) (bool, error) {
	if !dayOver(a, now) || !transitionOf(verbNoShow).open(&a, now) {
		return false, nil
	}
	w := &Act{Tx: tx, e: e, Caller: c, Now: now}
	w.about(a)
	err := tx.Savepoint(func() error {
		before := a
		if err := w.transit(&a, transitionOf(verbNoShow), ""); err != nil {
			return err
		}
		if err := w.save(before, &a); err != nil {
			return err
		}
		return w.publish()
	})
	if err != nil {
		return false, err
	}
	return true, w.record(appointmentSweep, nil)
}

// dayOver tells whether the appointment's local day has ended.
func dayOver(a Appointment, now int64) bool {
	zone, err := LoadZone(a.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	return LocalDate(zone, now) > a.LocalDate
}
