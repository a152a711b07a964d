package store

import (
	"strconv"
	"strings"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
)

// where is a condition under construction. Its text depends on which filters
// are set, never on their values, so that there are few statements to prepare.
type where struct {
	sql  strings.Builder
	args []any
}

func newWhere(cond string, args ...any) *where {
	w := &where{}
	w.sql.WriteString(" WHERE " + cond)
	w.args = args
	return w
}

// tenant begins the condition of a list. narrow tells that another filter finds
// the few rows that matter by an index of its own: then the tenant is only
// checked. Without statistics SQLite would rather walk the clinic's whole list,
// which is in the right order; the unary + forbids that.
func tenant(clinic int64, test, narrow bool) *where {
	if narrow {
		return newWhere("+clinic = ? AND +test = ?", clinic, test)
	}
	return newWhere("clinic = ? AND test = ?", clinic, test)
}

func (w *where) and(cond string, args ...any) {
	w.sql.WriteString(" AND " + cond)
	w.args = append(w.args, args...)
}

// andText filters by a text where one is given.
func (w *where) andText(column, value string) {
	if value != "" {
		w.and(column+" = ?", value)
	}
}

// andNumber filters by a number where one is given.
func (w *where) andNumber(column string, value int64) {
	if value != 0 {
		w.and(column+" = ?", value)
	}
}

// search finds people by a prefix of the folded name, e-mail or phone: three
// ranges of three indexes.
func (w *where) search(table string, clinic int64, test bool, q string) {
	if q == "" {
		return
	}
	beyond := q + "\U0010FFFF"
	arm := func(column string) string {
		return "SELECT id FROM " + table + " WHERE clinic = ? AND test = ? AND " +
			column + " <> '' AND " + column + " >= ? AND " + column + " < ?"
	}
	args := []any{clinic, test, q, beyond}
	w.and("id IN ("+arm("name_key")+" UNION "+arm("email_key")+" UNION "+arm("phone_key")+")",
		append(append(append([]any{}, args...), args...), args...)...)
}

// order of a list, and its limit; 0 = all.
func (w *where) order(by string, limit int) string {
	if limit == 0 {
		limit = -1
	}
	w.args = append(w.args, limit)
	return w.sql.String() + " ORDER BY " + by + " LIMIT ?+0"
}

// newestFirst goes on behind a position of (created_at DESC, id DESC).
func (w *where) newestFirst(after act.Position, id any, limit int) string {
	if after != (act.Position{}) {
		w.and("(created_at, id) < (?, ?)", after.CreatedAt, id)
	}
	return w.order("created_at DESC, id DESC", limit)
}

// textID is the id of a position in lists whose ids are text.
func textID(after act.Position) (any, error) { return after.ID, nil }

// numberID is the id of a position in lists whose ids are integers.
func numberID(after act.Position) (any, error) {
	if after.ID == "" {
		return int64(0), nil
	}
	n, err := strconv.ParseInt(after.ID, 10, 64)
	if err != nil {
		return nil, fault.Fail(fault.InvalidCursor, "The cursor is not one of this list")
	}
	return n, nil
}

// page finishes the query of a list that is walked either newest first or, for
// a sync, by change number from the first row updated since a time. A row that
// is written while it is walked comes again under its new number; none is skipped.
func (r *reads) page(w *where, table string, clinic int64, test bool, since *int64,
	after act.Position, id func(act.Position) (any, error), limit int) (string, error) {
	if since == nil {
		n, err := id(after)
		if err != nil {
			return "", err
		}
		return w.newestFirst(after, n, limit), nil
	}
	start := after.Number
	if start == 0 {
		first, err := r.firstChange(table, clinic, test, *since)
		if err != nil {
			return "", err
		}
		start = first - 1
	}
	w.and("change > ?", start)
	return w.order("change", limit), nil
}

// counted finishes the query of a count.
func (r *reads) counted(w *where, table string, clinic int64, test bool, since *int64) (int64, error) {
	if since != nil {
		first, err := r.firstChange(table, clinic, test, *since)
		if err != nil {
			return 0, err
		}
		w.and("change >= ?", first)
	}
	return r.number("SELECT count(*) FROM "+table+w.sql.String(), w.args...)
}

// firstChange is the smallest change number of a row updated at or after since;
// without such a row, the number that the next write will get. Times never fall
// along a clinic's change numbers (act.Counters.Stamp), so that halving finds it,
// and no write pays for an index by time.
func (r *reads) firstChange(table string, clinic int64, test bool, since int64) (int64, error) {
	last, err := r.lastChange(clinic)
	if err != nil {
		return 0, err
	}
	first := last + 1
	for low, high := int64(1), first; low < high; {
		middle := low + (high-low)/2
		change, at := first, since // as if of the next write
		if _, err := r.get("SELECT change, updated_at FROM "+table+" WHERE clinic = ? AND test = ? AND change >= ? "+
			"ORDER BY change LIMIT 1",
			func(row *row) { change, at = row.int(), row.int() }, clinic, test, middle); err != nil {
			return 0, err
		}
		if at < since {
			low = change + 1
		} else {
			first, high = change, middle
		}
	}
	return first, nil
}
