package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/julienschmidt/httprouter"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/httpapi/gate"
)

// call is one request on its way. The router hands it to the handlers of the route
// table as their http.ResponseWriter, so that they find it again. Calls are pooled:
// nothing of one may outlive it.
type call struct {
	gate.Request
	s      *Server
	form   form
	rt     *route // nil outside the route table
	params httprouter.Params
	caller act.Caller

	in   []byte       // the body
	out  bytes.Buffer // the reply
	flat []byte       // the reply in the flat form
	enc  *json.Encoder
}

var calls = sync.Pool{New: func() any { return new(call) }}

// keepBuffers is how large a pooled buffer may be.
const keepBuffers = 64 << 10

func (c *call) release() {
	if cap(c.in) > keepBuffers {
		c.in = nil
	}
	if cap(c.flat) > keepBuffers {
		c.flat = nil
	}
	if c.out.Cap() > keepBuffers {
		c.out, c.enc = bytes.Buffer{}, nil
	}
	c.Request, c.caller = gate.Request{}, act.Caller{}
	c.s, c.rt, c.params, c.form = nil, nil, nil, standardForm
	calls.Put(c)
}

// jsonType is shared by all replies; nobody appends to it.
var jsonType = []string{"application/json; charset=utf-8"}

// counted is the size up to which net/http works the Content-Length out itself.
const counted = 2000

// send writes an answer.
func (c *call) send(a answer) {
	h := c.Header()
	if a.etag != "" && a.status == http.StatusOK && !c.hasBody() && unchanged(c.R.Header["If-None-Match"], a.etag) {
		h["Etag"] = []string{a.etag}
		c.WriteHeader(http.StatusNotModified)
		return
	}
	if a.location != "" {
		h["Location"] = []string{a.location}
	}
	if a.etag != "" {
		h["Etag"] = []string{a.etag}
	}
	if len(a.body) > 0 {
		if a.kind == "" {
			h["Content-Type"] = jsonType
		} else {
			h["Content-Type"] = []string{a.kind}
		}
		if a.policy != nil {
			h["Content-Security-Policy"] = a.policy
		}
		if len(a.body) > counted {
			h["Content-Length"] = []string{strconv.Itoa(len(a.body))}
		}
	}
	c.WriteHeader(a.status)
	if len(a.body) > 0 {
		_, _ = c.W.Write(a.body) // a client that went away is no fault of ours
	}
}

// unchanged reports whether a client has the version already.
func unchanged(known []string, etag string) bool {
	for _, line := range known {
		for one := range strings.SplitSeq(line, ",") {
			if one = strings.TrimPrefix(strings.TrimSpace(one), "W/"); one == etag || one == "*" {
				return true
			}
		}
	}
	return false
}

// replay writes a stored reply: the same bytes.
func (c *call) replay(r act.Reply) {
	c.send(answer{status: r.Status, location: r.Header["Location"], etag: r.Header["Etag"], body: r.Body})
}

// Refuse writes what a use case or a step before it says no with.
func (c *call) Refuse(err error) {
	if replay, ok := errors.AsType[*act.Replay](err); ok {
		c.Header()["Idempotent-Replayed"] = []string{"true"}
		c.replay(replay.Reply)
		return
	}
	if c.R.Context().Err() != nil && fault.KindOf(err) == fault.Internal {
		c.Status = gate.StatusGone // nobody listens
		return
	}
	e := refusal(err)
	h := c.Header()
	switch e.Kind {
	case fault.InvalidKey, fault.InvalidToken, fault.Unauthenticated:
		h["Www-Authenticate"] = []string{"Bearer"}
		c.Cause = e.Err
	case fault.Internal:
		c.Cause = err
	}
	if e.RetryAfter > 0 {
		h["Retry-After"] = []string{strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10)}
	} else if e.Kind == fault.Busy || e.Kind == fault.ReadOnly {
		h["Retry-After"] = []string{"1"}
	}
	if e.Kind == fault.MethodNotAllowed && len(e.Allowed) > 0 {
		h["Allow"] = []string{strings.Join(e.Allowed, ", ")}
	}
	c.send(c.refusal(e))
}

