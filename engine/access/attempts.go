package access

import (
	"net/netip"
	"sync"
)

// maxAttempts bounds the names that attempts remembers.
const maxAttempts = 10_000

// Network is what counts as one address where failures are counted: an IPv4
// address, or an IPv6 /64, which is the least that a subscriber gets. A text that
// is no address stands for itself.
func Network(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	if a = a.Unmap().WithZone(""); a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return ip
	}
	return p.String()
}

// attempts counts tries in windows that the first one opens. A try counts before
// its outcome is known, so that many at once cannot pass; success takes it back.
// It forgets with the process: what must last is counted in the user's row.
type attempts struct {
	mu  sync.Mutex
	was map[string]attempt
}

type attempt struct {
	until int64
	n     int
}

// take counts a try, or says how many seconds the name must wait because there
// were most tries in its window.
func (a *attempts) take(name string, now, window int64, most int) (wait int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.was[name]
	if now >= t.until {
		t = attempt{until: now + window}
	}
	if latest := now + window; t.until > latest { // a clock that went back makes no window longer
		t.until = latest
		a.was[name] = t
	}
	if t.n >= most {
		return t.until - now
	}
	t.n++
	if a.was == nil || len(a.was) >= maxAttempts {
		a.dropOld(now)
	}
	a.was[name] = t
	return 0
}

func (a *attempts) giveBack(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t := a.was[name]; t.n > 0 {
		t.n--
		a.was[name] = t
	}
}

func (a *attempts) forget(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.was, name)
}

// sweep drops the windows that ended. A crowd of made-up names does not grow the
// memory: when it is full of open windows, all go.
func (a *attempts) dropOld(now int64) {
	kept := map[string]attempt{}
	for name, t := range a.was {
		if now < t.until {
			kept[name] = t
		}
	}
	if len(kept) >= maxAttempts {
		kept = map[string]attempt{}
	}
	a.was = kept
}
