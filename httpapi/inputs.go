package httpapi

import "qualifybase/engine"

// What many routes take. Fields of these and of the resources' inputs are read by
// the plan of a route (params.go).
type (
	none struct{}

	// byID and byN name a resource in the path.
	byID struct {
		ID string `path:"id"`
	}
	byN struct {
		ID int64 `path:"id"`
	}

	// paged asks for a page of a list (contract.md §7).
	paged struct {
		Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"Rows of a page"`
		Cursor string `query:"cursor" doc:"The next_cursor of the page before"`
	}

	// made is the body of a new resource.
	made[B any] struct{ Body B }

	// changed is the body of a change, and the version it is based on.
	changed[B any] struct {
		byID
		Version *int64 `header:"If-Match"`
		Body    B
	}
	changedN[B any] struct {
		byN
		Version *int64 `header:"If-Match"`
		Body    B
	}
	done[B any] struct {
		byID
		Body B
	}
)

func (p paged) page() engine.Page { return engine.Page{Limit: p.Limit, Cursor: p.Cursor} }

// same is the wire function of what is a wire struct already.
func same[T any](v T) T { return v }

// Meta is what every stored thing says of itself.
type Meta struct {
	Version   int64   `json:"version" doc:"Grows with every change; also the ETag"`
	CreatedAt Instant `json:"created_at"`
	UpdatedAt Instant `json:"updated_at"`
}

func (m Meta) version() int64 { return m.Version }

func metaOf(m engine.Meta) Meta {
	return Meta{m.Version, Instant(m.CreatedAt), Instant(m.UpdatedAt)}
}
