package store

import (
	"cmp"
	"slices"
	"sync/atomic"

	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
)

// The occupancy index: the live footprints of every resource that was asked
// for, in memory, as the last commit left them (booking.md §9, proof.md §1).
// Each resource's days are loaded by one query on first touch. A day is an
// immutable slice; the writer works on copies, which follow its savepoints and
// replace the originals after COMMIT and before anybody is answered.

const (
	daySeconds = 86400
	daysBack   = 6   // a search of slots begins at most that far behind now
	daysAhead  = 800 // beyond: the file is asked
)

// dayOf is the UTC day of an instant.
func dayOf(t int64) int64 {
	if t < 0 {
		return (t+1)/daySeconds - 1
	}
	return t / daySeconds
}

// resourceKey names a resource, in the live data or in the test data.
type resourceKey struct {
	r    booking.Resource
	test bool
}

// resourceDays are one resource's footprints.
type resourceDays struct {
	cal   atomic.Pointer[dayRange]
	holds int // rows of holds, of any day; the writer's from the load on
}

// dayRange holds a range of days. A footprint lies in the day of its start.
type dayRange struct {
	floor int64
	days  []atomic.Pointer[[]booking.Occupied] // each in the order of compareOccupied
}

// day is the committed state of a day.
func (c *dayRange) day(day int64) []booking.Occupied {
	if p := c.days[day-c.floor].Load(); p != nil {
		return *p
	}
	return nil
}

func (c *dayRange) has(day int64) bool { return day >= c.floor && day < c.floor+int64(len(c.days)) }

// compareOccupied is the order of the index occupancy_live.
func compareOccupied(a, b booking.Occupied) int {
	return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End), cmp.Compare(a.ExpiresAt, b.ExpiresAt),
		cmp.Compare(a.Row, b.Row))
}

// resourceDays finds the loaded days of a resource.
func (s *Store) resourceDays(k resourceKey) (*resourceDays, error) {
	v, ok := s.mem.days.Load(k)
	if !ok {
		v, _ = s.mem.days.LoadOrStore(k, &resourceDays{})
	}
	t := v.(*resourceDays)
	if t.cal.Load() != nil {
		return t, nil
	}
	return t, s.fresh(func(f *reads) error {
		if t.cal.Load() != nil {
			return nil
		}
		cal, err := f.load(k, dayOf(s.o.Now().Unix())-daysBack)
		if err != nil {
			return err
		}
		holds, err := f.number("SELECT count(*) FROM occupancy WHERE live = 1 AND resource = ? AND test = ? AND "+
			"expires_at IS NOT NULL",
			k.r.String(), k.test)
		if err == nil {
			t.holds = int(holds)
			// No commit can have been missed: the writer loads a resource before its first
			// change to it, and so waits for this load.
			t.cal.Store(cal)
		}
		return err
	})
}

// load reads the days of one resource.
func (r *reads) load(k resourceKey, floor int64) (*dayRange, error) {
	cal := &dayRange{floor: floor, days: make([]atomic.Pointer[[]booking.Occupied], daysAhead)}
	var list []booking.Occupied
	day := floor
	flush := func() {
		if len(list) > 0 {
			full := slices.Clone(list)
			cal.days[day-floor].Store(&full)
			list = list[:0]
		}
	}
	err := r.query(`SELECT id, s, e, expires_at FROM occupancy
		WHERE live = 1 AND resource = ? AND test = ? AND s >= ? AND s < ? ORDER BY s, e, expires_at, id`,
		func(row *row) error {
			o := scanOccupied(row)
			if d := dayOf(o.Start); d != day {
				flush()
				day = d
			}
			list = append(list, o)
			return nil
		}, k.r.String(), k.test, floor*daySeconds, (floor+daysAhead)*daySeconds)
	flush()
	return cal, err
}

