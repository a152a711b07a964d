package calendar

import (
	"maps"
	"slices"
	"sort"
	"sync/atomic"
	"time"
)

// Closed is why an instant lies outside of open hours; the stronger reason is the
// greater.
type Closed uint8

// The reasons, from the weakest to the strongest.
const (
	IsOpen          Closed = iota
	OutOfHours             // outside the weekly hours
	InBreak                // in a weekly break
	ByOverrideHours        // the date's own hours say no
	ByClosure              // closed by a closure
)

// Timetable is a schedule together with the zone its wall clock shows.
type Timetable struct {
	Schedule Schedule
	Zone     *time.Location
}

// Opening is the effective hours of one place to book: the intersection of
// timetables (location ∩ provider ∩ service, where set), minus closures. An
// override of a date beats the weekly hours and breaks of its own timetable, a
// closure beats both (booking.md §4).
//
// It never changes after NewOpening, may be used by many goroutines, and keeps
// what it resolved, so that reading a known date costs nanoseconds and no memory.
type Opening struct {
	zone     *time.Location
	parts    []hoursPart
	closures []Span
	chunks   [chunkSlots]atomic.Pointer[chunk]
}

// Days are kept in chunks of 64, 16 chunks at a time: nearly three years, after
// which the oldest user of a slot gives way.
const (
	chunkDays  = 64
	chunkSlots = 16
)

type chunk struct {
	number int32 // date / chunkDays, floored
	days   [chunkDays]atomic.Pointer[ResolvedDay]
}

// ResolvedDay is one local date, resolved. Its span is empty for a date that never existed.
type ResolvedDay struct {
	Span
	Date   Date
	Pieces []Piece
}

// Piece is a stretch of a local date that is open and whose starts share one anchor.
type Piece struct {
	Span
	Run    Span  // the whole open interval around it, cut off beyond what any booking can reach
	Anchor int64 // where its grid begins (booking.md §5)
}

const (
	// reach is how far around a date its open intervals are followed: a booking
	// with its buffers is at most 24 h, and a local date at most one hour more.
	reach = 26 * 3600
)

// NewOpening compiles effective hours. The zone is the one whose dates count: for
// caps, the horizon, and the grid of round-the-clock hours. Timetables that were
// never set (Schedule.IsZero) must be left out by the caller; with none at all
// nothing limits, and it is open round the clock. Closures may be in any order.
func NewOpening(zone *time.Location, closures []Span, tables ...Timetable) *Opening {
	o := &Opening{zone: zone, closures: MergeSpans(slices.Clone(closures))}
	for _, t := range tables {
		o.parts = append(o.parts, newHoursPart(t))
	}
	return o
}

// Fresh is the same hours with nothing resolved yet.
func (o *Opening) Fresh() *Opening {
	return &Opening{zone: o.zone, parts: o.parts, closures: o.closures}
}

// Zone is the zone whose dates count.
func (o *Opening) Zone() *time.Location { return o.zone }

// Open is the open time inside the range, merged, in new memory.
func (o *Opening) Open(in Span) []Span {
	open := []Span{in}
	if in.Empty() {
		open = nil
	}
	for i := range o.parts {
		open = IntersectSpans(open, o.parts[i].open(in))
	}
	return SubtractSpans(open, o.closures[o.closureAfter(in.Start):])
}

// Why says why an instant is closed, or IsOpen. Where several
// reasons hold, the strongest is named: closure, override, break, hours.
func (o *Opening) Why(t int64) Closed {
	if i := o.closureAfter(t); i < len(o.closures) && o.closures[i].Start <= t {
		return ByClosure
	}
	why := IsOpen
	for i := range o.parts {
		why = max(why, o.parts[i].why(t))
	}
	return why
}

// WhyNot says why a span is not open from end to end: the reason of its first
// closed instant, or IsOpen.
func (o *Opening) WhyNot(s Span) Closed {
	open := o.Open(s)
	if len(open) == 0 || open[0].Start > s.Start {
		return o.Why(s.Start)
	}
	if open[0].End >= s.End {
		return IsOpen
	}
	return o.Why(open[0].End)
}

// closureAfter is the index of the first closure that ends after t.
func (o *Opening) closureAfter(t int64) int {
	return sort.Search(len(o.closures), func(i int) bool { return o.closures[i].End > t })
}

// Day is the resolved date, from memory if it was asked for before.
func (o *Opening) Day(d Date) *ResolvedDay {
	number := int32(d) >> 6
	slot := &o.chunks[uint32(number)%chunkSlots]
	c := slot.Load()
	if c == nil || c.number != number {
		c = &chunk{number: number}
		slot.Store(c) // two goroutines may resolve the same date twice; the results are equal
	}
	p := &c.days[uint32(d)%chunkDays]
	day := p.Load()
	if day == nil {
		day = o.resolve(d)
		p.Store(day)
	}
	return day
}

