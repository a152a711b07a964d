package engine

import (
	"context"
	"time"
)

// tidyBite is how many rows one transaction of Tidy drops at most, so that no
// booking waits for the housekeeping.
const tidyBite = 500

// holdKept is how long an expired hold is still known, so that its late booking
// is told that it is gone (booking.md §6).
const holdKept = 24 * time.Hour

// Tidied is what a round of housekeeping dropped.
type Tidied struct {
	Replies int // kept replies of idempotency keys, older than their 24 hours (contract.md §6)
	Holds   int // holds that expired more than a day ago
}

// Tidy drops what has outlived its use, of all clinics, in small transactions. It
// is safe at any time, also beside another process that does the same.
//
// Errors: what the store answers; what was dropped until then stays dropped.
func (e *Engine) Tidy(ctx context.Context) (t Tidied, err error) {
	now := e.now()
	t.Replies, err = e.drop(ctx, func(tx Tx) (int, error) {
		return tx.DropReplies(now.Add(-e.opt.ReplyTTL).Unix(), tidyBite)
	})
	if err == nil {
		t.Holds, err = e.drop(ctx, func(tx Tx) (int, error) {
			return tx.DropHolds(now.Add(-holdKept).Unix(), tidyBite)
		})
	}
	return t, err
}

// drop repeats a bite until there is nothing left of it or ctx ends.
func (e *Engine) drop(ctx context.Context, bite func(Tx) (int, error)) (sum int, err error) {
	for ctx.Err() == nil {
		n := 0
		err := e.store.Update(ctx, func(tx Tx) (err error) {
			n, err = bite(tx)
			return err
		})
		if err != nil {
			return sum, err
		}
		if sum += n; n < tidyBite {
			break
		}
	}
	return sum, nil
}
