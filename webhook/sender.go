package webhook

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"

	"qualifybase/engine/fault"
	"qualifybase/engine/outbox"
)

// The limits of the dispatcher (webhooks.md "Tables and dispatcher").
const (
	DefaultInFlight = 16               // attempts under way in all
	pollEvery       = 30 * time.Second // looks at the outbox even if nobody nudged: the CLI writes too
	drainFor        = 8 * time.Second  // shutdown waits so long for attempts under way
	retryTurn       = time.Second      // after the database refused a turn

	mostClaimed = 256                    // claimed and not yet ended, in all, at the quickest
	mostAhead   = 32                     // the same, of one endpoint
	fullBatch   = 64                     // so many endings are settled at once at the latest
	lowWater    = 16                     // claimed ones left: time to settle and claim again
	linger      = 10 * time.Millisecond  // an ending waits so long for company while others are under way
	staleAfter  = 2 * time.Second        // a claimed delivery that waited longer for its turn is given back
	quick       = 100 * time.Millisecond // an endpoint that answers so may have more claimed ahead
	leaseSpare  = 13 * time.Second       // a lease outlasts the longest attempt by so much
)

// Opener opens sealed secrets; *secret.Sealer is one.
type Opener interface {
	Open(sealed []byte, owner string) (string, error)
}

// Config is what a Sender is made of; Outbox, Secrets and Policy are needed, New
// fills in the rest.
type Config struct {
	Outbox    Outbox
	Secrets   Opener
	Policy    *Policy
	Transport http.RoundTripper // default Policy.Transport
	Backoff   Backoff           // default DefaultBackoff
	InFlight  int               // default DefaultInFlight
	Timeout   time.Duration     // of one attempt in all; default AttemptTimeout
	Version   string            // in the User-Agent
	Log       *slog.Logger      // hears ids and classes only; default: discards
	Jitter    func() float64    // in [0,1); default random
}

// Sender sends what the outbox holds, at least once. One bad receiver harms nobody:
// it fills its own slots only.
type Sender struct {
	cfg   Config
	agent string
	nudge chan struct{}
	jobs  chan *job
	done  chan landing
	asks  chan outbox.Claim
	turns chan turn
	stats counters
}

// job is a claimed delivery on its way through the sender.
type job struct {
	outbox.Delivery
	end     *endpoint
	claimed time.Time
}

// landing is the end of an attempt.
type landing struct {
	end *endpoint
	outbox.Settlement
	cut bool // by the shutdown: the row stays sending, the next start takes it up
}

// New makes a Sender; Run starts it.
func New(c Config) *Sender {
	if c.Transport == nil {
		c.Transport = c.Policy.Transport(TransportOptions{})
	}
	if len(c.Backoff) == 0 {
		c.Backoff = DefaultBackoff
	}
	if c.InFlight <= 0 {
		c.InFlight = DefaultInFlight
	}
	if c.Timeout <= 0 {
		c.Timeout = AttemptTimeout
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Jitter == nil {
		c.Jitter = rand.Float64
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	return &Sender{
		cfg:   c,
		agent: "QualifyBase-Webhooks/" + c.Version,
		nudge: make(chan struct{}, 1),
		jobs:  make(chan *job, c.InFlight),
		done:  make(chan landing, c.InFlight),
		asks:  make(chan outbox.Claim, 1),
		turns: make(chan turn, 1),
	}
}

// Nudge tells that deliveries may have become due; it never blocks. The engine
// calls it after a commit.
func (s *Sender) Nudge() {
	select {
	case s.nudge <- struct{}{}:
	default:
	}
}

// Run sends until ctx ends, then claims no more, waits up to 8 s for what is under
// way and settles it. It may be called once.
func (s *Sender) Run(ctx context.Context) {
	if !s.reset(ctx) {
		return
	}
	// Attempts and bookkeeping outlive ctx: the drain decides when attempts are cut
	// off, and what was settled is always written.
	books := context.WithoutCancel(ctx)
	sending, cut := context.WithCancel(books)
	defer cut()
	for range s.cfg.InFlight {
		go s.work(sending)
	}
	go s.keepBooks(books)
	defer close(s.jobs)
	defer close(s.asks)
	d := newDispatcher(s)
	d.loop(ctx)
	d.drain(cut)
	if t, ok := s.cfg.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// reset takes back what the last process left under way; until that is done,
// nothing is claimed. It reports whether that is done: ctx may end first.
func (s *Sender) reset(ctx context.Context) bool {
	for ctx.Err() == nil {
		n, err := s.cfg.Outbox.Reset(ctx, time.Now().Unix())
		if err == nil {
			if n > 0 {
				s.cfg.Log.Info("webhook deliveries taken up again", "count", n)
			}
			return true
		}
		s.cfg.Log.Error("webhook outbox cannot be reset", "kind", fault.KindOf(err), "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(retryTurn):
		}
	}
	return false
}
