package store

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"time"

	"qualifybase/store/sqlite"
)

// firstVersion is the user_version of a database without any migration behind it.
const firstVersion = 1

//go:embed all:migrations
var migrationFiles embed.FS

// migration is one file NNNN_name.sql; its number is the user_version it leads to.
type migration struct {
	version int
	name    string
	sql     string
}

// embedded are the migrations of this program.
func embedded() []migration {
	sub, err := fs.Sub(migrationFiles, "migrations")
	if err == nil {
		var list []migration
		if list, err = readMigrations(sub); err == nil {
			return list
		}
	}
	panic("embedded migrations: " + err.Error()) // a fault of the build, which a test meets first
}

var migrationName = regexp.MustCompile(`^([0-9]{4})_[a-z0-9_]+\.sql$`)

// readMigrations reads the files in order and refuses gaps: 0002 comes first.
func readMigrations(dir fs.FS) ([]migration, error) {
	names, err := fs.Glob(dir, "*.sql")
	if err != nil {
		return nil, err
	}
	sort.Strings(names)
	var list []migration
	for _, name := range names {
		m := migrationName.FindStringSubmatch(name)
		if m == nil {
			return nil, fmt.Errorf("%s: name migrations like 0002_add_rooms.sql", name)
		}
		n, err := strconv.Atoi(m[1])
		if err != nil || n != firstVersion+1+len(list) {
			return nil, fmt.Errorf("%s: expected number %04d", name, firstVersion+1+len(list))
		}
		text, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, err
		}
		list = append(list, migration{n, name, string(text)})
	}
	return list, nil
}

// current is the user_version that this program works with.
func current(list []migration) int { return firstVersion + len(list) }

// prepareFile brings the file to the current version, or refuses it. A file
// that is refused has not been written to.
func prepareFile(path, schema string, list []migration, o Options) error {
	if err := checkHeader(path); err != nil {
		return err
	}
	if lost := lostInWAL(path); lost != "" && !isOpen(path) {
		o.Log.Error("the database was damaged while nobody ran", "what", lost, "way_out", "compare with the newest backup")
	}
	if err := checkSQLite(); err != nil {
		return err
	}
	c, err := dial(path)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	defer c.close()
	if err := c.script(fmt.Sprintf("PRAGMA busy_timeout = %d", o.busy.Milliseconds())); err != nil {
		return err
	}
	version, empty, err := c.identify(path, list)
	if err != nil {
		return err
	}
	if version == current(list) && !empty {
		return nil
	}
	if err := c.script("PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL;"); err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	if empty {
		return c.create(path, schema, list)
	}
	backup := fmt.Sprintf("%s.before-v%d-%s", path, current(list), o.Now().UTC().Format("20060102T150405Z"))
	if err := c.vacuumInto(backup); err != nil {
		return fmt.Errorf("backup before migrating: %w", err)
	}
	if err := checkCopy(backup); err != nil {
		return fmt.Errorf("backup before migrating: %w; nothing was changed", err)
	}
	o.Log.Info("migrating the database", "from", version, "to", current(list), "backup", backup)
	return c.migrate(path, list)
}

// create makes a new database in one transaction. Two programs may try at once:
// the second finds it made.
func (c *conn) create(path, schema string, list []migration) error {
	return c.inTransaction(func() error {
		version, empty, err := c.identify(path, list)
		if err != nil || !empty {
			if err == nil && version != current(list) {
				err = fmt.Errorf("%s was made by another version of this program just now; start again", path)
			}
			return err
		}
		if err := c.script(schema); err != nil {
			return fmt.Errorf("schema.sql: %w", err)
		}
		return c.script(fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, current(list)))
	})
}

// migrate runs every missing migration in a transaction of its own. Foreign keys
// are checked at its end, not in between: a table may have to be made anew.
func (c *conn) migrate(path string, list []migration) error {
	if err := c.script("PRAGMA foreign_keys = OFF"); err != nil {
		return err
	}
	for _, m := range list {
		err := c.inTransaction(func() error {
			version, err := c.number("PRAGMA user_version")
			if err != nil || int(version) >= m.version { // another program was quicker
				return err
			}
			if err := c.script(m.sql); err != nil {
				return err
			}
			broken := false
			if broken, err = c.get("PRAGMA foreign_key_check", func(*row) {}); err != nil {
				return err
			}
			if broken {
				return errors.New("rows would refer to missing ones")
			}
			return c.script(fmt.Sprintf("PRAGMA user_version = %d", m.version))
		})
		if err != nil {
			return fmt.Errorf("%s: migration %s failed and was rolled back: %w", path, m.name, err)
		}
	}
	return nil
}

// inTransaction runs fn in a transaction.
func (c *conn) inTransaction(fn func() error) error {
	if _, _, err := c.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := fn()
	if err == nil {
		_, _, err = c.exec("COMMIT")
	}
	if err != nil {
		c.clearAborted()
		_, _, _ = c.exec("ROLLBACK")
		c.clearAborted()
	}
	return err
}

// vacuumInto writes a compact copy, readable by its owner alone, and makes it durable.
func (c *conn) vacuumInto(dest string) error {
	if _, err := os.Lstat(dest); err == nil {
		return fmt.Errorf("%s exists already", dest)
	}
	f, err := os.OpenFile(filepath.Clean(dest), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if _, _, err := c.exec("VACUUM INTO ?", dest); err != nil { // an empty file is accepted
		_ = os.Remove(dest)
		return err
	}
	return syncFile(dest)
}

// checkCopy reads a copy whole before anything relies on it. Its schema is that of
// before the migration, so that only its pages and references can be judged.
func checkCopy(path string) error {
	c, err := dialAs(path, sqlite.ReadOnly)
	if err != nil {
		return err
	}
	defer c.close()
	var in Inspection
	x := &inspector{ctx: always, c: c, out: &in}
	if err := errors.Join(x.integrity(), x.references()); err != nil {
		return err
	}
	if len(in.Findings) > 0 {
		return fmt.Errorf("%s is not sound: %s", path, in.Findings[0])
	}
	return nil
}

// syncFile makes a written file durable: VACUUM INTO leaves that to us.
func syncFile(path string) error {
	for _, p := range []string{path, filepath.Dir(path)} {
		f, err := os.Open(filepath.Clean(p))
		if err != nil {
			return err
		}
		err = f.Sync()
		if e := f.Close(); err == nil {
			err = e
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// MigrateStatus says what Open would do with a file.
type MigrateStatus struct {
	File    int       // the file's version; 0 = new
	Program int       // the version this program works with
	Missing []string  // migrations to run
	Backups []string  // copies that earlier migrations left beside it
	Checked time.Time // when this was read
}

// Status reads a file's version without changing anything.
func Status(path string) (MigrateStatus, error) {
	list := embedded()
	st := MigrateStatus{Program: current(list), Checked: time.Now()}
	if _, err := os.Stat(path); err != nil {
		return st, err
	}
	if err := checkHeader(path); err != nil {
		return st, err
	}
	c, err := dial(path)
	if err != nil {
		return st, err
	}
	defer c.close()
	if err := c.script("PRAGMA busy_timeout = 5000; PRAGMA query_only = 1"); err != nil {
		return st, err
	}
	if st.File, _, err = c.identify(path, list); err != nil {
		return st, damaged(path, err)
	}
	for _, m := range list {
		if m.version > st.File && st.File > 0 {
			st.Missing = append(st.Missing, m.name)
		}
	}
	st.Backups, err = filepath.Glob(path + ".before-v*")
	return st, err
}
