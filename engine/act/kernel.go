// Package act is how anything is done: who acts, with which right, in which
// transaction, and what it leaves behind: events, a row in the audit, the reply of
// an idempotency key. The rooms of the engine tell their use cases with it.
package act

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync/atomic"
	"time"
)

// Store is the database as the kernel sees it; package store implements it on
// SQLite. What a room asks besides this stands in the Reader and Writer of that room,
// which the same Reader and Tx implement.
type Store interface {
	// Update runs fn inside a write transaction that it may share with other
	// callers (group commit) and returns after the commit. fn's error rolls back
	// fn's effects alone. Once admitted, ctx no longer stops it. The error is fn's,
	// or Busy, ReadOnly or StorageFull when nothing of the group was written.
	Update(ctx context.Context, fn func(Tx) error) error
	// View runs fn on one snapshot, which is never older than the last
	// acknowledged Update.
	View(ctx context.Context, fn func(Reader) error) error
	// Enqueue queues a write that rides the next group commit, without waiting for
	// it: the audit of reads. Close writes what is queued.
	Enqueue(fn func(Tx) error)
}

// Reader answers the kernel's questions on one snapshot.
type Reader interface {
	// StoredReply finds the reply that was stored under an idempotency key since a time.
	StoredReply(clinic int64, caller, key string, since int64) (fingerprint string, r Reply, found bool, err error)

	Audit(q AuditQuery, after Position, limit int) ([]AuditEntry, error) // newest first
	CountAudit(q AuditQuery) (int64, error)
	AuditChain(clinic, afterSeq int64, limit int) ([]AuditEntry, error) // oldest first, for verifying
}

// Tx is a Reader that also writes, inside one transaction.
type Tx interface {
	Reader
	// Savepoint runs fn so that its error undoes fn's effects and nothing else.
	Savepoint(fn func() error) error
	// Counters gives the clinic's running numbers for reading and moving on; the
	// store writes them back with the commit and restores them with a rollback.
	Counters(clinic int64) (*Counters, error)

	InsertEvent(ev Event) error
	InsertAudit(a AuditEntry) error
	InsertReason(ref string, clinic, patient int64, reason string) error
	StoreReply(clinic int64, caller, key, fingerprint, subject string, r Reply, now int64) error
	DropReplies(before int64, limit int) (int, error) // older ones; how many
}

// Kernel is what all rooms share. Make one with New.
type Kernel struct {
	Log *slog.Logger

	store   Store
	opt     Options
	stats   Stats
	deliver func(*Act, *Event) error
	kinds   []EventKind
}

// Options are the kernel's choices; New fills in the defaults.
type Options struct {
	Now      func() time.Time // tests choose dates; default time.Now
	Log      *slog.Logger     // default: discards
	Secret   []byte           // keys the hashes of audit reasons; default random, so not comparable across starts
	ReplyTTL time.Duration    // how long idempotency replies are stored; default 24 h

	// Nudge is called after a commit that left deliveries due, to wake the webhook sender.
	Nudge func()
}

// Stats are the engine's counters since the start, for /metrics.
type Stats struct {
	Booked, Refused, Replayed, DeniedActs atomic.Int64
}

// New makes a kernel on a store.
func New(s Store, o Options) *Kernel {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if len(o.Secret) == 0 {
		o.Secret = make([]byte, 32)
		_, _ = rand.Read(o.Secret)
	}
	if o.ReplyTTL == 0 {
		o.ReplyTTL = 24 * time.Hour
	}
	if o.Nudge == nil {
		o.Nudge = func() {}
	}
	return &Kernel{store: s, Log: o.Log, opt: o, deliver: func(*Act, *Event) error { return nil }}
}

// OnEvent names who hears of every event inside its transaction: the outbox, which
// stands above the kernel.
func (k *Kernel) OnEvent(fn func(w *Act, ev *Event) error) { k.deliver = fn }

// Declare says what happens in a room that subscribers may hear of. Each room calls it
// once, when it is made.
func (k *Kernel) Declare(kinds ...EventKind) { k.kinds = append(k.kinds, kinds...) }

// EventKinds is all that the rooms declared.
func (k *Kernel) EventKinds() []EventKind { return k.kinds }

// Now is the engine's clock.
func (k *Kernel) Now() time.Time { return k.opt.Now() }

// Stats gives the counters.
func (k *Kernel) Stats() *Stats { return &k.stats }

// Room ties a room of the engine to the kernel: W is its Act, with what the room
// asks of a transaction, and R its Reader.
type Room[W, R any] struct {
	*Kernel
	In func(*Act) W // the act, as this room sees it
}

// own is the kernel's own room.
func (k *Kernel) own() Room[*Act, Reader] {
	return Room[*Act, Reader]{k, func(w *Act) *Act { return w }}
}

// Counters are the running numbers of a clinic: the last change, event seq, audit
// seq and medical record number given, and the hash of the last audit row. Stamp
// is the latest updated_at given: it never goes back, although clocks do, for a
// sync finds its first change number by it (contract.md §7).
type Counters struct {
	Change, Event, Audit, MRN int64
	Stamp                     int64
	AuditHash                 string
}

// TidyAtMost is how many rows one transaction of housekeeping drops at most, so
// that no booking waits for it.
const TidyAtMost = 500

// TidyReplies drops the stored replies of all clinics that are older than their 24
// hours (contract.md §6), and gives their number.
func (k *Kernel) TidyReplies(ctx context.Context) (int, error) {
	return Portions(ctx, k.own(), System(0, "tidy"), func(w *Act) (n int, more bool, err error) {
		n, err = w.DropReplies(w.Now-int64(k.opt.ReplyTTL/time.Second), TidyAtMost)
		return n, n == TidyAtMost, err
	})
}
