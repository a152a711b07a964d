package store

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"qualifybase/engine"
)

// aLog is a database as a kill leaves it: with n commits in its log.
func aLog(t *testing.T, n int) string {
	t.Helper()
	h := openHouse(t, Options{})
	for i := range n {
		h.must(t, func(tx engine.Tx) error { return h.day(tx, int64(i)) })
	}
	path := filepath.Join(t.TempDir(), "qb.db")
	for _, end := range []string{"", "-wal"} {
		text, err := os.ReadFile(h.path + end)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path+end, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// A flip anywhere in the log loses all that follows, and SQLite says nothing: it
// takes the broken frame for the end. Inspect and Open say it.
func TestFlippedLog(t *testing.T) {
	t.Parallel()
	path := aLog(t, 12)
	st, err := readWAL(path)
	if err != nil || st.frames < 20 || st.behind != 0 {
		t.Fatalf("%+v, %v", st, err)
	}
	if in := inspect(t, path); len(in.Findings) != 0 || in.Appointments != 12 {
		t.Fatalf("%+v", in)
	}
	wal, err := os.ReadFile(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	missed, tried := 0, 0
	for at := 32 + 100; at < len(wal)*10/12; at += 5 * 1021 { // not in the last commit: see TestTornLog
		bad := append([]byte(nil), wal...)
		bad[at] ^= 1 << (at % 8)
		if err := os.WriteFile(path+"-wal", bad, 0o600); err != nil {
			t.Fatal(err)
		}
		tried++
		in, err := Inspect(context.Background(), path, "")
		if err != nil || len(in.Findings) == 0 {
			missed++
			t.Errorf("byte %d of %d: %+v, %v", at, len(wal), in, err)
		}
	}
	t.Logf("%d of %d flips in the log found", tried-missed, tried)
	var log strings.Builder
	o := options()
	o.Log = textLog(&log)
	s, err := Open(path, schemaText(t), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "commits lie beyond") {
		t.Errorf("the log says %s", &log)
	}
}

// A log that a power cut tore in its last commit is no damage: nobody was told of
// that commit.
func TestTornLog(t *testing.T) {
	t.Parallel()
	path := aLog(t, 6)
	wal, err := os.ReadFile(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	for _, cut := range []int{1, 100, 4120, 5000} {
		if err := os.WriteFile(path+"-wal", wal[:len(wal)-cut], 0o600); err != nil {
			t.Fatal(err)
		}
		if in := inspect(t, path); len(in.Findings) != 0 {
			t.Errorf("cut by %d: %v", cut, in.Findings)
		}
	}
	torn := append([]byte(nil), wal...)
	torn[len(torn)-4000] ^= 1 // inside the last frame
	if err := os.WriteFile(path+"-wal", torn, 0o600); err != nil {
		t.Fatal(err)
	}
	if in := inspect(t, path); len(in.Findings) != 0 {
		t.Errorf("torn: %v", in.Findings)
	}
}
