package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"

	"modernc.org/libc"
	sqlite "modernc.org/sqlite/lib"
)

// conn is one connection to the file, used by one goroutine at a time. It calls
// SQLite itself, not its database/sql driver: that one asks the name of every
// parameter and of every column anew at each use, and locks a mutex at each step
// of the way (bench_test.go has the difference). Every statement stays prepared
// under its text.
type conn struct {
	tls   *libc.TLS
	db    uintptr
	stmts map[string]*stmt

	arena arena // the bound texts of the statements that are under way

	// doomed is the first fault that may have torn down the whole transaction
	// (full disk, I/O, out of memory). Until ROLLBACK every statement is refused
	// with it: one that ran now could commit on its own.
	doomed error
}

// stmt is a prepared statement with the row it is read by.
type stmt struct {
	text   string // "" = nobody keeps it
	p      uintptr
	params int
	row    row
	busy   bool // it is being read
	mark   int  // of the arena, before its texts
}

const maxPrepared = 500

var errOutOfMemory = errors.New("SQLite is out of memory")

// dial opens a connection; the file is made if it is missing.
func dial(path string) (*conn, error) {
	return dialAs(path, sqlite.SQLITE_OPEN_READWRITE|sqlite.SQLITE_OPEN_CREATE)
}

// dialAs opens a connection in a mode; the path "" is a database in memory.
func dialAs(path string, mode int32) (*conn, error) {
	name := ":memory:"
	if path != "" {
		full, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		name = "file://" + (&url.URL{Path: full}).EscapedPath() // a URI, so that a path may hold a question mark
	}
	c := &conn{tls: libc.NewTLS(), stmts: map[string]*stmt{}}
	if err := c.arena.init(c.tls); err != nil {
		c.tls.Close()
		return nil, err
	}
	// No mutex: a conn has one user.
	out := c.arena.pointer()
	rc := sqlite.Xsqlite3_open_v2(c.tls, c.arena.text(name), out, mode|sqlite.SQLITE_OPEN_NOMUTEX|sqlite.SQLITE_OPEN_URI, 0)
	c.db = deref(out)
	c.arena.free(0)
	if rc == sqlite.SQLITE_OK {
		rc = sqlite.Xsqlite3_extended_result_codes(c.tls, c.db, 1)
	}
	if rc != sqlite.SQLITE_OK {
		err := c.fault(rc)
		_ = c.close()
		return nil, err
	}
	return c, nil
}

func (c *conn) close() error {
	for text, s := range c.stmts {
		sqlite.Xsqlite3_finalize(c.tls, s.p)
		delete(c.stmts, text)
	}
	var err error
	if c.db != 0 {
		if rc := sqlite.Xsqlite3_close_v2(c.tls, c.db); rc != sqlite.SQLITE_OK {
			err = fmt.Errorf("closing the database: code %d", rc)
		}
		c.db = 0
	}
	c.arena.drop()
	c.tls.Close()
	return err
}

// sqlError is a fault as SQLite tells it.
type sqlError struct {
	code int // extended (sqlite.org/rescode.html)
	msg  string
}

func (e *sqlError) Error() string { return "SQLite: " + e.msg + " (" + strconv.Itoa(e.code) + ")" }

// fault makes the error of a result code and notes one that may have ended the
// transaction.
func (c *conn) fault(rc int32) error {
	e := &sqlError{code: int(rc), msg: "cannot open"}
	if c.db != 0 {
		e.msg = libc.GoString(sqlite.Xsqlite3_errmsg(c.tls, c.db))
	}
	err := inWords(e)
	if tearsDown(e) {
		c.doomed = err
	}
	return err
}

// script runs SQL text of any number of statements, once.
func (c *conn) script(text string) error {
	defer c.arena.free(c.arena.used)
	p := c.arena.text(text)
	if rc := sqlite.Xsqlite3_exec(c.tls, c.db, p, 0, 0, 0); rc != sqlite.SQLITE_OK {
		return c.fault(rc)
	}
	return nil
}

// compile prepares one statement.
func (c *conn) compile(text string) (*stmt, error) {
	mark := c.arena.used
	out := c.arena.pointer()
	rc := sqlite.Xsqlite3_prepare_v3(c.tls, c.db, c.arena.text(text), int32(len(text)), // #nosec G115 -- our own texts
		sqlite.SQLITE_PREPARE_PERSISTENT, out, 0)
	p := deref(out)
	c.arena.free(mark)
	if rc != sqlite.SQLITE_OK {
		return nil, fmt.Errorf("%w in: %s", c.fault(rc), text)
	}
	return &stmt{
		p: p, params: int(sqlite.Xsqlite3_bind_parameter_count(c.tls, p)),
		row: row{tls: c.tls, p: p, n: sqlite.Xsqlite3_column_count(c.tls, p)},
	}, nil
}

// start gives the kept statement of a text with its arguments bound. A statement
// that is being read is not touched: its nested twin lives for one use.
func (c *conn) start(text string, args []any) (*stmt, error) {
	if c.doomed != nil {
		return nil, c.doomed
	}
	s := c.stmts[text]
	if s == nil || s.busy {
		twin, err := c.compile(text)
		if err != nil {
			return nil, err
		}
		if s == nil {
			twin.text = text
			c.keep(twin)
		}
		s = twin
	}
	s.busy, s.mark = true, c.arena.used
	if err := c.bind(s, args); err != nil {
		c.done(s)
		return nil, err
	}
	return s, nil
}

