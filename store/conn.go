package store

import "qualifybase/store/sqlite"

// conn is a connection whose faults are errors of the engine where the engine has
// a kind for them.
type conn struct{ db *sqlite.Conn }

// dial opens a connection; the file is made if it is missing.
func dial(path string) (*conn, error) { return dialAs(path, sqlite.Create) }

// dialAs opens a connection in a mode; the path "" is a database in memory.
func dialAs(path string, mode sqlite.Mode) (*conn, error) {
	db, err := sqlite.Open(path, mode)
	if err != nil {
		return nil, asEngineError(err)
	}
	return &conn{db}, nil
}

func (c *conn) close() error { return c.db.Close() }

// script runs SQL text of any number of statements, once.
func (c *conn) script(text string) error { return asEngineError(c.db.Script(text)) }

// exec runs one statement whose rows, if any, do not matter.
func (c *conn) exec(text string, args ...any) (changes, lastID int64, err error) {
	changes, lastID, err = c.db.Exec(text, args...)
	return changes, lastID, asEngineError(err)
}

// query calls fn with every row; the row is good until fn returns.
func (c *conn) query(text string, fn func(*row) error, args ...any) error {
	return asEngineError(c.db.Query(text, func(r *sqlite.Row) error { return fn((*row)(r)) }, args...))
}

// get reads the first row; false without one.
func (c *conn) get(text string, fn func(*row), args ...any) (found bool, err error) {
	found, err = c.db.Get(text, func(r *sqlite.Row) { fn((*row)(r)) }, args...)
	return found, asEngineError(err)
}

// number reads one integer.
func (c *conn) number(text string, args ...any) (int64, error) {
	n, err := c.db.Number(text, args...)
	return n, asEngineError(err)
}

// aborted is the fault that may have ended the transaction; nil = there was none.
// Until clearAborted every statement is refused with it.
func (c *conn) aborted() error { return asEngineError(c.db.Aborted()) }

// clearAborted lets statements run again: around a ROLLBACK, and where no
// transaction is open.
func (c *conn) clearAborted() { c.db.ClearAborted() }
