package store

import (
	"qualifybase/engine"
	"qualifybase/engine/access"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/directory"
	"qualifybase/engine/outbox"
	"qualifybase/engine/people"
	"qualifybase/engine/record"
	"qualifybase/engine/rights"
)

// What each room of the engine asks of a snapshot and of a transaction; a method that
// is missing is told in the room's own words. A further domain asserts its own in its
// file.
var (
	_ engine.Store = (*Store)(nil)

	_ act.Reader       = (*reads)(nil)
	_ act.Tx           = (*tx)(nil)
	_ directory.Reader = (*reads)(nil)
	_ directory.Writer = (*tx)(nil)
	_ people.Reader    = (*reads)(nil)
	_ people.Writer    = (*tx)(nil)
	_ booking.Reader   = (*reads)(nil)
	_ booking.Writer   = (*tx)(nil)
	_ record.Reader    = (*reads)(nil)
	_ record.Writer    = (*tx)(nil)
	_ rights.Reader    = (*reads)(nil)
	_ rights.Writer    = (*tx)(nil)
	_ access.Reader    = (*reads)(nil)
	_ access.Writer    = (*tx)(nil)
	_ outbox.Reader    = (*reads)(nil)
	_ outbox.Writer    = (*tx)(nil)
)
