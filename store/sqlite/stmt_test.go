package sqlite

import (
	"errors"
	"fmt"
	"testing"
)

const three = kinds + "INSERT INTO v (n, t) VALUES (1, 'a'), (2, 'b'), (3, 'c');"

// A query may ask the same text again for each of its rows, with other arguments.
func TestOneTextInsideItself(t *testing.T) {
	t.Parallel()
	c, _ := fresh(t, three)
	const above = "SELECT n, t FROM v WHERE n > ? ORDER BY n"
	got := ""
	var walk func(over int64) error
	walk = func(over int64) error {
		return c.Query(above, func(r *Row) error {
			n := r.Int()
			if err := walk(n); err != nil {
				return err
			}
			got += fmt.Sprint(n, r.Text(), " ")
			return nil
		}, over)
	}
	if err := walk(0); err != nil || got != "3c 2b 3c 1a 3c 2b 3c " {
		t.Errorf("%q, %v", got, err)
	}
	if len(c.stmts) != 1 || c.arena.used != 0 {
		t.Errorf("%d statements are prepared and %d bytes given out, want 1 and 0", len(c.stmts), c.arena.used)
	}
}

func TestErrorOrPanicEndsAQuery(t *testing.T) {
	t.Parallel()
	c, _ := fresh(t, three)
	const all = "SELECT n FROM v ORDER BY n"
	enough, rows := errors.New("enough"), 0
	err := c.Query(all, func(*Row) error { rows++; return enough })
	if !errors.Is(err, enough) || rows != 1 {
		t.Errorf("%v after %d rows", err, rows)
	}
	func() {
		defer func() { _ = recover() }()
		_ = c.Query(all, func(*Row) error { panic("x") })
	}()
	if s := c.stmts[all]; s.busy {
		t.Error("the statement is still being read")
	}
	run(t, c, "DROP TABLE v") // refused while a statement is under way
}

func TestPreparedAreBounded(t *testing.T) {
	t.Parallel()
	c, _ := fresh(t, three)
	const all = "SELECT n FROM v ORDER BY n"
	rows := 0
	err := c.Query(all, func(r *Row) error {
		rows++
		for i := range maxPrepared + 50 { // the one that is read is no victim
			if n := number(t, c, fmt.Sprint("SELECT ", i)); n != int64(i) {
				t.Errorf("%d, want %d", n, i)
			}
		}
		return nil
	})
	if err != nil || rows != 3 || len(c.stmts) != maxPrepared || c.stmts[all] == nil {
		t.Errorf("%d rows, %d prepared, %v", rows, len(c.stmts), err)
	}
}

// The hot path: a statement that is prepared already runs without allocating.
func TestPreparedStatementsAllocateNothing(t *testing.T) {
	c, _ := fresh(t, three)
	args := []any{"z", int64(2)}
	ask := []any{int64(0)}
	sum := int64(0)
	row := func(r *Row) error { sum += r.Int(); return nil }
	for name, fn := range map[string]func() error{
		"Exec":  func() error { _, _, err := c.Exec("UPDATE v SET t = ? WHERE n = ?", args...); return err },
		"Query": func() error { return c.Query("SELECT n FROM v WHERE n > ?", row, ask...) },
		"Get": func() error {
			_, err := c.Get("SELECT n FROM v WHERE n > ?", func(r *Row) { sum += r.Int() }, ask...)
			return err
		},
		"Number": func() error { _, err := c.Number("SELECT count(*) FROM v WHERE n > ?", ask...); return err },
	} {
		var err error
		if n := testing.AllocsPerRun(50, func() { err = errors.Join(err, fn()) }); n != 0 || err != nil {
			t.Errorf("%s allocates %v times, %v", name, n, err)
		}
	}
}
