package cmd

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"
)

type migrateOptions struct {
	*global
	json bool
}

func newMigrateCommand(g *global) *cobra.Command {
	o := migrateOptions{global: g}
	c := group("migrate", "Bring the database of an older qb up to date", newMigrateStatus(g))
	c.Long = `Bring the database of an older qb up to date. The old one is copied beside it
first; each step is a transaction of its own. 'qb serve' does the same by itself.
No server may run while there is something to do: exit code 4. A database of a newer qb is refused and
not touched.`
	args := c.Args
	c.Args = func(c *cobra.Command, words []string) error {
		if len(words) == 0 {
			return nil
		}
		return args(c, words)
	}
	c.RunE = func(c *cobra.Command, _ []string) error { return runMigrate(c.Context(), streams(c), o) }
	return c
}

func runMigrate(_ context.Context, s stdio, o migrateOptions) (err error) {
	d, l, err := o.configured()
	if err != nil {
		return err
	}
	before, err := d.SchemaStatus()
	if err != nil {
		return err
	}
	if len(before.Missing) == 0 { // also while a server runs
		_, err = fmt.Fprintf(s.out, "schema %d: up to date\n", before.File)
		return err
	}
	lock, err := d.Lock("migrate")
	if err != nil {
		return err
	}
	defer lock.Release()
	st, err := d.OpenOrMake(l.Database, slog.New(slog.NewTextHandler(s.err, nil)))
	if err != nil {
		return err
	}
	if err := st.Close(); err != nil {
		return err
	}
	after, err := d.SchemaStatus()
	if err != nil {
		return err
	}
	if before.File == after.File {
		_, err = fmt.Fprintf(s.out, "schema %d: up to date\n", after.File)
		return err
	}
	_, err = fmt.Fprintf(s.out, "schema %d: migrated from %d; the copies of before: %s\n",
		after.File, before.File, strings.Join(after.Backups, ", "))
	return err
}

func newMigrateStatus(g *global) *cobra.Command {
	o := migrateOptions{global: g}
	c := &cobra.Command{
		Use:   "status",
		Short: "Tell the database's schema and what 'qb migrate' would do",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return runMigrateStatus(c.Context(), streams(c), o) },
	}
	jsonFlag(c, &o.json)
	return c
}

// schemaJSON is the state of the database's schema.
type schemaJSON struct {
	Schema  int      `json:"schema"`  // of the file
	Program int      `json:"program"` // that this qb works with
	Missing []string `json:"missing"` // migrations to run
	Backups []string `json:"backups"` // copies that earlier migrations left
}

func runMigrateStatus(_ context.Context, s stdio, o migrateOptions) error {
	d, err := o.dir()
	if err != nil {
		return err
	}
	st, err := d.SchemaStatus()
	if err != nil {
		return err
	}
	if o.json {
		return printJSON(s.out, schemaJSON{st.File, st.Program, append([]string{}, st.Missing...),
			append([]string{}, st.Backups...)})
	}
	fmt.Fprintf(s.out, "schema %d, this qb works with %d: ", st.File, st.Program)
	if len(st.Missing) == 0 {
		fmt.Fprintln(s.out, "up to date")
	} else {
		fmt.Fprintf(s.out, "to run are %s\n", strings.Join(st.Missing, ", "))
	}
	for _, name := range st.Backups {
		fmt.Fprintf(s.out, "copy of before a migration: %s\n", name)
	}
	return nil
}
