// Package engine is QualifyBase's only source of truth: every type, rule and use
// case of the clinic's front office, in rooms. Faces (httpapi, webhook, cmd) decode,
// call one use case and encode; package store implements Store on SQLite. It imports
// the standard library and golang.org/x alone, so that no rule can hide in SQL,
// in HTTP or in a flag (CONTRIBUTING.md "The house").
package engine

import (
	"context"
	"log/slog"
	"time"

	"qualifybase/engine/access"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/directory"
	"qualifybase/engine/outbox"
	"qualifybase/engine/people"
	"qualifybase/engine/record"
	"qualifybase/engine/rights"
	"qualifybase/engine/secret"
)

// The rooms under names that can stand side by side in Engine.
type (
	kernel          = act.Kernel
	directoryEngine = directory.Engine
	peopleEngine    = people.Engine
	bookingEngine   = booking.Engine
	recordEngine    = record.Engine
	rightsEngine    = rights.Engine
	accessEngine    = access.Engine
	outboxEngine    = outbox.Engine
)

// Engine has the use cases of all rooms. Make one with New.
type Engine struct {
	*kernel
	*directoryEngine
	*peopleEngine
	*bookingEngine
	*recordEngine
	*rightsEngine
	*accessEngine
	*outboxEngine
}

// Options are the choices of the operator; the rooms fill in the defaults.
type Options struct {
	Now    func() time.Time // tests choose dates; default time.Now
	Log    *slog.Logger     // default: discards
	Secret []byte           // keys the hashes of audit reasons; default random, so not comparable across starts

	HoldsPerCaller int            // open holds of one key; default 500 (booking.md §6)
	RatePerMinute  int            // requests of a key that sets none; default 120
	UserPerMinute  int            // requests of a session; default 600
	Tiers          map[string]int // requests a minute by tier; 0 = unlimited
	ReplyTTL       time.Duration  // how long idempotency replies are kept; default 24 h

	LockoutFailures int           // failed sign-ins that lock an e-mail address; default 10
	LockoutWindow   time.Duration // within and for which; default 15 min

	// Nudge is called after a commit that left deliveries due, to wake the webhook sender.
	Nudge func()

	// Erased is called after the commit of each tombstone, so that a file beside
	// the database keeps it (records.md §6).
	Erased func(rights.Erasure)

	// CheckURL judges the URL of a webhook: webhook.Policy.CheckURL. nil allows it; the
	// error is Invalid on the field url. Default: refuses all.
	CheckURL func(url string) error
	Sealer   *secret.Sealer // keeps the secrets of webhooks; needed to make one
}

// New makes the engine on a store.
func New(s Store, o Options) *Engine {
	k := act.New(s, act.Options{Now: o.Now, Log: o.Log, Secret: o.Secret, ReplyTTL: o.ReplyTTL, Nudge: o.Nudge})
	e := &Engine{kernel: k}
	e.directoryEngine = directory.New(k, directory.Options{Tiers: o.Tiers})
	e.peopleEngine = people.New(k)
	e.bookingEngine = booking.New(k, e.peopleEngine, booking.Options{HoldsPerCaller: o.HoldsPerCaller})
	e.recordEngine = record.New(k, e.bookingEngine)
	e.rightsEngine = rights.New(k, e.peopleEngine, rights.Options{Erased: o.Erased})
	e.accessEngine = access.New(k, access.Options{
		RatePerMinute: o.RatePerMinute, UserPerMinute: o.UserPerMinute, Tiers: o.Tiers,
		LockoutFailures: o.LockoutFailures, LockoutWindow: o.LockoutWindow,
	})
	e.outboxEngine = outbox.New(k, e.directoryEngine, outbox.Options{
		CheckURL: o.CheckURL, Sealer: o.Sealer,
	})
	return e
}

// Kernel is what a further domain is made on, such as the interviews: it need not be
// embedded here.
func (e *Engine) Kernel() *act.Kernel { return e.kernel }

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
