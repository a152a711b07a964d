package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A copy under a snapshot is of one moment, although another connection writes
// between its slices.
func TestCopyPages(t *testing.T) {
	t.Parallel()
	from, path := fresh(t, "PRAGMA journal_mode = WAL;"+kinds+`
		WITH RECURSIVE s (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM s WHERE n < 200)
		INSERT INTO v (b) SELECT randomblob(3000) FROM s;`)
	writer := open(t, path, ReadWrite)
	run(t, from, "BEGIN; SELECT count(*) FROM v")
	copied := filepath.Join(t.TempDir(), "copy.db")
	to := open(t, copied, Create)
	slices := 0
	err := CopyPages(to, from, 16, func() error {
		slices++
		_, _, err := writer.Exec("INSERT INTO v (i) VALUES (?)", int64(slices))
		return err
	})
	if err != nil || slices < 5 {
		t.Fatalf("%d slices, %v", slices, err)
	}
	if n := number(t, to, "SELECT count(*) FROM v"); n != 200 {
		t.Errorf("the copy has %d rows, want those of the beginning", n)
	}
	if n := number(t, writer, "SELECT count(*) FROM v"); n != 200+int64(slices) {
		t.Errorf("the file has %d rows after %d slices", n, slices)
	}
	if _, err := to.Get("PRAGMA integrity_check", func(r *Row) {
		if text := r.Text(); text != "ok" {
			t.Errorf("the copy: %s", text)
		}
	}); err != nil {
		t.Error(err)
	}
}

func TestCopyPagesStops(t *testing.T) {
	t.Parallel()
	from, _ := fresh(t, kinds+"INSERT INTO v (b) VALUES (zeroblob(1000000));")
	to, _ := fresh(t, "")
	enough := errors.New("enough")
	if err := CopyPages(to, from, 10, func() error { return enough }); !errors.Is(err, enough) {
		t.Errorf("%v, want the error of pause", err)
	}
	damaged := filepath.Join(t.TempDir(), "letter.txt")
	if err := os.WriteFile(damaged, make([]byte, 5000), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := CopyPages(to, open(t, damaged, ReadOnly), 10, func() error { return nil }); CodeOf(err) != CodeNotADB {
		t.Errorf("a copy of no database: %v", err)
	}
	if err := CopyPages(from, from, 10, func() error { return nil }); CodeOf(err) != CodeError {
		t.Errorf("a copy onto itself: %v", err)
	}
}
