package store

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"

	"qualifybase/engine"
)

var _ engine.Outbox = (*Store)(nil)

const farFuture = int64(math.MaxInt64)

// Exchange implements engine.Outbox: settlements and claims ride one group commit.
// It looks before it writes, so that a turn without work costs no transaction.
func (s *Store) Exchange(ctx context.Context, c engine.Claim) ([]engine.Delivery, error) {
	overdue, err := s.overdue(ctx, &c)
	if err != nil {
		return nil, err
	}
	if len(c.Settled) == 0 && !overdue {
		due := false
		err := s.View(ctx, func(r engine.Reader) error {
			ends, err := r.(*reads).dueEndpoints(c.Now)
			due = slices.ContainsFunc(ends, func(e dueEndpoint) bool { return e.enabled })
			return err
		})
		if err != nil || !due || c.Room <= 0 {
			return nil, err
		}
	}
	s.claims.Lock()
	defer s.claims.Unlock()
	var x exchange
	err = s.Update(ctx, func(t engine.Tx) (err error) {
		x = exchange{tx: t.(*tx), claim: &c, streaks: map[int64]*streak{}}
		for i := range c.Settled {
			if err := x.settle(&c.Settled[i]); err != nil {
				return err
			}
		}
		if err := x.saveStreaks(); err != nil {
			return err
		}
		if overdue {
			if x.back, err = x.takeBack(c.Now, c.Now); err != nil {
				return err
			}
		}
		return x.take()
	})
	if err != nil {
		return nil, err
	}
	s.claims.follow(&x)
	if x.back > 0 {
		s.log.Warn("webhook deliveries taken up again, their lease ran out", "count", x.back)
	}
	for _, h := range x.streaks {
		if h.off != "" {
			s.log.Warn("webhook disabled", "webhook", h.id, "reason", h.off)
		}
	}
	return x.out, nil
}

// claims remembers the rows of what was claimed until it is settled, so that
// settling need not look them up. One Exchange at a time.
type claims struct {
	sync.Mutex
	rows   map[string]claimed // by delivery
	looked int64              // when leases were looked at last
}

// overdue tells whether the lease of some claim has run out. It reads, and seldom:
// an index by lease would cost two writes for every delivery.
func (s *Store) overdue(ctx context.Context, c *engine.Claim) (found bool, err error) {
	s.claims.Lock()
	defer s.claims.Unlock()
	ago := c.Now - s.claims.looked
	if c.Room <= 0 || ago >= 0 && ago < engine.LeaseLook { // a clock set back looks again
		return false, nil
	}
	err = s.View(ctx, func(v engine.Reader) error {
		n, err := v.(*reads).number(`SELECT EXISTS (SELECT 1 FROM deliveries INDEXED BY deliveries_open
			WHERE ended_at IS NULL AND state = 'sending' AND lease_until <= ?)`, c.Now)
		found = n > 0
		return err
	})
	if err == nil {
		s.claims.looked = c.Now
	}
	return found, err
}

// claimed is the row of a delivery that is under way.
type claimed struct {
	n, webhook int64
	cause      string
}

// follow takes over what a committed Exchange settled and claimed.
func (k *claims) follow(x *exchange) {
	if k.rows == nil {
		k.rows = map[string]claimed{}
	}
	for i := range x.claim.Settled {
		delete(k.rows, x.claim.Settled[i].DeliveryID)
	}
	for i := range x.out {
		k.rows[x.out[i].ID] = x.rows[i]
	}
}

// exchange is one Exchange inside its transaction.
type exchange struct {
	*tx
	claim   *engine.Claim
	streaks map[int64]*streak
	out     []engine.Delivery
	rows    []claimed // of out
	back    int       // taken back, their lease ran out
}

// dueEndpoint is an endpoint for which something is pending.
type dueEndpoint struct {
	n       int64
	enabled bool
	first   int64 // its earliest next_at
	target  engine.Target
}

// dueEndpoints gives the endpoints with something pending up to a time, by id. It
// jumps from one endpoint to the next over the index of what is due, so that a
// long backlog costs no more than a short one.
func (r *reads) dueEndpoints(until int64) ([]dueEndpoint, error) {
	ends, err := list(r, func(r *row) dueEndpoint {
		e := dueEndpoint{n: r.int(), enabled: r.bool(), first: r.int()}
		e.target = engine.Target{WebhookID: r.text(), URL: r.text(), SignatureHeader: r.text(), Secret: r.secret(),
			OldSecret: r.secret(), OldUntil: r.int(), MaxInFlight: r.small()}
		return e
	}, `WITH RECURSIVE ends(webhook) AS (
			SELECT min(webhook) FROM deliveries WHERE ended_at IS NULL
			UNION ALL
			SELECT (SELECT min(webhook) FROM deliveries WHERE ended_at IS NULL AND webhook > ends.webhook) FROM ends WHERE ends.webhook IS NOT NULL)
		SELECT w.n, w.enabled, (SELECT next_at FROM deliveries WHERE ended_at IS NULL AND state = 'pending' AND webhook = w.n ORDER BY next_at LIMIT 1) AS first,
			w.id, w.url, w.signature_header, w.secret, w.old_secret, w.old_until, w.max_in_flight
		FROM ends CROSS JOIN webhooks w ON w.n = ends.webhook WHERE first <= ?`, until)
	slices.SortFunc(ends, func(a, b dueEndpoint) int { return cmp.Compare(a.target.WebhookID, b.target.WebhookID) })
	return ends, err
}

