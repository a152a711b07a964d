package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/store"
	"qualifybase/store/sqlite/disk"
	"qualifybase/store/storetest"
)

// ailing is a store on a disk that can lose its power, and that fails writes as
// chance has it: before they begin, in their middle by an error or a panic, and
// after their commit, so that the caller never hears of it.
type ailing struct {
	engine.Store
	t      *testing.T
	chance *rand.Rand
	disk   *disk.Disk
	now    *enginetest.Clock
	rate   int // faults in a hundred writes
	faults map[string]int
}

var errInjected = errors.New("injected")

// Update implements engine.Store.
func (s *ailing) Update(ctx context.Context, fn func(act.Tx) error) error {
	what := ""
	if s.chance.IntN(100) < s.rate {
		what = []string{"refused", "undone", "panic", "lost"}[s.chance.IntN(4)]
		s.faults[what]++
	}
	unavailable := &fault.Error{Kind: fault.Busy, Message: "injected", Err: errInjected}
	switch what {
	case "refused":
		return unavailable
	case "undone":
		return s.Store.Update(ctx, func(tx act.Tx) error { return errors.Join(fn(tx), errInjected) })
	case "panic":
		return s.Store.Update(ctx, func(tx act.Tx) error {
			_ = fn(tx)
			panic(errInjected)
		})
	case "lost":
		if err := s.Store.Update(ctx, fn); err != nil {
			return err
		}
		return unavailable
	}
	return s.Store.Update(ctx, fn)
}

// restart closes and opens the store; cut pulls the plug first, so that the next
// one opens what the disk may have kept.
func (s *ailing) restart(cut bool) {
	s.t.Helper()
	old := s.Store.(*store.Store)
	dir := s.t.TempDir()
	if cut {
		s.faults["power cut"]++
		enginetest.Must(s.t, s.disk.Cut(dir, s.chance))
	} else {
		s.faults["restart"]++
	}
	enginetest.Must(s.t, old.Close())
	if !cut {
		image, err := os.ReadFile(old.Path())
		enginetest.Must(s.t, err)
		enginetest.Must(s.t, os.WriteFile(filepath.Join(dir, "qb.db"), image, 0o600))
	}
	s.disk.Close()
	s.mount(dir)
}

// mount opens the store in the directory, on a disk of its own.
func (s *ailing) mount(dir string) {
	s.t.Helper()
	d, err := disk.New(dir, nil)
	enginetest.Must(s.t, err)
	s.t.Cleanup(d.Close)
	s.disk = d
	s.Store = storetest.OpenWith(s.t, filepath.Join(dir, "qb.db"), store.Options{Now: s.now.Now})
}

// outcome is what a face would have sent, and so what a retry hears.
type outcome struct {
	Kind   fault.Kind     `json:",omitempty"`
	ID     string         `json:",omitempty"`
	Token  string         `json:",omitempty"`
	Status booking.Status `json:",omitempty"`
	Start  int64          `json:",omitempty"`
	End    int64          `json:",omitempty"`
}

// outcomeOf reads a result or a refusal.
func outcomeOf(result any, err error) outcome {
	if err != nil {
		return outcome{Kind: fault.KindOf(err)}
	}
	switch x := result.(type) {
	case booking.Appointment:
		return outcome{ID: x.ID, Status: x.Status, Start: x.StartsAt, End: x.EndsAt}
	case booking.Hold:
		return outcome{ID: x.ID, Token: x.Token, Start: x.StartsAt, End: x.EndsAt}
	}
	return outcome{}
}

func encode(result any, err error) act.Reply {
	body, fault := json.Marshal(outcomeOf(result, err))
	if fault != nil {
		panic(fault)
	}
	return act.Reply{Status: 200, Body: body}
}

// whole holds every row against the oracle, and the file against itself.
func (w *simulation) whole() {
	w.Helper()
	ctx := context.Background()
	db := w.store.Store.(*store.Store)
	if bad, err := db.Integrity(ctx); err != nil || len(bad) > 0 {
		w.Errorf("integrity: %v, %v", bad, err)
	}
	if report, err := w.e.VerifyAudit(ctx, w.c.Row.N); err != nil || report.Broken != 0 {
		w.Errorf("the audit chain: %+v, %v", report, err)
	}
	enginetest.Must(w, engine.View(ctx, db, func(r engine.Reader) error {
		rows, err := r.Appointments(booking.AppointmentQuery{Clinic: w.c.Row.N}, act.Position{}, 10_000)
		if err != nil {
			return err
		}
		if len(rows) != len(w.o.visits) {
			w.Errorf("%d rows, the oracle has %d", len(rows), len(w.o.visits))
		}
		at := map[string]booking.Appointment{}
		for _, a := range rows {
			at[a.ID] = a
		}
		for _, v := range w.o.visits {
			a := at[v.id]
			if a.Status != v.status || a.StartsAt != v.start.Unix() || a.EndsAt != v.end.Unix() || a.ProviderID != v.provider ||
				a.LeadID != v.lead {
				w.Errorf("the row is %+v, the oracle says %+v", a, *v)
			}
		}
		return w.tell(r)
	}))
}

// tell counts the events: one for each booking, numbered without gaps.
func (w *simulation) tell(r engine.Reader) error {
	list, err := r.Events(w.c.Row.N, false, 0, "", 10_000)
	got := 0
	for i, ev := range list {
		if ev.Seq != list[0].Seq+int64(i) {
			w.Errorf("the events jump to %d at %d", ev.Seq, i)
		}
		if ev.Type == "appointment.created" {
			got++
		}
	}
	if got != w.events["appointment.created"] {
		w.Errorf("%d bookings are told, the oracle made %d", got, w.events["appointment.created"])
	}
	return err
}

func copyFile(to, from string) error {
	image, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, image, 0o600)
}
