package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"qualifybase/cmd/config"
	"qualifybase/cmd/upkeep"
	"qualifybase/engine"
	"qualifybase/httpapi"
	"qualifybase/httpapi/record"
	"qualifybase/httpapi/wire"
	"qualifybase/store"
	"qualifybase/webhook"
)

// server is everything that runs while qb serves: the API on its listener, the
// listeners beside it, and the tasks in the background.
type server struct {
	l         *config.Loaded
	log       *slog.Logger
	store     *store.Store
	engine    *engine.Engine
	api       *httpapi.Server
	policy    *webhook.Policy
	sender    *webhook.Sender
	scheduler *upkeep.BackupScheduler // nil where nobody makes backups: the demo
	began     time.Time
	proven    atomic.Int64 // when a write last went well for ready; Unix nanoseconds
}

// newServer puts the faces on an open database.
func newServer(l *config.Loaded, st *store.Store, log *slog.Logger) (*server, error) {
	s := &server{l: l, log: log, store: st, began: time.Now()}
	options := engineOptions(l, log, nil)
	options.Erased = upkeep.RecordErasure(filepath.Dir(st.Path()), l.Backup, log)
	err := s.startEngine(options)
	if err != nil {
		return nil, err
	}
	o := apiOptions(l)
	o.Log, o.Ready, o.Checks = log, s.ready, s.checks
	s.api, err = newAPI(s.engine, o)
	return s, err
}

// newAPI is the API with the rows of every package. A new domain has a line here.
func newAPI(e *engine.Engine, o httpapi.Options) (*httpapi.Server, error) {
	o.More = []httpapi.Group{
		record.Rows(e),
	}
	return httpapi.New(e, o)
}

// apiOptions are the operator's choices for the API.
func apiOptions(l *config.Loaded) httpapi.Options {
	o := httpapi.Options{
		Version: buildInfo().Version, PublicURL: strings.TrimSuffix(l.Server.PublicURL, "/"),
		AllowHTTP: l.Server.AllowHTTP, FailuresPerMinute: l.Auth.FailedPerMinute,
		JWT: httpapi.JWT{Secret: []byte(l.Auth.JWTSecret.Reveal()), Issuer: l.Auth.JWTIssuer, Audience: l.Auth.JWTAudience,
			TTL: time.Duration(l.Auth.SessionTTL)},
	}
	for _, text := range l.Server.TrustedProxies {
		o.Proxies = append(o.Proxies, netip.MustParsePrefix(text).Masked()) // as checked by the configuration
	}
	return o
}

// provenFor is how long a write that went well answers /readyz, so that asking
// often costs no disk writes.
const provenFor = 3 * time.Second

