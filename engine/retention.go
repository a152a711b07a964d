package engine

import "context"

// How long the outbox remembers (webhooks.md "Outcome"), in seconds. Dead letters
// stay until they are dropped.
const (
	logKept     = 30 * 24 * 60 * 60
	endedKept   = 90 * 24 * 60 * 60
	waitingKept = 90 * 24 * 60 * 60 // for an endpoint that stays disabled
	tidyAtOnce  = 2_000
)

// Tidying is one portion of the outbox's retention.
type Tidying struct {
	Now            int64
	AttemptsBefore int64 // attempts begun before are deleted
	EndedBefore    int64 // deliveries that succeeded or were cancelled before are deleted
	WaitingBefore  int64 // deliveries made before are cancelled where the endpoint is disabled; where it is deleted, all
	Limit          int   // rows of each kind
}

// TidyOutbox applies the retention of deliveries and their logs, in portions that
// hold up nobody for long; the result is the number of rows. Run it now and then.
func (e *Engine) TidyOutbox(ctx context.Context) (int, error) {
	total := 0
	for ctx.Err() == nil {
		now, n := e.now().Unix(), 0
		err := e.store.Update(ctx, func(tx Tx) (err error) {
			n, err = tx.TidyDeliveries(Tidying{
				Now: now, AttemptsBefore: now - logKept, EndedBefore: now - endedKept, WaitingBefore: now - waitingKept, Limit: tidyAtOnce,
			})
			return err
		})
		if total += n; err != nil || n == 0 {
			return total, err
		}
	}
	return total, ctx.Err()
}

// AuditDisabled notes that the dispatcher disabled an endpoint, in the transaction
// that does so: the store decides by Streak.Hopeless and Settlement.Disable.
func AuditDisabled(tx Tx, clinic int64, webhookID, reason string, now int64) error {
	entry := System(clinic, "webhooks").entry(Action{"webhook.disable", WebhooksManage}, now)
	entry.EntityID, entry.Fields = webhookID, []string{"enabled", "reason:" + reason}
	return appendAudit(tx, entry)
}
