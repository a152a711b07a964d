package store

import (
	"encoding/json"
	"strconv"
	"strings"

	"qualifybase/engine/calendar"
	"qualifybase/store/sqlite"
)

// row is a result row whose columns are read from left to right, also in the forms
// that the engine's values have in a column.
type row sqlite.Row

// text reads TEXT; NULL is "".
func (r *row) text() string { return (*sqlite.Row)(r).Text() }

// int reads INTEGER; NULL is 0.
func (r *row) int() int64 { return (*sqlite.Row)(r).Int() }

// small reads an INTEGER that is a count or a number of minutes.
func (r *row) small() int { return int(r.int()) }

// bool reads INTEGER; 0 and NULL are false.
func (r *row) bool() bool { return (*sqlite.Row)(r).Bool() }

// blob reads BLOB; NULL is empty.
func (r *row) blob() []byte { return (*sqlite.Row)(r).Blob() }

// null reports whether the next column is NULL, without taking it.
func (r *row) null() bool { return (*sqlite.Row)(r).Null() }

// skip passes over a column.
func (r *row) skip() { (*sqlite.Row)(r).Skip() }

// fail marks the column that was read last as one that does not hold what it should.
func (r *row) fail(format string, args ...any) { (*sqlite.Row)(r).Fail(format, args...) }

// fault is the first fault of this row; nil while all is well.
func (r *row) fault() error { return (*sqlite.Row)(r).Err() }

// json reads TEXT that holds JSON.
func (r *row) json(v any) { r.decode(r.text(), v) }

// decode reads the JSON text of the column that was read last; "" leaves v as it is.
func (r *row) decode(text string, v any) {
	if text == "" || r.fault() != nil {
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
	if text == "" || text == "{}" || r.fault() != nil {
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
	if text := r.text(); text != "{}" && text != "[]" {
		r.decode(text, v)
	}
}

// date reads a calendar date; NULL is nil.
func (r *row) date() *calendar.Date {
	if r.null() {
		r.skip()
		return nil
	}
	d, err := calendar.ParseDate(r.text())
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

// textOrNull binds "" as NULL.
func textOrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// intOrNull binds 0 as NULL.
func intOrNull(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}

// dateOrNull binds a date that may be absent.
func dateOrNull(d *calendar.Date) any {
	if d == nil {
		return nil
	}
	return d.String()
}

// asJSON is the text of a list of names for a JSON column; an absent list is the
// empty one.
func asJSON(names []string) (string, error) {
	if len(names) == 0 {
		return "[]", nil
	}
	b, err := json.Marshal(names)
	return string(b), err
}
