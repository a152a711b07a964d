package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"qualifybase/engine"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/fault"
)

var errUndo = errors.New("undo this")

// sameBusy compares memory and file for one resource and window, on one snapshot.
func sameBusy(t interface{ Fatalf(string, ...any) }, where string, r engine.Reader, res booking.Resource, test bool,
	window calendar.Span) {
	var rd *reads
	switch x := r.(type) {
	case *reads:
		rd = x
	case *tx:
		rd = &x.reads
	}
	fromMemory, err := r.Busy(res, test, window, nil)
	if err != nil {
		t.Fatalf("%s: Busy: %v", where, err)
	}
	fromFile, err := rd.busyInFile(res, test, window, nil)
	if err != nil {
		t.Fatalf("%s: file: %v", where, err)
	}
	if !slices.Equal(fromMemory, fromFile) {
		t.Fatalf("%s: %v test=%v %v\nmemory %v\nfile   %v", where, res, test, window, fromMemory, fromFile)
	}
}

// wrong keeps a complaint that is made inside a member, where the panic of a
// Fatalf would be taken for the member's own.
type wrong struct{ what string }

func (w *wrong) Fatalf(format string, args ...any) {
	w.what = fmt.Sprintf(format, args...)
	panic(errUndo)
}

// history drives a store at random; rows mirrors what is committed.
type history struct {
	*house
	rt   *rapid.T
	rows []booking.Occupancy
	wrong
}

func (x *history) window() calendar.Span {
	day := noon.Unix() + rapid.Int64Range(-12, 12).Draw(x.rt, "window day")*daySeconds
	start := day + rapid.Int64Range(0, daySeconds).Draw(x.rt, "window start")
	return calendar.Span{Start: start, End: start + rapid.Int64Range(1, 5*daySeconds).Draw(x.rt, "window length")}
}

func (x *history) resource() booking.Resource {
	return rapid.SampledFrom([]booking.Resource{
		booking.ProviderResource(x.providers[0]), booking.ProviderResource(x.providers[1]), booking.RoomResource(x.rooms[0]),
	}).Draw(x.rt, "resource")
}

func (x *history) footprint() calendar.Span {
	start := noon.Unix() + rapid.Int64Range(-10*24, 10*24).Draw(x.rt, "hour")*3600
	length := rapid.SampledFrom([]int64{900, 3600, 40000, calendar.MaxFootprint}).Draw(x.rt, "length")
	return calendar.Span{Start: start, End: start + length}
}

// step does one random change and returns the rows as they are then.
func (x *history) step(tx engine.Tx, rows []booking.Occupancy) ([]booking.Occupancy, error) {
	pick := func() int { return rapid.IntRange(0, len(rows)-1).Draw(x.rt, "row") }
	kind := rapid.SampledFrom([]string{"insert", "insert", "hold", "move", "toggle", "delete", "expire"}).Draw(x.rt,
		"change")
	if len(rows) == 0 {
		kind = "insert"
	}
	switch kind {
	case "insert", "hold":
		o := booking.Occupancy{Clinic: x.clinic, Resource: x.resource(), Test: rapid.Bool().Draw(x.rt, "test"),
			Footprint: x.footprint(), Live: true, Override: true}
		if kind == "hold" {
			h := booking.Hold{ID: id(), Clinic: x.clinic, Test: o.Test, Caller: "key:1", ProviderID: x.providers[0],
				StartsAt: o.Footprint.Start, EndsAt: o.Footprint.End, ExpiresAt: noon.Unix() + rapid.Int64Range(-5, 5).Draw(x.rt,
					"expiry"), CreatedAt: noon.Unix()}
			if err := tx.InsertHold(h); err != nil {
				return rows, err
			}
			o.HoldID, o.ExpiresAt = h.ID, h.ExpiresAt
		} else {
			a := x.visit(x.providers[0], o.Footprint.Start, 10)
			if err := tx.InsertAppointment(a); err != nil {
				return rows, err
			}
			o.AppointmentID = a.ID
		}
		err := tx.InsertOccupancy(&o)
		return append(rows, o), err
	case "move":
		i := pick()
		rows[i].Resource, rows[i].Footprint = x.resource(), x.footprint()
		return rows, tx.UpdateOccupancy(rows[i])
	case "toggle":
		i := pick()
		rows[i].Live = !rows[i].Live
		return rows, tx.UpdateOccupancy(rows[i])
	case "delete":
		i := pick()
		gone := rows[i]
		return slices.Delete(rows, i, i+1), tx.DeleteOccupancy(gone)
	default:
		res, test, now := x.resource(), rapid.Bool().Draw(x.rt, "test"), noon.Unix()+rapid.Int64Range(-6, 6).Draw(x.rt, "now")
		rows = slices.DeleteFunc(rows, func(o booking.Occupancy) bool {
			return o.ExpiresAt != 0 && o.Resource == res && o.Test == test && o.ExpiresAt <= now
		})
		return rows, tx.DeleteExpired(res, test, now)
	}
}

