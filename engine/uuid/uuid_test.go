package uuid

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"qualifybase/engine/secret"

	"pgregory.net/rapid"
)

func TestNewIDForm(t *testing.T) {
	t.Parallel()
	var g Ids
	now := time.Date(2026, 4, 27, 7, 0, 0, 123_456_789, time.UTC)
	id := g.Next(now)
	if !Valid(id) || id[14] != '7' || !strings.ContainsRune("89ab", rune(id[19])) {
		t.Fatalf("%q is no UUIDv7", id)
	}
	// 2026-04-27T07:00:00.123Z is 0x019dcdbcddfb milliseconds.
	if got, want := id[:13], "019dcdbc-ddfb"; got != want {
		t.Errorf("the time in %s is %s, want %s", id, got, want)
	}
}

// A chosen clock may stand still, jump and go back; order must not notice.
func TestNewIDGrows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var g Ids
		steps := rapid.SliceOfN(rapid.Int64Range(-5_000, 5_000), 1, 200).Draw(t, "steps")
		ms := rapid.Int64Range(-10_000, 1<<41).Draw(t, "start")
		prev := ""
		for _, step := range steps {
			ms += step
			id := g.Next(time.UnixMilli(ms))
			if id <= prev || !Valid(id) {
				t.Fatalf("%q after %q", id, prev)
			}
			prev = id
		}
	})
}

func TestNewIDBorrowsFromTheNextMillisecond(t *testing.T) {
	t.Parallel()
	var g Ids
	now := time.UnixMilli(1_000)
	first := g.Next(now)
	g.counter = 1<<26 - 2
	a, b, c := g.Next(now), g.Next(now), g.Next(now)
	if !slices.IsSorted([]string{first, a, b, c}) || a[:13] == b[:13] || b[:13] != c[:13] {
		t.Errorf("%s %s %s %s: want growth, the last two a millisecond on", first, a, b, c)
	}
}

func TestNewIDAtTheEndsOfTime(t *testing.T) {
	t.Parallel()
	var g Ids
	prev := ""
	for _, sec := range []int64{math.MinInt64 / 2_000, -1, 0, 1 << 32, 1 << 50} {
		id := g.Next(time.Unix(sec, 0))
		if !Valid(id) || id <= prev {
			t.Errorf("%d: %q after %q", sec, id, prev)
		}
		prev = id
	}
}

func TestNewIDConcurrently(t *testing.T) {
	const workers, each = 8, 2_000
	now := time.Now()
	var wg sync.WaitGroup
	made := make([][]string, workers)
	for w := range workers {
		wg.Go(func() {
			for range each {
				made[w] = append(made[w], New(now))
			}
		})
	}
	wg.Wait()
	for _, own := range made {
		if !slices.IsSorted(own) {
			t.Fatal("one worker saw its ids out of order")
		}
	}
	all := slices.Concat(made...)
	slices.Sort(all)
	if n := len(slices.Compact(all)); n != workers*each {
		t.Fatalf("%d different ids of %d", n, workers*each)
	}
}

func TestValidID(t *testing.T) {
	t.Parallel()
	good := "01968c1e-2f3a-7b4c-8d5e-6f708192a3b4"
	for id, want := range map[string]bool{
		good:                                   true,
		strings.ToUpper(good):                  false,
		good[:35]:                              false,
		good + "0":                             false,
		"":                                     false,
		"{" + good[:34] + "}":                  false,
		strings.Replace(good, "-", "0", 1):     false,
		strings.Replace(good, "0", "g", 1):     false,
		strings.Replace(good, "0", "-", 1):     false,
		"01968c1e2f3a7b4c8d5e6f708192a3b4----": false,
	} {
		if Valid(id) != want {
			t.Errorf("ValidID(%q) = %v", id, !want)
		}
	}
}

func TestNewTokenLengthAndAlphabet(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 8, 32, 1_000} {
		token := secret.NewToken(n)
		if len(token) != n || strings.Trim(token, secret.Base62) != "" {
			t.Errorf("NewToken(%d) = %q", n, token)
		}
	}
	if one, other := secret.NewToken(32), secret.NewToken(32); one == other {
		t.Error("the same token twice")
	}
}

// Each byte value once: without rejection the first eight letters would come five times.
func TestNewTokenHasNoBias(t *testing.T) {
	t.Parallel()
	var every [256]byte
	for i := range every {
		every[i] = byte(i)
	}
	token := secret.TokenFrom(bytes.NewReader(bytes.Repeat(every[:], 8)), 248)
	for _, c := range secret.Base62 {
		if n := strings.Count(token, string(c)); n != 4 {
			t.Errorf("%c came %d times, want 4", c, n)
		}
	}
}

func BenchmarkNewID(b *testing.B) {
	now := time.Now()
	for b.Loop() {
		New(now)
	}
}
