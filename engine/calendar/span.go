package calendar

import (
	"cmp"
	"slices"
)

// Span is a half-open interval [Start, End) of UTC seconds: the end of one span
// that is the start of the next never conflicts with it (booking.md §1).
type Span struct{ Start, End int64 }

// MaxFootprint is how long a booking may take with both its buffers, in seconds.
const MaxFootprint = Day

// FitsDay reports whether a booking may be this long: longer than nothing, shorter
// than a day, and with its buffers at most a day (booking.md §1.1). All are seconds.
func FitsDay(length, before, after int64) bool {
	return length > 0 && length < Day && before >= 0 && before <= Day && after >= 0 && after <= Day &&
		before+length+after <= MaxFootprint
}

// Len is the length in seconds; an empty or reversed span has none.
func (s Span) Len() int64 { return max(0, s.End-s.Start) }

// Empty tells a span without any instant.
func (s Span) Empty() bool { return s.End <= s.Start }

// Has reports whether the instant lies in the span.
func (s Span) Has(t int64) bool { return s.Start <= t && t < s.End }

// Overlaps reports whether the two spans share an instant.
func (s Span) Overlaps(o Span) bool {
	return max(s.Start, o.Start) < min(s.End, o.End)
}

// Clip is the part of the span that lies in o; it may be empty.
func (s Span) Clip(o Span) Span {
	return Span{max(s.Start, o.Start), min(s.End, o.End)}
}

// SortSpans orders spans by start, then by end.
func SortSpans(list []Span) {
	slices.SortFunc(list, func(a, b Span) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End))
	})
}

// MergeSpans sorts the list in place and returns it as disjoint spans with a gap
// between any two: overlapping and touching ones are joined, empty ones dropped.
// The result uses the memory of list.
func MergeSpans(list []Span) []Span {
	SortSpans(list)
	out := list[:0]
	for _, s := range list {
		if s.Empty() {
			continue
		}
		if n := len(out); n > 0 && s.Start <= out[n-1].End {
			out[n-1].End = max(out[n-1].End, s.End)
			continue
		}
		out = append(out, s)
	}
	return out
}

// IntersectSpans returns the instants of both lists. Both must be merged
// (MergeSpans); so is the result, which is always new memory.
func IntersectSpans(a, b []Span) []Span {
	out := make([]Span, 0, max(len(a), len(b)))
	for len(a) > 0 && len(b) > 0 {
		if s := a[0].Clip(b[0]); !s.Empty() {
			out = append(out, s)
		}
		if a[0].End < b[0].End {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return out
}

// SubtractSpans returns the instants of a that are not in b. Both must be merged
// (MergeSpans); so is the result, which is always new memory.
func SubtractSpans(a, b []Span) []Span {
	out := make([]Span, 0, len(a)+1)
	for _, s := range a {
		for len(b) > 0 && b[0].End <= s.Start {
			b = b[1:]
		}
		for _, hole := range b {
			if hole.Start >= s.End {
				break
			}
			if hole.Start > s.Start {
				out = append(out, Span{s.Start, hole.Start})
			}
			s.Start = hole.End
		}
		if !s.Empty() {
			out = append(out, s)
		}
	}
	return out
}
