package store

import (
	"qualifybase/engine/outbox"
)

// Settle implements engine.Tx.
func (t *tx) Settle(o outbox.Settlement) (webhook int64, counts bool, err error) {
	at := o.Row
	if at.N == 0 { // claimed by an older process
		found, err := t.get("SELECT n, webhook, cause FROM deliveries WHERE id = ?",
			func(r *row) { at = outbox.DeliveryRow{N: r.int(), Webhook: r.int(), Cause: r.text()} }, o.DeliveryID)
		if err != nil || !found {
			return 0, false, err
		}
	}
	const mine = " WHERE n = ? AND state = 'sending' AND attempts = ?"
	var changed int64
	switch o.Result {
	case outbox.Released:
		_, _, err = t.exec("UPDATE deliveries SET state = 'pending', attempts = attempts - 1, next_at = ?"+mine, o.NextAt,
			at.N, o.Attempt)
		return 0, false, err
	case outbox.Retry:
		changed, _,
			err = t.exec("UPDATE deliveries SET state = 'pending', next_at = ?, cause = ?, last_status = ?, last_error = ?"+mine,
			o.NextAt, outbox.CauseRetry, intOrNull(int64(o.Status)), o.Error(), at.N, o.Attempt)
	default:
		changed, _, err = t.exec("UPDATE deliveries SET state = ?, ended_at = ?, last_status = ?, last_error = ?"+mine,
			string(o.Result), o.StartedAt+o.MS/1000, intOrNull(int64(o.Status)), o.Error(), at.N, o.Attempt)
	}
	if err != nil || changed == 0 {
		return 0, false, err
	}
	_, _, err = t.exec("INSERT INTO attempts (delivery, n, started_at, ms, status, error, response, cause) VALUES "+
		"(?, ?, ?, ?, ?, ?, ?, ?)",
		at.N, o.Attempt, o.StartedAt, o.MS, intOrNull(int64(o.Status)), o.Error(), o.Response, at.Cause)
	return at.Webhook, true, err
}

// Run implements engine.Reader.
func (r *reads) Run(webhook int64) (outbox.Run, error) {
	return one(r, "webhook", func(row *row) outbox.Run {
		h := outbox.Run{Webhook: webhook, WebhookID: row.text(), Clinic: row.int(), Enabled: row.bool()}
		h.Was = outbox.Streak{Since: row.int(), Failures: row.small()}
		h.Now = h.Was
		return h
	}, "SELECT id, clinic, enabled, failing_since, failures FROM webhooks WHERE n = ?", webhook)
}

// SaveStreak implements engine.Tx.
func (t *tx) SaveStreak(h outbox.Run) error {
	_, _, err := t.exec("UPDATE webhooks SET failing_since = ?, failures = ? WHERE n = ?", intOrNull(h.Now.Since),
		h.Now.Failures, h.Webhook)
	return err
}

// DisableWebhook implements engine.Tx.
func (t *tx) DisableWebhook(h outbox.Run, at int64, by string) error {
	t.w.subs[h.Clinic] = struct{}{}
	_, _, err := t.exec(`UPDATE webhooks SET enabled = 0, disabled_reason = ?, version = version + 1,
		updated_at = ?, updated_by = ?
		WHERE n = ? AND enabled = 1`, h.Off, at, by, h.Webhook)
	return err
}
