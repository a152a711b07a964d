package store

import "qualifybase/engine"

// settle writes the end of one claimed delivery, as engine.Result and Settlement
// say, unless the row is no longer what was claimed.
func (x *exchange) settle(o *engine.Settlement) error {
	at, known := x.s.claims.rows[o.DeliveryID]
	if !known { // settled before, or claimed by an older process
		found, err := x.get("SELECT n, webhook, cause FROM deliveries WHERE id = ?",
			func(r *row) { at = claimed{r.int(), r.int(), r.text()} }, o.DeliveryID)
		if err != nil || !found {
			return err
		}
	}
	const mine = " WHERE n = ? AND state = 'sending' AND attempts = ?"
	var changed int64
	var err error
	switch o.Result {
	case engine.Released:
		_, _, err = x.exec("UPDATE deliveries SET state = 'pending', attempts = attempts - 1, next_at = ?"+mine, o.NextAt, at.n, o.Attempt)
		return err
	case engine.Retry:
		changed, _, err = x.exec("UPDATE deliveries SET state = 'pending', next_at = ?, cause = ?, last_status = ?, last_error = ?"+mine,
			o.NextAt, engine.CauseRetry, orNone(int64(o.Status)), o.Error(), at.n, o.Attempt)
	default:
		changed, _, err = x.exec("UPDATE deliveries SET state = ?, ended_at = ?, last_status = ?, last_error = ?"+mine,
			string(o.Result), o.StartedAt+o.MS/1000, orNone(int64(o.Status)), o.Error(), at.n, o.Attempt)
	}
	if err != nil || changed == 0 {
		return err
	}
	_, _, err = x.exec("INSERT INTO attempts (delivery, n, started_at, ms, status, error, response, cause) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		at.n, o.Attempt, o.StartedAt, o.MS, orNone(int64(o.Status)), o.Error(), o.Response, at.cause)
	if err != nil {
		return err
	}
	return x.streak(at.webhook, o)
}

// streak is an endpoint's run of failures while a batch is settled.
type streak struct {
	id     string
	clinic int64
	live   bool // enabled when the batch began
	was    engine.Streak
	now    engine.Streak
	off    string // why it is to be disabled
}

// streak adds an attempt to the run of its endpoint.
func (x *exchange) streak(webhook int64, o *engine.Settlement) error {
	h := x.streaks[webhook]
	if h == nil {
		h = &streak{}
		_, err := x.get("SELECT id, clinic, enabled, failing_since, failures FROM webhooks WHERE n = ?", func(r *row) {
			h.id, h.clinic, h.live, h.was = r.text(), r.int(), r.bool(), engine.Streak{Since: r.int(), Failures: r.small()}
		}, webhook)
		if err != nil {
			return err
		}
		h.now = h.was
		x.streaks[webhook] = h
	}
	h.now = h.now.Add(*o)
	switch {
	case !h.live || h.off != "":
	case o.Disable:
		h.off = engine.DisabledGone
	case h.now.Hopeless(o.StartedAt):
		h.off = engine.DisabledFailing
	}
	return nil
}

// saveStreaks writes the runs that changed, and disables.
func (x *exchange) saveStreaks() error {
	for n, h := range x.streaks {
		if h.now != h.was {
			_, _, err := x.exec("UPDATE webhooks SET failing_since = ?, failures = ? WHERE n = ?", orNone(h.now.Since), h.now.Failures, n)
			if err != nil {
				return err
			}
		}
		if h.off == "" {
			continue
		}
		x.w.subs[h.clinic] = struct{}{}
		_, _, err := x.exec(`UPDATE webhooks SET enabled = 0, disabled_reason = ?, version = version + 1, updated_at = ?, updated_by = ?
			WHERE n = ? AND enabled = 1`, h.off, x.claim.Now, engine.System(h.clinic, "webhooks").Name(), n)
		if err != nil {
			return err
		}
		if err := engine.AuditDisabled(x.tx, h.clinic, h.id, h.off, x.claim.Now); err != nil {
			return err
		}
	}
	return nil
}
