package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"runtime"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"qualifybase/engine/fault"
	"qualifybase/engine/flat"
)

// binder fills the input struct of a route, and is made once at the start. The
// struct's fields carry `path:"id"`, `query:"limit"` or `header:"If-Match"`; a
// field named Body is the JSON body.
type binder struct {
	path     []param
	query    []param
	byName   [2]map[string]int // per form: the spelled name → index in query
	match    *param            // If-Match
	body     []int             // field index, nil without a body
	schema   *huma.Schema      // of the body
	registry huma.Registry
}

// newBinder makes the binder of an input struct. It refuses a struct that could not be filled.
func newBinder(registry huma.Registry, in reflect.Type) (*binder, error) {
	b := &binder{registry: registry, byName: [2]map[string]int{{}, {}}}
	if in.Kind() != reflect.Struct {
		return nil, fmt.Errorf("input %v is no struct", in)
	}
	for _, f := range reflect.VisibleFields(in) {
		if f.Anonymous {
			continue
		}
		if f.Name == "Body" {
			b.body, b.schema = f.Index, registry.Schema(f.Type, true, in.Name()+"Body")
			continue
		}
		x := param{index: f.Index, required: f.Tag.Get("required") == "true", field: f}
		var err error
		if x.set, err = setter(f); err != nil {
			return nil, err
		}
		switch {
		case f.Tag.Get("path") != "":
			x.name = f.Tag.Get("path")
			b.path = append(b.path, x)
		case f.Tag.Get("query") != "":
			x.name = f.Tag.Get("query")
			b.byName[standardForm][x.name] = len(b.query)
			b.byName[flatForm][flat.Name(x.name)] = len(b.query)
			b.query = append(b.query, x)
		case f.Tag.Get("header") == "If-Match":
			x.name = "If-Match"
			b.match = &x
		default:
			return nil, fmt.Errorf("field %s of %v says neither path, query nor header", f.Name, in)
		}
	}
	return b, nil
}

// fill reads a request into the input struct. Faults of parameters and body come
// back in one list; what is not faulty is filled in beside them.
func (b *binder) fill(c *call, in reflect.Value) (fault.Faults, error) {
	for i := range b.path {
		x := &b.path[i]
		if err := x.set(in.FieldByIndex(x.index), c.params.ByName(x.name)); err != nil {
			return nil, c.absent() // an id that cannot be one is an id that does not exist
		}
	}
	var faults fault.Faults
	if err := b.fillQuery(c, in, &faults); err != nil {
		return nil, err
	}
	if b.match != nil {
		if list := c.R.Header["If-Match"]; len(list) > 0 {
			_ = b.match.set(in.FieldByIndex(b.match.index), strings.Join(list, ","))
		}
	}
	var tree any
	if c.hasBody() {
		var err error
		if tree, err = b.fillBody(c, in, &faults); err != nil {
			return nil, err
		}
	}
	if len(faults) > 0 {
		return faults, nil
	}
	return nil, c.idempotency(tree)
}

// invalid is the refusal of a request with faults.
func (b *binder) invalid(faults fault.Faults, f form) error {
	words := badQuery
	for _, d := range faults {
		if name := f.field(d.Field); b.body != nil && d.Message != unknownParameter && !b.asks(name, f) {
			words = "Invalid request body"
		}
	}
	return &fault.Error{Kind: fault.Invalid, Message: words, Details: faults}
}

const (
	badQuery         = "Invalid query parameters"
	unknownParameter = "Unknown parameter"
)

// asks reports whether the route has the query parameter.
func (b *binder) asks(name string, f form) bool {
	_, ok := b.byName[f][name]
	return ok
}

// queried says of a use case's refusal that the query is at fault, where there is
// no body: the engine does not know how its input came.
func (b *binder) queried(err error) error {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind != fault.Invalid || b.body != nil || e.Message != "Invalid request body" {
		return err
	}
	again := *e
	again.Message = badQuery
	return &again
}

// merge adds the engine's faults to the face's. Of a field that was faulty
// already the engine has seen nothing, so what it says of it is left out.
func merge(faults fault.Faults, err error) fault.Faults {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind != fault.Invalid {
		return faults
	}
	known := map[string]bool{}
	for _, d := range faults {
		known[top(d.Field)] = true
	}
	for _, d := range e.Details {
		if !known[top(d.Field)] {
			faults = append(faults, d)
		}
	}
	return faults
}

