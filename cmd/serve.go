package cmd

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"qualifybase/cmd/config"
	"qualifybase/cmd/upkeep"
	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
	"qualifybase/store"
)

type serveOptions struct {
	*global
	flags []config.Flag
}

func newServeCommand(g *global) *cobra.Command {
	o := serveOptions{global: g}
	var listen string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the API",
		Long: `Run the API on the data directory. One line on standard output tells the address
when requests are answered; the log goes to standard error.

A missing or empty data directory is initialised with the defaults of 'qb init'.
A second 'qb serve' on the same directory is refused with exit code 4. SIGTERM
and Ctrl-C stop accepting, finish what is in flight (server.shutdown_timeout)
and exit with 0; a second Ctrl-C does not wait.

Plain http is answered on loopback only. For other machines set [tls] domain
(certificates by ACME) or cert and key, or put a proxy in front and name it in
server.trusted_proxies; server.allow_http = true is for a network you trust.`,
		Example: `  qb serve
  qb serve --listen 127.0.0.1:0     any free port; read it from the first line
  QB_LOG_FORMAT=json qb --data /var/lib/qb serve`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if c.Flags().Changed("listen") {
				o.flags = append(o.flags, config.Flag{Key: "server.listen", Name: "listen", Value: listen})
			}
			return runServe(c.Context(), streams(c), o)
		},
	}
	c.Flags().StringVar(&listen, "listen", "",
		"`HOST:PORT` of the API (default server.listen of the configuration, 127.0.0.1:8080)")
	return c
}

func runServe(ctx context.Context, s stdio, o serveOptions) (err error) {
	d, l, err := o.configured(o.flags...)
	if err != nil {
		return err
	}
	if err := d.Make(); err != nil {
		return err
	}
	lock, err := d.Lock("serve")
	if err != nil {
		return err
	}
	defer lock.Release()
	// Before the database: a taken port must not leave a new data directory behind.
	listen, err := net.Listen("tcp", l.Server.Listen)
	if err != nil {
		return fmt.Errorf("server.listen: %w; choose another address with --listen", err)
	}
	defer listen.Close()
	log := newLog(s.err, l.Log)
	st, err := o.openStoreOrCreate(ctx, s, d, l, log)
	if err != nil {
		return err
	}
	defer func() {
		if e := st.Close(); err == nil {
			err = e
		}
	}()
	srv, err := newServer(l, st, log)
	if err != nil {
		return err
	}
	if srv.scheduler, err = d.NewBackupScheduler(l, log); err != nil {
		return err
	}
	warnOfPlainHTTP(l, log)
	// From the first signal on, a second one ends the process at once.
	context.AfterFunc(ctx, func() { signal.Reset(os.Interrupt, syscall.SIGTERM) })
	return srv.run(ctx, listen, func(url string) { fmt.Fprintf(s.out, "listening on %s\n", url) })
}

// openStoreOrCreate opens the database of the locked data directory and, where there is
// none, makes the clinic that `qb init` would.
func (o *serveOptions) openStoreOrCreate(
	ctx context.Context, s stdio, d upkeep.Dir, l *config.Loaded, log *slog.Logger,
) (*store.Store, error) {
	if err := d.NeedNotLost(); err != nil {
		return nil, err
	}
	st, err := d.OpenOrMake(l.Database, log)
	if err != nil {
		return nil, err
	}
	e := engine.New(st, engine.Options{})
	if _, err = e.OldestClinic(ctx, act.Shell(0, "serve")); fault.KindOf(err) == fault.NotFound {
		var f clinicOptions
		for _, a := range f.assume(o.env) {
			fmt.Fprintf(s.err, "assumed %s\n", a)
		}
		var clinic directory.Clinic
		if clinic, err = f.createClinic(ctx, e, "serve"); err == nil {
			fmt.Fprintf(s.err, "%s had no clinic: made %q (%s), %s, open %s\n", o.data, clinic.Name, clinic.Slug,
				clinic.TimeZone, f.hours)
			err = o.writeConfig(d)
		}
	}
	if err != nil {
		_ = st.Close()
		return nil, err
	}
	return st, nil
}

// warnOfPlainHTTP tells what other machines will hear on a plain address.
func warnOfPlainHTTP(l *config.Loaded, log *slog.Logger) {
	if l.TLS.Domain != "" || l.TLS.Cert != "" || l.Server.AllowHTTP || len(l.Server.TrustedProxies) > 0 {
		return
	}
	host, _, _ := net.SplitHostPort(l.Server.Listen)
	if ip, err := netip.ParseAddr(host); host == "localhost" || err == nil && ip.IsLoopback() {
		return
	}
	log.Warn("other machines are answered 403 HTTPS_REQUIRED: set [tls], server.trusted_proxies or server.allow_http",
		"listen", l.Server.Listen)
}
