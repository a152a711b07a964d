package calendar

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

var smallSpans = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Span {
	a := rapid.Int64Range(0, 60).Draw(t, "start")
	return Span{a, a + rapid.Int64Range(-2, 12).Draw(t, "length")}
}), 0, 8)

// seconds is the obvious model of a list of spans.
func seconds(list []Span) (set [80]bool) {
	for _, s := range list {
		for t := s.Start; t < s.End; t++ {
			set[t] = true
		}
	}
	return set
}

func checkMerged(t *rapid.T, list []Span) {
	for i, s := range list {
		if s.Empty() || i > 0 && s.Start <= list[i-1].End {
			t.Fatalf("not merged: %v", list)
		}
	}
}

func TestSpanSets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := smallSpans.Draw(t, "a"), smallSpans.Draw(t, "b")
		setA, setB := seconds(a), seconds(b)
		a, b = MergeSpans(a), MergeSpans(b)
		checkMerged(t, a)
		if seconds(a) != setA {
			t.Fatalf("merge changed the set: %v", a)
		}
		beforeA, beforeB := slices.Clone(a), slices.Clone(b)
		both, less := IntersectSpans(a, b), SubtractSpans(a, b)
		checkMerged(t, both)
		checkMerged(t, less)
		inBoth, inLess := seconds(both), seconds(less)
		for i := range setA {
			if inBoth[i] != (setA[i] && setB[i]) || inLess[i] != (setA[i] && !setB[i]) {
				t.Fatalf("second %d: %v ∩ %v = %v, minus = %v", i, a, b, both, less)
			}
		}
		if !slices.Equal(a, beforeA) || !slices.Equal(b, beforeB) {
			t.Fatal("the inputs were changed")
		}
	})
}

func TestSpan(t *testing.T) {
	t.Parallel()
	nine := Span{9, 10}
	for _, c := range []struct {
		other    Span
		overlaps bool
	}{
		{Span{10, 11}, false}, // the end of one is the start of the next
		{Span{8, 9}, false},
		{Span{9, 10}, true},
		{Span{0, 20}, true},
		{Span{9, 9}, false}, // nothing overlaps an empty span
		{Span{10, 9}, false},
	} {
		if got := nine.Overlaps(c.other); got != c.overlaps || c.other.Overlaps(nine) != got {
			t.Errorf("%v overlaps %v = %v", nine, c.other, got)
		}
	}
	if (Span{5, 3}).Len() != 0 || (Span{3, 5}).Len() != 2 || !(Span{3, 5}).Has(3) || (Span{3, 5}).Has(5) {
		t.Error("half-open arithmetic is wrong")
	}
}

func TestFitsDay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		length, before, after int64
		want                  bool
	}{
		{1, 0, 0, true}, {Day - 1, 0, 0, true}, {Day - 1, 1, 0, true}, {Day - 20, 10, 10, true},
		{0, 0, 0, false}, {-1, 0, 0, false}, {Day, 0, 0, false}, {Day + 1, 0, 0, false},
		{Day - 1, 1, 1, false}, {Day - 19, 10, 10, false},
		{60, -1, 0, false}, {60, 0, -1, false}, {1 << 62, 1 << 62, 1 << 62, false},
	} {
		if got := FitsDay(c.length, c.before, c.after); got != c.want {
			t.Errorf("%d seconds with buffers of %d and %d: %v", c.length, c.before, c.after, got)
		}
	}
}
