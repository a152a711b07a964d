package sqlite

import sqlite3 "modernc.org/sqlite/lib"

// The arguments of a statement are int64, int, bool (0 or 1), string (TEXT),
// []byte (BLOB) or nil (NULL), as many as it has parameters. Anything else is
// refused, a time.Time above all: in which form it is stored is for the caller
// to say.

// Script runs SQL text of any number of statements without arguments, once, and
// stops at the first fault.
func (c *Conn) Script(text string) error {
	defer c.arena.free(c.arena.used)
	p := c.arena.text(text)
	if rc := sqlite3.Xsqlite3_exec(c.tls, c.db, p, 0, 0, 0); rc != sqlite3.SQLITE_OK {
		return c.fault(rc)
	}
	return nil
}

// Exec runs one statement whose rows, if any, do not matter. It returns how many
// rows were changed and the id of the last one inserted; both are those of an
// earlier write if this statement was none.
func (c *Conn) Exec(text string, args ...any) (changes, lastID int64, err error) {
	s, err := c.start(text, args)
	if err != nil {
		return 0, 0, err
	}
	defer c.done(s)
	for {
		switch rc := sqlite3.Xsqlite3_step(c.tls, s.p); rc {
		case sqlite3.SQLITE_ROW:
		case sqlite3.SQLITE_DONE:
			return sqlite3.Xsqlite3_changes64(c.tls, c.db), sqlite3.Xsqlite3_last_insert_rowid(c.tls, c.db), nil
		default:
			return 0, 0, c.fault(rc)
		}
	}
}

// Query calls fn with every row, which is good until fn returns. An error of fn
// or of reading a column ends the query and is returned. fn may use the
// connection, also with the same text.
func (c *Conn) Query(text string, fn func(*Row) error, args ...any) error {
	s, err := c.start(text, args)
	if err != nil {
		return err
	}
	defer c.done(s)
	for {
		switch rc := sqlite3.Xsqlite3_step(c.tls, s.p); rc {
		case sqlite3.SQLITE_ROW:
			s.row.next, s.row.err = 0, nil
			if err := fn(&s.row); err != nil {
				return err
			}
			if s.row.err != nil {
				return s.row.err
			}
		case sqlite3.SQLITE_DONE:
			return nil
		default:
			return c.fault(rc)
		}
	}
}

// Get calls fn with the first row and reports whether there is one; the statement
// runs no further.
func (c *Conn) Get(text string, fn func(*Row), args ...any) (found bool, err error) {
	s, err := c.start(text, args)
	if err != nil {
		return false, err
	}
	defer c.done(s)
	switch rc := sqlite3.Xsqlite3_step(c.tls, s.p); rc {
	case sqlite3.SQLITE_ROW:
		s.row.next, s.row.err = 0, nil
		fn(&s.row)
		return true, s.row.err
	case sqlite3.SQLITE_DONE:
		return false, nil
	default:
		return false, c.fault(rc)
	}
}

// Number reads one integer, the first column of the first row; 0 without a row.
func (c *Conn) Number(text string, args ...any) (n int64, err error) {
	_, err = c.Get(text, func(r *Row) { n = r.Int() }, args...)
	return n, err
}
