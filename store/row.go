package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"modernc.org/libc"
	sqlite "modernc.org/sqlite/lib"

	"qualifybase/engine"
)

// row hands out the columns of a result row from left to right. The first fault
// sticks and ends the query.
type row struct {
	tls  *libc.TLS
	p    uintptr // the statement
	n    int32   // columns
	next int32
	err  error
}

// take is the next column and its type; NULL when there is none.
func (r *row) take() (column, kind int32) {
	if r.next >= r.n {
		r.fail("more columns are read than were selected")
		return 0, sqlite.SQLITE_NULL
	}
	column = r.next
	r.next++
	return column, sqlite.Xsqlite3_column_type(r.tls, r.p, column)
}

func (r *row) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("column %d: "+format, append([]any{r.next}, args...)...)
	}
}

// text reads TEXT; NULL is "".
func (r *row) text() string {
	column, kind := r.take()
	switch kind {
	case sqlite.SQLITE_TEXT:
		p := sqlite.Xsqlite3_column_text(r.tls, r.p, column)
		return string(libc.GoBytes(p, int(sqlite.Xsqlite3_column_bytes(r.tls, r.p, column))))
	case sqlite.SQLITE_NULL:
	default:
		r.fail("is of type %d, not text", kind)
	}
	return ""
}

// int reads INTEGER; NULL is 0.
func (r *row) int() int64 {
	column, kind := r.take()
	switch kind {
	case sqlite.SQLITE_INTEGER:
		return sqlite.Xsqlite3_column_int64(r.tls, r.p, column)
	case sqlite.SQLITE_NULL:
	default:
		r.fail("is of type %d, not an integer", kind)
	}
	return 0
}

// small reads an INTEGER that is a count or a number of minutes.
func (r *row) small() int { return int(r.int()) }

func (r *row) bool() bool { return r.int() != 0 }

// blob reads BLOB; NULL is empty.
func (r *row) blob() []byte {
	column, kind := r.take()
	switch kind {
	case sqlite.SQLITE_BLOB:
		p := sqlite.Xsqlite3_column_blob(r.tls, r.p, column)
		n := int(sqlite.Xsqlite3_column_bytes(r.tls, r.p, column))
		if n > 0 { // an empty one has no address
			return bytes.Clone(libc.GoBytes(p, n))
		}
	case sqlite.SQLITE_NULL:
	default:
		r.fail("is of type %d, not bytes", kind)
	}
	return []byte{}
}

// null tells whether the next column is NULL, without taking it.
func (r *row) null() bool {
	return r.next < r.n && sqlite.Xsqlite3_column_type(r.tls, r.p, r.next) == sqlite.SQLITE_NULL
}

// skip passes over a column.
func (r *row) skip() { r.next++ }

// json reads TEXT that holds JSON.
func (r *row) json(v any) {
	text := r.text()
	if text == "" || r.err != nil {
		return
	}
	if err := json.Unmarshal([]byte(text), v); err != nil {
		r.fail("is no JSON of the expected shape: %w", err)
	}
}

// object reads TEXT that holds a JSON object of any shape. Numbers stay as they
// were written: a long one is somebody's id.
func (r *row) object() map[string]any {
	text, object := r.text(), map[string]any{}
	if text == "" || text == "{}" || r.err != nil {
		return object
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&object); err != nil {
		r.fail("is no JSON object: %w", err)
	}
	return object
}

// doc reads TEXT that holds JSON and mostly the empty list or object, which leaves
// v as it is: most rows have nothing in most of their documents.
func (r *row) doc(v any) {
	text := r.text()
	if text == "" || text == "{}" || text == "[]" || r.err != nil {
		return
	}
	if err := json.Unmarshal([]byte(text), v); err != nil {
		r.fail("is no JSON of the expected shape: %w", err)
	}
}

// date reads a calendar date; NULL is nil.
func (r *row) date() *engine.Date {
	if r.null() {
		r.skip()
		return nil
	}
	d, err := engine.ParseDate(r.text())
	if err != nil {
		r.fail("%w", err)
	}
	return &d
}

// ids reads integers joined by commas, as group_concat makes them.
func (r *row) ids() []int64 {
	text := r.text()
	if text == "" {
		return nil
	}
	parts := strings.Split(text, ",")
	list := make([]int64, len(parts))
	for i, p := range parts {
		n, err := strconv.ParseInt(p, 10, 64)
		if err != nil {
			r.fail("is no list of numbers")
		}
		list[i] = n
	}
	return list
}

// meta reads version, change, created_at, updated_at, created_by, updated_by.
func (r *row) meta() engine.Meta {
	return engine.Meta{
		Version: r.int(), Change: r.int(), CreatedAt: r.int(), UpdatedAt: r.int(),
		CreatedBy: r.text(), UpdatedBy: r.text(),
	}
}

// orNull binds "" as NULL.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// orNone binds 0 as NULL.
func orNone(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}

// dateOrNull binds a date that may be absent.
func dateOrNull(d *engine.Date) any {
	if d == nil {
		return nil
	}
	return d.String()
}

// asJSON is the text of a value for a JSON column; an absent list or map is the
// empty one, as its column's comment promises.
func asJSON(v any) (string, error) {
	switch x := v.(type) {
	case []string:
		if len(x) == 0 {
			return "[]", nil
		}
	case map[string]any:
		if len(x) == 0 {
			return "{}", nil
		}
	}
	b, err := json.Marshal(v)
	return string(b), err
}
