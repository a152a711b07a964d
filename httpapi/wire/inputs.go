package wire

import (
	"qualifybase/engine/act"
)

// Inputs that many routes share. A route may embed them in an input of its own.
type (
	// None is the input of a route that takes nothing.
	None struct{}

	// ByID and ByNumber name a resource in the path.
	ByID struct {
		ID string `path:"id"`
	}
	ByNumber struct {
		ID int64 `path:"id"`
	}

	// MatchID and MatchNumber name a resource, and the version that the caller has
	// read: nil where the caller does not say.
	MatchID struct {
		ByID
		Version *int64 `header:"If-Match"`
	}
	MatchNumber struct {
		ByNumber
		Version *int64 `header:"If-Match"`
	}

	// Create has the body of a new resource.
	Create[B any] struct{ Body B }

	// Update and UpdateNumber have the body of a change.
	Update[B any] struct {
		MatchID
		Body B
	}
	UpdateNumber[B any] struct {
		MatchNumber
		Body B
	}

	// Action has the body of something that is done to a resource, whatever its version.
	Action[B any] struct {
		ByID
		Body B
	}

	// Paged asks for a page of a list (contract.md §7).
	Paged struct {
		Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"Rows of a page"`
		Cursor string `query:"cursor" doc:"The next_cursor of the page before"`
	}

	// PagedByID and PagedByNumber ask for a page of what belongs to a resource.
	PagedByID struct {
		Paged
		ByID
	}
	PagedByNumber struct {
		Paged
		ByNumber
	}
)

// Page is the page for the engine.
func (p Paged) Page() act.Page { return act.Page{Limit: p.Limit, Cursor: p.Cursor} }
