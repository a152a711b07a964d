package outbox

import (
	"context"
	"sync"

	"qualifybase/engine/act"
	"qualifybase/engine/scope"
)

// What the webhook dispatcher asks (webhooks.md "Tables and dispatcher"). It keeps
// nothing that must survive: a delivery is what its row says. All times are UTC
// Unix seconds.
//
// The bookkeeping of many deliveries shares one transaction: the dispatcher hands
// in everything that ended and takes everything that may start in the same call,
// and has at most one Exchange under way.

// leaseWatch remembers when the outbox looked for claims whose lease had run out.
type leaseWatch struct {
	mu sync.Mutex
	at int64
}

// due reports whether it is time to look. A clock that was set back looks again.
func (l *leaseWatch) due(now int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	ago := now - l.at
	return ago < 0 || ago >= LeaseLook
}

func (l *leaseWatch) looked(now int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at = now
}

// Exchange settles c.Settled, then claims at most c.Room due deliveries, in one
// transaction. An error means that nothing at all was written; the dispatcher
// calls again with the same settlements, so one that is already written
// (attempt n exists) is passed over without an error.
//
// What settling and claiming write is told at Settlement and Claim. Between the
// two, once in LeaseLook seconds where c.Room > 0, every sending row whose lease
// has run out goes back to pending as Reset says: its ending never reached the
// database, and nobody else would take it up before the next start.
//
// It looks before it writes, so that a turn without work costs no transaction.
func (e *Engine) Exchange(ctx context.Context, c Claim) (out []Delivery, err error) {
	overdue, err := e.leaseOver(ctx, c)
	if err != nil {
		return nil, err
	}
	if len(c.Settled) == 0 && !overdue {
		due, err := act.View(ctx, e.Room, func(r Reader) (bool, error) { return r.HasDue(c.Now) })
		if err != nil || !due || c.Room <= 0 {
			return nil, err
		}
	}
	var runs []*Run
	back := 0
	err = act.Batch(ctx, e.Room, act.System(0, "webhooks"), func(w *Act) (err error) {
		w.Now, back = c.Now, 0
		if runs, err = w.settle(c.Settled); err != nil {
			return err
		}
		if overdue {
			if back, err = w.TakeBack(c.Now, c.Now); err != nil {
				return err
			}
		}
		out, err = w.ClaimDue(c)
		return err
	})
	if err != nil {
		return nil, err
	}
	if back > 0 {
		e.Log.Warn("webhook deliveries taken up again, their lease ran out", "count", back)
	}
	for _, r := range runs {
		if r.Off != "" {
			e.Log.Warn("webhook disabled", "webhook", r.WebhookID, "reason", r.Off)
		}
	}
	return out, nil
}

// leaseOver reports whether the lease of some claim has run out. It reads, and
// seldom: an index by lease would cost two writes for every delivery.
func (e *Engine) leaseOver(ctx context.Context, c Claim) (bool, error) {
	if c.Room <= 0 || !e.leases.due(c.Now) {
		return false, nil
	}
	over, err := act.View(ctx, e.Room, func(r Reader) (bool, error) { return r.LeaseOver(c.Now) })
	if err == nil {
		e.leases.looked(c.Now)
	}
	return over, err
}

var webhookDisable = act.Define("webhook.disable", scope.WebhooksManage)

// settle writes the ends of deliveries and what they mean for their endpoints.
func (w *Act) settle(list []Settlement) ([]*Run, error) {
	var runs []*Run
	byWebhook := map[int64]*Run{}
	for i := range list {
		webhook, counts, err := w.Settle(list[i])
		if err != nil {
			return nil, err
		}
		if !counts {
			continue
		}
		run := byWebhook[webhook]
		if run == nil {
			found, err := w.Run(webhook)
			if err != nil {
				return nil, err
			}
			run = &found
			byWebhook[webhook], runs = run, append(runs, run)
		}
		run.add(list[i])
	}
	for _, run := range runs {
		if run.Now != run.Was {
			if err := w.SaveStreak(*run); err != nil {
				return nil, err
			}
		}
		if run.Off == "" {
			continue
		}
		err := act.Sub(w.As(act.System(run.Clinic, "webhooks")), w.e.In, webhookDisable, func(own *Act) error {
			own.EntityID, own.Fields = run.WebhookID, []string{"enabled", "reason:" + run.Off}
			return own.DisableWebhook(*run, own.Now, own.Caller.Name())
		})
		if err != nil {
			return nil, err
		}
	}
	return runs, nil
}

// NextDue is the earliest next_at after the given time among the pending
// deliveries of enabled endpoints; false when there is none. It reads.
func (e *Engine) NextDue(ctx context.Context, after int64) (at int64, found bool, err error) {
	at, err = act.View(ctx, e.Room, func(r Reader) (at int64, err error) {
		at, found, err = r.NextDue(after)
		return at, err
	})
	return at, found, err
}

// Reset runs once, before the first Exchange of a process that owns the data
// directory: every sending row goes back to pending. The interrupted attempt is
// logged (class Interrupted) and keeps its number; interrupted+1, at most
// MaxInterrupted, so that it does not use up the budget. The first interruption
// becomes due at now; from the second on at the retry_at that the claim wrote,
// so that a delivery which ends the process cannot do so in a loop. What was
// claimed but not yet begun counts as well: telling the two apart would cost a
// write before every request. The result is the number of rows.
func (e *Engine) Reset(ctx context.Context, now int64) (rows int, err error) {
	const always = 1<<63 - 1
	err = act.Batch(ctx, e.Room, act.System(0, "webhooks"), func(w *Act) (err error) {
		rows, err = w.TakeBack(now, always)
		return err
	})
	if err != nil {
		return 0, err
	}
	e.leases.looked(now)
	return rows, nil
}
