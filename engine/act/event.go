package act

import "encoding/json"

// Event is the thin canonical fact of a change (webhooks.md): ids, status and
// times; never a name or a clinical word.
type Event struct {
	Clinic    int64
	Seq       int64 // gap-free per clinic
	ID        string
	Type      string
	Test      bool
	CreatedAt int64
	Data      json.RawMessage // snake_case JSON object
}

// Change is something that happened: the types of events that subscribers hear of
// it, in order (webhooks.md "Events").
type Change []string

// SampleID is the id that the examples of events show (EventKind).
const SampleID = "01967168-7a10-7c44-8f21-0b6de0c1a2b3"

// SampleMeta is the version and the time in them.
var SampleMeta = Meta{Version: 1, CreatedAt: 1777190400, UpdatedAt: 1777190400}

// EventKind is a noun's changes and a fact as their events hold it, which the
// reference shows as an example.
type EventKind struct {
	Changes []Change
	Sample  Fact
}
