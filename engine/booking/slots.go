package booking

import (
	"fmt"
	"time"

	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
)

// Defaults of booking.md §5, in seconds and days.
const (
	DefaultStep        = 15 * 60
	DefaultLength      = 30 * 60
	DefaultHorizonDays = 365
)

// Rules are what a service, raised by a provider, asks of a booking. Step,
// Length, Before, After and Notice are seconds.
type Rules struct {
	Step               int64 // between offered starts; 0 = DefaultStep
	Length             int64 // of the offered slots; 0 = DefaultLength
	Before, After      int64 // buffers, free of other bookings
	Notice             int64 // start ≥ now + notice
	HorizonDays        int   // start's date ≤ today + horizon; 0 = today only
	Align              directory.Align
	BuffersInsideHours bool // the buffers, too, must lie inside open hours
	ProviderCap        int  // live appointments per local date; 0 = no cap
	ServiceCap         int
}

// step and length with their defaults.
func (r *Rules) step() int64 {
	if r.Step <= 0 {
		return DefaultStep
	}
	return r.Step
}

func (r *Rules) length() int64 {
	if r.Length == 0 {
		return DefaultLength
	}
	return r.Length
}

// Footprint is the time that a booking keeps others away from (booking.md §1.2).
func (r *Rules) Footprint(start, end int64) calendar.Span {
	return calendar.Span{Start: start - r.Before, End: end + r.After}
}

// checkEnds records a fault where a booking that gives both its ends could be none,
// whatever its buffers are.
func checkEnds(f *fault.Faults, startsAt, endsAt int64) {
	if !calendar.FitsDay(endsAt-startsAt, 0, 0) {
		f.Add("ends_at", "Must be after scheduled_at, and less than 24 hours after it")
	}
}

func lengthFault() *fault.Error {
	return fault.Fail(fault.Invalid, "Invalid request body").
		On("ends_at", "Must be after scheduled_at, less than 24 hours after it, and with both buffers at most 24 hours")
}

func minutesText(seconds int64) string {
	if seconds%3600 == 0 && seconds != 3600 {
		return fmt.Sprintf("%d hours", seconds/3600)
	}
	return fmt.Sprintf("%d minutes", (seconds+59)/60)
}

// Lane is one provider at one location for one service: everything that decides
// about a start there. It is read only; one lane serves many goroutines.
type Lane struct {
	ProviderID, LocationID, ServiceID int64
	Resources                         []Resource // what a booking here occupies

	Opening *calendar.Opening // effective hours; its zone is the lane's
	Rules   Rules

	// Busy are the live footprints of the resources, joined: sorted by start, each at
	// most 24 h long, and every one that overlaps the window asked about, Reach to
	// either side included. A booking that moves leaves its own out.
	Busy []calendar.Span

	// Booked counts the live appointments of a local date, for the caps. It is
	// asked at most once per date; nil = none.
	Booked func(calendar.Date) (byProvider, byService int)
}

// LiveSpans appends the footprints that still count at now, in their order: an
// expired hold is free at once (booking.md §6).
func LiveSpans(dst []calendar.Span, list []Occupied, now int64) []calendar.Span {
	for _, o := range list {
		if o.ExpiresAt == 0 || o.ExpiresAt > now {
			dst = append(dst, o.Span)
		}
	}
	return dst
}

// mergeByStart appends two lists of footprints, each in order of their start, as one such list.
func mergeByStart(dst, a, b []calendar.Span) []calendar.Span {
	for len(a) > 0 && len(b) > 0 {
		if a[0].Start <= b[0].Start {
			dst, a = append(dst, a[0]), a[1:]
		} else {
			dst, b = append(dst, b[0]), b[1:]
		}
	}
	return append(append(dst, a...), b...)
}

// Reach is how far beyond a window, in seconds, footprints can matter to it: two
// days back, because a packed grid begins at the last footprint's end.
const Reach = 2 * calendar.Day

// Zone is the lane's zone: its dates count for caps and horizon.
func (l *Lane) Zone() *time.Location { return l.Opening.Zone() }

// Judge decides about one booking as of now, on the grid or off it. It is the
// function that the list is made of (booking.md §1.6).
func (l *Lane) Judge(now, start, end int64) Verdict {
	var s slotWalk
	s.begin(l, now)
	s.length = end - start
	s.busy.seek(start - s.rules.Before)
	s.day = s.lane.Opening.DayAt(start)
	return s.reason(s.judge(s.day.PieceAt(start), start), start)
}

// Starts yields the starts that are offered in the window as of now, in order,
// until yield answers false. It allocates nothing once the dates are known.
func (l *Lane) Starts(now int64, window calendar.Span, yield func(start int64) bool) {
	var s slotWalk
	s.list(l, now, window)
	for start, ok := s.nextOffered(); ok; start, ok = s.nextOffered() {
		if !yield(start) {
			return
		}
	}
}

// Explain yields every candidate start in the window with its verdict: the grid
// where it is open, and where it is closed a tick per step from the beginning of
// the closed stretch or the local midnight (booking.md §10).
func (l *Lane) Explain(now int64, window calendar.Span, yield func(start int64, v Verdict) bool) {
	var s slotWalk
	s.begin(l, now)
	s.all = true
	s.cover(window)
	for s.t < s.until || s.enter() {
		start := s.t
		v := s.judge(s.piece, start)
		if !yield(start, s.reason(v, start)) {
			return
		}
		s.t = s.after(start)
	}
}
