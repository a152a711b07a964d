package outbox

import "testing"

func TestStreak(t *testing.T) {
	t.Parallel()
	const day = 24 * 60 * 60
	fail := func(at int64) Settlement { return Settlement{Result: Retry, StartedAt: at} }
	run := func(n int, every int64) (s Streak) {
		for i := range n {
			s = s.Add(fail(1000 + int64(i)*every))
		}
		return s
	}
	for _, c := range []struct {
		name string
		s    Streak
		now  int64
		want bool
	}{
		{"nothing yet", Streak{}, 1e9, false},
		{"twenty failures in an hour", run(20, 180), 1000 + 3600, false},
		{"nineteen in five days", run(19, 6*3600), 1000 + 5*day, false},
		{"twenty in five days", run(20, 6*3600), 1000 + 5*day, true},
		{"twenty, a second before five days", run(20, 6*3600), 999 + 5*day, false},
		{"a success resets", run(40, 6*3600).Add(Settlement{Result: Delivered}), 1e9, false},
		{"unsent ones do not count", run(19, 6*3600).Add(Settlement{Result: Released}), 1e9, false},
		{"the dead one counts", run(19, 6*3600).Add(Settlement{Result: Dead}), 1e9, true},
	} {
		if got := c.s.Hopeless(c.now); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestFailuresLeavesInterruptedOut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ attempt, interrupted, want int }{{1, 0, 0}, {2, 0, 1}, {2, 1, 0}, {6, 3, 2}, {1, 1, 0}} {
		if got := (&Delivery{Attempt: c.attempt, Interrupted: c.interrupted}).Failures(); got != c.want {
			t.Errorf("attempt %d, %d interrupted: %d failures", c.attempt, c.interrupted, got)
		}
	}
}
