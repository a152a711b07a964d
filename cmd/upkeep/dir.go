// Package upkeep keeps a clinic's data directory whole: it makes, locks and opens the
// directory, makes backups and restores them, for a trial too, verifies what lies there,
// and looks the machine over. It has no use case of the clinic but those that a restore
// and the housekeeping need.
package upkeep

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"qualifybase/cmd/config"
	"qualifybase/engine/secret"
	"qualifybase/store"
)

// The names of what lies in a data directory, beside config.FileName and secret.SealKeyFile.
const (
	dbFile    = "qb.db"
	backupDir = "backups" // where backups go unless backup.dir says otherwise
)

// Dir is the data directory of a clinic, with what this program is.
type Dir struct {
	Path    string           // the directory
	Schema  string           // the text of the program's schema.sql
	Version string           // the program's, for the manifests of backups
	Now     func() time.Time // the clock
}

func (d Dir) file(name string) string { return filepath.Join(d.Path, name) }

// Make makes the directory, readable by its owner alone: it holds patient data and
// keys. An existing directory stays as it is.
func (d Dir) Make() error {
	if err := os.MkdirAll(d.Path, 0o700); err != nil {
		return fmt.Errorf("data directory: %w; give another one with --data", err)
	}
	return nil
}

// Restrict takes the rights of others away from a directory that was there before, and
// gives the mode that it had; 0 where nothing had to be changed.
func (d Dir) Restrict() (before fs.FileMode, err error) {
	info, err := os.Stat(d.Path)
	if err != nil || runtime.GOOS == "windows" || info.Mode().Perm()&0o077 == 0 {
		return 0, err
	}
	if err := os.Chmod(d.Path, 0o700); err != nil { // #nosec G302 -- a directory
		return 0, fmt.Errorf("others can read %s, and that cannot be changed: %w; give a directory of your own with --data",
			d.Path, err)
	}
	return info.Mode().Perm(), nil
}

// WriteConfig puts a configuration into the directory. One that is there stays.
func (d Dir) WriteConfig(text []byte) error {
	path := d.file(config.FileName)
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

// NeedDatabase is an error that names the way out where the directory holds no database.
func (d Dir) NeedDatabase() error {
	if !exists(d.file(dbFile)) {
		return d.noClinic()
	}
	return nil
}

func (d Dir) noClinic() error {
	return fmt.Errorf("there is no clinic in %s; make one with 'qb init', or name its directory with --data", d.Path)
}

// NeedEmpty is an error where the directory holds a database.
func (d Dir) NeedEmpty() error {
	if path := d.file(dbFile); exists(path) {
		return fmt.Errorf("%s exists; nothing was changed. Give another directory with --data, or add a clinic with 'qb "+
			"clinics create'", path)
	}
	return nil
}

// NeedNotLost is an error where the directory once held a clinic and holds its database
// no more: an empty clinic in its place would look like one that works, and its backups
// would push out those of the lost one.
func (d Dir) NeedNotLost() error {
	for _, name := range []string{dbFile, dbFile + "-wal"} { // a new one may still lie in its log
		if info, err := os.Stat(d.file(name)); err == nil && info.Size() > 0 {
			return nil
		}
	}
	for _, left := range []string{secret.SealKeyFile, backupDir} {
		if exists(d.file(left)) {
			return fmt.Errorf("%s has %s but no database: 'qb restore FILE --force' brings a backup back; to begin anew, "+
				"move %s away",
				d.Path, left, left)
		}
	}
	return nil
}

// Open opens the database that is there. It makes none, and leaves an older one to
// 'qb migrate', for a server of the older program may be running on it.
func (d Dir) Open(c config.Database, log *slog.Logger) (*store.Store, error) {
	state, err := d.SchemaStatus()
	if err != nil {
		return nil, err
	}
	if len(state.Missing) > 0 {
		return nil, fmt.Errorf("%s is of an older qb (schema %d, this one needs %d); bring it up to date with 'qb migrate'",
			d.file(dbFile), state.File, state.Program)
	}
	return d.OpenOrMake(c, log)
}

// OpenOrMake opens the database; a missing one is made, an older one migrated.
func (d Dir) OpenOrMake(c config.Database, log *slog.Logger) (*store.Store, error) {
	return store.Open(d.file(dbFile), d.Schema, store.Options{
		Synchronous: strings.ToUpper(c.Synchronous), Readers: c.Readers, CacheMiB: c.CacheMiB,
		WALPages: c.WALAutocheckpoint, Log: log,
	})
}

// RemoveDatabase takes back a database that could not be finished.
func (d Dir) RemoveDatabase() {
	for _, end := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(d.file(dbFile + end))
	}
}

// SchemaStatus reads the schema of the database that is there, and what migrations it
// wants.
func (d Dir) SchemaStatus() (store.MigrateStatus, error) {
	state, err := store.Status(d.file(dbFile))
	if errors.Is(err, fs.ErrNotExist) {
		err = d.noClinic()
	}
	return state, err
}

// exists reports whether there is something at the path, whatever it is.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
