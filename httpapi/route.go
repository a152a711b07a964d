package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"

	"qualifybase/engine"
	"qualifybase/httpapi/wire"
)

// Base is where the API lives; the paths of rows are relative to it.
const Base = "/api/v1"

// Row is one line of the route table: what a caller may ask, with which right,
// and the one use case that answers. The OpenAPI document is made from the rows.
type Row struct {
	Method, Path string         // "/leads/:id", below Base
	Scope        engine.Scope   // the right it needs; NoScope must be said with Open or Public
	Also         []engine.Scope // any of these does instead
	Open         bool           // any authenticated caller
	Public       bool           // no credential at all
	Browser      bool           // public keys may, from their origins
	Tag          string         // the resource, as the reference groups it
	ID           string         // operationId
	Summary      string
	Doc          string        // more, in Markdown
	Status       int           // of success
	Update       bool          // 200 where the resource was there before (POST that creates or updates)
	Errors       []engine.Kind // beside those that every route of its kind can answer
	Example      string        // a request body in the standard form, as JSON
	Op           operation
}

// route is a row at work.
type route struct {
	Row
	pattern string // Base + Path: what logs and metrics call it
	serve   func(*call)
	plan    *plan
	shape   shape
	stat    stat
}

// shape tells the OpenAPI builder what goes in and out.
type shape struct {
	in, out reflect.Type // out is nil for a reply without a body
	list    bool
	other   string // a second content type of the reply
	versed  bool   // the reply has an ETag
	located bool   // a 201 has a Location
}

// operation is a use case with its decoding and encoding; made by op, listing and drop.
type operation interface {
	shape() shape
	bind(*plan) func(*call)
}

// op answers one resource. use calls one engine use case; show makes the wire
// struct of its result. R must be what the use case returns from its act: the
// engine hands the same to Caller.Encode (contract.md §6).
func op[In, R, Out any](use func(context.Context, engine.Caller, In) (R, error), show func(R) Out) operation {
	return &act[In, R]{use: use, form: shape{in: reflect.TypeFor[In](), out: shown(reflect.TypeFor[Out]()),
		versed: reflect.TypeFor[Out]().Implements(reflect.TypeFor[versed]()), located: reflect.TypeFor[Out]().Implements(reflect.TypeFor[located]())},
		answer: func(c *call, r R) answer { return c.resource(show(r)) }}
}

// shown is the type that the document shows: a wrapper without a public name
// stands for what it wraps.
func shown(t reflect.Type) reflect.Type {
	if name := t.Name(); name != "" && name[0] >= 'a' && name[0] <= 'z' && t.Kind() == reflect.Struct && t.NumField() > 0 && t.Field(0).Anonymous && t.Field(0).IsExported() {
		return t.Field(0).Type
	}
	return t
}

// listing answers a page of a list.
func listing[In, X, Out any](use func(context.Context, engine.Caller, In) (engine.List[X], error), show func(X) Out) operation {
	return &act[In, engine.List[X]]{use: use, form: shape{in: reflect.TypeFor[In](), out: reflect.TypeFor[Out](), list: true},
		answer: func(c *call, l engine.List[X]) answer {
			items := make([]Out, len(l.Items))
			for i := range l.Items {
				items[i] = show(l.Items[i])
			}
			return c.page(items, Pagination{wire.Opt(l.Next), l.More, l.Total})
		}}
}

// drop answers without a body.
func drop[In any](use func(context.Context, engine.Caller, In) error) operation {
	return &act[In, struct{}]{form: shape{in: reflect.TypeFor[In]()},
		use: func(ctx context.Context, c engine.Caller, in In) (struct{}, error) {
			return struct{}{}, use(ctx, c, in)
		},
		answer: func(*call, struct{}) answer { return answer{status: http.StatusNoContent} }}
}

// Pagination stands beside the data of a list.
type Pagination struct {
	NextCursor *string `json:"next_cursor" doc:"Send it as cursor to go on; null at the end"`
	HasMore    bool    `json:"has_more"`
	TotalCount *int64  `json:"total_count" doc:"null where the list is computed"`
}

// act is the one way a request takes from its bytes to a use case and back.
type act[In, R any] struct {
	form   shape
	use    func(context.Context, engine.Caller, In) (R, error)
	answer func(*call, R) answer
}

func (a *act[In, R]) shape() shape { return a.form }

