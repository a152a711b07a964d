package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"qualifybase/engine"
	"qualifybase/engine/enginetest/proof"
	"qualifybase/engine/fault"
	"qualifybase/store/sqlite/disk"
)

// plugged opens a house on a watched disk.
func plugged(t testing.TB) (*house, *disk.Disk) {
	t.Helper()
	dir := t.TempDir()
	d, err := disk.New(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	h := furnish(t, openAt(t, filepath.Join(dir, "qb.db"), Options{}), 1)
	h.must(t, func(engine.Tx) error { // small, so that the log is folded in and begun anew all the time
		return h.w.c.script("PRAGMA wal_autocheckpoint = 40")
	})
	return h, d
}

// ledger is what the clients of a test know: what they asked for and what was
// acknowledged, by appointment id.
type ledger struct {
	mu           sync.Mutex
	asked, acked map[string]bool
}

func newLedger() *ledger { return &ledger{asked: map[string]bool{}, acked: map[string]bool{}} }

func (l *ledger) note(into map[string]bool, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	into[id] = true
}

// both copies what is known now.
func (l *ledger) both() (asked, acked map[string]bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.asked), maps.Clone(l.acked)
}

// book books one slot and notes what came of it.
func (l *ledger) book(h *house, slot int64) error {
	a := h.visit(h.providers[0], noon.Unix()+slot*1800, 30)
	l.note(l.asked, a.ID)
	err := engine.Update(context.Background(), h, func(tx engine.Tx) error { _, err := h.book(tx, a); return err })
	if err == nil {
		l.note(l.acked, a.ID)
	}
	return err
}

