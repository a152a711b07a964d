package booking

import (
	"math"
	"sort"

	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
)

// slotWalk walks the candidate starts of a lane and the footprints in its way
// together, both forwards only (booking.md §9). Its judge is the one place
// that decides; list, arbiter and explanation differ in how they move.
type slotWalk struct {
	lane    *Lane
	rules   *Rules
	length  int64
	now     int64
	notice  int64 // the first start that notice allows
	horizon int64 // the first instant beyond the horizon
	step    int64
	pack    bool
	all     bool // closed stretches, too, are walked: --explain

	window calendar.Span
	day    *calendar.ResolvedDay
	next   int             // index in day.pieces
	pos    int64           // how much of the day has been walked
	piece  *calendar.Piece // the stretch being walked; nil = closed
	t      int64           // the next candidate in it
	until  int64           // its end

	busy   trail
	capDay *calendar.ResolvedDay // the date that capped is about
	capped Verdict
}

// trail is a sorted list of footprints and how far it has been walked.
type trail struct {
	list []calendar.Span
	i    int   // the first footprint that starts at or after every end looked at
	end  int64 // the latest end of those before it
}

// seek moves to the first footprint that can reach beyond t.
func (b *trail) seek(t int64) {
	b.i = sort.Search(len(b.list), func(i int) bool { return b.list[i].Start > t-calendar.MaxFootprint })
	b.end = math.MinInt64
}

// walk passes every footprint that starts before t.
func (b *trail) walk(t int64) {
	for b.i < len(b.list) && b.list[b.i].Start < t {
		b.end = max(b.end, b.list[b.i].End)
		b.i++
	}
}

// begin sets what now decides.
func (s *slotWalk) begin(l *Lane, now int64) {
	s.lane, s.rules = l, &l.Rules
	s.length, s.step = l.Rules.length(), l.Rules.step()
	s.now, s.notice = now, now+max(0, l.Rules.Notice)
	s.pack = l.Rules.Align == directory.AlignPack
	s.busy.list = l.Busy
	today := l.Opening.DayAt(now).Date
	s.horizon = calendar.Instant(l.Opening.Zone(), today.AddDays(l.Rules.HorizonDays), 1440)
}

// judge decides about one start in an open piece, or in none. Starts must come in
// order. Closed hours are all RefusedHours here; reason finds out more.
func (s *slotWalk) judge(p *calendar.Piece, start int64) Verdict {
	end := start + s.length
	foot := calendar.Span{Start: start - s.rules.Before, End: end + s.rules.After}
	switch {
	case !calendar.FitsDay(s.length, s.rules.Before, s.rules.After):
		return RefusedLength
	case start < s.now:
		return RefusedPast
	case start < s.notice:
		return RefusedNotice
	case start >= s.horizon:
		return RefusedHorizon
	case p == nil || end > p.Run.End:
		return RefusedHours
	case s.rules.BuffersInsideHours && (foot.Start < p.Run.Start || foot.End > p.Run.End):
		return RefusedHours
	}
	s.busy.walk(foot.End)
	if s.busy.end > foot.Start {
		return RefusedTaken
	}
	if s.capDay != s.day {
		s.capDay, s.capped = s.day, s.lane.capped(s.day.Date)
	}
	return s.capped
}

// capped reports whether the date takes no more appointments.
func (l *Lane) capped(d calendar.Date) Verdict {
	if l.Booked == nil || l.Rules.ProviderCap <= 0 && l.Rules.ServiceCap <= 0 {
		return Offered
	}
	byProvider, byService := l.Booked(d)
	switch {
	case l.Rules.ProviderCap > 0 && byProvider >= l.Rules.ProviderCap:
		return RefusedProviderCap
	case l.Rules.ServiceCap > 0 && byService >= l.Rules.ServiceCap:
		return RefusedServiceCap
	}
	return Offered
}

// reason makes a refusal of closed hours precise.
func (s *slotWalk) reason(v Verdict, start int64) Verdict {
	if v != RefusedHours {
		return v
	}
	span := calendar.Span{Start: start, End: start + s.length}
	if why := s.lane.Opening.WhyNot(span); why != calendar.IsOpen {
		return closedVerdict(why)
	}
	return closedVerdict(s.lane.Opening.WhyNot(s.rules.Footprint(span.Start, span.End)))
}

// list prepares the walk over what can be offered: no start before notice allows
// it nor beyond the horizon needs to be looked at.
func (s *slotWalk) list(l *Lane, now int64, window calendar.Span) {
	s.begin(l, now)
	s.cover(window.Clip(calendar.Span{Start: s.notice, End: s.horizon}))
}