// keep puts a statement among the prepared; unbounded texts would be a leak, so
// that beyond a bound another one goes. Any victim will do.
func (c *conn) keep(s *stmt) {
	if len(c.stmts) >= maxPrepared {
		for text, victim := range c.stmts {
			if !victim.busy {
				sqlite.Xsqlite3_finalize(c.tls, victim.p)
				delete(c.stmts, text)
				break
			}
		}
	}
	c.stmts[s.text] = s
}

// done makes a statement ready for its next use; a twin goes.
func (c *conn) done(s *stmt) {
	sqlite.Xsqlite3_reset(c.tls, s.p)
	if s.text == "" {
		sqlite.Xsqlite3_finalize(c.tls, s.p)
	}
	s.busy = false
	c.arena.free(s.mark)
}

// bind hands over the arguments: integers, text, NULL, and bytes for the one BLOB
// column. Times are int64 seconds before they come here. What is bound lies in the
// arena until done; every parameter is bound anew before the next step.
func (c *conn) bind(s *stmt, args []any) error {
	if len(args) != s.params {
		return fmt.Errorf("%d arguments for %d parameters", len(args), s.params)
	}
	for i, a := range args {
		at, rc := int32(i+1), int32(sqlite.SQLITE_OK) // #nosec G115 -- SQLite allows 32,766
		switch x := a.(type) {
		case nil:
			rc = sqlite.Xsqlite3_bind_null(c.tls, s.p, at)
		case int64:
			rc = sqlite.Xsqlite3_bind_int64(c.tls, s.p, at, x)
		case int:
			rc = sqlite.Xsqlite3_bind_int64(c.tls, s.p, at, int64(x))
		case bool:
			n := int64(0)
			if x {
				n = 1
			}
			rc = sqlite.Xsqlite3_bind_int64(c.tls, s.p, at, n)
		case string:
			rc = sqlite.Xsqlite3_bind_text(c.tls, s.p, at, c.arena.text(x), int32(len(x)), sqlite.SQLITE_STATIC) // #nosec G115 -- bodies are limited to 4 MiB
		case []byte:
			rc = sqlite.Xsqlite3_bind_blob(c.tls, s.p, at, c.arena.bytes(x), int32(len(x)), sqlite.SQLITE_STATIC) // #nosec G115 -- as above
		default:
			return fmt.Errorf("cannot bind a %T", a)
		}
		if rc != sqlite.SQLITE_OK {
			return c.fault(rc)
		}
	}
	return nil
}

// exec runs one statement whose rows, if any, do not matter.
func (c *conn) exec(text string, args ...any) (changes, lastID int64, err error) {
	s, err := c.start(text, args)
	if err != nil {
		return 0, 0, err
	}
	defer c.done(s)
	for {
		switch rc := sqlite.Xsqlite3_step(c.tls, s.p); rc {
		case sqlite.SQLITE_ROW:
		case sqlite.SQLITE_DONE:
			return sqlite.Xsqlite3_changes64(c.tls, c.db), sqlite.Xsqlite3_last_insert_rowid(c.tls, c.db), nil
		default:
			return 0, 0, c.fault(rc)
		}
	}
}

// query calls fn with every row; the row is good until fn returns.
func (c *conn) query(text string, fn func(*row) error, args ...any) error {
	s, err := c.start(text, args)
	if err != nil {
		return err
	}
	defer c.done(s)
	for {
		switch rc := sqlite.Xsqlite3_step(c.tls, s.p); rc {
		case sqlite.SQLITE_ROW:
			s.row.next, s.row.err = 0, nil
			if err := fn(&s.row); err != nil {
				return err
			}
			if s.row.err != nil {
				return s.row.err
			}
		case sqlite.SQLITE_DONE:
			return nil
		default:
			return c.fault(rc)
		}
	}
}

// get reads the first row; false without one.
func (c *conn) get(text string, fn func(*row), args ...any) (found bool, err error) {
	s, err := c.start(text, args)
	if err != nil {
		return false, err
	}
	defer c.done(s)
	switch rc := sqlite.Xsqlite3_step(c.tls, s.p); rc {
	case sqlite.SQLITE_ROW:
		s.row.next, s.row.err = 0, nil
		fn(&s.row)
		return true, s.row.err
	case sqlite.SQLITE_DONE:
		return false, nil
	default:
		return false, c.fault(rc)
	}
}

// number reads one integer.
func (c *conn) number(text string, args ...any) (n int64, err error) {
	_, err = c.get(text, func(r *row) { n = r.int() }, args...)
	return n, err
}

// deref reads the pointer at p.
func deref(p uintptr) uintptr {
	b := libc.GoBytes(p, strconv.IntSize/8)
	if len(b) == 4 {
		return uintptr(binary.NativeEndian.Uint32(b))
	}
	return uintptr(binary.NativeEndian.Uint64(b))
}
