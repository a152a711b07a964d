package cmd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"qualifybase/cmd/upkeep"
)

type restoreOptions struct {
	*global
	file     string
	identity string
	force    bool
}

func newRestoreCommand(g *global) *cobra.Command {
	o := restoreOptions{global: g}
	c := &cobra.Command{
		Use:   "restore FILE",
		Short: "Bring a backup back into a missing or empty data directory",
		Long: `Bring a backup back into the data directory (--data). It is verified whole before
anything is put into its place; if it fails, nothing is left behind. No server may
run on the directory: exit code 4.

A directory that is not empty is refused. With --force what is in it is moved
aside, into before-restore-… inside the directory; its backups stay where they are.
A directory with the people or the appointments of another clinic is refused even
then: move it away yourself.

People who were erased after the backup was made are erased again, as far as their
tombstones are there (erasures.jsonl, in the data directory and beside the
backups). What was on its way to webhooks when the backup was made is not sent again by
itself, for it may have arrived since: it waits among the dead letters for 'qb
webhooks retry'. Keys and sessions are those of the backup: revoke again what was
revoked after it ('qb keys list').`,
		Example: `  qb restore /mnt/usb/today.tar
  qb --data /var/lib/qb restore park.tar.age --identity key.txt --force`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.file = args[0]
			return runRestore(c.Context(), streams(c), o)
		},
	}
	identityFlag(c, &o.identity)
	c.Flags().BoolVar(&o.force, "force", false, "move what is in the data directory aside")
	return c
}

func runRestore(ctx context.Context, s stdio, o restoreOptions) error {
	d, err := o.dir()
	if err != nil {
		return err
	}
	how := upkeep.RestoreOptions{Identity: o.identity, Force: o.force}
	if l, err := o.loadConfig(); err == nil { // one that does not load is no reason not to restore
		how.BackupDir = l.Backup.Dir
	}
	r, err := d.Restore(ctx, o.file, how)
	if err != nil {
		return err
	}
	return o.print(s, r)
}

// print says what came back, and what is left to a person.
func (o *restoreOptions) print(s stdio, r upkeep.Restored) error {
	var names []string
	shelved := 0
	for _, c := range r.Clinics {
		names, shelved = append(names, c.Clinic), shelved+c.Shelved
	}
	_, err := fmt.Fprintf(s.out, "%s: restored %s as of %s: %d appointments, %d audit rows\n", o.data,
		printable(strings.Join(names, ", "), ""), r.Manifest.CreatedAt.Format(time.RFC3339), r.Appointments, r.AuditRows)
	if r.Aside != "" {
		fmt.Fprintf(s.err, "What was there before lies in %s; remove it when you no longer need it.\n", r.Aside)
	}
	if r.Erased > 0 {
		fmt.Fprintf(s.err, "%d people who were erased after the backup was made were erased again.\n", r.Erased)
	}
	if shelved > 0 {
		fmt.Fprintf(s.err, "%d webhook deliveries that were on their way then are dead letters now, for they may have "+
			"arrived since: 'qb webhooks dead' lists them, 'qb webhooks retry' sends them.\n", shelved)
	}
	fmt.Fprintf(s.err, "Keys are those of the backup: revoke again what was revoked after it ('qb keys list').\n")
	if _, e := (&global{data: o.data, files: o.files, env: o.env}).loadConfig(); e != nil {
		fmt.Fprintf(s.err, "warning: 'qb serve' will not start with this configuration: %v\n", e)
	}
	return err
}
