package store

import "qualifybase/engine"

// settle writes the end of one claimed delivery, as engine.Result and Settlement
// say, unless the row is no longer what was claimed.
func (x *exchange) settle(o *engine.Settlement) error {
	var n, webhook int64
	found, err := x.get("SELECT n, webhook FROM deliveries WHERE id = ? AND state = 'sending' AND attempts = ?",
		func(r *row) { n, webhook = r.int(), r.int() }, o.DeliveryID, o.Attempt)
	if err != nil || !found {
		return err
	}
	if o.Result == engine.Released {
		_, _, err = x.exec("UPDATE deliveries SET state = 'pending', attempts = attempts - 1, next_at = ? WHERE n = ?", o.NextAt, n)
		return err
	}
	_, _, err = x.exec(`INSERT INTO attempts (delivery, n, started_at, ms, status, error, response, cause)
		SELECT n, attempts, ?, ?, ?, ?, ?, cause FROM deliveries WHERE n = ?`,
		o.StartedAt, o.MS, orNone(int64(o.Status)), o.Error(), o.Response, n)
	if err != nil {
		return err
	}
	if o.Result == engine.Retry {
		_, _, err = x.exec("UPDATE deliveries SET state = 'pending', next_at = ?, cause = ?, last_status = ?, last_error = ? WHERE n = ?",
			o.NextAt, engine.CauseRetry, orNone(int64(o.Status)), o.Error(), n)
	} else {
		_, _, err = x.exec("UPDATE deliveries SET state = ?, ended_at = ?, last_status = ?, last_error = ? WHERE n = ?",
			string(o.Result), o.StartedAt+o.MS/1000, orNone(int64(o.Status)), o.Error(), n)
	}
	if err != nil {
		return err
	}
	return x.streak(webhook, o)
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
