package store

import (
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"qualifybase/engine"
)

// errEnough ends a query after the row that was wanted.
var errEnough = errors.New("enough rows")

// row hands out the columns of a result row from left to right. The first fault
// sticks and ends the query.
type row struct {
	vals []driver.Value
	next int
	err  error
}

func (r *row) value() driver.Value {
	if r.next >= len(r.vals) {
		r.fail("more columns read than selected")
		return nil
	}
	v := r.vals[r.next]
	r.next++
	return v
}

func (r *row) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("column %d: "+format, append([]any{r.next}, args...)...)
	}
}

// text reads TEXT; NULL is "".
func (r *row) text() string {
	switch v := r.value().(type) {
	case string:
		return v
	case nil:
		return ""
	default:
		r.fail("is a %T, not text", v)
		return ""
	}
}

// int reads INTEGER; NULL is 0.
func (r *row) int() int64 {
	switch v := r.value().(type) {
	case int64:
		return v
	case nil:
		return 0
	default:
		r.fail("is a %T, not an integer", v)
		return 0
	}
}

// small reads an INTEGER that is a count or a number of minutes.
func (r *row) small() int { return int(r.int()) }

func (r *row) bool() bool { return r.int() != 0 }

// blob reads BLOB.
func (r *row) blob() []byte {
	switch v := r.value().(type) {
	case []byte:
		return v
	case nil: // the driver's word for an empty blob, too
		return []byte{}
	default:
		r.fail("is a %T, not bytes", v)
		return nil
	}
}

// null tells whether the next column is NULL, without taking it.
func (r *row) null() bool { return r.next < len(r.vals) && r.vals[r.next] == nil }

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
