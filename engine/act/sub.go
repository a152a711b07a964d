package act

import "context"

// Acts inside acts, and transactions of many acts.

// Sub runs an act inside another one, as a row of an import is one: the effects of
// fn, its events and its row in the audit in a savepoint of their own. An error
// undoes them all and nothing else. in is the room's Room.In. fn may change
// own.Action, which names the act in the audit.
func Sub[W any](w *Act, in func(*Act) W, d Action, fn func(own W) error) error {
	own := &Act{Tx: w.Tx, k: w.k, Action: d, Caller: w.Caller, Now: w.Now}
	err := w.Savepoint(func() error {
		if err := fn(in(own)); err != nil {
			return err
		}
		if err := own.publish(); err != nil {
			return err
		}
		return own.record(nil)
	})
	w.Wakes = w.Wakes || err == nil && own.Wakes
	return err
}

// As is an act of another caller in the same transaction, for what the system does
// to many clinics at once.
func (w *Act) As(c Caller) *Act { return &Act{Tx: w.Tx, k: w.k, Caller: c, Now: w.Now} }

// Also puts a row into the audit of another thing that this act has changed, such
// as the other patient of a merge.
func (w *Act) Also(d Action, entityID string, patient int64, fields []string) error {
	entry := w.Caller.entry(d, w.Now)
	entry.EntityID, entry.PatientID, entry.Fields = entityID, patient, fields
	return appendAudit(w.Tx, entry)
}

// Batch runs fn in a transaction that is no act itself and has no row in the
// audit: what it does to a clinic's data it does in Subs.
func Batch[W, R any](ctx context.Context, r Room[W, R], c Caller, fn func(w W) error) error {
	woke := false
	err := r.store.Update(ctx, func(tx Tx) error {
		w := &Act{Tx: tx, k: r.Kernel, Caller: c, Now: r.Now().Unix()}
		err := fn(r.In(w))
		woke = err == nil && w.Wakes
		return err
	})
	if woke {
		r.opt.Nudge()
	}
	return err
}

// Portions repeats a batch that does some of a long job, until it says that none
// is left or ctx ends, so that nobody waits for the whole.
func Portions[W, R any](ctx context.Context, r Room[W, R], c Caller,
	fn func(w W) (n int, more bool, err error)) (sum int, err error) {
	for more := true; more && ctx.Err() == nil; {
		n := 0
		err := Batch(ctx, r, c, func(w W) (err error) {
			n, more, err = fn(w)
			return err
		})
		if err != nil {
			return sum, err
		}
		sum += n
	}
	return sum, ctx.Err()
}

// Enqueue queues an act that nobody waits for; it rides the next group commit. An
// Action without a name leaves no row in the audit. An error is logged and
// undoes what fn did.
func Enqueue[W, R any](r Room[W, R], c Caller, d Action, outcome Outcome, fn func(w W) error) {
	now := r.Now().Unix()
	r.store.Enqueue(func(tx Tx) error {
		w := &Act{Tx: tx, k: r.Kernel, Action: d, Caller: c, Now: now}
		if err := fn(r.In(w)); err != nil || d.Name == "" {
			return err
		}
		entry := c.entry(d, now)
		entry.EntityID, entry.PatientID, entry.Fields, entry.Outcome = w.EntityID, w.PatientID, w.Fields, outcome
		return appendAudit(tx, entry)
	})
}
