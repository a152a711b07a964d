// Package cmd is the command line of qb: one cobra verb group per file. Every
// command is made alike: a constructor that names its flags, an options struct,
// and a plain run function that takes a context, the streams and the options.
// Faces do not decide: a run function calls one use case of the engine and
// prints what came back.
package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"qualifybase/cmd/config"
	"qualifybase/cmd/upkeep"

	"github.com/spf13/cobra"
)

// defaultData is where a clinic lives when nobody says otherwise.
const defaultData = "./qb-data"

// stdio is the streams of one command. Results go to out, and nothing else
// does; notes and questions go to err.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// global is what every command is handed: the global flags, the embedded files
// and the environment. Tests give their own.
type global struct {
	data   string // the data directory
	config string // the configuration file; "" means qb.toml in the data directory
	files  fs.FS
	env    func(string) (string, bool)

	// began tells that cobra accepted the command line and a run function
	// started; whatever fails before that is a usage error.
	began bool
}

// loadConfig is the configuration of the data directory, with the settings that the
// command line gives over all others.
func (g *global) loadConfig(flags ...config.Flag) (*config.Loaded, error) {
	return config.Load(g.data, g.config, g.env, flags...)
}

// dir is the data directory, as upkeep looks after it.
func (g *global) dir() (upkeep.Dir, error) {
	schema, err := fs.ReadFile(g.files, "schema.sql")
	return upkeep.Dir{Path: g.data, Schema: string(schema), Version: buildInfo().Version, Now: time.Now}, err
}

// configured is the data directory with its configuration.
func (g *global) configured(flags ...config.Flag) (upkeep.Dir, *config.Loaded, error) {
	l, err := g.loadConfig(flags...)
	if err != nil {
		return upkeep.Dir{}, nil, err
	}
	d, err := g.dir()
	return d, l, err
}

// Main runs the command line and returns the exit code. files holds the
// embedded config.example.toml and schema.sql.
func Main(args []string, files fs.FS) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	upkeep.RestrictNewFiles()
	g := &global{files: files, env: os.LookupEnv}
	return execute(ctx, g, stdio{os.Stdin, os.Stdout, os.Stderr}, args)
}

// execute is Main with everything handed in. It is the only place that prints
// an error, so that each is printed once.
func execute(ctx context.Context, g *global, s stdio, args []string) int {
	root := newRoot(g)
	root.SetArgs(args)
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	at, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	if !g.began {
		err = plainUsageError(err)
		err = &failure{exitUsage, fmt.Errorf("%w\nSee '%s --help'", err, at.CommandPath())}
	}
	report(s.err, err)
	return exitCode(err)
}

var (
	badFlagValue = regexp.MustCompile(`^invalid argument "(.*)" for "(?:-., )?(--[a-z-]+)" flag: (?s:(.*))$`)
	badArgCount  = regexp.MustCompile(`^(?:accepts (at most )?(\d+) arg\(s\), received (\d+)|requires at least (\d+) arg\(s\).*)$`)
)

// plainUsageError says what cobra says of a command line without the names of Go's
// functions.
func plainUsageError(err error) error {
	if m := badFlagValue.FindStringSubmatch(err.Error()); m != nil {
		want := m[3]
		switch {
		case strings.Contains(want, "ParseInt"), strings.Contains(want, "ParseUint"):
			want = "want a whole number"
		case strings.Contains(want, "ParseBool"):
			want = "want true or false"
		case strings.Contains(want, "ParseFloat"):
			want = "want a number"
		}
		return fmt.Errorf("%s: %q: %s", m[2], m[1], want)
	}
	if m := badArgCount.FindStringSubmatch(err.Error()); m != nil {
		if m[2] == "" {
			return errors.New("an argument is missing")
		}
		return fmt.Errorf("want %s%s, not %s", m[1], argumentCount(m[2]), m[3])
	}
	return err
}

func argumentCount(n string) string {
	if n == "1" {
		return "one argument"
	}
	return n + " arguments"
}

const rootLong = `qb is the front office of a small clinic in one program: leads, availability,
booking and webhooks behind an HTTP API, with the database inside.

Everything qb keeps lies in one data directory: the database qb.db, the
configuration qb.toml, keys and backups. Copy that directory and you have copied
the clinic; give another --data and you have another one.

Configuration: the defaults, then qb.toml, then the environment
(QB_<SECTION>_<KEY>), then flags; the later one wins. 'qb config dump' shows the
outcome and where each value came from.

Exit codes:
  0  done
  1  failed
  2  the command line is wrong: unknown flag, missing argument, bad value
  3  a verification found damage
  4  another qb holds the data directory

Environment:
  QB_DATA               the data directory, as --data
  QB_<SECTION>_<KEY>    a setting of qb.toml, as QB_SERVER_LISTEN=127.0.0.1:9000

No other QB_ name is read: QB_KEY and QB_HOST belong to the API's curl examples.`

func newRoot(g *global) *cobra.Command {
	root := group("qb", "The front office of a small clinic, in one program",
		newInitCommand(g), newServeCommand(g), newDemoCommand(g),
		newKeysCommand(g), newUsersCommand(g), newClinicsCommand(g),
		newAvailabilityCommand(g), newAppointmentsCommand(g), newLeadsCommand(g), newPatientsCommand(g), newAuditCommand(g),
		newWebhooksCommand(g),
		newBackupCommand(g), newRestoreCommand(g), newVerifyCommand(g), newDoctorCommand(g), newMigrateCommand(g),
		newOpenAPICommand(g),
		newCompletionCommand(),
		newConfigCommand(g),
		newBenchCommand(g), newServiceCommand(g), newVersionCommand(g),
	)
	root.Long = rootLong
	root.Example = `  qb demo                              a clinic to play with, in a temporary directory
  qb init --name "Praxis am Park" --timezone Europe/Berlin
  qb serve
  export QB_KEY=$(qb keys create --name website)`
	root.SilenceErrors, root.SilenceUsage = true, true
	root.PersistentFlags().StringVar(&g.data, "data", defaultData, "data directory `DIR`; env QB_DATA")
	root.PersistentFlags().StringVar(&g.config, "config", "",
		"configuration `FILE`; without it DIR/qb.toml, if there is one")
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		// Cobra looks at required flags after this hook; here they still count as usage.
		if err := errors.Join(c.ValidateRequiredFlags(), c.ValidateFlagGroups()); err != nil {
			return err
		}
		if v, ok := g.env("QB_DATA"); ok && v != "" && !c.Flags().Changed("data") {
			g.data = v
		}
		g.data = filepath.Clean(g.data)
		g.began = true
		return nil
	}
	root.CompletionOptions.DisableDefaultCmd = true
	return root
}

// group makes a command that only holds verbs. Bare cobra would answer an
// unknown or missing verb with the help text and success.
func group(name, short string, verbs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: name, Short: short, SuggestionsMinimumDistance: 2}
	c.AddCommand(verbs...)
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			if c.HasParent() {
				return fmt.Errorf("%s needs a command: %s", c.CommandPath(), strings.Join(verbNames(c), ", "))
			}
			return nil
		}
		err := fmt.Errorf("unknown command %q for %s", args[0], c.CommandPath())
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			err = fmt.Errorf("%w; did you mean %s?", err, strings.Join(near, " or "))
		}
		return err
	}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	return c
}

func verbNames(c *cobra.Command) []string {
	var names []string
	for _, v := range c.Commands() {
		if v.IsAvailableCommand() {
			names = append(names, v.Name())
		}
	}
	return names
}

// streams are the command's own, so that a test sees what a person would.
func streams(c *cobra.Command) stdio {
	return stdio{c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr()}
}
