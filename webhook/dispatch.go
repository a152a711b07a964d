package webhook

import (
	"context"
	"time"

	"qualifybase/engine/outbox"
)

// dispatcher is the state of the one goroutine that decides what is sent next. It
// never touches the network or the database: workers and the bookkeeper do, so
// that a slow receiver or a slow disk never stops the others.
type dispatcher struct {
	*Sender
	ends   map[string]*endpoint
	ready  []*endpoint // have something queued and room to send it; they take turns
	queued int         // claimed, waiting for their turn
	flying int         // handed to workers
	roof   int         // how many may be claimed and not yet ended: follows the pace of the receivers

	settled []outbox.Settlement // ended, not yet in the database
	oldest  time.Time           // since when the first of them waits
	most    int                 // settle at most so many at once: shrinks to find one that the database refuses
	strikes int                 // how often that one was refused

	turning bool           // a turn is under way
	due     bool           // there may be something to claim
	wake    time.Time      // when there will be
	hold    time.Time      // no turn before
	after   string         // the endpoint claimed last
	rooms   map[string]int // of the turn under way
}

func newDispatcher(s *Sender) *dispatcher {
	return &dispatcher{Sender: s, ends: map[string]*endpoint{}, rooms: map[string]int{}, due: true, most: mostClaimed,
		roof: 2 * s.cfg.InFlight}
}

// loop runs until ctx ends.
func (d *dispatcher) loop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var armed time.Time
	for ctx.Err() == nil {
		now := time.Now()
		if !now.Before(d.wake) {
			d.due, d.wake = true, now.Add(pollEvery)
		}
		d.launch(now)
		if d.wantsTurn(now) {
			d.ask(now, d.roof-d.queued-d.flying)
		}
		if at := d.rest(now); !at.Equal(armed) {
			timer.Reset(at.Sub(now))
			armed = at
		}
		select {
		case <-ctx.Done():
		case <-timer.C:
			armed = time.Time{}
		case <-d.nudge:
			d.due = true
		case l := <-d.done:
			d.landed(l)
			d.landAll()
		case t := <-d.turns:
			d.turned(t)
		}
	}
}

// landAll takes what else has landed, so that it shares the next turn.
func (d *dispatcher) landAll() {
	for {
		select {
		case l := <-d.done:
			d.landed(l)
		default:
			return
		}
	}
}

// launch hands queued deliveries to idle workers, one endpoint after the other.
func (d *dispatcher) launch(now time.Time) {
	for d.flying < d.cfg.InFlight && len(d.ready) > 0 {
		e := d.ready[0]
		d.ready = d.ready[1:]
		e.ready = false
		j := e.queue[0]
		e.queue = e.queue[1:]
		d.queued--
		if now.Sub(j.claimed) > staleAfter {
			d.roof = max(d.roof/2, 2*d.cfg.InFlight)
			d.release(j)
		} else {
			e.flying++
			d.flying++
			d.stats.inFlight.Add(1)
			d.jobs <- j
		}
		d.line(e)
	}
}

// line puts an endpoint at the end of the line if it may send one more.
func (d *dispatcher) line(e *endpoint) {
	if !e.ready && len(e.queue) > 0 && e.flying < e.limit() {
		e.ready = true
		d.ready = append(d.ready, e)
	}
}

// release gives a claimed delivery back unsent.
func (d *dispatcher) release(j *job) {
	d.stats.released.Add(1)
	d.settle(outbox.Settlement{DeliveryID: j.ID, Row: j.Row, WebhookID: j.To.WebhookID, Attempt: j.Attempt,
		Result: outbox.Released, NextAt: j.DueAt})
}

func (d *dispatcher) settle(s outbox.Settlement) {
	if len(d.settled) == 0 {
		d.oldest = time.Now()
	}
	d.settled = append(d.settled, s)
}

// landed books the end of an attempt and adapts how much of the endpoint is
// claimed ahead: only those that answer quickly get more than they may send.
func (d *dispatcher) landed(l landing) {
	d.stats.inFlight.Add(-1)
	d.flying--
	e := l.end
	e.flying--
	took := time.Duration(l.MS) * time.Millisecond
	endless := took >= d.cfg.Timeout // it never answered, or its answer never ended
	switch {
	case l.cut:
		return
	case l.Result == outbox.Delivered:
		e.sick = endless
		if took < quick {
			e.ahead = min(max(1, e.ahead)*2, mostAhead)
		} else {
			e.ahead = 0
		}
	default:
		e.ahead = 0
		e.sick = e.sick || endless || l.Class == outbox.TimedOut // or no connection
	}
	d.settle(l.Settlement)
	d.line(e)
}

// wantsTurn reports whether bookkeeping is worth a transaction: at once when workers
// might run dry or somebody waits, else when enough has come together.
func (d *dispatcher) wantsTurn(now time.Time) bool {
	if d.turning || now.Before(d.hold) {
		return false
	}
	if d.due && d.queued+d.flying < d.roof {
		return true
	}
	n := len(d.settled)
	return n > 0 && (n >= fullBatch || d.queued <= lowWater || now.Sub(d.oldest) >= linger)
}

// rest is until when nothing needs doing unless somebody speaks.
func (d *dispatcher) rest(now time.Time) time.Time {
	at := d.wake
	if !d.turning {
		if len(d.settled) > 0 {
			at = earlier(at, d.oldest.Add(linger))
		}
		if now.Before(d.hold) {
			at = later(d.hold, earlier(at, d.hold))
		}
	}
	return at
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// drain ends the work: what is queued goes back, what is under way has 8 s, and
// what hangs longer is cut off and left to the next start.
func (d *dispatcher) drain(cut context.CancelFunc) {
	d.releaseAll()
	if !d.windUp(drainFor) {
		cut()
		d.windUp(drainFor / 8)
	}
}

// windUp settles what lands until nothing is left, and reports whether that was
// done in time.
func (d *dispatcher) windUp(patience time.Duration) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for d.flying > 0 || d.turning || len(d.settled) > 0 {
		var again <-chan time.Time
		if now := time.Now(); !d.turning && len(d.settled) > 0 {
			if now.Before(d.hold) {
				again = time.After(d.hold.Sub(now))
			} else {
				d.ask(now, 0)
			}
		}
		select {
		case l := <-d.done:
			d.landed(l)
			d.landAll()
		case t := <-d.turns:
			d.turned(t)
			d.releaseAll() // what the last turn still claimed
		case <-again:
		case <-timer.C:
			return false
		}
	}
	return true
}

func (d *dispatcher) releaseAll() {
	for _, e := range d.ends {
		for _, j := range e.queue {
			d.release(j)
		}
		e.queue, e.ready = nil, false
	}
	d.ready, d.queued, d.due = nil, 0, false
}
