package store

import (
	"qualifybase/engine/act"
	"qualifybase/engine/outbox"
)

const selectDelivery = `SELECT d.n, d.id, d.clinic, d.test, d.webhook, w.id, e.id, d.seq, e.type,
	d.state, d.attempts, d.interrupted, d.cause,
	CASE d.state WHEN 'sending' THEN d.retry_at ELSE d.next_at END,
	d.last_status, d.last_error, d.replay_of, d.subject, length(d.body) = 0, d.created_at, d.ended_at
	FROM deliveries d JOIN webhooks w ON w.n = d.webhook JOIN events e ON e.clinic = d.clinic AND e.seq = d.seq`

func scanDelivery(r *row) outbox.DeliveryEntry {
	return outbox.DeliveryEntry{
		N: r.int(), ID: r.text(), Clinic: r.int(), Test: r.bool(), Webhook: r.int(), WebhookID: r.text(), EventID: r.text(),
		Seq: r.int(), Type: r.text(), State: outbox.DeliveryState(r.text()), Attempts: r.small(), Interrupted: r.small(),
		Cause: r.text(), NextAt: r.int(), LastStatus: r.small(), LastError: r.text(), ReplayOf: r.text(), Subject: r.text(),
		Blanked: r.bool(), CreatedAt: r.int(), EndedAt: r.int(),
	}
}

// Delivery implements engine.Reader.
func (r *reads) Delivery(clinic int64, test bool, id string) (outbox.DeliveryEntry, error) {
	return one(r, "delivery", scanDelivery, selectDelivery+" WHERE d.id = ? AND d.clinic = ? AND d.test = ?", id, clinic,
		test)
}

// deliveriesWhere names the states as literals, so that the partial indexes serve.
func deliveriesWhere(q outbox.DeliveryQuery) *where {
	w := newWhere("d.clinic = ? AND d.test = ?", q.Clinic, q.Test)
	if q.WebhookID != "" {
		w.and("d.webhook = (SELECT n FROM webhooks WHERE id = ?)", q.WebhookID)
	}
	switch q.State {
	case "":
	case outbox.DeadLettered:
		w.and("d.state = 'dead'")
	case outbox.Pending:
		w.and("d.ended_at IS NULL AND d.state = 'pending' AND d.webhook IN (SELECT n FROM webhooks WHERE clinic = ?)",
			q.Clinic)
	case outbox.Sending:
		w.and("d.ended_at IS NULL AND d.state = 'sending' AND d.webhook IN (SELECT n FROM webhooks WHERE clinic = ?)",
			q.Clinic)
	default:
		w.and("d.state = ?", string(q.State))
	}
	if q.Type != "" {
		w.and("e.type = ?", q.Type)
	}
	if q.Since != 0 {
		w.and("d.created_at >= ?", q.Since)
	}
	if q.Until != 0 {
		w.and("d.created_at < ?", q.Until)
	}
	if q.Unrepeated {
		w.and("d.body <> x'' AND NOT EXISTS (SELECT 1 FROM deliveries r WHERE r.replay_of = d.id)" +
			" AND EXISTS (SELECT 1 FROM webhooks l WHERE l.n = d.webhook AND l.deleted_at IS NULL)")
	}
	return w
}

// Deliveries implements engine.Reader: n ascends with time.
func (r *reads) Deliveries(q outbox.DeliveryQuery, after act.Position, limit int) ([]outbox.DeliveryEntry, error) {
	w := deliveriesWhere(q)
	if after.Number != 0 {
		w.and("d.n < ?", after.Number)
	}
	text := selectDelivery + w.order("d.n DESC", limit)
	return list(r, scanDelivery, text, w.args...)
}

// OldestDeliveries implements engine.Reader.
func (r *reads) OldestDeliveries(q outbox.DeliveryQuery, limit int) ([]outbox.DeliveryEntry, error) {
	w := deliveriesWhere(q)
	text := selectDelivery + w.order("d.n", limit)
	return list(r, scanDelivery, text, w.args...)
}

// CountDeliveries implements engine.Reader.
func (r *reads) CountDeliveries(q outbox.DeliveryQuery) (int64, error) {
	w := deliveriesWhere(q)
	join := ""
	if q.Type != "" {
		join = " JOIN events e ON e.clinic = d.clinic AND e.seq = d.seq"
	}
	return r.number("SELECT count(*) FROM deliveries d"+join+w.sql.String(), w.args...)
}

