package outbox

import (
	"context"

	"qualifybase/engine/act"
)

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
	return act.Portions(ctx, e.Room, act.System(0, "retention"), func(w *Act) (n int, more bool, err error) {
		n, err = w.TidyDeliveries(Tidying{
			Now: w.Now, AttemptsBefore: w.Now - logKept, EndedBefore: w.Now - endedKept, WaitingBefore: w.Now - waitingKept,
			Limit: tidyAtOnce,
		})
		return n, n > 0, err
	})
}
