package store

import (
	"context"
	"fmt"
	"strconv"

	"qualifybase/engine/act"
)

// always is the context of what no caller waits for.
var always = context.Background()

// reads answers questions on one snapshot: of a View, of the writer's open
// transaction, or of a load into memory.
type reads struct {
	s     *Store
	c     *conn // nil until the first statement of a View
	ctx   context.Context
	tx    *tx  // set inside an Update
	ended bool // its View or Update has ended
}

// tx is the Tx of one member. Everything it keeps in memory is undone with it.
type tx struct {
	reads
	w      *writer
	levels []level
	taken  []takenCounters // those it has been given
}

// mark is a point to which the memory can be taken back.
type mark struct {
	undo, touched int
	counters      []act.Counters // values of tx.taken then
}

func (t *tx) mark() mark {
	m := mark{undo: len(t.w.overlay.undo), touched: len(t.w.touched)}
	if len(t.taken) > 0 {
		m.counters = make([]act.Counters, len(t.taken))
		for i, a := range t.taken {
			m.counters[i] = a.h.now
		}
	}
	return m
}

// rewind takes the memory back to a mark, as ROLLBACK TO does the file.
func (t *tx) rewind(m mark) {
	t.w.overlay.rollback(m.undo)
	t.w.touched = t.w.touched[:m.touched]
	for i, a := range t.taken {
		if i < len(m.counters) {
			a.h.now = m.counters[i]
		} else {
			a.h.now = a.first
		}
	}
	t.taken = t.taken[:len(m.counters)]
	for clinic := range t.w.plans { // compiled from rows that are gone
		t.w.plans[clinic] = nil
	}
}

// level is one nesting of Savepoint. Its SAVEPOINT is opened by its first write;
// levels without a write between their beginnings share one, so that the usual
// act (a member, in it a use case's effects) costs one and a read none.
type level struct{ owner int } // whose SAVEPOINT goes back to its beginning; unopened = nobody's

const unopened = -1

// savepoint holds the statements of one level.
type savepoint struct{ open, release, rollback string }

func savepointAt(depth int) savepoint {
	if depth < len(savepoints) {
		return savepoints[depth]
	}
	return newSavepoint(depth)
}

func newSavepoint(depth int) savepoint {
	name := "s" + strconv.Itoa(depth)
	return savepoint{"SAVEPOINT " + name, "RELEASE " + name, "ROLLBACK TO " + name}
}

var savepoints = func() (list [8]savepoint) {
	for i := range list {
		list[i] = newSavepoint(i)
	}
	return list
}()

// ensureSavepoint makes sure that a savepoint stands before the write that comes.
func (t *tx) ensureSavepoint() error {
	top := len(t.levels) - 1
	if top < 0 || t.levels[top].owner != unopened {
		return nil
	}
	owner := top
	for owner > 0 && t.levels[owner-1].owner == unopened {
		owner--
	}
	if _, _, err := t.c.exec(savepointAt(owner).open); err != nil {
		return err
	}
	for i := owner; i <= top; i++ {
		t.levels[i].owner = owner
	}
	return nil
}

// Savepoint implements engine.Tx.
func (t *tx) Savepoint(fn func() error) error {
	if t.ended {
		return errEnded
	}
	m, depth := t.mark(), len(t.levels)
	t.levels = append(t.levels, level{unopened})
	done := false
	defer func() {
		if !done { // a panic passes through; somebody above may catch it and go on
			t.rewind(m)
			_ = t.leave(depth, errEnded)
		}
		t.levels = t.levels[:depth]
	}()
	err := fn()
	done = true
	if err != nil {
		t.rewind(m)
	}
	return t.leave(depth, err)
}

// leave ends a level in the file: its writes stay, or go if err is set.
func (t *tx) leave(depth int, err error) error {
	owner := t.levels[depth].owner
	if owner == unopened {
		if err == nil {
			err = t.c.aborted()
		}
		return err
	}
	if err != nil {
		if _, _, e := t.c.exec(savepointAt(owner).rollback); e != nil {
			return e
		}
	}
	if owner == depth {
		if _, _, e := t.c.exec(savepointAt(depth).release); e != nil {
			return e
		}
	}
	return err
}

var errEnded = fmt.Errorf("store: a Tx or Reader was used after its Update or View had ended")

// at gives the connection for a statement. One that is no plain question counts
// as a write.
func (r *reads) at(text string) (*conn, error) {
	c, err := r.begin()
	if err == nil && r.tx != nil && text[0] != 'S' {
		err = r.tx.ensureSavepoint()
	}
	return c, err
}

// query, get and number are the conn's, on the snapshot of these reads.
func (r *reads) query(text string, fn func(*row) error, args ...any) error {
	c, err := r.at(text)
	if err != nil {
		return err
	}
	return c.query(text, fn, args...)
}

func (r *reads) get(text string, fn func(*row), args ...any) (bool, error) {
	c, err := r.at(text)
	if err != nil {
		return false, err
	}
	return c.get(text, fn, args...)
}

func (r *reads) number(text string, args ...any) (int64, error) {
	c, err := r.at(text)
	if err != nil {
		return 0, err
	}
	return c.number(text, args...)
}

// exec runs a write of this member.
func (t *tx) exec(text string, args ...any) (changes, lastID int64, err error) {
	if t.ended {
		return 0, 0, errEnded
	}
	if err := t.ensureSavepoint(); err != nil {
		return 0, 0, err
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