func (c *call) refusal(e *fault.Error) answer {
	return answer{status: Status(e.Kind), body: faultBody(e, c.form, c.ID, c.s.names)}
}

// absent is the 404 of a path whose id cannot be one.
func (c *call) absent() error { return fault.Fail(fault.NotFound, "No such %s", noun(c.rt.Tag)) }

// noun is the singular of a resource's tag.
func noun(tag string) string {
	return strings.ToLower(strings.TrimSuffix(tag, "s"))
}

// hasBody reports whether the request is of a method that has one.
func (c *call) hasBody() bool {
	switch c.R.Method {
	case http.MethodPost, http.MethodPatch, http.MethodPut:
		return true
	}
	return false
}

// largeBody is the size from which on bodies are taken apart one at a time, once
// they are whole, and each after a collection: a MiB of JSON becomes many of
// values, and clients who send such bodies together must not fill the memory
// (proof.md R11). Four SOAP parts of full length stay below.
const largeBody = 400 << 10

// drain is how much of a body that is too large is still read, so that the client
// sees the 413 instead of a broken connection (contract.md §6).
const drain = 4 << 20

// readBody reads a JSON body of at most the limit.
func (c *call) readBody() ([]byte, error) {
	limit := c.s.o.MaxBody
	c.in = c.in[:0]
	if n := c.R.ContentLength; n > 0 && n <= limit && int64(cap(c.in)) < n+1 {
		c.in = make([]byte, 0, n+1)
	}
	var err error
	for err == nil && int64(len(c.in)) <= limit {
		if len(c.in) == cap(c.in) {
			c.in = append(c.in, 0)[:len(c.in)]
		}
		var n int
		n, err = c.R.Body.Read(c.in[len(c.in):min(int64(cap(c.in)), limit+1)])
		c.in = c.in[:len(c.in)+n]
	}
	switch {
	case int64(len(c.in)) > limit:
		if n, _ := io.CopyN(io.Discard, c.R.Body, drain-int64(len(c.in))); n == drain-int64(len(c.in)) {
			c.Header()["Connection"] = []string{"close"}
		}
		return nil, fault.Fail(fault.TooLarge, "The body is larger than %d KiB", limit>>10)
	case err != io.EOF:
		return nil, fault.Fail(fault.InvalidJSON, "The body ended too early")
	case len(c.in) > 0 && !isJSON(c.R.Header["Content-Type"]) || len(c.R.Header["Content-Encoding"]) > 0:
		return nil, fault.Fail(fault.UnsupportedMedia,
			"Send the body as Content-Type: application/json, not compressed")
	}
	return c.in, nil
}

// isJSON reports whether a body may be JSON: said so, or nothing said.
func isJSON(header []string) bool {
	if len(header) == 0 || header[0] == "application/json" {
		return true
	}
	kind, _, _ := strings.Cut(header[0], ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	return kind == "application/json" || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")
}

// idempotency reads the Idempotency-Key of a POST or PATCH into the caller.
func (c *call) idempotency(body any) error {
	header := c.R.Header["Idempotency-Key"]
	if len(header) == 0 || c.R.Method != http.MethodPost && c.R.Method != http.MethodPatch {
		return nil
	}
	key := header[0]
	if len(key) > 1 && key[0] == '"' && key[len(key)-1] == '"' {
		key = key[1 : len(key)-1]
	}
	ok := len(header) == 1 && len(key) >= 1 && len(key) <= 255
	for i := 0; ok && i < len(key); i++ {
		ok = key[i] > ' ' && key[i] < 0x7f
	}
	if !ok {
		return fault.Fail(fault.InvalidIdempotencyKey,
			"The Idempotency-Key must be 1 to 255 visible ASCII characters, like a UUID")
	}
	text := make([]byte, 0, 512)
	text = append(text, c.R.Method...)
	text = append(append(text, 0), c.R.URL.EscapedPath()...)
	text = append(append(text, 0), c.R.URL.RawQuery...)
	text = appendCanonical(append(text, 0), body)
	sum := sha256.Sum256(text)
	c.caller.Idempotency = &act.Idempotency{Key: key, Fingerprint: hex.EncodeToString(sum[:])}
	return nil
}
