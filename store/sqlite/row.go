package sqlite

import (
	"bytes"
	"fmt"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Row hands out the columns of a result row from left to right, each in the type
// that it was stored with: no value is converted. The first fault sticks and ends
// the query with a *ColumnError.
type Row struct {
	tls  *libc.TLS
	p    uintptr // the statement
	n    int32   // columns
	next int32
	err  error
}

// ColumnError says that a column does not hold what was asked of it: the file is
// damaged, or the query and its reader do not fit.
type ColumnError struct {
	Column int // from 1
	Err    error
}

func (e *ColumnError) Error() string { return fmt.Sprintf("column %d: %v", e.Column, e.Err) }

// Unwrap is the fault itself.
func (e *ColumnError) Unwrap() error { return e.Err }

// take is the next column and its type; NULL when there is none.
func (r *Row) take() (column, kind int32) {
	if r.next >= r.n {
		r.Fail("more columns are read than were selected")
		return 0, sqlite3.SQLITE_NULL
	}
	column = r.next
	r.next++
	return column, sqlite3.Xsqlite3_column_type(r.tls, r.p, column)
}

// Fail marks the column that was read last as one that does not hold what it
// should, for readers of a form that SQLite does not know (JSON, dates).
func (r *Row) Fail(format string, args ...any) {
	if r.err == nil {
		r.err = &ColumnError{int(r.next), fmt.Errorf(format, args...)}
	}
}

// Err is the first fault of this row; nil while all is well.
func (r *Row) Err() error { return r.err }

// Text reads TEXT; NULL is "".
func (r *Row) Text() string {
	column, kind := r.take()
	switch kind {
	case sqlite3.SQLITE_TEXT:
		p := sqlite3.Xsqlite3_column_text(r.tls, r.p, column)
		return string(libc.GoBytes(p, int(sqlite3.Xsqlite3_column_bytes(r.tls, r.p, column))))
	case sqlite3.SQLITE_NULL:
	default:
		r.Fail("is of type %d, not text", kind)
	}
	return ""
}

// Int reads INTEGER; NULL is 0.
func (r *Row) Int() int64 {
	column, kind := r.take()
	switch kind {
	case sqlite3.SQLITE_INTEGER:
		return sqlite3.Xsqlite3_column_int64(r.tls, r.p, column)
	case sqlite3.SQLITE_NULL:
	default:
		r.Fail("is of type %d, not an integer", kind)
	}
	return 0
}

// Bool reads INTEGER; 0 and NULL are false.
func (r *Row) Bool() bool { return r.Int() != 0 }

// Blob reads BLOB into bytes of the caller's own; NULL is empty, never nil.
func (r *Row) Blob() []byte {
	column, kind := r.take()
	switch kind {
	case sqlite3.SQLITE_BLOB:
		p := sqlite3.Xsqlite3_column_blob(r.tls, r.p, column)
		n := int(sqlite3.Xsqlite3_column_bytes(r.tls, r.p, column))
		if n > 0 { // an empty one has no address
			return bytes.Clone(libc.GoBytes(p, n))
		}
	case sqlite3.SQLITE_NULL:
	default:
		r.Fail("is of type %d, not bytes", kind)
	}
	return []byte{}
}

// Null reports whether the next column is NULL, without taking it.
func (r *Row) Null() bool {
	return r.next < r.n && sqlite3.Xsqlite3_column_type(r.tls, r.p, r.next) == sqlite3.SQLITE_NULL
}

// Skip passes over a column.
func (r *Row) Skip() { r.next++ }
