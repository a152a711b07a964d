package cmd

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"qualifybase/cmd/upkeep"
	"qualifybase/engine/outbox"
)

type doctorOptions struct {
	*global
	json bool
	now  func() time.Time
}

func newDoctorCommand(g *global) *cobra.Command {
	o := doctorOptions{global: g, now: time.Now}
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Look over the machine, the data directory and the database, and name what to mend",
		Long: `Look over the machine, the data directory and the database, also while it is
served. Each line is ok, warn or fail; the last two name the way out. Nothing is
changed. Exit code 1 if a line says fail.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runDoctor(c.Context(), streams(c), o) },
	}
	jsonFlag(c, &o.json)
	return c
}

func runDoctor(ctx context.Context, s stdio, o doctorOptions) error {
	d, err := o.dir()
	if err != nil {
		return err
	}
	d.Now = o.now
	how := upkeep.DoctorOptions{Outbox: o.outboxDepth}
	how.Config, how.ConfigErr = o.loadConfig()
	how.Built, _ = time.Parse(time.RFC3339, buildInfo().Time) // zero where the build does not tell
	list, err := d.Doctor(ctx, how)
	if err != nil {
		return err
	}
	if err := printChecks(s, list, o.json); err != nil {
		return err
	}
	bad := 0
	for _, x := range list {
		if x.Level == "fail" {
			bad++
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d checks failed", bad, len(list))
	}
	return nil
}

// outboxDepth reads how full the outbox of webhooks is.
func (g *global) outboxDepth(ctx context.Context) (depth outbox.OutboxDepth, err error) {
	err = g.withClinic(ctx, stdio{err: os.Stderr}, target{verb: "doctor"}, func(at *session) (err error) {
		depth, err = at.engine.OutboxDepth(ctx)
		return err
	})
	return depth, err
}

func printChecks(s stdio, list []upkeep.CheckResult, asJSON bool) error {
	if asJSON {
		return printJSON(s.out, list)
	}
	for _, x := range list {
		line := fmt.Sprintf("%-5s %-11s %s", x.Level, x.Check, printable(x.Text, ""))
		if x.WayOut != "" {
			line += ": " + x.WayOut
		}
		if _, err := fmt.Fprintln(s.out, strings.TrimRight(line, " ")); err != nil {
			return err
		}
	}
	return nil
}
