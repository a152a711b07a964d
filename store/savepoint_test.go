package store

import (
	"context"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"qualifybase/engine"
)

// tree writes at random through nested savepoints, some of which fail or panic,
// and keeps what must be there afterwards.
type tree struct {
	h    *house
	rt   *rapid.T
	tx   engine.Tx
	rows map[string]bool
}

func (x *tree) grow(depth int) {
	for range rapid.IntRange(0, 3).Draw(x.rt, "acts") {
		switch rapid.IntRange(0, 3).Draw(x.rt, "act") {
		case 0:
			ref := id()
			if err := x.tx.InsertReason(ref, x.h.clinic, 0, "because"); err != nil {
				x.rt.Fatalf("%v", err)
			}
			x.rows[ref] = true
		case 1:
			if refs := slices.Sorted(maps.Keys(x.rows)); len(refs) > 0 {
				ref := rapid.SampledFrom(refs).Draw(x.rt, "gone")
				// A statement with rows that writes, as a question would be asked.
				n, err := x.tx.(*tx).number("DELETE FROM audit_reasons WHERE ref = ? RETURNING 1", ref)
				if err != nil || n != 1 {
					x.rt.Fatalf("%d, %v", n, err)
				}
				delete(x.rows, ref)
			}
		default:
			if depth < 10 {
				x.nest(depth)
			}
		}
	}
}

// nest opens a savepoint.
func (x *tree) nest(depth int) {
	before, end := maps.Clone(x.rows), rapid.IntRange(0, 3).Draw(x.rt, "end")
	defer func() {
		if p := recover(); p != nil {
			if p != errUndo { //nolint:errorlint // the very value
				panic(p)
			}
			x.rows = before
		}
	}()
	err := x.tx.Savepoint(func() error {
		x.grow(depth + 1)
		switch end {
		case 0:
			return errUndo
		case 1:
			panic(errUndo)
		}
		return nil
	})
	if (end == 0) != (err == errUndo) {
		x.rt.Fatalf("the savepoint gave %v", err)
	}
	if err != nil {
		x.rows = before
	}
}

// Savepoints that share one SAVEPOINT, or need none, undo what a plain nesting would.
func TestSavepointsUndoTheirOwn(t *testing.T) {
	h := openHouse(t, Options{})
	rapid.Check(t, func(rt *rapid.T) {
		x := &tree{h: h, rt: rt, rows: map[string]bool{}}
		fails := rapid.IntRange(0, 3).Draw(rt, "member fails") == 0
		err := engine.Update(context.Background(), h, func(tx engine.Tx) error {
			x.tx = tx
			if _, _, err := writing(tx).exec("DELETE FROM audit_reasons"); err != nil {
				return err
			}
			x.grow(0)
			if fails {
				return errUndo
			}
			return nil
		})
		if fails && err != errUndo || !fails && err != nil {
			rt.Fatalf("%v", err)
		}
		if fails {
			return // the next one begins by deleting what is there: nothing is left to compare
		}
		var got []string
		_ = engine.View(context.Background(), h, func(r engine.Reader) (err error) {
			got, err = list(r.(*reads), (*row).text, "SELECT ref FROM audit_reasons ORDER BY ref")
			return err
		})
		if want := slices.Sorted(maps.Keys(x.rows)); !slices.Equal(got, want) {
			rt.Fatalf("the file has %v, want %v", got, want)
		}
	})
}

// A member that only reads opens no savepoint.
func TestReadsNeedNoSavepoint(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	h.must(t, func(x engine.Tx) error {
		return x.Savepoint(func() error {
			if _, err := x.Clinics(); err != nil {
				return err
			}
			for i, l := range x.(*tx).levels {
				if l.owner != unopened {
					t.Errorf("level %d is open", i)
				}
			}
			if err := x.InsertReason("x", h.clinic, 0, "because"); err != nil {
				return err
			}
			for i, l := range x.(*tx).levels {
				if l.owner != 0 {
					t.Errorf("level %d belongs to %d; one SAVEPOINT does for both", i, l.owner)
				}
			}
			return nil
		})
	})
}

func writing(t engine.Tx) *tx { return t.(*tx) }
