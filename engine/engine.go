// Package engine is QualifyBase's only source of truth: every type, rule and use
// case of the clinic's front office. Faces (httpapi, webhook, cmd) decode, call
// one use case and encode; package store implements Store on SQLite. It imports
// the standard library and golang.org/x alone, so that no rule can hide in SQL,
// in HTTP or in a flag (CONTRIBUTING.md "The house").
package engine

import (
	"crypto/rand"
	"log/slog"
	"slices"
	"time"
)

// Engine holds what the use cases share. Make one with New.
type Engine struct {
	store Store
	now   func() time.Time
	log   *slog.Logger
	opt   Options
	stats Stats

	eventTypes []string // sorted

	leases   leaseWatch
	usage    usage    // last uses of keys, on their way to the store
	hashers  *hashers // bounds the memory of password hashing
	attempts attempts // failed sign-ins
}

// Options are the choices of the operator; New fills in the defaults.
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
	Erased func(Erasure)

	// CheckURL says whether a webhook may have a URL: webhook.Policy.CheckURL. The
	// error is Invalid on the field url. Default: refuses all.
	CheckURL func(url string) error
	Sealer   *Sealer // keeps the secrets of webhooks; needed to make one
}

// New makes the engine on a store.
func New(s Store, o Options) *Engine {
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
	if o.HoldsPerCaller == 0 {
		o.HoldsPerCaller = 500
	}
	if o.RatePerMinute == 0 {
		o.RatePerMinute = 120
	}
	if o.UserPerMinute == 0 {
		o.UserPerMinute = 600
	}
	if o.ReplyTTL == 0 {
		o.ReplyTTL = 24 * time.Hour
	}
	if o.LockoutFailures == 0 {
		o.LockoutFailures = 10
	}
	if o.LockoutWindow == 0 {
		o.LockoutWindow = 15 * time.Minute
	}
	if o.CheckURL == nil {
		o.CheckURL = func(string) error { return badField("url", "This program was started without webhooks") }
	}
	if o.Nudge == nil {
		o.Nudge = func() {}
	}
	if o.Erased == nil {
		o.Erased = func(Erasure) {}
	}
	e := &Engine{store: s, now: o.Now, log: o.Log, opt: o, hashers: newHashers()}
	for _, t := range EventTypes() {
		e.eventTypes = append(e.eventTypes, t.Type)
	}
	return e
}

// EventTypes lists what subscribers may hear, sorted by name.
func EventTypes() []EventType {
	return describeEvents(slices.Concat(peopleEvents(), bookingEvents(), recordEvents(), outboxEvents()))
}

// Now is the engine's clock.
func (e *Engine) Now() time.Time { return e.now() }
