// Package gate is what every face on HTTP leads a request through, whatever it
// shows: the client's address behind trusted proxies, https, the request id, the
// panic guard, the access log, and rates. It knows no route, no credential and no
// JSON; a face writes refusals in its own form.
package gate

import (
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"sync/atomic"
	"time"

	"qualifybase/engine/fault"
	"qualifybase/engine/panics"
	"qualifybase/engine/uuid"
)

// Options are the operator's choices.
type Options struct {
	AllowHTTP bool           // plain http from other machines: a LAN
	Proxies   []netip.Prefix // whose X-Forwarded-For and X-Forwarded-Proto count
	Log       *slog.Logger   // hears the access lines and panics; default: discards
}

// Gate is the way into a face. It is safe for concurrent use.
type Gate struct {
	o        Options
	inFlight atomic.Int64
}

// New makes a gate.
func New(o Options) *Gate {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Gate{o: o}
}

// Face writes refusals in its own form.
type Face interface {
	// Refuse answers the request with what err says, and with nothing about an
	// internal fault, whose text stays in the log.
	Refuse(err error)
}

// InFlight is how many requests have entered and not yet left.
func (g *Gate) InFlight() int64 { return g.inFlight.Load() }

// MaxHeaders bounds the names and values of a request's headers, in bytes. net/http
// would refuse them outside of a face's form; its own limit must be the larger one.
const MaxHeaders = 64 << 10

// The headers that every reply carries; their slices are shared and never changed.
var (
	noSniff = []string{"nosniff"}
	hsts    = []string{"max-age=31536000"}
)

// Enter begins a request: it gives q its id and the client's address, and the reply
// the headers that all faces send. An error is for the face to refuse with. Leave
// must follow, also after an error or a panic.
func (g *Gate) Enter(q *Request, w http.ResponseWriter, r *http.Request) error {
	q.W, q.R, q.Started = w, r, time.Now()
	q.ID = uuid.New(q.Started)
	g.inFlight.Add(1)
	h := w.Header()
	h["X-Request-Id"] = []string{q.ID}
	h["X-Content-Type-Options"] = noSniff
	g.findClient(q)
	if q.Secure {
		h["Strict-Transport-Security"] = hsts
	}
	if headersSize(r.Header) > MaxHeaders {
		return fault.Fail(fault.TooLarge, "The headers are larger than %d KiB", MaxHeaders>>10)
	}
	return nil
}

func headersSize(h http.Header) (n int) {
	for name, values := range h {
		for _, v := range values {
			n += len(name) + len(": \r\n") + len(v)
		}
	}
	return n
}

// Leave ends a request, and tells how long it took. p is what recover gave, which
// only the deferred function itself may call:
//
//	defer func() { g.Leave(q, recover(), face) }()
//
// A panic is logged and refused as an internal fault, unless it is
// http.ErrAbortHandler, which goes on.
func (g *Gate) Leave(q *Request, p any, f Face) (took time.Duration) {
	defer g.inFlight.Add(-1)
	if p != nil {
		if p == http.ErrAbortHandler {
			panic(p)
		}
		g.o.Log.Error("panic", "request_id", q.ID, "what", panics.Describe(p), "stack", string(debug.Stack()))
		if q.Status == 0 {
			f.Refuse(fault.Fail(fault.Internal, "panic"))
		}
	}
	took = time.Since(q.Started)
	g.log(q, took)
	return took
}
