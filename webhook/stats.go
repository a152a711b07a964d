package webhook

import (
	"sync/atomic"

	"qualifybase/engine/outbox"
)

// Stats are the sender's figures since it was made, for metrics.
type Stats struct {
	Succeeded uint64 // attempts answered 2xx
	Retried   uint64 // attempts that failed and will be repeated
	Dead      uint64 // attempts that failed for the last time
	Blocked   uint64 // refused by the policy, among Dead
	TimedOut  uint64 // among Retried and Dead
	Gone      uint64 // answered 410, among Retried and Dead
	Panics    uint64 // attempts that panicked, among Retried and Dead
	Released  uint64 // claimed and given back unsent
	Turns     uint64 // transactions of the bookkeeping
	InFlight  int64  // attempts under way now
}

type counters struct {
	succeeded, retried, dead, blocked, timedOut, gone, panics, released, turns atomic.Uint64
	inFlight                                                                   atomic.Int64
}

func (c *counters) count(o *outbox.Settlement) {
	switch o.Result {
	case outbox.Delivered:
		c.succeeded.Add(1)
	case outbox.Retry:
		c.retried.Add(1)
	case outbox.Dead:
		c.dead.Add(1)
	}
	switch o.Class {
	case outbox.Blocked:
		c.blocked.Add(1)
	case outbox.TimedOut:
		c.timedOut.Add(1)
	case outbox.EndpointGone:
		c.gone.Add(1)
	}
}

// Stats reads the figures; any goroutine may.
func (s *Sender) Stats() Stats {
	c := &s.stats
	return Stats{
		Succeeded: c.succeeded.Load(), Retried: c.retried.Load(), Dead: c.dead.Load(),
		Blocked: c.blocked.Load(), TimedOut: c.timedOut.Load(), Gone: c.gone.Load(), Panics: c.panics.Load(),
		Released: c.released.Load(), Turns: c.turns.Load(), InFlight: c.inFlight.Load(),
	}
}
