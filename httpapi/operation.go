package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"reflect"

	"qualifybase/engine/act"
	"qualifybase/httpapi/wire"
)

// shape tells the OpenAPI builder what goes in and out.
type shape struct {
	in, out reflect.Type // out is nil for a reply without a body
	list    bool
	other   string // a second content type of the reply
	versed  bool   // the reply has an ETag
	located bool   // a 201 has a Location
}

// Operation is a use case with its decoding and encoding. Op, List and Drop make one.
//
// The input of a use case is a struct whose fields carry `path:"id"`, `query:"limit"`
// or `header:"If-Match"`; a field named Body is the JSON body (see package wire for
// those that many routes share). JSON shape is checked here, values by the engine.
type Operation interface {
	shape() shape
	bind(*binder) func(*call)
}

// Op answers one resource. use calls one engine use case; show makes the wire
// struct of its result, which may be Located, Versioned, WithStatus, Rendered or
// WithPolicy. R must be what the use case returns from its act: the engine hands the
// same to Caller.Encode (contract.md §6). Where Out has no public name, the document
// shows the struct that it embeds first.
func Op[In, R, Out any](use func(context.Context, act.Caller, In) (R, error), show func(R) Out) Operation {
	out := reflect.TypeFor[Out]()
	return &handler[In, R]{
		use: use,
		form: shape{in: reflect.TypeFor[In](), out: shown(out),
			versed: out.Implements(reflect.TypeFor[Versioned]()), located: out.Implements(reflect.TypeFor[Located]())},
		answer: func(c *call, r R) answer { return c.resource(show(r)) },
	}
}

// shown is the type that the document shows: a wrapper without a public name
// stands for what it wraps.
func shown(t reflect.Type) reflect.Type {
	name := t.Name()
	if name == "" || name[0] < 'a' || name[0] > 'z' || t.Kind() != reflect.Struct || t.NumField() == 0 {
		return t
	}
	if f := t.Field(0); f.Anonymous && f.IsExported() {
		return f.Type
	}
	return t
}

// List answers a page of a list.
func List[In, X, Out any](use func(context.Context, act.Caller, In) (act.List[X], error),
	show func(X) Out) Operation {
	return &handler[In, act.List[X]]{
		use:  use,
		form: shape{in: reflect.TypeFor[In](), out: reflect.TypeFor[Out](), list: true},
		answer: func(c *call, l act.List[X]) answer {
			return c.page(wire.Each(l.Items, show), Pagination{wire.Opt(l.Next), l.More, l.Total})
		},
	}
}

// Drop answers without a body.
func Drop[In any](use func(context.Context, act.Caller, In) error) Operation {
	return &handler[In, struct{}]{
		form: shape{in: reflect.TypeFor[In]()},
		use: func(ctx context.Context, c act.Caller, in In) (struct{}, error) {
			return struct{}{}, use(ctx, c, in)
		},
		answer: func(*call, struct{}) answer { return answer{status: http.StatusNoContent} },
	}
}

// AlsoAs names a second content type that the operation can answer with: that of
// its Rendered results.
func AlsoAs(contentType string, o Operation) Operation { return alternate{o, contentType} }

type alternate struct {
	Operation
	contentType string
}

func (a alternate) shape() shape {
	form := a.Operation.shape()
	form.other = a.contentType
	return form
}

// handler is the one way a request takes from its bytes to a use case and back.
type handler[In, R any] struct {
	form   shape
	use    func(context.Context, act.Caller, In) (R, error)
	answer func(*call, R) answer
}

func (h *handler[In, R]) shape() shape { return h.form }

func (h *handler[In, R]) bind(b *binder) func(*call) {
	return func(c *call) {
		var in In
		faults, err := b.fill(c, reflect.ValueOf(&in).Elem())
		switch {
		case err != nil:
			c.Refuse(err)
			return
		case len(faults) > 0:
			if b.body != nil {
				c.caller.Rehearsal = true
				_, err = h.use(c.R.Context(), c.caller, in)
			}
			c.Refuse(b.invalid(merge(faults, err), c.form))
			return
		}
		var kept *act.Reply // what the engine stored under the idempotency key
		if c.caller.Idempotency != nil {
			c.caller.Encode = func(result any, err error) act.Reply {
				reply := h.encode(c, result, err).reply()
				if _, secret := result.(act.Secretive); err == nil && !secret {
					kept = &reply
				}
				return reply
			}
		}
		result, err := h.use(c.R.Context(), c.caller, in)
		switch {
		case err != nil:
			c.Refuse(b.queried(err))
		case kept != nil:
			c.replay(*kept)
		default:
			c.send(h.answer(c, result))
		}
	}
}

// encode is Caller.Encode: the reply of a result or refusal, inside the transaction.
func (h *handler[In, R]) encode(c *call, result any, err error) answer {
	if err != nil {
		return c.refusal(refusal(err))
	}
	r, ok := result.(R)
	if !ok && h.form.out != nil {
		panic(fmt.Sprintf("httpapi: %s answers %T where the row says %v", c.rt.pattern, result, reflect.TypeFor[R]()))
	}
	return h.answer(c, r)
}
