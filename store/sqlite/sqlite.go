// Package sqlite opens SQLite files and runs SQL on them. It is the only package
// that knows the translated C library beneath (modernc.org/sqlite/lib): what it
// offers is connections, rows, errors with result codes and the copying of pages,
// and no word of clinics.
//
// It calls SQLite itself, not its database/sql driver: that one asks the name of
// every parameter and of every column anew at each use, and locks a mutex at each
// step of the way. Every statement stays prepared under its text.
package sqlite

import (
	"encoding/binary"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Version is that of the SQLite inside this program, like "3.53.0".
func Version() string { return libc.GoString(sqlite3.Xsqlite3_libversion(nil)) }

// Mode says what a connection may do with its file.
type Mode int32

const (
	ReadOnly  Mode = sqlite3.SQLITE_OPEN_READONLY                               // not even a checkpoint writes
	ReadWrite Mode = sqlite3.SQLITE_OPEN_READWRITE                              // the file must be there
	Create    Mode = sqlite3.SQLITE_OPEN_READWRITE | sqlite3.SQLITE_OPEN_CREATE // the file is made if it is missing
)

// Conn is one connection to a file, used by one goroutine at a time.
type Conn struct {
	tls   *libc.TLS
	db    uintptr
	stmts map[string]*stmt
	arena arena // the bound texts of the statements that are under way

	aborted error // see Aborted
}

// Open opens the database file at path; "" is a new database in memory. That a
// file is no database shows at the first statement, not here.
func Open(path string, mode Mode) (*Conn, error) {
	name := ":memory:"
	if path != "" {
		full, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		name = "file://" + (&url.URL{Path: full}).EscapedPath() // a URI, so that a path may hold a question mark
	}
	c := &Conn{tls: libc.NewTLS(), stmts: map[string]*stmt{}}
	if err := c.arena.init(c.tls); err != nil {
		c.tls.Close()
		return nil, err
	}
	// No mutex: a connection has one user.
	flags := int32(mode) | sqlite3.SQLITE_OPEN_NOMUTEX | sqlite3.SQLITE_OPEN_URI
	out := c.arena.pointer()
	rc := sqlite3.Xsqlite3_open_v2(c.tls, c.arena.text(name), out, flags, 0)
	c.db = deref(out)
	c.arena.free(0)
	if rc == sqlite3.SQLITE_OK {
		rc = sqlite3.Xsqlite3_extended_result_codes(c.tls, c.db, 1)
	}
	if rc != sqlite3.SQLITE_OK {
		err := c.fault(rc)
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// Close ends the connection; an open transaction is rolled back.
func (c *Conn) Close() error {
	for text, s := range c.stmts {
		sqlite3.Xsqlite3_finalize(c.tls, s.p)
		delete(c.stmts, text)
	}
	var err error
	if c.db != 0 {
		if rc := sqlite3.Xsqlite3_close_v2(c.tls, c.db); rc != sqlite3.SQLITE_OK {
			err = fmt.Errorf("closing the database: code %d", rc)
		}
		c.db = 0
	}
	c.arena.drop()
	c.tls.Close()
	return err
}

// deref reads the pointer at p.
func deref(p uintptr) uintptr {
	b := libc.GoBytes(p, strconv.IntSize/8)
	if len(b) == 4 {
		return uintptr(binary.NativeEndian.Uint32(b))
	}
	return uintptr(binary.NativeEndian.Uint64(b))
}
