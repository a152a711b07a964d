package gate

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"qualifybase/engine/fault"
)

// window is how long a rate counts: fixed, opened by a key's first request (contract.md §5).
const window = time.Minute

// Limiter counts requests of many callers. A caller's count lives for one window.
// The zero value is ready; it is safe for concurrent use.
type Limiter struct {
	mu      sync.Mutex
	counts  map[string]*count
	cleaned time.Time
}

type count struct {
	opened time.Time
	reset  int64 // Unix seconds, rounded up: never earlier than the window's end
	n      int
	limit  int

	// the parts of headers that do not change within the window
	limitText, resetText, policyText []string
}

// open reports whether the window still runs. Times are read off the wall, without
// the monotonic part that a comparison would prefer: it does not see a clock that
// was set back, and the window would last until the clock is there again.
func (c *count) open(now time.Time) bool { return now.Unix() < c.reset && !c.ahead(now) }

// ahead reports whether the window was opened before the clock went back.
func (c *count) ahead(now time.Time) bool { return now.Round(0).Before(c.opened) }

// room is a limiter's answer to one request.
type room struct {
	ok        bool
	remaining int
	wait      time.Duration // until the window ends
	count     *count        // its texts are immutable
}

// Count counts a request of key, and refuses those above the limit of a window.
func (l *Limiter) Count(key string, limit int, now time.Time) error {
	return l.take(key, limit, now).err()
}

// CountIn is Count, and tells the caller the rate in the headers.
func (l *Limiter) CountIn(h http.Header, key string, limit int, now time.Time) error {
	r := l.take(key, limit, now)
	r.headers(h)
	return r.err()
}

func (r room) err() error {
	if r.ok {
		return nil
	}
	return &fault.Error{Kind: fault.RateLimited, Message: "Rate limit exceeded", RetryAfter: max(r.wait, time.Second)}
}

// take counts one request.
func (l *Limiter) take(key string, limit int, now time.Time) room {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.at(key, limit, now)
	wait := time.Unix(c.reset, 0).Sub(now)
	if c.n >= limit {
		return room{false, 0, wait, c}
	}
	c.n++
	return room{true, limit - c.n, wait, c}
}

// at finds the caller's window or opens one.
func (l *Limiter) at(key string, limit int, now time.Time) *count {
	if l.counts == nil {
		l.counts = map[string]*count{}
	}
	if now = now.Round(0); now.Sub(l.cleaned) >= window || now.Before(l.cleaned) {
		for k, c := range l.counts {
			if !c.open(now) && !c.ahead(now) {
				delete(l.counts, k)
			}
		}
		l.cleaned = now
	}
	c := l.counts[key]
	if c == nil || !c.open(now) || c.limit != limit {
		old := c
		c = &count{opened: now.Round(0), reset: now.Add(window + time.Second - 1).Unix(), limit: limit}
		switch {
		case old == nil:
		case old.open(now):
			c.opened, c.reset, c.n = old.opened, old.reset, old.n // a new limit is no new window
		case old.ahead(now):
			c.n = old.n // nor is a clock that was set back
		}
		c.limitText = []string{strconv.Itoa(limit)}
		c.resetText = []string{strconv.FormatInt(c.reset, 10)}
		c.policyText = []string{`"default";q=` + strconv.Itoa(limit) + `;w=60`}
		l.counts[key] = c
	}
	return c
}

// headers writes both families of rate headers.
func (r room) headers(h http.Header) {
	left := strconv.Itoa(r.remaining)
	h["X-Ratelimit-Limit"] = r.count.limitText
	h["X-Ratelimit-Remaining"] = []string{left}
	h["X-Ratelimit-Reset"] = r.count.resetText
	h["Ratelimit-Policy"] = r.count.policyText
	h["Ratelimit"] = []string{`"default";r=` + left + `;t=` +
		strconv.FormatInt(min(r.seconds(), int64(window/time.Second)), 10)}
}

// seconds until the window ends, rounded up and at least one.
func (r room) seconds() int64 { return max(1, int64((r.wait+time.Second-1)/time.Second)) }

// Unlimited tells a caller without a limit so: 0 requests a minute stands for no
// limit, as in the key's own rate_per_minute. What remains is a large number, so
// that clients which wait at 0 do not. The draft standard has no policy to name.
func Unlimited(h http.Header, now time.Time) {
	h["X-Ratelimit-Limit"] = []string{"0"}
	h["X-Ratelimit-Remaining"] = []string{"2147483647"}
	h["X-Ratelimit-Reset"] = []string{strconv.FormatInt(now.Add(window).Unix(), 10)}
}
