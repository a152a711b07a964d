package engine

import (
	"context"
)

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
	if t.Replies, err = e.TidyReplies(ctx); err == nil {
		t.Holds, err = e.TidyHolds(ctx)
	}
	return t, err
}
