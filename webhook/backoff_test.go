package webhook

import (
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// The whole life of a delivery that always fails at once: six requests, at these
// minutes, then the dead letter queue.
func TestScheduleTable(t *testing.T) {
	t.Parallel()
	want := []int{0, 1, 3, 7, 15, 31}
	at := time.Duration(0)
	for i, minute := range want {
		if at != time.Duration(minute)*time.Minute {
			t.Errorf("request %d at %v, want minute %d", i+1, at, minute)
		}
		wait, more := DefaultBackoff.Next(i+1, 0, 0)
		if more != (i < len(want)-1) {
			t.Fatalf("after failure %d: another one %v", i+1, more)
		}
		at += wait
	}
}

func TestBackoffNext(t *testing.T) {
	t.Parallel()
	const s = time.Second
	for _, c := range []struct {
		name       string
		failures   int
		retryAfter time.Duration
		u          float64
		want       time.Duration
	}{
		{"plain", 1, 0, 0, 60 * s},
		{"jitter is at most a tenth", 1, 0, 1, 66 * s},
		{"jitter is at most 30 s", 5, 0, 1, 990 * s},
		{"retry-after shorter than the step", 2, 30 * s, 0, 120 * s},
		{"retry-after between", 2, 200 * s, 0, 200 * s},
		{"retry-after longer than twice", 2, 3600 * s, 0, 240 * s},
		{"the later of jitter and retry-after", 1, 61 * s, 0.5, 63 * s},
	} {
		if got, ok := DefaultBackoff.Next(c.failures, c.retryAfter, c.u); !ok || got != c.want {
			t.Errorf("%s: %v, %v; want %v", c.name, got, ok, c.want)
		}
	}
}

func TestBackoffBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, err := NewBackoff(rapid.SliceOfN(rapid.IntRange(1, 10080), 1, 20).Draw(t, "minutes"))
		if err != nil {
			t.Fatal(err)
		}
		n := rapid.IntRange(1, 25).Draw(t, "failures")
		after := time.Duration(rapid.Int64Range(0, int64(week)).Draw(t, "after"))
		u := rapid.Float64Range(0, 1).Draw(t, "u")
		got, ok := b.Next(n, after, u)
		if ok != (n <= len(b)) {
			t.Fatalf("failure %d of %d steps: %v", n, len(b), ok)
		}
		if !ok {
			return
		}
		step := b[n-1]
		if got < step || got > 2*step {
			t.Fatalf("wait %v outside 1× to 2× of %v", got, step)
		}
		if after == 0 && got-step > min(step/10, 30*time.Second) {
			t.Fatalf("jitter %v on %v", got-step, step)
		}
	})
}

func TestNewBackoffRefuses(t *testing.T) {
	t.Parallel()
	for _, bad := range [][]int{nil, {}, {0}, {-1}, {1, 10081}, make([]int, 21)} {
		if _, err := NewBackoff(bad); err == nil {
			t.Errorf("%v passed", bad)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 4, 27, 8, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "0": 0, "120": 2 * time.Minute, " 7 ": 7 * time.Second, "-5": 0, "1.5": 0, "soon": 0,
		"99999999999999999999":             week,
		"Mon, 27 Apr 2026 08:02:00 GMT":    2 * time.Minute,
		"Mon, 27 Apr 2026 07:00:00 GMT":    0,
		"Monday, 27-Apr-26 08:00:30 GMT":   30 * time.Second,
		"Mon Apr 27 08:00:10 2026":         10 * time.Second,
		"Mon, 27 Apr 2099 08:00:00 GMT":    week,
		"Mon, 27 Apr 2026 10:02:00 +0200 ": 0,
	} {
		if got := retryAfter(header, now); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"120", "Mon, 27 Apr 2026 08:02:00 GMT", "-1", "٣"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d := retryAfter(s, time.Unix(1777276800, 0)); d < 0 || d > week {
			t.Fatalf("%q: %v", s, d)
		}
	})
}
