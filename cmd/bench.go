package cmd

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"strings"

	"qualifybase/cmd/bench"
	"qualifybase/engine"
	"qualifybase/httpapi"

	"github.com/spf13/cobra"
)

type benchCommand struct {
	*global
	options bench.Options
	json    bool
}

func newBenchCommand(g *global) *cobra.Command {
	o := benchCommand{global: g}
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure what this machine does, beside limits of the same run",
		Long: `Measure what this machine does with qb: bookings and availability over HTTP on
loopback, each beside its limit or peer, in rounds that take turns. It works in a
temporary directory, sends nothing anywhere else, and ends by itself.

Ratios can be compared between machines; absolute figures say what this one does.
A booking is durable: its reply comes after the disk's. To see what a slow disk
does, run it with TMPDIR on a tmpfs under
  strace -f --seccomp-bpf -qq -o /dev/null -e trace=fsync,fdatasync \
    -e inject=fsync,fdatasync:delay_exit=1000 qb bench --only bookings`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runBench(c.Context(), streams(c), o) },
	}
	c.Flags().Float64Var(&o.options.Seconds, "seconds", 2, "how long each load lasts in a round")
	c.Flags().IntVar(&o.options.Rounds, "rounds", 5, "rounds that take turns")
	c.Flags().IntVar(&o.options.Connections, "connections", 64, "connections of a full load")
	c.Flags().IntVar(&o.options.Appointments, "appointments", 100_000, "booked appointments in the large clinic")
	c.Flags().StringSliceVar(&o.options.Only, "only", nil, "parts to measure: "+strings.Join(bench.Parts, ", ")+
		"; default all")
	jsonFlag(c, &o.json)
	c.AddCommand(newBenchServeCommand(g))
	return c
}

func runBench(ctx context.Context, s stdio, o benchCommand) error {
	if err := o.options.Check(); err != nil {
		return usageError("%w", err)
	}
	d, err := o.dir()
	if err != nil {
		return err
	}
	o.options.Schema = d.Schema
	self, err := exec.LookPath(os.Args[0]) // not os.Executable: a test's qb is known by its name
	if err != nil {
		return err
	}
	o.options.Log = s.err
	o.options.Start = func(dir, kind string) *exec.Cmd {
		return exec.Command(self, "--data", dir, "bench", "serve", "--kind", kind) // #nosec G204 G702 -- this program itself
	}
	figures, err := bench.Run(ctx, o.options)
	if err != nil {
		return err
	}
	if o.json {
		return printJSON(s.out, figures)
	}
	return bench.Print(s.out, figures)
}

type benchServeOptions struct {
	*global
	kind string
}

func newBenchServeCommand(g *global) *cobra.Command {
	o := benchServeOptions{global: g}
	c := &cobra.Command{
		Use: "serve", Short: "One server under test, until its standard input ends", Hidden: true, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runBenchServe(c.Context(), streams(c), o) },
	}
	c.Flags().StringVar(&o.kind, "kind", bench.KindGroup, "group, normal, single, hooked or bare")
	return c
}

func runBenchServe(_ context.Context, s stdio, o benchServeOptions) error {
	d, err := o.dir()
	if err != nil {
		return err
	}
	api := func(e *engine.Engine) (http.Handler, error) { return newAPI(e, httpapi.Options{}) }
	return bench.Serve(d.Path, d.Schema, o.kind, api, s.in, s.out)
}
