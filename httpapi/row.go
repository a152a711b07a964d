package httpapi

import (
	"fmt"
	"slices"

	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
)

// Base is where the API lives; the paths of rows are relative to it.
const Base = "/api/v1"

// Row is one line of the route table: what a caller may ask, with which right,
// and the one use case that answers. The OpenAPI document is made from the rows.
type Row struct {
	Method, Path string        // "/leads/:id", below Base
	Scope        scope.Scope   // the right it needs; scope.None must be said with Open or Public
	Also         []scope.Scope // any of these does instead
	Open         bool          // any authenticated caller
	Public       bool          // no credential at all
	Browser      bool          // public keys may, from their origins
	Tag          string        // the resource, as the reference groups it
	ID           string        // operationId
	Summary      string
	Doc          string       // more, in Markdown
	Status       int          // of success
	Update       bool         // 200 where the resource was there before (POST that creates or updates)
	Errors       []fault.Kind // beside those that every route of its kind can answer
	Example      string       // a request body in the standard form, as JSON
	Op           Operation
}

// Group is the rows of one resource, or of a further package.
type Group struct {
	Name  string // "patients"
	After string // the group behind which this one stands; "" = at the end
	Rows  []Row

	// Samples are values that the examples of replies show, by the name of a field or
	// of Schema.field, where the plainest value would not do.
	Samples map[string]any
}

// arrange puts further groups to their places among those of the core.
func arrange(groups, more []Group) ([]Group, error) {
	find := func(name string) int {
		return slices.IndexFunc(groups, func(g Group) bool { return g.Name == name })
	}
	for _, g := range more {
		at := len(groups)
		if g.After != "" {
			at = find(g.After) + 1
		}
		switch {
		case g.Name == "" || find(g.Name) >= 0:
			return nil, fmt.Errorf("httpapi: the group %q needs a name of its own", g.Name)
		case at == 0:
			return nil, fmt.Errorf("httpapi: the group %q cannot stand after %q, which there is not", g.Name, g.After)
		}
		groups = slices.Insert(groups, at, g)
	}
	return groups, nil
}

// route is a row at work.
type route struct {
	Row
	pattern string // Base + Path: what logs and metrics call it
	serve   func(*call)
	input   *binder
	shape   shape
	stat    stat
}
