//go:build !race

package booking

import (
	"testing"

	"qualifybase/engine/calendar"
)

// The race detector makes a sync.Pool drop at random what it is given, so that
// allocations can be counted without it only.

// The hot path of a list must not feed the garbage collector: known dates cost no memory.
func TestListAllocatesNothing(t *testing.T) {
	lanes, now := practice(t, 10, 3000)
	window := calendar.Span{Start: now, End: now + 7*calendar.Day}
	visits := 0
	for what, f := range map[string]func(){
		"one": func() { lanes[0].Starts(now, window, func(int64) bool { visits++; return true }) },
		"ten": func() { MergeLanes(lanes, now, window, 0, func(int64, []*Lane) bool { visits++; return true }) },
		"judge": func() {
			if lanes[0].Judge(now, now+7200, now+9000) == Offered {
				visits++
			}
		},
	} {
		f()
		// The pool may be emptied by a collection in between; more than that is a leak of speed.
		if n := testing.AllocsPerRun(200, f); n >= 1 {
			t.Errorf("%s: %v allocations a call", what, n)
		}
	}
	if visits == 0 {
		t.Error("nothing was offered")
	}
}