// DayAt is the resolved date that holds the instant.
func (o *Opening) DayAt(t int64) *ResolvedDay {
	day := o.Day(LocalDate(o.zone, t))
	for t < day.Start {
		day = o.Day(day.Date - 1)
	}
	for t >= day.End {
		day = o.Day(day.Date + 1)
	}
	return day
}

// PieceAt is the open stretch of the date that holds the instant, or nil.
func (d *ResolvedDay) PieceAt(t int64) *Piece {
	for i := range d.Pieces {
		if d.Pieces[i].Has(t) {
			return &d.Pieces[i]
		}
	}
	return nil
}

// resolve cuts the open intervals around a date to its pieces. An interval that
// began more than 24 h before a start hands that start's grid to the local
// midnight; so one interval may give a date two pieces.
func (o *Opening) resolve(d Date) *ResolvedDay {
	day := &ResolvedDay{Span: Span{Instant(o.zone, d, 0), Instant(o.zone, d, 1440)}, Date: d}
	if day.Empty() {
		return day
	}
	for _, run := range o.Open(Span{day.Start - reach, day.End + reach}) {
		turn := run.Start + Day + 1 // the first start that is more than 24 h away
		head := Piece{run.Clip(Span{day.Start, min(day.End, turn)}), run, run.Start}
		tail := Piece{run.Clip(Span{max(day.Start, turn), day.End}), run, day.Start}
		for _, p := range [2]Piece{head, tail} {
			if !p.Empty() {
				day.Pieces = append(day.Pieces, p)
			}
		}
	}
	return day
}

// hoursPart is a compiled timetable.
type hoursPart struct {
	zone           *time.Location
	weekly, breaks Week
	overrides      map[Date][]Window
}

func newHoursPart(t Timetable) hoursPart {
	p := hoursPart{zone: t.Zone, overrides: make(map[Date][]Window, len(t.Schedule.Overrides))}
	for i := range p.weekly {
		p.weekly[i] = slices.Clone(t.Schedule.Weekly[i])
		p.breaks[i] = slices.Clone(t.Schedule.Breaks[i])
	}
	for _, o := range t.Schedule.Overrides {
		p.overrides[o.Date] = append(p.overrides[o.Date], o.Windows...)
	}
	maps.DeleteFunc(p.overrides, func(d Date, _ []Window) bool { return d < MinDate || d > MaxDate })
	return p
}

// open is the timetable's open time in the range, merged.
func (p *hoursPart) open(in Span) []Span {
	hours, breaks := p.spans(in)
	for i := range hours {
		hours[i] = hours[i].Clip(in)
	}
	return SubtractSpans(MergeSpans(hours), MergeSpans(breaks))
}

// spans resolves the windows and the breaks of every date that can touch the
// range: a window reaches at most into the next date.
func (p *hoursPart) spans(in Span) (hours, breaks []Span) {
	first, last := LocalDate(p.zone, in.Start)-1, LocalDate(p.zone, in.End)+1
	for d := first; d <= last; d++ {
		if windows, ok := p.overrides[d]; ok {
			hours = p.add(hours, d, windows)
			continue
		}
		hours = p.add(hours, d, p.weekly[d.Weekday()])
		breaks = p.add(breaks, d, p.breaks[d.Weekday()])
	}
	return hours, breaks
}

// add resolves the windows of one date. A tail past midnight ends there if the
// next date is overridden, because an override owns its whole date.
func (p *hoursPart) add(list []Span, d Date, windows []Window) []Span {
	for _, w := range windows {
		s := Span{Start: Instant(p.zone, d, w.From)}
		if w.To > w.From {
			s.End = Instant(p.zone, d, w.To)
		} else if _, cut := p.overrides[d+1]; cut {
			s.End = Instant(p.zone, d, 1440)
		} else {
			s.End = Instant(p.zone, d, 1440+w.To)
		}
		if !s.Empty() {
			list = append(list, s)
		}
	}
	return list
}

// why says why the timetable is closed at the instant, or IsOpen.
func (p *hoursPart) why(t int64) Closed {
	hours, breaks := p.spans(Span{t, t + 1})
	has := func(s Span) bool { return s.Has(t) }
	working := slices.ContainsFunc(hours, has)
	if working && !slices.ContainsFunc(breaks, has) {
		return IsOpen
	}
	d := LocalDate(p.zone, t)
	for Instant(p.zone, d, 1440) <= t {
		d++
	}
	if _, ok := p.overrides[d]; ok {
		return ByOverrideHours
	}
	if working {
		return InBreak
	}
	return OutOfHours
}
