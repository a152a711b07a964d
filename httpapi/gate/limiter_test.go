package gate

import (
	"testing"
	"time"

	"qualifybase/engine/enginetest/proof"
)

// jumps are what clocks do to a server (proof.md R9).
var jumps = map[string]time.Duration{"+1 h": time.Hour, "−1 h": -time.Hour, "−1 day": -24 * time.Hour,
	"+1 day": 24 * time.Hour, "−1 s": -time.Second}

// A rate's window is never negative, never longer than a minute, and a clock that
// is set back gives nobody a second one.
func TestWindowsWhenClocksJump(t *testing.T) {
	const limit = 5
	for name, jump := range jumps {
		var l Limiter
		now := time.Now() // with the monotonic part that a real server's times have
		for range limit {
			if r := l.take("k", limit, now); !r.ok || r.remaining < 0 || r.wait <= 0 || r.wait > window+time.Second {
				t.Fatalf("%s: before: %+v", name, r)
			}
		}
		if r := l.take("k", limit, now); r.ok {
			t.Errorf("%s: the limit does not hold", name)
		}
		then := now.Add(jump)
		r := l.take("k", limit, then)
		if want := jump > 0; r.ok != want {
			t.Errorf("%s: a request passes: %v, want %v", name, r.ok, want)
		}
		if r.wait <= 0 || r.wait > window+time.Second || r.remaining < 0 || r.remaining > limit {
			t.Errorf("%s: wait %v, remaining %d", name, r.wait, r.remaining)
		}
		if r := l.take("k", limit, then.Add(window+time.Second)); !r.ok {
			t.Errorf("%s: a minute later the caller still waits %v", name, r.wait)
		}
		if c := l.counts["k"]; c.opened != c.opened.Round(0) {
			t.Errorf("%s: the window is measured by a clock that cannot be set", name)
		}
	}
	proof.Row(t, "R9", "clock ± 1 h, −1 day …: windows, holds, idempotency, retries never negative or doubled",
		"rate windows over %d jumps: never negative, never over 61 s, none given twice", len(jumps))
}