// top is the first name of a field's path.
func top(path string) string {
	if i := strings.IndexAny(path, ".["); i >= 0 {
		return path[:i]
	}
	return path
}

func (b *binder) fillQuery(c *call, in reflect.Value, faults *fault.Faults) error {
	var seen uint64
	for rest := c.R.URL.RawQuery; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err1 := unescape(name)
		value, err2 := unescape(value)
		if err1 != nil || err2 != nil {
			return fault.Fail(fault.Invalid, "The query string is not well-formed")
		}
		i, known := b.byName[c.form][name]
		switch {
		case !known:
			*faults = append(*faults, fault.Detail{Field: c.form.unknown(name), Message: unknownParameter})
			continue
		case seen&(1<<i) != 0:
			faults.Add(b.query[i].name, "must not be given twice")
			continue
		}
		seen |= 1 << i
		x := &b.query[i]
		if value == "" && !x.required {
			continue
		}
		if err := x.set(in.FieldByIndex(x.index), value); err != nil {
			faults.Add(x.name, "%s", err)
		}
	}
	for i := range b.query {
		if b.query[i].required && seen&(1<<i) == 0 {
			faults.Add(b.query[i].name, "Required")
		}
	}
	return nil
}

// unknown marks a name that was sent, so that field gives it back as it was.
func (f form) unknown(name string) string {
	if f == flatForm {
		return unknownName + name
	}
	return name
}

func unescape(s string) (string, error) {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s, nil
	}
	return url.QueryUnescape(s)
}

// fillBody reads, checks and binds the body, and gives the parsed value for the fingerprint.
func (b *binder) fillBody(c *call, in reflect.Value, faults *fault.Faults) (any, error) {
	text, err := c.readBody()
	if err != nil {
		return nil, err
	}
	if len(text) > largeBody {
		c.s.large <- struct{}{}
		defer func() { <-c.s.large }()
		runtime.GC() // of what the one before has left
	}
	if b.body == nil {
		if len(strings.TrimSpace(string(text))) == 0 {
			return nil, nil
		}
		tree, err := parseJSON(text, c.form)
		if m, ok := tree.(map[string]any); err != nil || !ok || len(m) > 0 {
			return nil, fault.Fail(fault.Invalid, "This request takes no body: leave it empty or send {}")
		}
		return nil, nil
	}
	var tree any = map[string]any{}
	if len(strings.TrimSpace(string(text))) > 0 { // an empty body says nothing: {}
		if tree, err = parseJSON(text, c.form); err != nil {
			return nil, fault.Fail(fault.InvalidJSON, "Invalid JSON: %s", err)
		}
		if tree == nil {
			return nil, fault.Fail(fault.InvalidJSON, "Invalid JSON: the body is null")
		}
	}
	if _, ok := tree.(map[string]any); !ok {
		return nil, fault.Fail(fault.Invalid, "The request body must be a JSON object")
	}
	k := checker{registry: b.registry, faults: *faults}
	k.check(b.schema, tree, nil)
	clean := len(k.faults) == len(*faults)
	if *faults = k.faults; !clean {
		for _, d := range *faults { // the rest is still read, for the engine to judge
			delete(tree.(map[string]any), top(d.Field))
		}
		maps.DeleteFunc(tree.(map[string]any), func(name string, _ any) bool { return k.unknown(b.schema, name) })
	}
	target := in.FieldByIndex(b.body)
	if c.form == flatForm || !clean {
		text = appendCanonical(make([]byte, 0, len(text)), tree)
	}
	if len(text) > 0 {
		if err := json.Unmarshal(text, target.Addr().Interface()); err != nil {
			blame(tree.(map[string]any), target.Type(), err, faults)
		}
	}
	return tree, nil
}

// blame finds the top-level field that a type's own decoder refused.
func blame(body map[string]any, t reflect.Type, err error, faults *fault.Faults) {
	found := false
	for name, v := range body {
		one := appendCanonical(nil, map[string]any{name: v})
		if err := json.Unmarshal(one, reflect.New(t).Interface()); err != nil {
			faults.Add(name, "%s", wording(err))
			found = true
		}
	}
	if !found {
		faults.Add("", "%s", wording(err))
	}
}

// wording keeps the names of Go types out of messages.
func wording(err error) string {
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return "has the wrong type"
	}
	return err.Error()
}