// holds opens what was left of a database and holds it against the ledger.
func holds(path string, asked, acked map[string]bool) error {
	text, err := os.ReadFile("../schema.sql")
	if err != nil {
		return err
	}
	s, err := Open(path, string(text), Options{})
	if err != nil {
		return fmt.Errorf("it does not open: %w", err)
	}
	defer s.Close()
	if bad, err := s.Integrity(context.Background()); err != nil || len(bad) > 0 {
		return fmt.Errorf("integrity: %v, %v", bad, err)
	}
	found := map[string]bool{}
	err = engine.View(context.Background(), s, func(r engine.Reader) error {
		return r.(*reads).query(`SELECT a.id, (SELECT count(*) FROM occupancy o WHERE o.appointment_id = a.id)
			FROM appointments a`, func(r *row) error {
			id, rows := r.text(), r.int()
			found[id] = true
			if rows != 1 {
				return fmt.Errorf("appointment %s has %d footprints: half a booking", id, rows)
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	for id := range acked {
		if !found[id] {
			return fmt.Errorf("the acknowledged booking %s is lost (%d of %d are there)", id, len(found), len(acked))
		}
	}
	for id := range found {
		if !asked[id] {
			return fmt.Errorf("booking %s was never asked for", id)
		}
	}
	return nil
}

// cut is what a power cut left, and what the clients knew at that moment.
type cut struct {
	dir          string
	op           disk.Op // the one that was about to begin
	asked, acked map[string]bool
}

// Eight clients book; at chosen operations of the disk the plug is pulled: the
// directory that a power cut could have left opens, is sound, holds everything
// acknowledged before the cut and nothing that nobody asked for (proof.md R5).
func TestPowerCut(t *testing.T) {
	points := proof.Times(40, 200, 500)
	seed := proof.Seed(t, 5)
	h, d := plugged(t)
	l := newLedger()
	cuts := pullPlugs(t, h, d, l, points, rand.New(rand.NewPCG(seed, 5))) // #nosec G404 -- chosen, to be replayed
	kinds := map[string]int{}
	for i, c := range cuts {
		kinds[c.op.Kind+" "+c.op.Name]++
		if err := holds(filepath.Join(c.dir, "qb.db"), c.asked, c.acked); err != nil {
			t.Errorf("cut %d before %s of %s: %v", i, c.op.Kind, c.op.Name, err)
		}
		_ = os.RemoveAll(c.dir)
	}
	if kinds["sync qb.db"]+kinds["write qb.db"] == 0 {
		t.Errorf("no cut fell into a checkpoint: %v", kinds)
	}
	proof.Row(t, "R5", "500 points: opens; acknowledged ⊆ content",
		"%d cuts, unsynced writes dropped, reordered, torn at sectors: all open, sound, "+
			"acknowledged ⊆ content ⊆ asked %v",
		len(cuts), kinds)
}

// pullPlugs lets clients book until so many cuts were made.
func pullPlugs(t *testing.T, h *house, d *disk.Disk, l *ledger, points int, chance *rand.Rand) []cut {
	t.Helper()
	var (
		cuts       []cut
		seen, next int
		failed     error
		enough     atomic.Bool
		root       = t.TempDir()
	)
	d.Hook(func(d *disk.Disk, op disk.Op) int32 { // one goroutine writes: no lock needed
		if seen++; seen < next || enough.Load() {
			return disk.OK
		}
		next = seen + 1 + chance.IntN(9)
		c := cut{dir: filepath.Join(root, fmt.Sprint(len(cuts))), op: op}
		c.asked, c.acked = l.both()
		failed = errors.Join(os.Mkdir(c.dir, 0o700), d.Cut(c.dir, chance))
		cuts = append(cuts, c)
		enough.Store(failed != nil || len(cuts) == points)
		return disk.OK
	})
	var slot atomic.Int64
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for !enough.Load() {
				if err := l.book(h, slot.Add(1)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	d.Hook(nil)
	if failed != nil || len(cuts) < points {
		t.Fatalf("%d of %d cuts were made: %v", len(cuts), points, failed)
	}
	return cuts
}

// Every operation of the disk fails once, in one of three ways, while bookings go
// on: nobody hears success for what is not there after a restart, a failed write
// or sync makes the store read-only until then, and a full disk is got over
// without one (proof.md R6, R7).
func TestEveryOperationFails(t *testing.T) {
	every := 50 / proof.Times(3, 10, 50) // one of so many is tried: 16, in CI 5, in the long form each, under -short 50
	ops := trouble(t, 0, disk.OK)
	tried, stopped := 0, 0
	for n := 1; n <= ops; n++ {
		for i, code := range []int32{disk.Full, disk.FailWrite, disk.FailSync} {
			if (n*3+i)%every != 0 {
				continue
			}
			tried++
			if trouble(t, n, code) < 0 {
				stopped++
			}
			if t.Failed() {
				t.Fatalf("operation %d of %d with code %d", n, ops, code)
			}
		}
	}
	if stopped == 0 {
		t.Error("no fault made the store read-only")
	}
	proof.Row(t, "R7", "no success after a failed sync; read-only until restarted",
		"%d faults at chosen operations of %d (full, failed write, failed sync), in process: 0 false successes, 0 "+
			"damage, %d stores read-only until reopened", tried, ops, stopped)
}

// trouble books while operation n fails with the code; it gives the number of
// operations there were, or -1 where the store stopped all writing.
func trouble(t *testing.T, n int, code int32) int {
	t.Helper()
	h, d := plugged(t)
	l := newLedger()
	ops, struck := 0, disk.Op{}
	d.Hook(func(_ *disk.Disk, op disk.Op) int32 {
		if ops++; ops != n || code == disk.FailSync && op.Kind != "sync" || code != disk.FailSync && op.Kind == "sync" {
			return disk.OK
		}
		struck = op
		return code
	})
	const bookings = 6
	lost := false
	for slot := range int64(bookings) {
		err := l.book(h, slot)
		switch kind := fault.KindOf(err); {
		case err == nil && lost:
			t.Errorf("booking %d is acknowledged although the disk was lost at %v", slot, struck)
		case err != nil && kind != fault.StorageFull && kind != fault.ReadOnly && kind != fault.Busy:
			t.Errorf("booking %d: %v at %v", slot, err, struck)
		}
		lost = h.Failed() != nil
	}
	if code == disk.Full && lost {
		t.Errorf("a full disk is no lost disk: %v", h.Failed())
	}
	if err := h.Close(); err != nil && struck.Kind == "" {
		t.Error(err)
	}
	d.Hook(nil)
	asked, acked := l.both()
	if err := holds(h.path, asked, acked); err != nil {
		t.Errorf("after %v: %v", struck, err)
	}
	if struck.Kind == "" && len(acked) != bookings || len(acked) < bookings-1 && !lost {
		t.Errorf("%d of %d were booked around %v", len(acked), bookings, struck)
	}
	if lost {
		return -1
	}
	return ops
}
