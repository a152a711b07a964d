package store

import (
	"slices"
	"strings"
)

// table holds the texts of an entity's statements.
type table struct {
	what    string // the entity's name, for the NotFound
	selects string // without a condition
	inserts string
	updates string   // of one row
	read    []string // the columns of selects
	changed []string // the columns of updates
}

// newTable builds the texts of a table. key is the condition by which a row is
// updated, "" where none ever is; its parameters follow what is bound.
func newTable[E any](name, what, key string, walk func(*columns, *E)) *table {
	names := func(s statements) (list []string) {
		walk(&columns{of: s, names: &list}, new(E))
		return list
	}
	read, written, changed := names(selected), names(inserted), names(updated)
	t := &table{
		what:    what,
		selects: "SELECT " + strings.Join(read, ", ") + " FROM " + name,
		inserts: "INSERT INTO " + name + " (" + strings.Join(written, ", ") + ") VALUES (" +
			strings.Join(slices.Repeat([]string{"?"}, len(written)), ", ") + ")",
		read:    read,
		changed: changed,
	}
	if key == "" {
		return t
	}
	t.updates = "UPDATE " + name + " SET "
	for i, column := range changed {
		if i > 0 {
			t.updates += ", "
		}
		t.updates += column
		if !strings.Contains(column, "=") { // else it says itself what it is set to
			t.updates += " = ?"
		}
	}
	t.updates += " WHERE " + key
	return t
}

// excluded sets what changes in a row that is there already when it is inserted.
func (t *table) excluded() string {
	sets := make([]string, len(t.changed))
	for i, column := range t.changed {
		sets[i] = column + " = excluded." + column
	}
	return strings.Join(sets, ", ")
}

// ofClinic is the condition for one row of a clinic.
const ofClinic = "id = ? AND clinic = ?"

// scanning walks to read a row.
func scanning(r *row) *columns { return &columns{of: selected, row: r} }

// inserting walks to bind a new row; its insert is the next statement of this Tx.
func (t *tx) inserting() *columns { return t.binding(inserted) }

// updating walks to bind what changes of a row; its update is the next statement.
func (t *tx) updating() *columns { return t.binding(updated) }

// binding walks to bind. The memory of what is bound is used again, as all writes are
// the writer's, one after the other; a Tx that has ended has no part in it.
func (t *tx) binding(s statements) *columns {
	if t.ended {
		return &columns{of: s}
	}
	c := &t.w.bound
	*c = columns{of: s, args: c.args[:0]}
	return c
}

// insert writes the row that was bound and gives its number.
func (t *tx) insert(into *table, c *columns) (int64, error) {
	if c.err != nil {
		return 0, c.err
	}
	_, id, err := t.exec(into.inserts, c.args...)
	return id, err
}

// update changes the row with a key, which must be there.
func (t *tx) update(what *table, c *columns, key ...any) error {
	if c.err != nil {
		return c.err
	}
	c.args = append(c.args, key...)
	return t.change(what.what, what.updates, c.args...)
}
