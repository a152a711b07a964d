package httpapi

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// window is how long a rate counts: fixed, opened by a key's first request (contract.md §5).
const window = time.Minute

// limiter counts requests of many callers. A caller's count lives for one window.
type limiter struct {
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

// open tells whether the window still runs; a clock that went back ends it.
func (c *count) open(now time.Time) bool { return now.Unix() < c.reset && !now.Before(c.opened) }

// room is a limiter's answer to one request.
type room struct {
	ok        bool
	remaining int
	wait      time.Duration // until the window ends
	count     *count        // its texts are immutable
}

// take counts one request; limit 0 counts nothing.
func (l *limiter) take(key string, limit int, now time.Time) room {
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
func (l *limiter) at(key string, limit int, now time.Time) *count {
	if l.counts == nil {
		l.counts = map[string]*count{}
	}
	if now.Sub(l.cleaned) >= window || now.Before(l.cleaned) {
		for k, c := range l.counts {
			if !c.open(now) {
				delete(l.counts, k)
			}
		}
		l.cleaned = now
	}
	c := l.counts[key]
	if c == nil || !c.open(now) || c.limit != limit {
		old := c
		c = &count{opened: now, reset: now.Add(window + time.Second - 1).Unix(), limit: limit}
		if old != nil && old.open(now) {
			c.opened, c.reset, c.n = old.opened, old.reset, old.n // a new limit is no new window
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
	h["Ratelimit"] = []string{`"default";r=` + left + `;t=` + strconv.FormatInt(r.seconds(), 10)}
}

// seconds until the window ends, rounded up and at least one.
func (r room) seconds() int64 { return max(1, int64((r.wait+time.Second-1)/time.Second)) }
