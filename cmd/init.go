package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"qualifybase/cmd/config"
	"qualifybase/engine"
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
	if err := o.refuseDatabase(); err != nil {
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
	if err := makeDataDir(o.data); err != nil {
		return err
	}
	if err := o.restrictDir(s); err != nil {
		return err
	}
	lock, err := lockData(o.data, "init")
	if err != nil {
		return err
	}
	defer lock.release()
	if err := o.refuseDatabase(); err != nil { // somebody else may have been quicker
		return err
	}
	clinic, err := o.initialise(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s: made clinic %q (%s), %s, %s, open %s\n",
		o.data, printable(clinic.Name, ""), clinic.Slug, clinic.TimeZone, clinic.Country, printable(o.hours, ""))
	fmt.Fprintf(s.err, "Next: 'qb serve' runs the API, 'qb keys create --name website' makes a key for it.\n")
	return nil
}

// restrictDir takes the rights of others away from a directory that was there before.
func (g *global) restrictDir(s stdio) error {
	info, err := os.Stat(g.data)
	if err != nil || runtime.GOOS == "windows" || info.Mode().Perm()&0o077 == 0 {
		return err
	}
	if err := os.Chmod(g.data, 0o700); err != nil { // #nosec G302 -- a directory
		return fmt.Errorf("others can read %s, and that cannot be changed: %w; give a directory of your own with --data", g.data, err)
	}
	fmt.Fprintf(s.err, "note: %s had mode %04o; now its owner alone may read it (0700)\n", g.data, info.Mode().Perm())
	return nil
}

// refuseDatabase refuses a data directory that has a database.
func (g *global) refuseDatabase() error {
	if path := filepath.Join(g.data, dbFile); exists(path) {
		return fmt.Errorf("%s exists; nothing was changed. Give another directory with --data, or add a clinic with 'qb clinics create'", path)
	}
	return nil
}

// initialise makes the database, the clinic and qb.toml in the locked directory. If
// it fails it takes back what it made, so that it can be tried again.
func (o *initOptions) initialise(ctx context.Context) (clinic engine.Clinic, err error) {
	l, err := o.loadConfig()
	if err != nil {
		return clinic, err
	}
	defer func() {
		if err == nil {
			return
		}
		for _, end := range []string{"", "-wal", "-shm"} {
			_ = os.Remove(filepath.Join(o.data, dbFile+end))
		}
	}()
	if err := o.writeConfig(); err != nil {
		return clinic, err
	}
	st, err := o.openOrMake(l, slog.New(slog.DiscardHandler))
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
// out, into the data directory. A qb.toml that is there stays, and there is none
// where --config names another file.
func (g *global) writeConfig() error {
	if g.config != "" {
		return nil
	}
	text, err := fs.ReadFile(g.files, "config.example.toml")
	if err != nil {
		return err
	}
	path := filepath.Join(g.data, config.FileName)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		_ = os.Remove(path)
	}
	return err
}
