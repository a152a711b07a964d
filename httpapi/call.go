package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/julienschmidt/httprouter"

	"qualifybase/engine"
)

// call is one request on its way. It is the http.ResponseWriter that the router
// sees, so that the handlers of the route table find it again. Calls are pooled:
// nothing of one may outlive it.
type call struct {
	s       *Server
	w       http.ResponseWriter
	r       *http.Request
	started time.Time
	form    form
	rt      *route // nil outside the route table
	params  httprouter.Params
	id      string // request id
	ip      string // of the client, behind trusted proxies
	secure  bool   // the client speaks https
	caller  engine.Caller
	label   string // key prefix or user id, for the log
	status  int    // sent; 0 = nothing yet
	cause   error  // of a 500 or a 401, for the log

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
	c.s, c.w, c.r, c.rt, c.params, c.cause = nil, nil, nil, nil, nil, nil
	c.form, c.id, c.ip, c.label, c.secure, c.status = standard, "", "", "", false, 0
	c.caller = engine.Caller{}
	calls.Put(c)
}

// Header, Write and WriteHeader make the call a ResponseWriter; Unwrap serves http.ResponseController.
func (c *call) Header() http.Header { return c.w.Header() }

func (c *call) Write(b []byte) (int, error) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	return c.w.Write(b)
}

// WriteHeader notes the status for the log.
func (c *call) WriteHeader(status int) {
	if c.status == 0 {
		c.status = status
	}
	c.w.WriteHeader(status)
}

// Unwrap gives the connection's own writer.
func (c *call) Unwrap() http.ResponseWriter { return c.w }

// jsonType is shared by all replies; nobody appends to it.
var jsonType = []string{"application/json; charset=utf-8"}

// counted is the size up to which net/http works the Content-Length out itself.
const counted = 2000

// send writes an answer.
func (c *call) send(a answer) {
	h := c.w.Header()
	if a.etag != "" && a.status == http.StatusOK && !c.hasBody() && unchanged(c.r.Header["If-None-Match"], a.etag) {
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
		_, _ = c.w.Write(a.body) // a client that went away is no fault of ours
	}
}

// unchanged tells whether a client has the version already.
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
func (c *call) replay(r engine.Reply) {
	c.send(answer{status: r.Status, location: r.Header["Location"], etag: r.Header["Etag"], body: r.Body})
}

// refuse writes what a use case or a step before it says no with.
func (c *call) refuse(err error) {
	if replay, ok := errors.AsType[*engine.Replay](err); ok {
		c.w.Header()["Idempotent-Replayed"] = []string{"true"}
		c.replay(replay.Reply)
		return
	}
	if c.r.Context().Err() != nil && engine.KindOf(err) == engine.Internal {
		c.status = statusGone // nobody listens
		return
	}
	e := refusal(err)
	h := c.w.Header()
	switch e.Kind {
	case engine.InvalidKey, engine.InvalidToken, engine.Unauthenticated:
		h["Www-Authenticate"] = []string{"Bearer"}
		c.cause = e.Err
	case engine.Internal:
		c.cause = err
	}
	if e.RetryAfter > 0 {
		h["Retry-After"] = []string{strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10)}
	} else if e.Kind == engine.Busy || e.Kind == engine.ReadOnly {
		h["Retry-After"] = []string{"1"}
	}
	if e.Kind == engine.MethodNotAllowed && len(e.Allowed) > 0 {
		h["Allow"] = []string{strings.Join(e.Allowed, ", ")}
	}
	c.send(c.refusal(e))
}

// statusGone stands in the log for a client that hung up.
const statusGone = 499

func (c *call) refusal(e *engine.Error) answer {
	return answer{status: Status(e.Kind), body: faultBody(e, c.form, c.id, c.s.names)}
}

// absent is the 404 of a path whose id cannot be one.
func (c *call) absent() error { return engine.Fail(engine.NotFound, "No such %s", noun(c.rt.Tag)) }

// noun is the singular of a resource's tag.
func noun(tag string) string {
	return strings.ToLower(strings.TrimSuffix(tag, "s"))
}

func (c *call) hasBody() bool {
	switch c.r.Method {
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
	if n := c.r.ContentLength; n > 0 && n <= limit && int64(cap(c.in)) < n+1 {
		c.in = make([]byte, 0, n+1)
	}
	var err error
	for err == nil && int64(len(c.in)) <= limit {
		if len(c.in) == cap(c.in) {
			c.in = append(c.in, 0)[:len(c.in)]
		}
		var n int
		n, err = c.r.Body.Read(c.in[len(c.in):min(int64(cap(c.in)), limit+1)])
		c.in = c.in[:len(c.in)+n]
	}
	switch {
	case int64(len(c.in)) > limit:
		if n, _ := io.CopyN(io.Discard, c.r.Body, drain-int64(len(c.in))); n == drain-int64(len(c.in)) {
			c.w.Header()["Connection"] = []string{"close"}
		}
		return nil, engine.Fail(engine.TooLarge, "The body is larger than %d KiB", limit>>10)
	case err != io.EOF:
		return nil, engine.Fail(engine.InvalidJSON, "The body ended too early")
	case len(c.in) > 0 && !isJSON(c.r.Header["Content-Type"]) || len(c.r.Header["Content-Encoding"]) > 0:
		return nil, engine.Fail(engine.UnsupportedMedia, "Send the body as Content-Type: application/json, not compressed")
	}
	return c.in, nil
}

// isJSON tells whether a body may be JSON: said so, or nothing said.
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
	header := c.r.Header["Idempotency-Key"]
	if len(header) == 0 || c.r.Method != http.MethodPost && c.r.Method != http.MethodPatch {
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
		return engine.Fail(engine.InvalidIdempotencyKey, "The Idempotency-Key must be 1 to 255 visible ASCII characters, like a UUID")
	}
	text := make([]byte, 0, 512)
	text = append(text, c.r.Method...)
	text = append(append(text, 0), c.r.URL.EscapedPath()...)
	text = append(append(text, 0), c.r.URL.RawQuery...)
	text = appendCanonical(append(text, 0), body)
	sum := sha256.Sum256(text)
	c.caller.Idempotency = &engine.Idempotency{Key: key, Fingerprint: hex.EncodeToString(sum[:])}
	return nil
}

// log writes the access line: the route's pattern, never the path or the query,
// which may hold ids, names or a key sent where it should not be.
func (c *call) log(took time.Duration) {
	level, ctx, to := slog.LevelInfo, context.Background(), c.s.o.Log.Handler()
	if c.cause != nil && c.status >= 500 {
		level = slog.LevelError
	}
	if !to.Enabled(ctx, level) {
		return
	}
	pattern := "-"
	if c.rt != nil {
		pattern = c.rt.pattern
	}
	line := slog.NewRecord(time.Now(), level, "request", 0) // no line number: finding it out would cost more than the rest
	line.AddAttrs(slog.String("method", method(c.r.Method)), slog.String("route", pattern), slog.Int("status", c.status),
		slog.Float64("ms", float64(took.Microseconds())/1000), slog.String("request_id", c.id), slog.String("ip", c.ip))
	if c.label != "" {
		line.AddAttrs(slog.String("key", c.label))
	}
	if c.cause != nil {
		line.AddAttrs(slog.String("cause", c.cause.Error()))
	}
	_ = to.Handle(ctx, line) // as slog.Logger does: a log that cannot be written stops nobody
}

// method is the request's method as the log may show it: a made-up one is free text.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}
