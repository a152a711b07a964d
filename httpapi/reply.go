package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"

	"qualifybase/engine/act"
	"qualifybase/engine/flat"
)

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
func (a answer) reply() act.Reply {
	r := act.Reply{Status: a.status, Body: bytes.Clone(a.body)}
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
	// Located names the path of the resource below Base: a 201 has it as Location.
	Located interface{ Location() string }

	// Versioned has the version that makes the ETag.
	Versioned interface{ ETagVersion() int64 }

	// WithStatus has another status than the row's; 0 = the row's.
	WithStatus interface{ HTTPStatus() int }

	// Rendered is no JSON at all: a content type and bytes, nil for JSON after all.
	Rendered interface {
		Render() (contentType string, body []byte)
	}

	// WithPolicy is Rendered, and has a Content-Security-Policy which allows more than
	// that of all other replies: nothing. The slice is shared and must not change.
	WithPolicy interface{ ContentSecurityPolicy() []string }

	// JSONAppender writes its own JSON, faster than encoding/json does.
	JSONAppender interface{ AppendJSON(b []byte) []byte }
)

// resource encodes one wire struct.
func (c *call) resource(out any) answer {
	a := answer{status: c.rt.Status}
	if o, ok := out.(WithStatus); ok && o.HTTPStatus() != 0 {
		a.status = o.HTTPStatus()
	}
	if d, ok := out.(Rendered); ok {
		if kind, body := d.Render(); body != nil {
			a.kind, a.body = kind, body
			if p, ok := out.(WithPolicy); ok {
				a.policy = p.ContentSecurityPolicy()
			}
			return a
		}
	}
	if v, ok := out.(Versioned); ok {
		a.etag = `"` + strconv.FormatInt(v.ETagVersion(), 10) + `"`
	}
	if l, ok := out.(Located); ok && a.status == http.StatusCreated {
		a.location = Base + l.Location()
	}
	a.body = c.encode(out, nil)
	return a
}

// Pagination stands beside the data of a list.
type Pagination struct {
	NextCursor *string `json:"next_cursor" doc:"Send it as cursor to go on; null at the end"`
	HasMore    bool    `json:"has_more"`
	TotalCount *int64  `json:"total_count" doc:"null where the list is computed"`
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
	if c.form == flatForm {
		if p != nil {
			v = flatPage{v, p}
		}
		c.json(v)
		c.flat = flat.Append(c.flat[:0], c.out.Bytes())
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
	if s, ok := v.(JSONAppender); ok {
		c.out.Write(s.AppendJSON(c.out.AvailableBuffer()))
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