// member does some changes, some of them inside savepoints that are undone, and
// looks at the index in between.
func (x *history) member(tx engine.Tx) error {
	rows := slices.Clone(x.rows)
	var err error
	for range rapid.IntRange(1, 4).Draw(x.rt, "changes") {
		if rapid.IntRange(0, 3).Draw(x.rt, "inner") > 0 {
			if rows, err = x.step(tx, rows); err != nil {
				return err
			}
			continue
		}
		inner, undone := slices.Clone(rows), rapid.Bool().Draw(x.rt, "undone")
		err = tx.Savepoint(func() (err error) {
			if inner, err = x.step(tx, inner); err == nil && undone {
				err = errUndo
			}
			return err
		})
		switch {
		case err == nil:
			rows = inner
		case err != errUndo:
			return err
		}
		sameBusy(&x.wrong, "inside", tx, x.resource(), rapid.Bool().Draw(x.rt, "test"), x.window())
	}
	switch rapid.IntRange(0, 5).Draw(x.rt, "end") {
	case 0:
		return errUndo
	case 1:
		panic(errUndo)
	}
	x.rows = rows
	return nil
}

// outside writes as another process would: on a connection of its own.
func (x *history) outside() {
	c, err := dial(x.path)
	if err != nil {
		x.rt.Fatalf("%v", err)
	}
	defer c.close()
	if len(x.rows) > 0 {
		i := rapid.IntRange(0, len(x.rows)-1).Draw(x.rt, "row")
		x.rows[i].Footprint = x.footprint()
		_, _, err = c.exec("UPDATE occupancy SET s = ?, e = ? WHERE id = ?", x.rows[i].Footprint.Start,
			x.rows[i].Footprint.End, x.rows[i].Row)
		if err != nil {
			x.rt.Fatalf("%v", err)
		}
	}
}

func TestIndexEqualsFile(t *testing.T) {
	h := openHouse(t, Options{}) // one file for all histories: they only add to it
	rapid.Check(t, func(rt *rapid.T) {
		x := &history{house: h, rt: rt}
		for range rapid.IntRange(1, 12).Draw(rt, "members") {
			if rapid.IntRange(0, 7).Draw(rt, "who") == 0 {
				x.outside()
			}
			err := engine.Update(context.Background(), x, x.member)
			if x.what != "" {
				rt.Fatalf("%s", x.what)
			}
			if err != nil && err != errUndo && fault.KindOf(err) != fault.Internal {
				rt.Fatalf("%v", err)
			}
			_ = engine.View(context.Background(), h, func(r engine.Reader) error {
				for _, test := range []bool{false, true} {
					sameBusy(rt, "after", r, x.resource(), test, x.window())
				}
				return nil
			})
		}
	})
}