func (a *act[In, R]) bind(p *plan) func(*call) {
	return func(c *call) {
		var in In
		faults, err := p.fill(c, reflect.ValueOf(&in).Elem())
		switch {
		case err != nil:
			c.refuse(err)
			return
		case len(faults) > 0:
			if p.body != nil {
				c.caller.Rehearsal = true
				_, err = a.use(c.r.Context(), c.caller, in)
			}
			c.refuse(p.invalid(merge(faults, err), c.form))
			return
		}
		var kept *engine.Reply // what the engine stored under the idempotency key
		if c.caller.Idempotency != nil {
			c.caller.Encode = func(result any, err error) engine.Reply {
				reply := a.encode(c, result, err).reply()
				if _, secret := result.(engine.Secretive); err == nil && !secret {
					kept = &reply
				}
				return reply
			}
		}
		result, err := a.use(c.r.Context(), c.caller, in)
		switch {
		case err != nil:
			c.refuse(p.queried(err))
		case kept != nil:
			c.replay(*kept)
		default:
			c.send(a.answer(c, result))
		}
	}
}

// encode is Caller.Encode: the reply of a result or refusal, inside the transaction.
func (a *act[In, R]) encode(c *call, result any, err error) answer {
	if err != nil {
		return c.refusal(refusal(err))
	}
	r, ok := result.(R)
	if !ok && a.form.out != nil {
		panic(fmt.Sprintf("httpapi: %s answers %T where the row says %v", c.rt.pattern, result, reflect.TypeFor[R]()))
	}
	return a.answer(c, r)
}

// also names a second content type that the operation can answer with.
func also(kind string, o operation) operation { return alternate{o, kind} }

type alternate struct {
	operation
	kind string
}

func (a alternate) shape() shape {
	form := a.operation.shape()
	form.other = a.kind
	return form
}

// answer is a reply before it is sent.
type answer struct {
	status   int
	kind     string   // content type; "" = JSON
	policy   []string // Content-Security-Policy; nil = that of all replies
	location string
	etag     string
	body     []byte // lives until the call ends
}

// reply copies the answer for the engine, which keeps it.
func (a answer) reply() engine.Reply {
	r := engine.Reply{Status: a.status, Body: bytes.Clone(a.body)}
	if a.location != "" || a.etag != "" {
		r.Header = make(map[string]string, 2)
		if a.location != "" {
			r.Header["Location"] = a.location
		}
		if a.etag != "" {
			r.Header["Etag"] = a.etag
		}
	}
	return r
}

// What a wire struct may tell of itself beside its fields.
type (
	located  interface{ location() string }           // a 201 names it
	versed   interface{ ETagVersion() int64 }         // the ETag
	outcome  interface{ status() int }                // another status than the row's; 0 = the row's
	document interface{ document() (string, []byte) } // no JSON at all: content type and bytes, nil for JSON
	policed  interface{ policy() []string }           // a document that may do more than nothing
)

// resource encodes one wire struct.
func (c *call) resource(out any) answer {
	a := answer{status: c.rt.Status}
	if o, ok := out.(outcome); ok && o.status() != 0 {
		a.status = o.status()
	}
	if d, ok := out.(document); ok {
		if kind, body := d.document(); body != nil {
			a.kind, a.body = kind, body
			if p, ok := out.(policed); ok {
				a.policy = p.policy()
			}
			return a
		}
	}
	if v, ok := out.(versed); ok {
		a.etag = `"` + strconv.FormatInt(v.ETagVersion(), 10) + `"`
	}
	if l, ok := out.(located); ok && a.status == http.StatusCreated {
		a.location = Base + l.location()
	}
	a.body = c.encode(out, nil)
	return a
}

// page encodes a list.
func (c *call) page(items any, p Pagination) answer {
	return answer{status: c.rt.Status, body: c.encode(items, &p)}
}

// flatPage is how the flat form writes a list: its keys are the same words.
type flatPage struct {
	Data       any         `json:"data"`
	Pagination *Pagination `json:"pagination"`
}

// encode writes a result in the caller's form into the call's buffer.
func (c *call) encode(v any, p *Pagination) []byte {
	c.out.Reset()
	if c.form == flat {
		if p != nil {
			v = flatPage{v, p}
		}
		c.json(v)
		c.flat = engine.AppendFlat(c.flat[:0], c.out.Bytes())
		return c.flat
	}
	c.out.WriteString(`{"data":`)
	c.json(v)
	if p != nil {
		c.out.WriteString(`,"pagination":`)
		c.json(p)
	}
	c.out.WriteByte('}')
	return c.out.Bytes()
}

func (c *call) json(v any) {
	if s, ok := v.(interface{ appendJSON([]byte) []byte }); ok {
		c.out.Write(s.appendJSON(c.out.AvailableBuffer()))
		return
	}
	if c.enc == nil {
		c.enc = json.NewEncoder(&c.out)
		c.enc.SetEscapeHTML(false)
	}
	if err := c.enc.Encode(v); err != nil {
		panic(err) // our own structs: a bug
	}
	c.out.Truncate(c.out.Len() - 1) // the encoder's newline
}
