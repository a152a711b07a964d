package cmd

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/spf13/cobra"

	"qualifybase/cmd/upkeep"
	"qualifybase/engine"
	"qualifybase/engine/directory"
)

type initOptions struct {
	*global
	clinicOptions
}

func newInitCommand(g *global) *cobra.Command {
	o := initOptions{global: g}
	c := &cobra.Command{
		Use:   "init",
		Short: "Make a data directory with a clinic",
		Long: `Make the data directory (readable by its owner alone) with the database, a qb.toml
in which every setting is explained and commented out, and a clinic with one
location that has the hours and one provider who works there.

On a terminal it asks for what the flags leave open. In a script it assumes and
says so: "My clinic", this machine's time zone or UTC, the country of that zone
(else of the locale, else US), Mon-Fri 09:00-17:00. An existing database is left
as it is.`,
		Example: `  qb init
  qb init --name "Praxis am Park" --timezone Europe/Berlin --country DE --hours "Mon-Fri 09:00-12:00,13:00-17:00; Sat 10:00-13:00"`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.given = changedFlags(c)
			return runInit(c.Context(), streams(c), o)
		},
	}
	c.Flags().StringVar(&o.name, "name", "", "the clinic's `NAME`")
	addClinicOptions(c, &o.clinicOptions)
	return c
}

// changedFlags are the flags that the command line set.
func changedFlags(c *cobra.Command) map[string]bool {
	given := map[string]bool{}
	for _, name := range []string{"name", "slug", "timezone", "country", "hours"} {
		given[name] = c.Flags().Changed(name)
	}
	return given
}

func runInit(ctx context.Context, s stdio, o initOptions) error {
	if _, err := o.loadConfig(); err != nil {
		return err
	}
	d, err := o.dir()
	if err != nil {
		return err
	}
	if err := d.NeedEmpty(); err != nil {
		return err
	}
	if p := newPrompt(s); p != nil {
		if err := o.askMissing(p, o.env); err != nil {
			return err
		}
	}
	assumed := o.assume(o.env)
	if _, err := o.draft(); err != nil {
		return err // before anything is made
	}
	for _, a := range assumed {
		fmt.Fprintf(s.err, "assumed %s\n", a)
	}
	o.noteFullDays(s.err)
	if err := d.Make(); err != nil {
		return err
	}
	before, err := d.Restrict()
	if err != nil {
		return err
	}
	if before != 0 {
		fmt.Fprintf(s.err, "note: %s had mode %04o; now its owner alone may read it (0700)\n", o.data, before)
	}
	lock, err := d.Lock("init")
	if err != nil {
		return err
	}
	defer lock.Release()
	if err := d.NeedEmpty(); err != nil { // somebody else may have been quicker
		return err
	}
	clinic, err := o.initialise(ctx, d)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s: made clinic %q (%s), %s, %s, open %s\n",
		o.data, printable(clinic.Name, ""), clinic.Slug, clinic.TimeZone, clinic.Country, printable(o.hours, ""))
	fmt.Fprintf(s.err, "Next: 'qb serve' runs the API, 'qb keys create --name website' makes a key for it.\n")
	return nil
}

// initialise makes the database, the clinic and qb.toml in the locked directory. If
// it fails it takes back what it made, so that it can be tried again.
func (o *initOptions) initialise(ctx context.Context, d upkeep.Dir) (clinic directory.Clinic, err error) {
	l, err := o.loadConfig()
	if err != nil {
		return clinic, err
	}
	defer func() {
		if err != nil {
			d.RemoveDatabase()
		}
	}()
	if err := o.writeConfig(d); err != nil {
		return clinic, err
	}
	st, err := d.OpenOrMake(l.Database, slog.New(slog.DiscardHandler))
	if err != nil {
		return clinic, err
	}
	defer func() {
		if e := st.Close(); err == nil {
			err = e
		}
	}()
	return o.createClinic(ctx, engine.New(st, engine.Options{}), "init")
}

// writeConfig puts the manual of the configuration, every line of it commented
// out, into the data directory, but where --config names another file.
func (g *global) writeConfig(d upkeep.Dir) error {
	if g.config != "" {
		return nil
	}
	text, err := fs.ReadFile(g.files, "config.example.toml")
	if err != nil {
		return err
	}
	return d.WriteConfig(text)
}