// Loads, commits and another process's writes, which drop everything, leave the
// index exact.
func TestIndexUnderConcurrentLoads(t *testing.T) {
	h := openHouse(t, Options{})
	stop := time.Now().Add(300 * time.Millisecond)
	var wg sync.WaitGroup
	wg.Go(func() {
		c, err := dial(h.path)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.close()
		for time.Now().Before(stop) {
			time.Sleep(5 * time.Millisecond)
			if err := c.script("PRAGMA busy_timeout = 5000; UPDATE clinics SET version = version + 1"); err != nil {
				t.Error(err)
			}
		}
	})
	for n := range 3 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(n)))
			for time.Now().Before(stop) {
				start := noon.Unix() + rnd.Int64N(5*96)*900
				p := h.providers[rnd.IntN(3)]
				err := engine.Update(context.Background(), h, func(tx engine.Tx) error {
					o, err := h.book(tx, h.visit(p, start, 15))
					if err == nil && rnd.IntN(2) == 0 {
						err = tx.DeleteOccupancy(o)
					}
					return err
				})
				if k := fault.KindOf(err); err != nil && k != fault.SlotTaken {
					t.Errorf("%v", err)
				}
			}
		})
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(2, uint64(n)))
			for time.Now().Before(stop) {
				see(t, h.Store, func(r engine.Reader) error {
					_, err := r.Busy(booking.ProviderResource(h.providers[rnd.IntN(3)]), false,
						calendar.Span{Start: noon.Unix(), End: noon.Unix() + 7*daySeconds}, nil)
					return err
				})
			}
		})
	}
	wg.Wait()
	see(t, h.Store, func(r engine.Reader) error {
		for _, p := range h.providers {
			sameBusy(t, "at rest", r, booking.ProviderResource(p), false,
				calendar.Span{Start: noon.Unix(), End: noon.Unix() + 9*daySeconds})
		}
		return nil
	})
}

// Days that pass push the index's first day forward.
func TestIndexAsDaysPass(t *testing.T) {
	t.Parallel()
	now := noon
	var mu sync.Mutex
	s := openAt(t, filepath.Join(t.TempDir(), "qb.db"),
		Options{Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }})
	h := furnish(t, s, 1)
	for range 30 {
		h.must(t, func(tx engine.Tx) error {
			for _, day := range []int64{-7, -1, 0, 5, 790, 799, 805} {
				if _, err := h.book(tx, h.visit(h.providers[0], now.Unix()+day*daySeconds,
					30)); err != nil && fault.KindOf(err) != fault.SlotTaken {
					return err
				}
			}
			return nil
		})
		see(t, s, func(r engine.Reader) error {
			for _, day := range []int64{-9, -6, -1, 0, 790, 800} {
				at := now.Unix() + day*daySeconds
				sameBusy(t, "day", r, booking.ProviderResource(h.providers[0]), false,
					calendar.Span{Start: at, End: at + 2*daySeconds})
			}
			return nil
		})
		mu.Lock()
		now = now.Add(31 * time.Hour)
		mu.Unlock()
	}
}

// A day that readers may hold is never written to.
func TestPublishedDaysStandStill(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	var rows []booking.Occupancy
	h.must(t, func(tx engine.Tx) error {
		for i := range int64(5) {
			o, err := h.book(tx, h.visit(h.providers[0], noon.Unix()+i*1800, 30))
			if err != nil {
				return err
			}
			rows = append(rows, o)
		}
		return nil
	})
	days, err := h.resourceDays(resourceKey{booking.ProviderResource(h.providers[0]), false})
	if err != nil {
		t.Fatal(err)
	}
	published := days.cal.Load().day(dayOf(noon.Unix()))
	before := slices.Clone(published)
	h.must(t, func(tx engine.Tx) error {
		if err := tx.DeleteOccupancy(rows[1]); err != nil {
			return err
		}
		_, err := h.book(tx, h.visit(h.providers[0], noon.Unix()+9*1800, 30))
		return err
	})
	if !slices.Equal(published, before) || len(before) != 5 {
		t.Errorf("a reader's day became %v, was %v", published, before)
	}
}
