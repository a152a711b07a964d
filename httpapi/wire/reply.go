// Package wire has what wire structs and inputs are made of: times, optional
// values, versions, ids in the path, pages. It knows no route and no HTTP, so that
// every face which shows JSON can use it.
package wire

import (
	"qualifybase/engine/act"
)

// Meta is what every stored thing says of itself.
type Meta struct {
	Version   int64   `json:"version" doc:"Grows with every change; also the ETag"`
	CreatedAt Instant `json:"created_at"`
	UpdatedAt Instant `json:"updated_at"`
}

// ETagVersion is the version that stands in the ETag.
func (m Meta) ETagVersion() int64 { return m.Version }

// MetaOf is the engine's Meta on the wire.
func MetaOf(m act.Meta) Meta {
	return Meta{m.Version, Instant(m.CreatedAt), Instant(m.UpdatedAt)}
}

// Opt is an optional value of a reply: the zero value is an absence, and nil.
func Opt[T ~string | ~int64 | ~int](v T) *T {
	var none T
	if v == none {
		return nil
	}
	return &v
}

// List is a list of a reply: never null.
func List[T any](v []T) []T {
	if v == nil {
		return []T{}
	}
	return v
}

// Each is a list of wire structs: never null.
func Each[X, Out any](list []X, wire func(X) Out) []Out {
	out := make([]Out, len(list))
	for i := range list {
		out[i] = wire(list[i])
	}
	return out
}

// Sent is a list of a draft for the engine: nil where it was not sent.
func Sent[X, Out any](list *[]X, draft func(X) Out) *[]Out {
	if list == nil {
		return nil
	}
	out := Each(*list, draft)
	return &out
}

// Same is the wire function of what is a wire struct already.
func Same[T any](v T) T { return v }
