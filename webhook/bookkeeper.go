package webhook

import (
	"context"
	"fmt"
	"time"

	"qualifybase/engine/fault"
	"qualifybase/engine/outbox"
	"qualifybase/engine/panics"
)

// turn is the answer of the bookkeeper: one Exchange, and when to look again.
type turn struct {
	asked   outbox.Claim
	claimed []outbox.Delivery
	next    int64 // earliest next_at after the claim; 0 = unknown or none
	err     error
}

// keepBooks runs one Exchange after the other in its own goroutine, so that a slow
// disk holds up nobody who is sending.
func (s *Sender) keepBooks(ctx context.Context) {
	for c := range s.asks {
		s.turns <- s.exchange(ctx, c)
	}
}

func (s *Sender) exchange(ctx context.Context, c outbox.Claim) (t turn) {
	defer func() {
		if r := recover(); r != nil {
			t = turn{asked: c, err: fmt.Errorf("panic in the outbox: %s", panics.Describe(r))}
		}
	}()
	t.asked = c
	if t.claimed, t.err = s.cfg.Outbox.Exchange(ctx, c); t.err != nil {
		return t
	}
	s.stats.turns.Add(1)
	if c.Room > 0 && len(t.claimed) < c.Room {
		if at, ok, err := s.cfg.Outbox.NextDue(ctx, c.Now); err == nil && ok {
			t.next = at
		} // an error costs at most one poll
	}
	return t
}

// ask begins a turn: everything that ended goes in, at most room deliveries come
// out. While an ending is under suspicion it goes alone, without a claim.
func (d *dispatcher) ask(now time.Time, room int) {
	n := min(len(d.settled), d.most)
	if n > 0 && d.most < mostClaimed {
		room = 0
	}
	c := outbox.Claim{
		Now:        now.Unix(),
		Settled:    d.settled[:n:n],
		Room:       max(0, room),
		Rooms:      d.rooms,
		After:      d.after,
		LeaseUntil: now.Add(d.cfg.Timeout + staleAfter + leaseSpare).Unix(),
	}
	for i := range d.cfg.Backoff {
		c.RetryAt = append(c.RetryAt, ceilUnix(now.Add(d.cfg.Timeout+d.cfg.Backoff.Step(i+1))))
	}
	if c.Room > 0 {
		d.due = false
		d.forgetIdle()
		clear(d.rooms)
		for id, e := range d.ends {
			d.rooms[id] = max(0, e.limit()+e.ahead-len(e.queue)-e.flying)
		}
	}
	d.turning = true
	d.asks <- c
}

// ceilUnix never makes a time earlier: a retry is not sent before its step is over.
func ceilUnix(t time.Time) int64 {
	if t.Nanosecond() > 0 {
		return t.Unix() + 1
	}
	return t.Unix()
}

// turned takes the answer of the bookkeeper.
func (d *dispatcher) turned(t turn) {
	d.turning = false
	now := time.Now()
	if t.err != nil {
		d.refused(t, now)
		return
	}
	d.settled = append(d.settled[:0], d.settled[len(t.asked.Settled):]...)
	d.oldest = now
	d.strikes = 0
	if d.most < mostClaimed {
		d.most, d.due = min(2*d.most, mostClaimed), true
	}
	if t.next > 0 {
		d.wake = earlier(d.wake, time.Unix(t.next, 0))
	}
	if d.queued <= lowWater && len(t.claimed) > 0 { // the workers nearly ran dry
		d.roof = min(2*d.roof, mostClaimed)
	}
	for i := range t.claimed {
		e := d.endpoint(t.claimed[i].To)
		e.queue = append(e.queue, &job{Delivery: t.claimed[i], end: e, claimed: now})
		d.queued++
		d.after = e.id
		d.line(e)
	}
}

// refused waits before it asks again. An ending that the database refuses for
// itself must not hold up all others: the batch is halved until that one stands
// alone, and after three refusals it is left to the end of its lease.
func (d *dispatcher) refused(t turn, now time.Time) {
	d.hold, d.due = now.Add(retryTurn), true
	kind := fault.KindOf(t.err)
	n := len(t.asked.Settled)
	d.cfg.Log.Error("webhook bookkeeping failed", "kind", kind, "settling", n, "err", t.err)
	if kind != fault.Internal || n == 0 {
		return
	}
	d.most = max(1, n/2)
	if n > 1 {
		d.strikes = 0
		return
	}
	if d.strikes++; d.strikes == 3 {
		lost := t.asked.Settled[0]
		d.cfg.Log.Error("webhook outcome given up until the end of its lease",
			"delivery", lost.DeliveryID, "attempt", lost.Attempt)
		d.settled = append(d.settled[:0], d.settled[1:]...)
		d.strikes = 0
	}
}