// cover sets the window and stands before its first stretch.
func (s *slotWalk) cover(window calendar.Span) {
	s.window = window
	s.t, s.until = 0, 0
	if window.Empty() {
		s.day = nil
		return
	}
	s.day = s.lane.Opening.DayAt(window.Start)
	s.next, s.pos = 0, s.day.Start
	if s.pack {
		s.busy.seek(s.day.Start - Reach) // its grid begins at footprints before the window
	} else {
		s.busy.seek(window.Start - s.rules.Before)
	}
}

// enter goes to the next stretch with candidates in the window; false at its end.
func (s *slotWalk) enter() bool {
	for s.day != nil && s.pos < s.window.End {
		stretch, ok := s.stretch()
		if !ok {
			s.day = s.lane.Opening.Day(s.day.Date + 1)
			s.next, s.pos = 0, s.day.Start
			continue
		}
		s.pos = stretch.End
		from := max(stretch.Start, s.window.Start)
		s.until = min(stretch.End, s.window.End)
		if from >= s.until {
			continue
		}
		if s.t = s.first(stretch, from); s.t < s.until {
			return true
		}
	}
	return false
}

// stretch is the next part of the day: an open piece, or what lies before it.
func (s *slotWalk) stretch() (calendar.Span, bool) {
	open := calendar.Span{Start: s.day.End, End: s.day.End}
	if s.next < len(s.day.Pieces) {
		open = s.day.Pieces[s.next].Span
	}
	s.piece = nil
	if s.all && s.pos < open.Start {
		return calendar.Span{Start: s.pos, End: open.Start}, true
	}
	if open.Empty() {
		return open, false
	}
	s.piece = &s.day.Pieces[s.next]
	s.next++
	return open, true
}

// first is the first candidate of the stretch that is not before from.
func (s *slotWalk) first(stretch calendar.Span, from int64) int64 {
	anchor, limit := stretch.Start, int64(math.MaxInt64)
	if s.piece != nil {
		anchor = s.piece.Anchor
		switch s.rules.Align {
		case directory.AlignClock:
			anchor = s.round(anchor)
		case directory.AlignPack:
			for limit = s.freeAfter(anchor); limit <= from; limit = s.freeAfter(anchor) {
				anchor = limit
			}
		}
	}
	return min(s.onGrid(anchor, from), limit)
}

// onGrid is the first of anchor, anchor + step, … that is not before from.
func (s *slotWalk) onGrid(anchor, from int64) int64 {
	if n := from - anchor; n > 0 {
		return anchor + (n+s.step-1)/s.step*s.step
	}
	return anchor
}

// after is the candidate that follows one.
func (s *slotWalk) after(t int64) int64 {
	if s.pack && s.piece != nil {
		return min(t+s.step, s.freeAfter(t))
	}
	return t + s.step
}

// freeAfter is the first start after t that stands right behind a stretch of
// footprints: where a packed grid begins anew.
func (s *slotWalk) freeAfter(t int64) int64 {
	end := s.busy.end
	for _, f := range s.busy.list[s.busy.i:] {
		if f.Start > end { // a gap
			if end > t-s.rules.Before {
				return end + s.rules.Before
			}
			end = f.End
		}
		end = max(end, f.End)
	}
	if end > t-s.rules.Before {
		return end + s.rules.Before
	}
	return math.MaxInt64
}

// round is the first instant from t on whose local minute is a multiple of the
// largest of 60, 30, 20, 15, 10, 5 that divides the step.
func (s *slotWalk) round(t int64) int64 {
	for _, minutes := range [...]int64{60, 30, 20, 15, 10, 5} {
		unit := minutes * 60
		if s.step%unit != 0 {
			continue
		}
		// A zone that shifts by half an hour may need a second look.
		for range 3 {
			over := calendar.WallSeconds(s.lane.Opening.Zone(), t) % unit
			if over == 0 {
				break
			}
			t += unit - over
		}
		break
	}
	return t
}

// nextOffered is the next start that is offered, by the same judge, jumping over
// what cannot be.
func (s *slotWalk) nextOffered() (int64, bool) {
	for s.t < s.until || s.enter() {
		t := s.t
		switch s.judge(s.piece, t) {
		case Offered:
			s.t = s.after(t)
			return t, true
		case RefusedTaken:
			s.t = s.busy.end + s.rules.Before
			if !s.pack {
				s.t = s.onGrid(t, s.t)
			}
		case RefusedProviderCap, RefusedServiceCap:
			s.pos, s.next, s.until = s.day.End, len(s.day.Pieces), s.t
		case RefusedHours:
			if t+s.length > s.piece.Run.End {
				s.until = s.t // nothing later fits either
				continue
			}
			s.t = s.after(t)
		default:
			s.t = s.until
		}
	}
	return 0, false
}
