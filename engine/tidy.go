package engine

import (
	"context"
	"time"
)

// tidyAtMost is how many rows one transaction of Tidy drops at most, so that no
// booking waits for the housekeeping.
const tidyAtMost = 500

// holdKept is how long an expired hold is still known, so that its late booking
// is told that it is gone (booking.md §6).
const holdKept = 24 * Hour // seconds

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
	t.Replies, err = portions(ctx, e, System(0, "tidy"), func(w *Act) (n int, more bool, err error) {
		n, err = w.DropReplies(w.Now-int64(e.opt.ReplyTTL/time.Second), tidyAtMost)
		return n, n == tidyAtMost, err
	})
	if err == nil {
		t.Holds, err = portions(ctx, e, System(0, "tidy"), func(w *Act) (n int, more bool, err error) {
			n, err = w.DropHolds(w.Now-holdKept, tidyAtMost)
			return n, n == tidyAtMost, err
		})
	}
	return t, err
}
