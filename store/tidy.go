package store

import (
	"qualifybase/engine/outbox"
)

// TidyDeliveries implements engine.Tx: one portion of the retention. n ascends with
// time, so that each step looks at old rows alone.
func (t *tx) TidyDeliveries(d outbox.Tidying) (int, error) {
	bound, err := t.firstSince(max(d.AttemptsBefore, d.EndedBefore))
	if err != nil {
		return 0, err
	}
	total := 0
	for _, step := range []struct {
		sql  string
		args []any
	}{
		{`UPDATE deliveries SET state = 'cancelled', ended_at = ? WHERE n IN (
			SELECT d.n FROM webhooks w JOIN deliveries d ON d.webhook = w.n
			WHERE w.enabled = 0 AND d.ended_at IS NULL AND d.state = 'pending'
			AND (w.deleted_at IS NOT NULL OR d.created_at < ?) LIMIT ?+0)`,
			[]any{d.Now, d.WaitingBefore, d.Limit}},
		{`DELETE FROM attempts WHERE (delivery, n) IN (
			SELECT delivery, n FROM attempts WHERE delivery < ? AND started_at < ? LIMIT ?+0)`,
			[]any{bound, d.AttemptsBefore, d.Limit}},
		{`DELETE FROM deliveries WHERE n IN (
			SELECT n FROM deliveries WHERE n < ? AND ended_at < ? AND state IN ('succeeded', 'cancelled') LIMIT ?+0)`,
			[]any{bound, d.EndedBefore, d.Limit}},
	} {
		n, _, err := t.exec(step.sql, step.args...)
		if err != nil {
			return total, err
		}
		total += int(n)
	}
	return total, nil
}

// firstSince is the smallest n of a delivery made at or after a time, found by
// halving; beyond all where there is none.
func (r *reads) firstSince(at int64) (int64, error) {
	low, err := r.number("SELECT min(n) FROM deliveries")
	if err != nil {
		return 0, err
	}
	high, err := r.number("SELECT max(n) FROM deliveries")
	for high++; err == nil && low < high; {
		mid := low + (high-low)/2
		var n, made int64
		_, err = r.get("SELECT n, created_at FROM deliveries WHERE n >= ? ORDER BY n LIMIT 1",
			func(row *row) { n, made = row.int(), row.int() }, mid)
		if made < at {
			low = n + 1
		} else {
			high = mid
		}
	}
	return low, err
}
