package upkeep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"qualifybase/engine/outbox"
	"qualifybase/engine/rights"
	"qualifybase/store"
	"qualifybase/store/backup"
)

// RestoreOptions are the choices of a restore.
type RestoreOptions struct {
	Identity  string // the file of the private key of an encrypted backup; "" = none
	Force     bool   // move what is in the directory aside
	BackupDir string // backup.dir of the configuration, which stays; "" = not known
}

// Restored is what came back.
type Restored struct {
	Manifest     backup.Manifest
	Clinics      []outbox.Recovery
	Appointments int64
	AuditRows    int64
	Erased       int    // people erased after the backup was made, and now again
	Aside        string // where what was there before lies; "" = nothing was there
}

// Restore brings a backup back into the directory, which it locks. The backup is
// verified whole before anything is put into its place; if that fails, nothing is left
// behind and nothing was changed. A directory that is not empty is refused without
// Force, and one that holds another clinic also with it. Errors are of kind Locked or
// Damaged where it is that.
func (d Dir) Restore(ctx context.Context, file string, o RestoreOptions) (out Restored, err error) {
	keys, err := ReadKeys(o.Identity)
	if err != nil {
		return out, err
	}
	if _, err := os.Stat(file); err != nil {
		return out, err
	}
	fresh := !exists(d.Path)
	if err := d.Make(); err != nil {
		return out, err
	}
	lock, err := d.Lock("restore")
	if err != nil {
		return out, err
	}
	defer func() {
		_ = lock.Release()
		if err != nil && fresh { // nothing is left behind
			_ = os.Remove(d.file(lockName))
			_ = os.Remove(d.Path)
		}
	}()
	old, err := d.content(o.BackupDir)
	if err != nil {
		return out, err
	}
	if len(old) > 0 && !o.Force {
		return out, fmt.Errorf("%s is not empty (%s); nothing was changed. "+
			"Give another directory with --data, or move its content aside with --force", d.Path, joinFirst(old, 4))
	}
	stage, err := os.MkdirTemp(d.Path, stagePrefix)
	if err != nil {
		return out, err
	}
	defer os.RemoveAll(stage)
	r, err := stageRestore(ctx, file, keys, stage, d.Schema, d.tombstones(file))
	if err != nil {
		return out, damageError(file, err)
	}
	if err := sameClinic(d.Path, r); err != nil {
		return out, err
	}
	aside, err := moveIn(d.Path, stage, old, d.Now())
	if err != nil {
		return out, err
	}
	return Restored{
		Manifest: r.manifest, Clinics: r.clinics, Appointments: r.in.Appointments, AuditRows: r.in.AuditRows,
		Erased: r.erased, Aside: aside,
	}, nil
}

// joinFirst are the first n of the words, and how many there are.
func joinFirst(words []string, n int) string {
	if len(words) > n {
		return fmt.Sprintf("%s,… %d in all", strings.Join(words[:n], ","), len(words))
	}
	return strings.Join(words, ",")
}

// tombstones are those that are known of: in the directory and the database that are
// replaced, beside their backups, and beside the file.
func (d Dir) tombstones(file string) []rights.Erasure {
	list := readTombstones(d.Path, d.file(backupDir), filepath.Dir(file))
	if in, err := store.Peek(d.file(dbFile)); err == nil {
		list = append(list, in.Erasures...)
	}
	return uniqueTombstones(list)
}

// content is what lies in the data directory, beside the lock and the backups.
func (d Dir) content(backups string) ([]string, error) {
	entries, err := os.ReadDir(d.Path)
	if err != nil {
		return nil, err
	}
	kept := backupDir
	if rel, err := filepath.Rel(d.Path, backups); backups != "" && err == nil && filepath.IsLocal(rel) {
		kept, _, _ = strings.Cut(filepath.ToSlash(rel), "/")
	}
	var list []string
	for _, e := range entries {
		name := e.Name()
		switch {
		case name == lockName, e.IsDir() && (name == backupDir || name == kept || strings.HasPrefix(name, asidePrefix)):
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
	return fmt.Errorf("%s holds another clinic (%s) than the backup (%s); nothing was changed. Give another "+
		"directory with --data, or move that one away yourself",
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
		staged := filepath.Join(stage, names[i])
		if err := errors.Join(syncFile(staged), move(staged, filepath.Join(data, names[i]))); err != nil {
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
