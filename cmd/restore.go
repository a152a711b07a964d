package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"qualifybase/engine"
	"qualifybase/store"
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

func runRestore(ctx context.Context, s stdio, o restoreOptions) (err error) {
	schema, err := o.schema()
	if err != nil {
		return err
	}
	keys, err := openKeys(o.identity)
	if err != nil {
		return err
	}
	if _, err := os.Stat(o.file); err != nil {
		return err
	}
	fresh := !exists(o.data)
	if err := makeDataDir(o.data); err != nil {
		return err
	}
	lock, err := lockData(o.data, "restore")
	if err != nil {
		return err
	}
	defer func() {
		_ = lock.release()
		if err != nil && fresh { // nothing is left behind
			_ = os.Remove(filepath.Join(o.data, lockName))
			_ = os.Remove(o.data)
		}
	}()
	old, err := o.directoryContent()
	if err != nil {
		return err
	}
	if len(old) > 0 && !o.force {
		return fmt.Errorf("%s is not empty (%s); nothing was changed. Give another directory with --data, or move its content aside with --force",
			o.data, joinFirst(old, 4))
	}
	stage, err := os.MkdirTemp(o.data, stagePrefix)
	if err != nil {
		return err
	}
	defer os.RemoveAll(stage)
	r, err := stageRestore(ctx, o.file, keys, stage, schema, o.tombstones())
	if err != nil {
		return damageError(o.file, err)
	}
	if err := sameClinic(o.data, r); err != nil {
		return err
	}
	aside, err := moveIn(o.data, stage, old, time.Now())
	if err != nil {
		return err
	}
	return o.print(s, r, aside)
}

// tombstones are the tombstones that are known of: in the directory and the database
// that are replaced, beside their backups, and beside the file.
func (o *restoreOptions) tombstones() []engine.Erasure {
	list := readTombstones(o.data, filepath.Join(o.data, "backups"), filepath.Dir(o.file))
	if in, err := store.Peek(filepath.Join(o.data, dbFile)); err == nil {
		list = append(list, in.Erasures...)
	}
	return uniqueTombstones(list)
}

// directoryContent is what lies in the data directory, beside the lock and the backups.
func (g *global) directoryContent() ([]string, error) {
	entries, err := os.ReadDir(g.data)
	if err != nil {
		return nil, err
	}
	kept := "backups"
	if l, err := g.loadConfig(); err == nil { // one that does not load is no reason not to restore
		if rel, err := filepath.Rel(g.data, l.Backup.Dir); err == nil && filepath.IsLocal(rel) {
			kept, _, _ = strings.Cut(filepath.ToSlash(rel), "/")
		}
	}
	var list []string
	for _, e := range entries {
		name := e.Name()
		switch {
		case name == lockName, e.IsDir() && (name == "backups" || name == kept || strings.HasPrefix(name, asidePrefix)):
		case e.IsDir() && strings.HasPrefix(name, stagePrefix): // of a process that was killed, or of a verification
		default:
			list = append(list, name)
		}
	}
	return list, nil
}

// sameClinic refuses to put one clinic in another's place: a wrong --data is easily
// typed. A database that cannot be read, and one that nobody has used, are no
// clinic's.
func sameClinic(data string, r stagedRestore) error {
	in, err := store.Peek(filepath.Join(data, dbFile))
	if err != nil || in.Appointments+in.People == 0 {
		return nil
	}
	var ids, names, theirs []string
	for _, c := range in.Clinics {
		ids, names = append(ids, c.ID), append(names, c.Slug)
	}
	for _, c := range r.manifest.Clinics {
		theirs = append(theirs, c.Slug)
	}
	if r.manifest.Shares(ids) {
		return nil
	}
	return fmt.Errorf("%s holds another clinic (%s) than the backup (%s); nothing was changed. Give another directory with --data, or move that one away yourself",
		data, strings.Join(names, ", "), strings.Join(theirs, ", "))
}

// asidePrefix begins the names of directories with what a restore replaced.
const asidePrefix = "before-restore-"

// moveIn puts the staged files into their place and the old content aside, all
// inside the locked directory, which may be a mount. The database goes first and
// comes last: at no moment does an old write-ahead log lie beside a new database,
// into which SQLite would play it.
func moveIn(data, stage string, old []string, now time.Time) (aside string, err error) {
	var undo []func() error
	defer func() {
		for i := len(undo) - 1; err != nil && i >= 0; i-- {
			err = errors.Join(err, undo[i]())
		}
	}()
	move := func(from, to string) error {
		if err := os.Rename(from, to); err != nil {
			return err
		}
		undo = append(undo, func() error { return os.Rename(to, from) })
		return nil
	}
	if len(old) > 0 {
		aside = filepath.Join(data, asidePrefix+now.UTC().Format("20060102T150405.000Z"))
		if err := os.Mkdir(aside, 0o700); err != nil {
			return "", err
		}
		undo = append(undo, func() error { return os.Remove(aside) })
		chownLikeParent(aside)
		for _, name := range sortDatabaseFirst(old) {
			if err := move(filepath.Join(data, name), filepath.Join(aside, name)); err != nil {
				return "", err
			}
		}
		if err := errors.Join(syncDir(aside), syncDir(data)); err != nil {
			return "", err
		}
	}
	entries, err := os.ReadDir(stage)
	if err != nil {
		return "", err
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	names = sortDatabaseFirst(names)
	for i := len(names) - 1; i >= 0; i-- {
		if err := errors.Join(syncFile(filepath.Join(stage, names[i])), move(filepath.Join(stage, names[i]), filepath.Join(data, names[i]))); err != nil {
			return "", err
		}
	}
	for _, name := range names {
		chownLikeParent(filepath.Join(data, name))
	}
	return aside, syncDir(data)
}

// sortDatabaseFirst orders names so that the database comes before all others.
func sortDatabaseFirst(names []string) []string {
	list := make([]string, 0, len(names))
	for _, name := range names {
		if name == dbFile {
			list = append([]string{name}, list...)
		} else {
			list = append(list, name)
		}
	}
	return list
}

// syncFile makes what was written to a file durable.
func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// print says what came back, and what is left to a person.
func (o *restoreOptions) print(s stdio, r stagedRestore, aside string) error {
	var names []string
	shelved := 0
	for _, c := range r.clinics {
		names, shelved = append(names, c.Clinic), shelved+c.Shelved
	}
	_, err := fmt.Fprintf(s.out, "%s: restored %s as of %s: %d appointments, %d audit rows\n", o.data,
		printable(strings.Join(names, ", "), ""), r.manifest.CreatedAt.Format(time.RFC3339), r.in.Appointments, r.in.AuditRows)
	if aside != "" {
		fmt.Fprintf(s.err, "What was there before lies in %s; remove it when you no longer need it.\n", aside)
	}
	if r.erased > 0 {
		fmt.Fprintf(s.err, "%d people who were erased after the backup was made were erased again.\n", r.erased)
	}
	if shelved > 0 {
		fmt.Fprintf(s.err, "%d webhook deliveries that were on their way then are dead letters now, for they may have arrived since: 'qb webhooks dead' lists them, 'qb webhooks retry' sends them.\n", shelved)
	}
	fmt.Fprintf(s.err, "Keys are those of the backup: revoke again what was revoked after it ('qb keys list').\n")
	if _, e := (&global{data: o.data, files: o.files, env: o.env}).loadConfig(); e != nil {
		fmt.Fprintf(s.err, "warning: 'qb serve' will not start with this configuration: %v\n", e)
	}
	return err
}
