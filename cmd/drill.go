package cmd

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"qualifybase/cmd/upkeep"
)

type drillOptions struct {
	*global
	file     string
	identity string
	json     bool
}

func newBackupDrill(g *global) *cobra.Command {
	o := drillOptions{global: g}
	c := &cobra.Command{
		Use:   "drill [FILE]",
		Short: "Restore the newest backup for a trial, verify it, and throw it away",
		Long: `Restore a backup, the newest where the server puts its own or FILE, into a
temporary directory in the data directory: everything that 'qb restore' does.
Then open it, verify it again, and remove it. The running server does this every
week by itself; /readyz, /metrics, the log and 'qb doctor' tell how it went.

An encrypted backup needs its private key (--identity or backup.identity). Without
it only the file's bytes are held against the SHA-256 that was written beside it.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.file = args[0]
			}
			return runDrill(c.Context(), streams(c), o)
		},
	}
	identityFlag(c, &o.identity)
	jsonFlag(c, &o.json)
	return c
}

func identityFlag(c *cobra.Command, to *string) {
	c.Flags().StringVar(to, "identity", "", "the `KEYFILE` of age-keygen with the private key of an encrypted backup")
}

func runDrill(ctx context.Context, s stdio, o drillOptions) error {
	d, l, err := o.configured()
	if err != nil {
		return err
	}
	if o.identity == "" {
		o.identity = l.Backup.Identity
	}
	keys, err := upkeep.ReadKeys(o.identity)
	if err != nil {
		return err
	}
	m, err := d.NewMaker(l)
	if err != nil {
		return err
	}
	out, err := m.Drill(ctx, o.file, keys)
	if err != nil {
		return err
	}
	if o.json {
		return printJSON(s.out, out)
	}
	if out.Note != "" {
		out.Note = " (" + out.Note + ")"
	}
	took := time.Duration(out.Seconds * float64(time.Second)).Round(time.Millisecond)
	_, err = fmt.Fprintf(s.out, "%s: restored, verified and removed in %s: %d appointments%s\n", out.File, took,
		out.Appointments, out.Note)
	return err
}
