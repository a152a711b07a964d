package cmd

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/julienschmidt/httprouter"
	"github.com/spf13/cobra"

	"qualifybase/engine"
	"qualifybase/httpapi"
	"qualifybase/store"
	"qualifybase/webhook"
)

// benchServe is one of the servers that `qb bench` starts as child processes, so
// that load and server share no heap and no scheduler.
type benchServe struct {
	*global
	kind string
}

// The kinds of servers.
const (
	kindGroup  = "group"  // as `qb serve` runs: group commit, synchronous FULL
	kindNormal = "normal" // the same with synchronous NORMAL, which a power cut may cost bookings
	kindSingle = "single" // the same handlers with one transaction for each booking
	kindHooked = "hooked" // as group, with the webhook sender beside it
	kindBare   = "bare"   // httprouter and a fixed JSON reply of 600 bytes: the ceiling
)

func newBenchServeCommand(g *global) *cobra.Command {
	o := benchServe{global: g}
	c := &cobra.Command{
		Use: "serve", Short: "One server under test, until its standard input ends", Hidden: true, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runBenchServe(c.Context(), streams(c), o) },
	}
	c.Flags().StringVar(&o.kind, "kind", kindGroup, "group, normal, single, hooked or bare")
	return c
}

// runBenchServe prints its address and serves until standard input is closed.
func runBenchServe(_ context.Context, s stdio, o benchServe) error {
	handler := http.Handler(bareHandler())
	if o.kind != kindBare {
		schema, err := o.schema()
		if err != nil {
			return err
		}
		opening := store.Options{NoGroup: o.kind == kindSingle}
		if o.kind == kindNormal {
			opening.Synchronous = "NORMAL"
		}
		st, err := store.Open(filepath.Join(o.data, dbFile), schema, opening)
		if err != nil {
			return err
		}
		defer st.Close()
		options := engine.Options{}
		if o.kind == kindHooked {
			stop, err := o.send(st, &options)
			if err != nil {
				return err
			}
			defer stop()
		}
		if handler, err = newAPI(engine.New(st, options), httpapi.Options{}); err != nil {
			return err
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler} // #nosec G112 -- on loopback, for the bench's own clients
	go func() { _ = server.Serve(l) }()
	fmt.Fprintln(s.out, l.Addr())
	_, err = io.Copy(io.Discard, s.in)
	_ = server.Close()
	return err
}

// send starts a webhook sender that reaches loopback; stop ends it.
func (o *benchServe) send(st *store.Store, e *engine.Options) (stop func(), err error) {
	policy, err := webhook.NewPolicy([]string{"127.0.0.1/32"})
	if err != nil {
		return nil, err
	}
	if e.Sealer, err = engine.OpenSealer(o.data); err != nil {
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
	body := []byte(`{"data":[` + strings.Repeat(`{"scheduled_at":"2027-04-26T07:00:00Z","ends_at":"2027-04-26T07:30:00Z","provider_id":1},`, 7))
	body = append(body[:597], "]}\n"...)
	r := httprouter.New()
	r.GET("/api/v1/bare", func(w http.ResponseWriter, _ *http.Request, _ httprouter.Params) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	})
	return r
}
