package booking

import (
	"math"
	"sync"

	"qualifybase/engine/calendar"
)

// candidateMerge is the working memory of one MergeLanes; it goes back to a pool, so that
// the hot path allocates nothing.
type candidateMerge struct {
	walks    []slotWalk
	next     []int64 // the next offered start of each walk; math.MaxInt64 = no more
	eligible []*Lane
}

var candidateMerges = sync.Pool{New: func() any { return new(candidateMerge) }}

// MergeLanes visits the offered starts of several lanes in time order, each once,
// with the lanes that offer it, in the order of lanes: "any provider". It ends
// when visit answers false or after limit starts (0 = no limit; a visitor that
// filters counts for itself). The slice belongs to the visit: copy what you keep.
func MergeLanes(lanes []*Lane, now int64, window calendar.Span, limit int,
	visit func(start int64, eligible []*Lane) bool) {
	m := candidateMerges.Get().(*candidateMerge)
	m.begin(lanes, now, window)
	for n := 0; limit <= 0 || n < limit; n++ {
		start, ok := m.take()
		if !ok || !visit(start, m.eligible) {
			break
		}
	}
	clear(m.walks) // keep no lane alive
	clear(m.eligible[:cap(m.eligible)])
	candidateMerges.Put(m)
}

func (m *candidateMerge) begin(lanes []*Lane, now int64, window calendar.Span) {
	m.walks, m.next = m.walks[:0], m.next[:0]
	for _, l := range lanes {
		m.walks = append(m.walks, slotWalk{})
		s := &m.walks[len(m.walks)-1]
		s.list(l, now, window)
		m.next = append(m.next, s.head())
	}
}

// take gathers the lanes of the earliest start and moves them on.
func (m *candidateMerge) take() (int64, bool) {
	start := int64(math.MaxInt64)
	for _, t := range m.next {
		start = min(start, t)
	}
	m.eligible = m.eligible[:0]
	if start == math.MaxInt64 {
		return 0, false
	}
	for i, t := range m.next {
		if t == start {
			m.eligible = append(m.eligible, m.walks[i].lane)
			m.next[i] = m.walks[i].head()
		}
	}
	return start, true
}

func (s *slotWalk) head() int64 {
	if t, ok := s.nextOffered(); ok {
		return t
	}
	return math.MaxInt64
}

// Nearest answers a taken time: up to n offered starts in the window, nearest to
// start first (of two equally near the earlier), no two of which overlap one
// another, each with the first lane that offers it (booking.md §1.7).
func Nearest(lanes []*Lane, now int64, window calendar.Span, start int64, n int) []Offer {
	var offers []Offer
	first := 0 // of those at or after start
	MergeLanes(lanes, now, window, 0, func(t int64, eligible []*Lane) bool {
		offers = append(offers, Offer{t, t + eligible[0].Rules.length(), eligible[0]})
		if t < start {
			first = len(offers)
		}
		// Behind start, n that do not overlap are found within n lengths of slots.
		return t < start || t < offers[first].End+int64(n)*calendar.Day
	})
	var near []Offer
	for before, after := first-1, first; len(near) < n && (before >= 0 || after < len(offers)); {
		i := after
		if after == len(offers) || before >= 0 && start-offers[before].Start <= offers[after].Start-start {
			i, before = before, before-1
		} else {
			after++
		}
		if offers[i].clear(near) {
			near = append(near, offers[i])
		}
	}
	return near
}

// Offer is an offered slot [Start, End) of a lane, UTC seconds.
type Offer struct {
	Start, End int64
	Lane       *Lane
}

func (o Offer) clear(of []Offer) bool {
	for _, other := range of {
		if (calendar.Span{Start: o.Start, End: o.End}).Overlaps(calendar.Span{Start: other.Start, End: other.End}) {
			return false
		}
	}
	return true
}