// ready is what /readyz asks: can the database be written now? It writes, since
// an empty transaction goes well on a full disk, too.
func (s *server) ready() error {
	if err := s.store.Failed(); err != nil {
		return err
	}
	now := time.Now().UnixNano()
	if at := s.proven.Load(); at != 0 && now-at < int64(provenFor) && now >= at {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := s.store.Probe(ctx)
	if err == nil {
		s.proven.Store(now)
	}
	return err
}

// checks are the details of /readyz.
func (s *server) checks() []httpapi.Check {
	if s.scheduler == nil {
		return nil
	}
	return mapList(s.scheduler.Status(), func(x upkeep.Status) httpapi.Check {
		c := httpapi.Check{Name: x.Task, Status: x.Level, Why: x.Why}
		if !x.At.IsZero() {
			c.At = new(wire.Instant(x.At.Unix()))
		}
		return c
	})
}

// tasks run in the background until their ctx ends, which is after the last
// request was answered and before the database is closed.
func (s *server) tasks() []func(context.Context) {
	tasks := []func(context.Context){
		func(ctx context.Context) { upkeep.Housekeeping(ctx, s.engine, s.log) },
		s.watchdog,
	}
	if s.scheduler != nil {
		tasks = append(tasks, s.scheduler.Run)
	}
	return tasks
}

// run serves on l until ctx ends, then stops accepting, finishes what is in
// flight within server.shutdown_timeout, and ends the tasks. announce hears the
// address once, when requests are answered.
func (s *server) run(ctx context.Context, l net.Listener, announce func(url string)) error {
	front, err := s.listeners()
	if err != nil {
		return err
	}
	s.setOwnAddresses(l)
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	// The sender stops claiming with the first signal and has its eight seconds
	// while requests finish; what they still publish waits for the next start.
	sending, stopSending := context.WithCancel(ctx)
	var wait sync.WaitGroup
	wait.Go(func() { s.sender.Run(sending) })
	for _, task := range s.tasks() {
		wait.Go(func() { upkeep.Supervise(work, s.log, task) })
	}
	defer func() {
		stopSending()
		stop()
		wait.Wait()
	}()
	url := front[0].url(l.Addr()) // before it serves: that gives every http.Server a TLSConfig
	failed := make(chan error, len(front))
	listeners := []net.Listener{l}
	for i, f := range front {
		on := l
		if i > 0 {
			if on, err = net.Listen("tcp", f.Addr); err != nil {
				s.stop(front[:i])
				return fmt.Errorf("listen on %s: %w", f.Addr, err)
			}
			listeners = append(listeners, on)
		}
		go func() { failed <- f.serve(on) }()
	}
	s.setOwnAddresses(listeners...)
	announce(url)
	s.notifySystemd(daemon.SdNotifyReady)
	select {
	case err = <-failed: // never without a cause: nobody asked it to end
	case <-ctx.Done():
		s.log.Info("shutting down")
		s.notifySystemd(daemon.SdNotifyStopping)
	}
	s.stop(front)
	return err
}

// stop ends the listeners. Requests that outlast the time are cut off, which is
// told in the log and is no failure: nothing acknowledged is lost by it.
func (s *server) stop(front []*listener) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(s.l.Server.ShutdownTimeout))
	defer cancel()
	var wait sync.WaitGroup
	for _, f := range front {
		wait.Go(func() {
			if err := f.Shutdown(ctx); err != nil {
				s.log.Warn("requests in flight were cut off", "listener", f.Addr)
				_ = f.Close()
			}
		})
	}
	wait.Wait()
}

// listener is one HTTP server of the process.
type listener struct {
	http.Server
	secure bool   // net/http fills TLSConfig by itself, so that nil tells nothing
	domain string // the name of its ACME certificate
}

// listeners is the API's server first, then those that belong to it.
func (s *server) listeners() ([]*listener, error) {
	api := s.listener(s.withMetrics(s.api))
	more := s.metricsListener()
	if s.l.TLS.Domain != "" {
		return append(s.acme(api), more...), nil
	}
	if s.l.TLS.Cert != "" {
		if err := s.certificate(api); err != nil {
			return nil, err
		}
	}
	return append([]*listener{api}, more...), nil
}

// listener is an HTTP server with the configured time-outs.
func (s *server) listener(h http.Handler) *listener {
	o := s.l.Server
	return &listener{Server: http.Server{
		Handler:           h,
		ReadHeaderTimeout: time.Duration(o.ReadHeaderTimeout), ReadTimeout: time.Duration(o.ReadTimeout),
		WriteTimeout: time.Duration(o.WriteTimeout), IdleTimeout: time.Duration(o.IdleTimeout),
		// Far above httpapi's own limit, so that what is too long hears so in the API's words.
		MaxHeaderBytes: 256 << 10,
		// Handshakes that fail are the clients' affair, and scanners cause many.
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}}
}

func (f *listener) serve(l net.Listener) (err error) {
	if f.secure {
		err = f.ServeTLS(l, "", "")
	} else {
		err = f.Serve(l)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// url is the address to call the listener by.
func (f *listener) url(a net.Addr) string {
	scheme := "http"
	if f.secure {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(a.String())
	if ip, e := netip.ParseAddr(host); err != nil || e == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	if f.domain != "" {
		host = f.domain
	}
	if scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		return scheme + "://" + host
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// newLog is the server's log, as configured.
func newLog(w io.Writer, c config.Log) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // as checked by the configuration
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