// take claims: endpoints take turns, one delivery each, beginning after the one
// that was served last.
func (x *exchange) take() error {
	if x.claim.Room <= 0 {
		return nil
	}
	ends, err := x.dueEndpoints(x.claim.Now)
	if err != nil {
		return err
	}
	start, found := slices.BinarySearchFunc(ends, x.claim.After, func(e dueEndpoint, id string) int { return cmp.Compare(e.target.WebhookID, id) })
	if found {
		start++
	}
	ends = append(ends[start:len(ends):len(ends)], ends[:start]...)
	lines := make([][]waiting, len(ends))
	for i := range ends {
		if lines[i], err = x.line(&ends[i]); err != nil {
			return err
		}
	}
	for more := true; more; {
		more = false
		for i := range ends {
			if len(lines[i]) == 0 {
				continue
			}
			if len(x.out) == x.claim.Room {
				return nil
			}
			if err := x.begin(&lines[i][0], &ends[i]); err != nil {
				return err
			}
			lines[i], more = lines[i][1:], true
		}
	}
	return nil
}

// waiting is a delivery that may be claimed.
type waiting struct {
	engine.Delivery
	n     int64
	cause string
}

// line is what an endpoint may be sent now, in order.
func (x *exchange) line(e *dueEndpoint) ([]waiting, error) {
	room, known := x.claim.Rooms[e.target.WebhookID]
	if !known {
		room = e.target.MaxInFlight
	}
	if !e.enabled || room <= 0 {
		return nil, nil
	}
	return list(&x.reads, scanWaiting, `SELECT d.n, d.cause, d.id, e.id, e.type, d.body, d.attempts, d.interrupted, d.next_at
		FROM deliveries d JOIN events e ON e.clinic = d.clinic AND e.seq = d.seq
		WHERE d.webhook = ? AND d.ended_at IS NULL AND d.state = 'pending' AND d.next_at <= ?
		ORDER BY d.next_at, d.seq, d.n LIMIT ?+0`, e.n, x.claim.Now, min(room, x.claim.Room))
}

func scanWaiting(r *row) waiting {
	d := waiting{n: r.int(), cause: r.text()}
	d.ID, d.EventID, d.EventType, d.Body = r.text(), r.text(), r.text(), r.blob()
	d.Attempt, d.Interrupted, d.DueAt = r.small()+1, r.small(), r.int()
	return d
}

// begin claims one delivery: number and next time of its attempt are written before
// anybody sends.
func (x *exchange) begin(d *waiting, e *dueEndpoint) error {
	d.To = &e.target
	next := x.claim.RetryAt[min(d.Failures(), len(x.claim.RetryAt)-1)]
	_, _, err := x.exec("UPDATE deliveries SET state = 'sending', attempts = ?, retry_at = ?, lease_until = ? WHERE n = ?",
		d.Attempt, next, x.claim.LeaseUntil, d.n)
	x.out = append(x.out, d.Delivery)
	x.rows = append(x.rows, claimed{d.n, e.n, d.cause})
	return err
}

// NextDue implements engine.Outbox.
func (s *Store) NextDue(ctx context.Context, after int64) (at int64, found bool, err error) {
	at = farFuture
	err = s.View(ctx, func(v engine.Reader) error {
		r := v.(*reads)
		ends, err := r.dueEndpoints(farFuture)
		if err != nil {
			return err
		}
		for _, e := range ends {
			if !e.enabled {
				continue
			}
			first := e.first
			if first <= after {
				first, err = r.number(`SELECT next_at FROM deliveries
					WHERE ended_at IS NULL AND state = 'pending' AND webhook = ? AND next_at > ? ORDER BY next_at LIMIT 1`, e.n, after)
				if err != nil {
					return err
				}
			}
			if first > after {
				at, found = min(at, first), true
			}
		}
		return nil
	})
	return at, found, err
}

// Reset implements engine.Outbox.
func (s *Store) Reset(ctx context.Context, now int64) (int, error) {
	s.claims.Lock()
	defer s.claims.Unlock()
	rows := 0
	err := s.Update(ctx, func(t engine.Tx) (err error) {
		rows, err = t.(*tx).takeBack(now, farFuture)
		return err
	})
	if err != nil {
		return 0, err
	}
	s.claims.looked = now
	return rows, nil
}

// takeBack ends the claims whose lease ran out by the time until, as
// engine.Outbox.Reset says. An ending that comes later finds its row no longer
// sending, or at another attempt, and is passed over.
func (t *tx) takeBack(now, until int64) (int, error) {
	const claims = " WHERE ended_at IS NULL AND state = 'sending' AND lease_until <= ?"
	_, _, err := t.exec(`INSERT OR IGNORE INTO attempts (delivery, n, started_at, ms, status, error, response, cause)
		SELECT n, attempts, ?, 0, NULL, ?, '', cause FROM deliveries`+claims, now, string(engine.Interrupted), until)
	if err != nil {
		return 0, err
	}
	n, _, err := t.exec(`UPDATE deliveries SET state = 'pending', cause = 'retry', last_status = NULL, last_error = ?,
		next_at = CASE interrupted WHEN 0 THEN ? ELSE retry_at END, interrupted = min(interrupted + 1, ?)`+claims,
		string(engine.Interrupted), now, engine.MaxInterrupted, until)
	return int(n), err
}
