package bench

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/julienschmidt/httprouter"

	"qualifybase/engine"
	"qualifybase/engine/secret"
	"qualifybase/store"
	"qualifybase/webhook"
)

// The kinds of servers; KindGroup is what a caller gets who names none.
const (
	KindGroup  = "group"  // as `qb serve` runs: group commit, synchronous FULL
	kindNormal = "normal" // the same with synchronous NORMAL, which a power cut may cost bookings
	kindSingle = "single" // the same handlers with one transaction for each booking
	kindHooked = "hooked" // as group, with the webhook sender beside it
	kindBare   = "bare"   // httprouter and a fixed JSON reply of 600 bytes: the ceiling
)

// Handler makes the API on an engine.
type Handler func(*engine.Engine) (http.Handler, error)

// Serve runs one of the servers that are measured, a child process of its own so
// that load and server share no heap and no scheduler. It writes its address to out
// and serves the database of a directory until in ends.
func Serve(dir, schema, kind string, api Handler, in io.Reader, out io.Writer) error {
	handler := http.Handler(bareHandler())
	if kind != kindBare {
		opening := store.Options{NoGroup: kind == kindSingle}
		if kind == kindNormal {
			opening.Synchronous = "NORMAL"
		}
		st, err := store.Open(filepath.Join(dir, dbFile), schema, opening)
		if err != nil {
			return err
		}
		defer st.Close()
		options := engine.Options{}
		if kind == kindHooked {
			stop, err := startSender(dir, st, &options)
			if err != nil {
				return err
			}
			defer stop()
		}
		if handler, err = api(engine.New(st, options)); err != nil {
			return err
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler} // #nosec G112 -- on loopback, for the bench's own clients
	go func() { _ = server.Serve(l) }()
	fmt.Fprintln(out, l.Addr())
	_, err = io.Copy(io.Discard, in)
	_ = server.Close()
	return err
}

// startSender starts a webhook sender that reaches loopback; stop ends it.
func startSender(dir string, st *store.Store, e *engine.Options) (stop func(), err error) {
	policy, err := webhook.NewPolicy([]string{"127.0.0.1/32"})
	if err != nil {
		return nil, err
	}
	if e.Sealer, err = secret.OpenSealer(dir); err != nil {
		return nil, err
	}
	sender := webhook.New(webhook.Config{Outbox: engine.New(st, engine.Options{}), Secrets: e.Sealer, Policy: policy})
	e.CheckURL, e.Nudge = policy.CheckURL, sender.Nudge
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); sender.Run(ctx) }()
	return func() { cancel(); <-ended }, nil
}

// bareHandler is the least that a Go server with a router can do for a reply of
// the usual size: what availability and single reads are held against.
func bareHandler() http.Handler {
	const slot = `{"scheduled_at":"2027-04-26T07:00:00Z","ends_at":"2027-04-26T07:30:00Z","provider_id":1},`
	body := []byte(`{"data":[` + strings.Repeat(slot, 7))
	body = append(body[:597], "]}\n"...)
	r := httprouter.New()
	r.GET("/api/v1/bare", func(w http.ResponseWriter, _ *http.Request, _ httprouter.Params) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	})
	return r
}
