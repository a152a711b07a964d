package store

import (
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	sqlite "modernc.org/sqlite/lib"
)

// applicationID marks our files; schema.sql sets it.
const applicationID = 0x51420001

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

// Why a file is refused; every such error wraps one of them.
var (
	ErrForeign = errors.New("not a QualifyBase database")
	ErrNewer   = errors.New("written by a newer version of this program")
	ErrDamaged = errors.New("the database is damaged")
)

// refusal is an error in words of its own that errors.Is knows.
type refusal struct {
	kind error
	text string
}

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return r.kind }

func refuse(kind error, format string, args ...any) error {
	return &refusal{kind, fmt.Sprintf(format, args...)}
}

// damaged puts SQLite's words for a file that it cannot read into ours, with the
// way out; any other error stays.
func damaged(path string, err error) error {
	if c := code(err) & 0xff; c != codeCorrupt && c != codeNotADB {
		return err
	}
	return refuse(ErrDamaged, "%s is damaged (%s); 'qb verify' names what, 'qb restore' brings the newest backup back", path, inShort(err))
}

// inShort is SQLite's own text of an error, without the statement that met it.
func inShort(err error) string {
	if e, ok := errors.AsType[*sqlError](err); ok {
		return e.Error()
	}
	return err.Error()
}

// current is the user_version that this program works with.
func current(list []migration) int { return firstVersion + len(list) }

// prepareFile brings the file to the current version, or refuses it. A file
// that is refused has not been written to.
func prepareFile(path, schema string, list []migration, o Options) error {
	if err := checkHeader(path); err != nil {
		return err
	}
	if lost := lostInWAL(path); lost != "" && !isHeld(path) {
		o.Log.Error("the database was damaged while nobody ran", "what", lost, "way_out", "compare with the newest backup")
	}
	c, err := dial(path)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	defer c.close()
	if err := c.checkSQLite(); err != nil {
		return err
	}
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

// held counts the files that stores of this process have open. Merely closing a
// file drops all POSIX locks that the process has on it, SQLite's included.
var held = struct {
	sync.Mutex
	paths map[string]int
}{paths: map[string]int{}}

// hold notes that a store has the file open; release takes that back.
func hold(path string, n int) {
	full, err := filepath.Abs(path)
	if err != nil {
		return
	}
	held.Lock()
	defer held.Unlock()
	held.paths[full] += n
}

// isHeld tells that a store of this process has the file open.
func isHeld(path string) bool {
	full, err := filepath.Abs(path)
	held.Lock()
	defer held.Unlock()
	return err == nil && held.paths[full] > 0
}

// checkHeader makes a missing file, readable by its owner alone, and refuses one
// that is plainly no database of ours before SQLite touches it.
func checkHeader(path string) error {
	full, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	held.Lock()
	defer held.Unlock()
	if held.paths[full] > 0 {
		return nil
	}
	f, err := os.OpenFile(filepath.Clean(path), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	var head [100]byte
	n, err := io.ReadFull(f, head[:])
	if e := f.Close(); e != nil {
		return e
	}
	if n == 0 && errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil || string(head[:16]) != "SQLite format 3\x00" {
		return refuse(ErrForeign, "%s is not a QualifyBase database; nothing was changed", path)
	}
	// Zero may mean that the creating transaction is still in the WAL.
	if id := binary.BigEndian.Uint32(head[68:]); id != applicationID && id != 0 {
		return refuse(ErrForeign, "%s is the database of another program (application id %#x); nothing was changed", path, id)
	}
	return nil
}

// checkSQLite refuses an SQLite that could corrupt the file.
func (c *conn) checkSQLite() error {
	var version string
	if _, err := c.get("SELECT sqlite_version()", func(r *row) { version = r.text() }); err != nil {
		return err
	}
	if !atLeast(version, minSQLite) {
		return fmt.Errorf("this program was built with SQLite %s; it needs %s or newer", version, minSQLite)
	}
	return nil
}

// atLeast compares versions like 3.53.0.
func atLeast(version, least string) bool {
	a, b := strings.Split(version, "."), strings.Split(least, ".")
	for i := range b {
		var x, y int
		if i < len(a) {
			x, _ = strconv.Atoi(a[i])
		}
		y, _ = strconv.Atoi(b[i])
		if x != y {
			return x > y
		}
	}
	return true
}

// identify says which version the file has; empty = it has no tables yet.
func (c *conn) identify(path string, list []migration) (version int, empty bool, err error) {
	var id, v, tables int64
	for _, ask := range []struct {
		sql string
		n   *int64
	}{{"PRAGMA application_id", &id}, {"PRAGMA user_version", &v}, {"SELECT count(*) FROM sqlite_schema", &tables}} {
		if *ask.n, err = c.number(ask.sql); err != nil {
			return 0, false, fmt.Errorf("%s cannot be read: %w", path, err)
		}
	}
	switch {
	case id == 0 && v == 0 && tables == 0:
		return 0, true, nil
	case id != applicationID:
		return 0, false, refuse(ErrForeign, "%s is the database of another program; nothing was changed", path)
	case int(v) > current(list):
		return 0, false, refuse(ErrNewer, "%s was written by a newer version of this program (schema %d, this one knows %d); nothing was changed: update qb", path, v, current(list))
	}
	return int(v), false, nil
}

// create makes a new database in one transaction. Two programs may try at once:
// the second finds it made.
func (c *conn) create(path, schema string, list []migration) error {
	return c.within(func() error {
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
		err := c.within(func() error {
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

// within runs fn in a transaction.
func (c *conn) within(fn func() error) error {
	if _, _, err := c.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := fn()
	if err == nil {
		_, _, err = c.exec("COMMIT")
	}
	if err != nil {
		c.doomed = nil
		_, _, _ = c.exec("ROLLBACK")
		c.doomed = nil
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
	c, err := dialAs(path, sqlite.SQLITE_OPEN_READONLY)
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