// Attempts implements engine.Reader.
func (r *reads) Attempts(delivery int64) ([]outbox.Attempt, error) {
	return list(r, func(r *row) outbox.Attempt {
		return outbox.Attempt{N: r.small(), StartedAt: r.int(), MS: r.int(), Status: r.small(), Error: r.text(),
			Response: r.text(), Trigger: r.text()}
	}, "SELECT n, started_at, ms, status, error, response, cause FROM attempts WHERE delivery = ? ORDER BY n", delivery)
}

// OutboxDepth implements engine.Reader, from the partial indexes alone.
func (r *reads) OutboxDepth() (out outbox.OutboxDepth, err error) {
	ends, err := r.dueEndpoints(farFuture)
	if err != nil {
		return out, err
	}
	for _, e := range ends {
		if e.enabled && (out.OldestDue == 0 || e.first < out.OldestDue) {
			out.OldestDue = e.first
		}
	}
	_, err = r.get(`SELECT (SELECT count(*) FROM deliveries WHERE ended_at IS NULL AND state = 'pending'),
		(SELECT count(*) FROM deliveries WHERE ended_at IS NULL AND state = 'sending'),
		(SELECT count(*) FROM deliveries WHERE state = 'dead')`, func(row *row) {
		out.Pending, out.Sending, out.Dead = row.int(), row.int(), row.int()
	})
	return out, err
}

// InsertDelivery implements engine.Tx.
func (t *tx) InsertDelivery(d outbox.DeliveryEntry, body []byte) error {
	_, _, err := t.exec(`INSERT INTO deliveries (id, clinic, test, webhook, seq, state, attempts, interrupted,
		next_at, cause, last_error, replay_of, subject, created_at, body)
		VALUES (?, ?, ?, ?, ?, ?, 0, 0, ?, ?, '', NULL, ?, ?, ?)`,
		d.ID, d.Clinic, d.Test, d.Webhook, d.Seq, string(d.State), d.NextAt, d.Cause, d.Subject, d.CreatedAt, body)
	return err
}

// InsertReplay implements engine.Tx.
func (t *tx) InsertReplay(d outbox.DeliveryEntry) error {
	return t.change("delivery", `INSERT INTO deliveries (id, clinic, test, webhook, seq, state,
		attempts, interrupted, next_at, cause, last_error, replay_of, subject, created_at, body)
		SELECT ?, clinic, test, webhook, seq, 'pending', 0, 0, ?, ?, '', id, subject, ?, body
		FROM deliveries WHERE id = ? AND clinic = ?`,
		d.ID, d.NextAt, d.Cause, d.CreatedAt, d.ReplayOf, d.Clinic)
}

// Hasten implements engine.Tx.
func (t *tx) Hasten(d outbox.DeliveryEntry) error {
	return t.change("delivery", "UPDATE deliveries SET next_at = ?, cause = ? WHERE n = ? AND state = 'pending'", d.NextAt,
		d.Cause, d.N)
}

// CancelDelivery implements engine.Tx.
func (t *tx) CancelDelivery(d outbox.DeliveryEntry, at int64) error {
	return t.change("delivery",
		"UPDATE deliveries SET state = 'cancelled', ended_at = ? WHERE n = ? AND state IN ('pending', 'sending')", at, d.N)
}

// DeleteDelivery implements engine.Tx.
func (t *tx) DeleteDelivery(d outbox.DeliveryEntry) error {
	return t.change("delivery", "DELETE FROM deliveries WHERE n = ?", d.N)
}

// BlankDeliveries implements engine.Tx. What answered may repeat what was sent, so
// that goes too.
func (t *tx) BlankDeliveries(clinic int64, subject string, at int64) (int, error) {
	if subject == "" {
		return 0, nil
	}
	_, _, err := t.exec(`UPDATE attempts SET response = '' WHERE delivery IN (
		SELECT n FROM deliveries WHERE clinic = ? AND subject = ? AND subject <> '')`, clinic, subject)
	if err != nil {
		return 0, err
	}
	n, _, err := t.exec(`UPDATE deliveries SET body = x'',
		ended_at = CASE WHEN state IN ('pending', 'sending') THEN ? ELSE ended_at END,
		state = CASE WHEN state IN ('pending', 'sending') THEN 'cancelled' ELSE state END
		WHERE clinic = ? AND subject = ? AND subject <> ''`, at, clinic, subject)
	return int(n), err
}

// ShelveDeliveries implements engine.Tx.
func (t *tx) ShelveDeliveries(clinic int64, why string, at int64) (int, error) {
	n, _, err := t.exec(`UPDATE deliveries SET state = 'dead', last_error = ?, ended_at = ?
		WHERE clinic = ? AND state IN ('pending', 'sending')`, why, at, clinic)
	return int(n), err
}
