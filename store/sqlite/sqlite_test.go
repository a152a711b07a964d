package sqlite

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// open opens a file until the test's end.
func open(t testing.TB, path string, mode Mode) *Conn {
	t.Helper()
	c, err := Open(path, mode)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// fresh is a new file with a script run on it.
func fresh(t testing.TB, script string) (c *Conn, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "x.db")
	c = open(t, path, Create)
	run(t, c, script)
	return c, path
}

func run(t testing.TB, c *Conn, script string) {
	t.Helper()
	if err := c.Script(script); err != nil {
		t.Fatal(err)
	}
}

func number(t testing.TB, c *Conn, sql string, args ...any) int64 {
	t.Helper()
	n, err := c.Number(sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

const kinds = "CREATE TABLE v (n INTEGER PRIMARY KEY, i INTEGER, t TEXT, b BLOB) STRICT;"

func TestValuesComeBack(t *testing.T) {
	t.Parallel()
	c, _ := fresh(t, kinds)
	big := strings.Repeat("größer als der Vorrat ", arenaSize/8)
	for i, in := range []struct {
		i, t, b any
		wantI   int64
		wantT   string
		wantB   []byte
	}{
		{int64(-1 << 63), "", []byte{}, -1 << 63, "", []byte{}},
		{1<<62 + 1, "a\x00b", []byte{0, 1, 255}, 1<<62 + 1, "a\x00b", []byte{0, 1, 255}},
		{true, big, []byte(big), 1, big, []byte(big)},
		{false, "日本\xff", []byte(nil), 0, "日本\xff", []byte{}},
		{nil, nil, nil, 0, "", []byte{}},
	} {
		changes, id, err := c.Exec("INSERT INTO v (i, t, b) VALUES (?, ?, ?)", in.i, in.t, in.b)
		if err != nil || changes != 1 || id != int64(i+1) {
			t.Fatalf("row %d: %d changes, id %d, %v", i, changes, id, err)
		}
		found, err := c.Get("SELECT n, i, i, t, b, b IS NULL FROM v WHERE n = ?", func(r *Row) {
			r.Skip()
			if null := r.Null(); null != (in.i == nil) {
				t.Errorf("row %d: NULL is %v", i, null)
			}
			if n, b := r.Int(), r.Bool(); n != in.wantI || b != (in.wantI != 0) {
				t.Errorf("row %d: integer %d, %v, want %d", i, n, b, in.wantI)
			}
			if s := r.Text(); s != in.wantT {
				t.Errorf("row %d: text of %d bytes %.20q, want %.20q", i, len(s), s, in.wantT)
			}
			if b := r.Blob(); b == nil || !bytes.Equal(b, in.wantB) {
				t.Errorf("row %d: %d bytes, want %d", i, len(b), len(in.wantB))
			}
			if null := r.Bool(); null != (in.b == nil) {
				t.Errorf("row %d: the blob is NULL: %v", i, null)
			}
		}, id)
		if err != nil || !found {
			t.Fatalf("row %d: %v, %v", i, found, err)
		}
	}
	if c.arena.used != 0 || len(c.arena.extra) != 0 {
		t.Errorf("%d bytes and %d pieces of the arena are still given out", c.arena.used, len(c.arena.extra))
	}
	if found, err := c.Get("SELECT n FROM v WHERE n = 99", func(*Row) { t.Error("a row") }); found || err != nil {
		t.Errorf("no row: %v, %v", found, err)
	}
}

// What was read belongs to the caller, not to the statement.
func TestValuesOutliveTheirRow(t *testing.T) {
	t.Parallel()
	c, _ := fresh(t, kinds+"INSERT INTO v (t, b) VALUES ('first', x'01'), ('second', x'02');")
	var texts []string
	var blobs [][]byte
	err := c.Query("SELECT t, b FROM v ORDER BY n", func(r *Row) error {
		texts, blobs = append(texts, r.Text()), append(blobs, r.Blob())
		return nil
	})
	run(t, c, "UPDATE v SET t = 'gone!!', b = x'ff'")
	if err != nil || fmt.Sprint(texts, blobs) != "[first second] [[1] [2]]" {
		t.Errorf("%v %v, %v", texts, blobs, err)
	}
}

func TestArgumentsAreChecked(t *testing.T) {
	c, _ := fresh(t, kinds)
	for _, args := range [][]any{{}, {int64(1), int64(2)}, {time.Now()}, {1.5}, {[]string{"a"}}} {
		if _, _, err := c.Exec("INSERT INTO v (i) VALUES (?)", args...); err == nil || CodeOf(err) != 0 {
			t.Errorf("%v: %v", args, err)
		}
	}
	if n := number(t, c, "SELECT count(*) FROM v"); n != 0 {
		t.Errorf("%d rows were written", n)
	}
}

func TestColumnsAreReadAsTheyAre(t *testing.T) {
	t.Parallel()
	c, _ := fresh(t, kinds)
	for _, bad := range []struct {
		sql    string
		read   func(*Row)
		column int
	}{
		{"SELECT 1, 'x'", func(r *Row) { r.Int(); r.Int() }, 2},
		{"SELECT 7", func(r *Row) { _ = r.Text() }, 1},
		{"SELECT 1.5", func(r *Row) { r.Int() }, 1},
		{"SELECT 'x'", func(r *Row) { _ = r.Blob() }, 1},
		{"SELECT x'00'", func(r *Row) { _ = r.Text() }, 1},
		{"SELECT 1", func(r *Row) { r.Int(); r.Int() }, 1},
		{"SELECT 1, 2, 'x'", func(r *Row) { r.Skip(); r.Int(); _ = r.Text(); r.Fail("is no colour: %w", os.ErrInvalid) }, 3},
	} {
		_, first := c.Get(bad.sql, bad.read)
		every := c.Query(bad.sql, func(r *Row) error { bad.read(r); return nil })
		for _, err := range []error{first, every} {
			if at, ok := errors.AsType[*ColumnError](err); !ok || at.Column != bad.column {
				t.Errorf("%s: %v, want a fault of column %d", bad.sql, err, bad.column)
			}
		}
	}
	_, err := c.Get("SELECT 'red'", func(r *Row) { _ = r.Text(); r.Fail("is no colour: %w", os.ErrInvalid) })
	if !errors.Is(err, os.ErrInvalid) || err.Error() != "column 1: is no colour: invalid argument" {
		t.Errorf("%v", err)
	}
	if n := number(t, c, "SELECT 5"); n != 5 {
		t.Errorf("the fault of one row stayed for the next: %d", n)
	}
}

func TestErrorsHaveCodes(t *testing.T) {
	t.Parallel()
	c, path := fresh(t, kinds+`CREATE UNIQUE INDEX u ON v (i); INSERT INTO v (n, i) VALUES (1, 1);
		CREATE TRIGGER g BEFORE INSERT ON v WHEN new.t = 'no' BEGIN SELECT RAISE(ABORT, 'not this one'); END;`)
	other := open(t, path, ReadWrite)
	reader := open(t, path, ReadOnly)
	for _, bad := range []struct {
		c    *Conn
		sql  string
		code Code
		says string
	}{
		{c, "INSERT INTO v (n) VALUES (1)", CodeConstraintPrimaryKey, "UNIQUE constraint failed: v.n"},
		{c, "INSERT INTO v (i) VALUES (1)", CodeConstraintUnique, "UNIQUE constraint failed: v.i"},
		{c, "INSERT INTO v (t) VALUES ('no')", CodeConstraintTrigger, "not this one"},
		{c, "SELECT * FROM nowhere", CodeError, "no such table: nowhere (1) in: SELECT * FROM nowhere"},
		{c, "SELEKT", CodeError, "syntax error"},
		{reader, "DELETE FROM v", CodeReadOnly, "readonly"},
		{other, "BEGIN IMMEDIATE", CodeBusy, "locked"},
	} {
		if bad.code == CodeBusy {
			run(t, c, "BEGIN IMMEDIATE")
		}
		_, _, err := bad.c.Exec(bad.sql)
		if got := CodeOf(err); got != bad.code && got.Primary() != bad.code || !strings.Contains(fmt.Sprint(err), bad.says) {
			t.Errorf("%s: %v, want code %d", bad.sql, err, bad.code)
		}
	}
	run(t, c, "ROLLBACK")
	if CodeOf(nil) != 0 || CodeOf(os.ErrInvalid) != 0 {
		t.Error("an error of somebody else has a code")
	}
	got := CodeOf(fmt.Errorf("x: %w", &Error{Code: CodeIOErrFsync}))
	if got != CodeIOErrFsync || got.Primary() != CodeIOErr {
		t.Errorf("the code of a wrapped error is %d", got)
	}
	if err := c.Script("CREATE TABLE w (x); SELEKT; CREATE TABLE y (x)"); CodeOf(err) != CodeError {
		t.Errorf("a script: %v", err)
	}
	if n := number(t, c, "SELECT count(*) FROM sqlite_schema WHERE name IN ('w', 'y')"); n != 1 {
		t.Errorf("a script did not stop at its fault: %d tables", n)
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := Open(filepath.Join(dir, "missing.db"), ReadWrite); CodeOf(err).Primary() != CodeCantOpen {
		t.Errorf("a file that is missing: %v", err)
	}
	odd := filepath.Join(dir, "a?mode=memory&b%20c #ü.db")
	run(t, open(t, odd, Create), kinds)
	if _, err := os.Stat(odd); err != nil {
		t.Errorf("a path of odd letters: %v", err)
	}
	foreign := filepath.Join(dir, "letter.txt")
	if err := os.WriteFile(foreign, bytes.Repeat([]byte("Dear Ada, "), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	c := open(t, foreign, ReadOnly)
	if _, err := c.Number("SELECT count(*) FROM sqlite_schema"); CodeOf(err) != CodeNotADB || c.Aborted() == nil {
		t.Errorf("a file that is no database: %v", err)
	}
	mem := open(t, "", ReadWrite)
	run(t, mem, kinds)
	if n := number(t, mem, "SELECT count(*) FROM v"); n != 0 {
		t.Errorf("memory: %d", n)
	}
	var says string
	if _, err := mem.Get("SELECT sqlite_version()", func(r *Row) { says = r.Text() }); err != nil || says != Version() {
		t.Errorf("Version is %q, SQLite says %q, %v", Version(), says, err)
	}
}

// A transaction that a full disk may have ended runs no further statement: one that
// ran now would commit on its own.
func TestAborted(t *testing.T) {
	t.Parallel()
	c, _ := fresh(t, kinds+"PRAGMA max_page_count = 4; BEGIN; INSERT INTO v (n) VALUES (1);")
	_, _, err := c.Exec("INSERT INTO v (b) VALUES (zeroblob(100000))")
	if CodeOf(err) != CodeFull || c.Aborted() == nil {
		t.Fatalf("a full disk: %v, aborted %v", err, c.Aborted())
	}
	if _, _, err := c.Exec("INSERT INTO v (n) VALUES (2)"); CodeOf(err) != CodeFull {
		t.Errorf("a statement after it: %v", err)
	}
	if err := c.Query("SELECT 1", func(*Row) error { return nil }); CodeOf(err) != CodeFull {
		t.Errorf("a question after it: %v", err)
	}
	c.ClearAborted()
	_, _, _ = c.Exec("ROLLBACK") // SQLite may have done so itself
	c.ClearAborted()
	if n := number(t, c, "SELECT count(*) FROM v"); n != 0 {
		t.Errorf("%d rows stayed", n)
	}
	if _, _, err := c.Exec("INSERT INTO v (n) VALUES (1)"); err != nil {
		t.Error(err)
	}
	if _, _, err := c.Exec("INSERT INTO v (n) VALUES (1)"); err == nil || c.Aborted() != nil {
		t.Errorf("a constraint ends its statement alone: %v, aborted %v", err, c.Aborted())
	}
}
