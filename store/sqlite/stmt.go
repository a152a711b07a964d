package sqlite

import (
	"fmt"

	sqlite3 "modernc.org/sqlite/lib"
)

// stmt is a prepared statement with the row it is read by.
type stmt struct {
	text   string // "" = it is not among the prepared and lives for one use
	p      uintptr
	params int
	row    Row
	busy   bool // it is being read
	mark   int  // of the arena, before its texts
}

// maxPrepared is how many statements a connection keeps prepared.
const maxPrepared = 500

// compile prepares one statement.
func (c *Conn) compile(text string) (*stmt, error) {
	mark := c.arena.used
	out := c.arena.pointer()
	rc := sqlite3.Xsqlite3_prepare_v3(c.tls, c.db, c.arena.text(text), int32(len(text)), // #nosec G115 -- our own texts
		sqlite3.SQLITE_PREPARE_PERSISTENT, out, 0)
	p := deref(out)
	c.arena.free(mark)
	if rc != sqlite3.SQLITE_OK {
		return nil, fmt.Errorf("%w in: %s", c.fault(rc), text)
	}
	return &stmt{
		p: p, params: int(sqlite3.Xsqlite3_bind_parameter_count(c.tls, p)),
		row: Row{tls: c.tls, p: p, n: sqlite3.Xsqlite3_column_count(c.tls, p)},
	}, nil
}

// start gives the prepared statement of a text with its arguments bound. One that
// is being read is not touched: the nested use gets a statement of its own.
func (c *Conn) start(text string, args []any) (*stmt, error) {
	if c.aborted != nil {
		return nil, c.aborted
	}
	s := c.stmts[text]
	if s == nil || s.busy {
		another, err := c.compile(text)
		if err != nil {
			return nil, err
		}
		if s == nil {
			another.text = text
			c.cache(another)
		}
		s = another
	}
	s.busy, s.mark = true, c.arena.used
	if err := c.bind(s, args); err != nil {
		c.done(s)
		return nil, err
	}
	return s, nil
}

// cache puts a statement among the prepared; unbounded texts would be a leak, so
// that beyond a bound another one goes. Any victim will do.
func (c *Conn) cache(s *stmt) {
	if len(c.stmts) >= maxPrepared {
		for text, victim := range c.stmts {
			if !victim.busy {
				sqlite3.Xsqlite3_finalize(c.tls, victim.p)
				delete(c.stmts, text)
				break
			}
		}
	}
	c.stmts[s.text] = s
}

// done makes a statement ready for its next use, or ends one that has none.
func (c *Conn) done(s *stmt) {
	sqlite3.Xsqlite3_reset(c.tls, s.p)
	if s.text == "" {
		sqlite3.Xsqlite3_finalize(c.tls, s.p)
	}
	s.busy = false
	c.arena.free(s.mark)
}

// bind hands over the arguments. What is bound lies in the arena until done; every
// parameter is bound anew before the next step.
func (c *Conn) bind(s *stmt, args []any) error {
	if len(args) != s.params {
		return fmt.Errorf("%d arguments for %d parameters", len(args), s.params)
	}
	for i, a := range args {
		at, rc := int32(i+1), int32(sqlite3.SQLITE_OK) // #nosec G115 -- SQLite allows 32,766
		switch x := a.(type) {
		case nil:
			rc = sqlite3.Xsqlite3_bind_null(c.tls, s.p, at)
		case int64:
			rc = sqlite3.Xsqlite3_bind_int64(c.tls, s.p, at, x)
		case int:
			rc = sqlite3.Xsqlite3_bind_int64(c.tls, s.p, at, int64(x))
		case bool:
			n := int64(0)
			if x {
				n = 1
			}
			rc = sqlite3.Xsqlite3_bind_int64(c.tls, s.p, at, n)
		case string:
			n := int32(len(x)) // #nosec G115 -- bodies are limited to 4 MiB
			rc = sqlite3.Xsqlite3_bind_text(c.tls, s.p, at, c.arena.text(x), n, sqlite3.SQLITE_STATIC)
		case []byte:
			n := int32(len(x)) // #nosec G115 -- as above
			rc = sqlite3.Xsqlite3_bind_blob(c.tls, s.p, at, c.arena.bytes(x), n, sqlite3.SQLITE_STATIC)
		default:
			return fmt.Errorf("cannot bind a %T", a)
		}
		if rc != sqlite3.SQLITE_OK {
			return c.fault(rc)
		}
	}
	return nil
}
