package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"qualifybase/store/sqlite"
)

// applicationID marks our files; schema.sql sets it.
const applicationID = 0x51420001

// Why a file is refused; every such error wraps one of them.
var (
	ErrOtherProgram = errors.New("not a QualifyBase database")
	ErrNewer        = errors.New("written by a newer version of this program")
	ErrDamaged      = errors.New("the database is damaged")
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
	if c := sqlite.CodeOf(err).Primary(); c != sqlite.CodeCorrupt && c != sqlite.CodeNotADB {
		return err
	}
	return refuse(ErrDamaged, "%s is damaged (%s); 'qb verify' names what, 'qb restore' brings the newest backup back",
		path, sqliteText(err))
}

// sqliteText is SQLite's own text of an error, without the statement that met it.
func sqliteText(err error) string {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Error()
	}
	return err.Error()
}

// openFiles counts the files that stores of this process have open. Merely closing a
// file drops all POSIX locks that the process has on it, SQLite's included.
var openFiles = struct {
	sync.Mutex
	paths map[string]int
}{paths: map[string]int{}}

// trackOpen counts one more store that has the file open, or with -1 one less.
func trackOpen(path string, n int) {
	full, err := filepath.Abs(path)
	if err != nil {
		return
	}
	openFiles.Lock()
	defer openFiles.Unlock()
	openFiles.paths[full] += n
}

// isOpen reports whether a store of this process has the file open.
func isOpen(path string) bool {
	full, err := filepath.Abs(path)
	openFiles.Lock()
	defer openFiles.Unlock()
	return err == nil && openFiles.paths[full] > 0
}

// checkHeader makes a missing file, readable by its owner alone, and refuses one
// that is plainly no database of ours before SQLite touches it.
func checkHeader(path string) error { return judgeHeader(path, os.O_RDWR|os.O_CREATE) }

// readHeader refuses the same in a file that must be there, and makes none.
func readHeader(path string) error { return judgeHeader(path, os.O_RDONLY) }

// judgeHeader looks at the first bytes of a file. One that a store of this process
// has open is ours already: closing it here would drop that store's locks.
func judgeHeader(path string, flag int) error {
	full, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	openFiles.Lock()
	defer openFiles.Unlock()
	if openFiles.paths[full] > 0 {
		return nil
	}
	f, err := os.OpenFile(filepath.Clean(path), flag, 0o600)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	var head [100]byte
	n, err := io.ReadFull(f, head[:])
	if e := f.Close(); e != nil {
		return e
	}
	if n == 0 && errors.Is(err, io.EOF) && flag&os.O_CREATE != 0 {
		return nil // new, to be filled
	}
	if err != nil || string(head[:16]) != "SQLite format 3\x00" {
		return refuse(ErrOtherProgram, "%s is not a QualifyBase database; nothing was changed", path)
	}
	// Zero may mean that the creating transaction is still in the WAL.
	if id := binary.BigEndian.Uint32(head[68:]); id != applicationID && id != 0 {
		return refuse(ErrOtherProgram, "%s is the database of another program (application id %#x); nothing was changed",
			path, id)
	}
	return nil
}

// checkSQLite refuses an SQLite that could corrupt the file.
func checkSQLite() error {
	if version := sqlite.Version(); !atLeast(version, minSQLite) {
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
		return 0, false, refuse(ErrOtherProgram, "%s is the database of another program; nothing was changed", path)
	case int(v) > current(list):
		return 0, false, refuse(ErrNewer,
			"%s was written by a newer version of this program (schema %d, this one knows %d); nothing was changed: update qb",
			path, v, current(list))
	}
	return int(v), false, nil
}
