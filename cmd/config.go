package cmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func newConfigCommand(g *global) *cobra.Command {
	c := group("config", "Check and show the configuration", newConfigCheck(g), newConfigDump(g))
	c.Long = `Check and show the configuration.

A setting has its default, unless qb.toml says otherwise, unless the environment
does (QB_<SECTION>_<KEY>; lists separated by commas), unless a flag does.
config.example.toml explains every key; 'qb init' puts a copy of it, all lines
commented out, into the data directory.`
	return c
}

type configCheckOptions struct {
	*global
	file string
}

func newConfigCheck(g *global) *cobra.Command {
	o := configCheckOptions{global: g}
	return &cobra.Command{
		Use:   "check [FILE]",
		Short: "Tell every fault of the configuration",
		Long: `Read the configuration as 'qb serve' would, the environment included, and tell
every fault with its line and the way out. Exit code 1 when there is one.`,
		Example: `  qb config check
  qb config check new.toml && mv new.toml qb-data/qb.toml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.file = args[0]
			}
			return runConfigCheck(c.Context(), streams(c), o)
		},
	}
}

func runConfigCheck(_ context.Context, s stdio, o configCheckOptions) error {
	g := *o.global
	if o.file != "" {
		g.config = o.file
	}
	l, err := g.loadConfig()
	if err != nil {
		return err
	}
	from := l.File
	if from == "" {
		from = "no configuration file; the defaults"
	}
	_, err = fmt.Fprintf(s.out, "%s: ok\n", from)
	return err
}

type configDumpOptions struct {
	*global
	json bool
}

func newConfigDump(g *global) *cobra.Command {
	o := configDumpOptions{global: g}
	c := &cobra.Command{
		Use:   "dump",
		Short: "Print every setting and where it came from",
		Long: `Print the configuration in force as TOML, with the source of every value that is
not its default. Secrets are shown as "set" or "unset".`,
		Example: `  qb config dump
  QB_LOG_LEVEL=debug qb config dump --json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runConfigDump(c.Context(), streams(c), o) },
	}
	jsonFlag(c, &o.json)
	return c
}

func runConfigDump(_ context.Context, s stdio, o configDumpOptions) error {
	l, err := o.loadConfig()
	if err != nil {
		return err
	}
	if o.json {
		return printJSON(s.out, l.Tree())
	}
	_, err = fmt.Fprint(s.out, l.TOML())
	return err
}