func scanOccupied(r *row) booking.Occupied {
	return booking.Occupied{Row: r.int(), Span: calendar.Span{Start: r.int(), End: r.int()}, ExpiresAt: r.int()}
}

// Busy implements engine.Reader, from memory where the window lies in it.
func (r *reads) Busy(res booking.Resource, test bool, window calendar.Span, dst []booking.Occupied) ([]booking.Occupied,
	error) {
	if r.ended {
		return dst, errEnded
	}
	if window.Empty() {
		return dst, nil
	}
	t, err := r.s.resourceDays(resourceKey{res, test})
	if err != nil {
		return dst, err
	}
	cal := t.cal.Load()
	first, last := dayOf(window.Start-calendar.MaxFootprint+1), dayOf(window.End-1)
	if !cal.has(first) || !cal.has(last) {
		return r.busyInFile(res, test, window, dst)
	}
	for day := first; day <= last; day++ {
		list := cal.day(day)
		if r.tx != nil {
			if work, ok := r.tx.w.overlay.work[dayKey{t, day}]; ok {
				list = work
			}
		}
		for _, o := range list {
			if o.Start < window.End && o.End > window.Start {
				dst = append(dst, o)
			}
		}
	}
	return dst, nil
}

// busyInFile is the same question to the file: the truth that the index must equal.
func (r *reads) busyInFile(res booking.Resource, test bool, window calendar.Span,
	dst []booking.Occupied) ([]booking.Occupied, error) {
	err := r.query(`SELECT id, s, e, expires_at FROM occupancy
		WHERE live = 1 AND resource = ? AND test = ? AND s > ? AND s < ? AND e > ? ORDER BY s, e, expires_at, id`,
		func(row *row) error {
			dst = append(dst, scanOccupied(row))
			return nil
		}, res.String(), test, window.Start-calendar.MaxFootprint, window.End, window.Start)
	return dst, err
}

// overlay is the writer's uncommitted occupancy.
type overlay struct {
	work map[dayKey][]booking.Occupied
	undo []undoEntry
}

// dayKey names a day of one resource.
type dayKey struct {
	t   *resourceDays
	day int64
}

// undoEntry is one change, to be taken back.
type undoEntry struct {
	at    dayKey
	o     booking.Occupied
	added bool
}

// put adds or removes a footprint and notes how to take that back.
func (v *overlay) put(t *resourceDays, o booking.Occupied, add bool) {
	at := dayKey{t, dayOf(o.Start)}
	v.set(at, o, add)
	v.undo = append(v.undo, undoEntry{at, o, add})
}

func (v *overlay) set(at dayKey, o booking.Occupied, add bool) {
	if o.ExpiresAt != 0 {
		if add {
			at.t.holds++
		} else {
			at.t.holds--
		}
	}
	cal := at.t.cal.Load()
	if !cal.has(at.day) {
		return
	}
	list, ok := v.work[at]
	if !ok {
		day := cal.day(at.day)
		list = append(make([]booking.Occupied, 0, len(day)+4), day...)
		v.work[at] = list
	}
	i, found := slices.BinarySearchFunc(list, o, compareOccupied)
	switch {
	case add && !found:
		v.work[at] = slices.Insert(list, i, o)
	case !add && found:
		v.work[at] = slices.Delete(list, i, i+1)
	}
}

// rollback takes back the changes after a mark.
func (v *overlay) rollback(mark int) {
	for i := len(v.undo) - 1; i >= mark; i-- {
		u := v.undo[i]
		v.set(u.at, u.o, !u.added)
	}
	v.undo = v.undo[:mark]
}

// publish makes the working days the committed ones.
func (v *overlay) publish() {
	for at, list := range v.work {
		cal := at.t.cal.Load()
		cal.days[at.day-cal.floor].Store(&list)
	}
}

// drop forgets the working days; what was not published is taken back before.
func (v *overlay) drop() {
	clear(v.work)
	v.undo = v.undo[:0]
}
