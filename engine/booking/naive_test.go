package booking

import (
	"slices"
	"sync"
	"time"

	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
)

// naive is the booking page read aloud: every minute is asked about on its own, by
// the clock on the wall. It shares no code with the walk but the types.
type naive struct {
	lane    *Lane
	tables  []calendar.Timetable
	closed  []calendar.Span
	busy    []calendar.Span
	zone    *time.Location
	from    int64 // minute 0 of the maps below
	open    []bool
	busyMap []bool
}

var seen sync.Map // slowInstant is slow

func first(z *time.Location, d calendar.Date, m int) int64 {
	type key struct {
		z *time.Location
		d calendar.Date
		m int
	}
	if v, ok := seen.Load(key{z, d, m}); ok {
		return v.(int64)
	}
	v := slowInstant(z, d, m)
	seen.Store(key{z, d, m}, v)
	return v
}

// owner is the date whose 00:00–24:00 holds the instant.
func owner(z *time.Location, u int64) calendar.Date {
	d := calendar.Date(calendar.FloorDiv(wall(z, u), 1440)) + 1
	for first(z, d, 0) > u {
		d--
	}
	return d
}

func override(s *calendar.Schedule, d calendar.Date) ([]calendar.Window, bool) {
	for _, o := range s.Overrides {
		if o.Date == d {
			return o.Windows, true
		}
	}
	return nil, false
}

// covers reports whether a window of one of the last dates holds the instant.
func covers(t calendar.Timetable, u int64, today calendar.Date, windows func(calendar.Date) []calendar.Window) bool {
	_, owned := override(&t.Schedule, today)
	for d := today - 2; d <= today; d++ {
		if d != today && owned {
			continue // an override owns its date
		}
		for _, w := range windows(d) {
			end := w.To
			if w.To <= w.From {
				end += 1440
			}
			if first(t.Zone, d, w.From) <= u && u < first(t.Zone, d, end) {
				return true
			}
		}
	}
	return false
}

// why is the verdict of one timetable about one minute.
func (n *naive) whyOf(t calendar.Timetable, u int64) Verdict {
	today := owner(t.Zone, u)
	_, owned := override(&t.Schedule, today)
	working := covers(t, u, today, func(d calendar.Date) []calendar.Window {
		if list, ok := override(&t.Schedule, d); ok {
			return list
		}
		return t.Schedule.Weekly[d.Weekday()]
	})
	pause := !owned && covers(t, u, today, func(d calendar.Date) []calendar.Window {
		if _, ok := override(&t.Schedule, d); ok {
			return nil
		}
		return t.Schedule.Breaks[d.Weekday()]
	})
	switch {
	case working && !pause:
		return Offered
	case owned:
		return RefusedOverride
	case working:
		return RefusedBreak
	}
	return RefusedHours
}

func (n *naive) why(u int64) Verdict {
	if slices.ContainsFunc(n.closed, func(s calendar.Span) bool { return s.Has(u) }) {
		return RefusedClosure
	}
	v := Offered
	for _, t := range n.tables {
		v = max(v, n.whyOf(t, u))
	}
	return v
}

// fill maps the minutes of the span and two days around it.
func (n *naive) fill(window calendar.Span) {
	n.from = window.Start - 3*calendar.Day
	count := (window.End + 3*calendar.Day - n.from) / 60
	n.open, n.busyMap = make([]bool, count), make([]bool, count)
	for i := range n.open {
		u := n.from + int64(i)*60
		n.open[i] = n.why(u) == Offered
		has := func(s calendar.Span) bool { return s.Has(u) }
		n.busyMap[i] = slices.ContainsFunc(n.busy, has)
	}
}

func (n *naive) isOpen(u int64) bool { return n.open[(u-n.from)/60] }
func (n *naive) isBusy(u int64) bool { return n.busyMap[(u-n.from)/60] }

// judge decides about one booking, off the grid or on it.
func (n *naive) judge(now, start, end int64) Verdict {
	r := n.lane.Rules
	foot := calendar.Span{Start: start - r.Before, End: end + r.After}
	switch {
	case end <= start || end-start >= 24*3600 || foot.End-foot.Start > 24*3600:
		return RefusedLength
	case start < now:
		return RefusedPast
	case start < now+r.Notice:
		return RefusedNotice
	case owner(n.zone, start) > owner(n.zone, now)+calendar.Date(r.HorizonDays):
		return RefusedHorizon
	}
	for u := start; u < end; u += 60 {
		if !n.isOpen(u) {
			return n.why(u)
		}
	}
	for u := foot.Start; r.BuffersInsideHours && u < foot.End; u += 60 {
		if !n.isOpen(u) {
			return n.why(u)
		}
	}
	for u := foot.Start; u < foot.End; u += 60 {
		if n.isBusy(u) {
			return RefusedTaken
		}
	}
	return n.lane.capped(owner(n.zone, start))
}

// onGrid reports whether an open minute is a start of the grid.
func (n *naive) onGrid(t int64) bool {
	run := t
	for n.isOpen(run-60) && t-run <= 24*3600 {
		run -= 60
	}
	r := n.lane.Rules
	anchor := run
	if t-run > 24*3600 {
		anchor = first(n.zone, owner(n.zone, t), 0)
	}
	if r.Align == directory.AlignPack {
		for u := t; u > anchor; u -= 60 {
			if e := u - r.Before; n.isBusy(e-60) && !n.isBusy(e) {
				anchor = u
			}
		}
	}
	if r.Align == directory.AlignClock {
		unit := int64(1)
		for _, m := range []int64{5, 10, 15, 20, 30, 60} {
			if r.Step%(m*60) == 0 {
				unit = m
			}
		}
		for wall(n.zone, anchor)%unit != 0 {
			anchor += 60
		}
	}
	return t >= anchor && (t-anchor)%r.Step == 0
}

func (n *naive) starts(now int64, window calendar.Span) (list []int64) {
	for t := window.Start; t < window.End; t += 60 {
		if n.isOpen(t) && n.judge(now, t, t+n.lane.Rules.Length) == Offered && n.onGrid(t) {
			list = append(list, t)
		}
	}
	return list
}
