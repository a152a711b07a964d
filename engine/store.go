package engine

import (
	"context"

	"qualifybase/engine/access"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/directory"
	"qualifybase/engine/outbox"
	"qualifybase/engine/people"
	"qualifybase/engine/record"
	"qualifybase/engine/rights"
)

// Store is everything the engine ever asks a database: its Readers are Reader and
// its transactions Tx below, although the kernel names only what it asks itself.
type Store = act.Store

// Reader is what the rooms ask of a snapshot, taken together.
type Reader interface {
	act.Reader
	directory.Reader
	people.Reader
	booking.Reader
	record.Reader
	rights.Reader
	access.Reader
	outbox.Reader
}

// Tx is what they ask of a transaction.
type Tx interface {
	Reader
	act.Tx
	directory.Writer
	people.Writer
	booking.Writer
	record.Writer
	rights.Writer
	access.Writer
	outbox.Writer
}

// Update is Store.Update with all that the rooms ask of a transaction: for
// benchmarks and tests, which write past the use cases.
func Update(ctx context.Context, s Store, fn func(Tx) error) error {
	return s.Update(ctx, func(tx act.Tx) error { return fn(tx.(Tx)) })
}

// View is Store.View with all that the rooms ask of a snapshot.
func View(ctx context.Context, s Store, fn func(Reader) error) error {
	return s.View(ctx, func(r act.Reader) error { return fn(r.(Reader)) })
}
