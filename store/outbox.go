package store

import (
	"cmp"
	"math"
	"slices"

	"qualifybase/engine/outbox"
)

const farFuture = int64(math.MaxInt64)

// HasDue implements engine.Reader.
func (r *reads) HasDue(now int64) (bool, error) {
	ends, err := r.dueEndpoints(now)
	return slices.ContainsFunc(ends, func(e dueEndpoint) bool { return e.enabled }), err
}

// LeaseOver implements engine.Reader.
func (r *reads) LeaseOver(now int64) (bool, error) {
	n, err := r.number(`SELECT EXISTS (SELECT 1 FROM deliveries INDEXED BY deliveries_open
		WHERE ended_at IS NULL AND state = 'sending' AND lease_until <= ?)`, now)
	return n > 0, err
}

// claimRun is what ClaimDue gathers.
type claimRun struct {
	*tx
	claim *outbox.Claim
	out   []outbox.Delivery
}

// ClaimDue implements engine.Tx.
func (t *tx) ClaimDue(c outbox.Claim) ([]outbox.Delivery, error) {
	x := claimRun{tx: t, claim: &c}
	err := x.claimAll()
	return x.out, err
}

// dueEndpoint is an endpoint for which something is pending.
type dueEndpoint struct {
	n       int64
	enabled bool
	first   int64 // its earliest next_at
	target  outbox.Target
}

// dueEndpoints gives the endpoints with something pending up to a time, by id. It
// jumps from one endpoint to the next over the index of what is due, so that a
// long backlog costs no more than a short one.
func (r *reads) dueEndpoints(until int64) ([]dueEndpoint, error) {
	ends, err := list(r, func(r *row) dueEndpoint {
		e := dueEndpoint{n: r.int(), enabled: r.bool(), first: r.int()}
		e.target = outbox.Target{WebhookID: r.text(), URL: r.text(), SignatureHeader: r.text(), Secret: r.secret(),
			OldSecret: r.secret(), OldUntil: r.int(), MaxInFlight: r.small()}
		return e
	}, `WITH RECURSIVE ends(webhook) AS (
			SELECT min(webhook) FROM deliveries WHERE ended_at IS NULL
			UNION ALL
			SELECT (SELECT min(webhook) FROM deliveries WHERE ended_at IS NULL AND webhook > ends.webhook)
			FROM ends WHERE ends.webhook IS NOT NULL)
		SELECT w.n, w.enabled,
			(SELECT next_at FROM deliveries
				WHERE ended_at IS NULL AND state = 'pending' AND webhook = w.n ORDER BY next_at LIMIT 1) AS first,
			w.id, w.url, w.signature_header, w.secret, w.old_secret, w.old_until, w.max_in_flight
		FROM ends CROSS JOIN webhooks w ON w.n = ends.webhook WHERE first <= ?`, until)
	slices.SortFunc(ends, func(a, b dueEndpoint) int { return cmp.Compare(a.target.WebhookID, b.target.WebhookID) })
	return ends, err
}

// claimAll claims: endpoints take turns, one delivery each, beginning after the one
// that was served last.
func (x *claimRun) claimAll() error {
	if x.claim.Room <= 0 {
		return nil
	}
	ends, err := x.dueEndpoints(x.claim.Now)
	if err != nil {
		return err
	}
	start, found := slices.BinarySearchFunc(ends, x.claim.After, func(e dueEndpoint, id string) int {
		return cmp.Compare(e.target.WebhookID, id)
	})
	if found {
		start++
	}
	ends = append(ends[start:len(ends):len(ends)], ends[:start]...)
	lines := make([][]outbox.Delivery, len(ends))
	for i := range ends {
		if lines[i], err = x.pendingFor(&ends[i]); err != nil {
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
			if err := x.claimOne(&lines[i][0], &ends[i]); err != nil {
				return err
			}
			lines[i], more = lines[i][1:], true
		}
	}
	return nil
}

// pendingFor is what an endpoint may be sent now, in order.
func (x *claimRun) pendingFor(e *dueEndpoint) ([]outbox.Delivery, error) {
	room, known := x.claim.Rooms[e.target.WebhookID]
	if !known {
		room = e.target.MaxInFlight
	}
	if !e.enabled || room <= 0 {
		return nil, nil
	}
	return list(&x.reads, scanPending, `SELECT d.n, d.webhook, d.cause, d.id, e.id, e.type, d.body,
		d.attempts, d.interrupted, d.next_at
		FROM deliveries d JOIN events e ON e.clinic = d.clinic AND e.seq = d.seq
		WHERE d.webhook = ? AND d.ended_at IS NULL AND d.state = 'pending' AND d.next_at <= ?
		ORDER BY d.next_at, d.seq, d.n LIMIT ?+0`, e.n, x.claim.Now, min(room, x.claim.Room))
}

func scanPending(r *row) outbox.Delivery {
	var d outbox.Delivery
	d.Row = outbox.DeliveryRow{N: r.int(), Webhook: r.int(), Cause: r.text()}
	d.ID, d.EventID, d.EventType, d.Body = r.text(), r.text(), r.text(), r.blob()
	d.Attempt, d.Interrupted, d.DueAt = r.small()+1, r.small(), r.int()
	return d
}

// claimOne claims one delivery: number and next time of its attempt are written before
// anybody sends.
func (x *claimRun) claimOne(d *outbox.Delivery, e *dueEndpoint) error {
	d.To = &e.target
	next := x.claim.RetryAt[min(d.Failures(), len(x.claim.RetryAt)-1)]
	_, _, err := x.exec("UPDATE deliveries SET state = 'sending', attempts = ?, retry_at = ?, lease_until = ? WHERE n = ?",
		d.Attempt, next, x.claim.LeaseUntil, d.Row.N)
	x.out = append(x.out, *d)
	return err
}

// NextDue implements engine.Reader.
func (r *reads) NextDue(after int64) (at int64, found bool, err error) {
	ends, err := r.dueEndpoints(farFuture)
	if err != nil {
		return 0, false, err
	}
	at = farFuture
	for _, e := range ends {
		if !e.enabled {
			continue
		}
		first := e.first
		if first <= after {
			first, err = r.number(`SELECT next_at FROM deliveries
				WHERE ended_at IS NULL AND state = 'pending' AND webhook = ? AND next_at > ? ORDER BY next_at LIMIT 1`, e.n, after)
			if err != nil {
				return 0, false, err
			}
		}
		if first > after {
			at, found = min(at, first), true
		}
	}
	return at, found, nil
}

// TakeBack implements engine.Tx: what Engine.Reset says. An ending that comes later finds its row no longer
// sending, or at another attempt, and is passed over.
func (t *tx) TakeBack(now, until int64) (int, error) {
	const claims = " WHERE ended_at IS NULL AND state = 'sending' AND lease_until <= ?"
	_, _, err := t.exec(`INSERT OR IGNORE INTO attempts (delivery, n, started_at, ms, status, error, response, cause)
		SELECT n, attempts, ?, 0, NULL, ?, '', cause FROM deliveries`+claims, now, string(outbox.Interrupted), until)
	if err != nil {
		return 0, err
	}
	n, _, err := t.exec(`UPDATE deliveries SET state = 'pending', cause = 'retry', last_status = NULL, last_error = ?,
		next_at = CASE interrupted WHEN 0 THEN ? ELSE retry_at END, interrupted = min(interrupted + 1, ?)`+claims,
		string(outbox.Interrupted), now, outbox.MaxInterrupted, until)
	return int(n), err
}
