package store

import (
	"context"
	"fmt"
	"strconv"

	"qualifybase/engine"
)

// always is the context of what no caller waits for.
var always = context.Background()

// reads answers questions on one snapshot: of a View, of the writer's open
// transaction, or of a load into memory.
type reads struct {
	s    *Store
	c    *conn // nil until the first statement of a View
	ctx  context.Context
	tx   *tx  // set inside an Update
	over bool // its View or Update has ended
}

// tx is the Tx of one member. Everything it keeps in memory is undone with it.
type tx struct {
	reads
	w     *writer
	depth int
	asked []asked // heads it has been given
}

var _ engine.Tx = (*tx)(nil)

// mark is a point to which the memory can be taken back.
type mark struct {
	undo, touched int
	heads         []engine.Heads // values of tx.asked then
}

func (t *tx) mark() mark {
	m := mark{undo: len(t.w.over.undo), touched: len(t.w.touched)}
	if len(t.asked) > 0 {
		m.heads = make([]engine.Heads, len(t.asked))
		for i, a := range t.asked {
			m.heads[i] = a.h.now
		}
	}
	return m
}

// rewind takes the memory back to a mark, as ROLLBACK TO does the file.
func (t *tx) rewind(m mark) {
	t.w.over.rollback(m.undo)
	t.w.touched = t.w.touched[:m.touched]
	for i, a := range t.asked {
		if i < len(m.heads) {
			a.h.now = m.heads[i]
		} else {
			a.h.now = a.first
		}
	}
	t.asked = t.asked[:len(m.heads)]
	for clinic := range t.w.plans { // compiled from rows that are gone
		t.w.plans[clinic] = nil
	}
}

// savepoint holds the statements of one nesting depth.
type savepoint struct{ open, release, rollback string }

func savepointAt(depth int) savepoint {
	name := "s" + strconv.Itoa(depth)
	return savepoint{"SAVEPOINT " + name, "RELEASE " + name, "ROLLBACK TO " + name}
}

var savepoints = func() (list [8]savepoint) {
	for i := range list {
		list[i] = savepointAt(i)
	}
	return list
}()

// Savepoint implements engine.Tx.
func (t *tx) Savepoint(fn func() error) error {
	if t.over {
		return errOver
	}
	var sql savepoint
	if t.depth < len(savepoints) {
		sql = savepoints[t.depth]
	} else {
		sql = savepointAt(t.depth)
	}
	if _, _, err := t.c.exec(sql.open); err != nil {
		return err
	}
	m, depth := t.mark(), t.depth
	t.depth++
	done := false
	defer func() {
		t.depth = depth
		if !done { // a panic passes through: an outer savepoint's rollback takes this one with it
			t.rewind(m)
		}
	}()
	err := fn()
	done = true
	if err == nil {
		_, _, err = t.c.exec(sql.release)
		return err
	}
	t.rewind(m)
	if _, _, e := t.c.exec(sql.rollback); e != nil {
		return e
	}
	if _, _, e := t.c.exec(sql.release); e != nil {
		return e
	}
	return err
}

var errOver = fmt.Errorf("store: a Tx or Reader was used after its Update or View had ended")

// query, get and number are the conn's, on the snapshot of these reads.
func (r *reads) query(text string, fn func(*row) error, args ...any) error {
	c, err := r.begin()
	if err != nil {
		return err
	}
	return c.query(text, fn, args...)
}

func (r *reads) get(text string, fn func(*row), args ...any) (bool, error) {
	c, err := r.begin()
	if err != nil {
		return false, err
	}
	return c.get(text, fn, args...)
}

func (r *reads) number(text string, args ...any) (int64, error) {
	c, err := r.begin()
	if err != nil {
		return 0, err
	}
	return c.number(text, args...)
}

// exec runs a write of this member.
func (t *tx) exec(text string, args ...any) (changes, lastID int64, err error) {
	if t.over {
		return 0, 0, errOver
	}
	return t.c.exec(text, args...)
}

// change runs a write that must meet a row; the row's name is for the NotFound.
func (t *tx) change(what, text string, args ...any) error {
	n, _, err := t.exec(text, args...)
	if err == nil && n == 0 {
		return absent(what)
	}
	return err
}

// one reads one thing, or answers NotFound in its name.
func one[T any](r *reads, what string, scan func(*row) T, text string, args ...any) (out T, err error) {
	found, err := r.get(text, func(row *row) { out = scan(row) }, args...)
	if err == nil && !found {
		err = absent(what)
	}
	return out, err
}

// list reads all rows; the list is never nil.
func list[T any](r *reads, scan func(*row) T, text string, args ...any) ([]T, error) {
	out := []T{}
	err := r.query(text, func(row *row) error {
		out = append(out, scan(row))
		return nil
	}, args...)
	return out, err
}
