package upkeep

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLock(t *testing.T) {
	d := Dir{Path: filepath.Join(t.TempDir(), "a", "data")}
	if err := d.Make(); err != nil {
		t.Fatal(err)
	}
	first, err := d.Lock("serve")
	if err != nil {
		t.Fatal(err)
	}
	// flock belongs to the open file, so that a second open in this process is
	// held off as another process would be.
	_, err = d.Lock("restore")
	if want := fmt.Sprintf("is in use by process %d (qb serve)", os.Getpid()); kindOf(err) != Locked ||
		!strings.Contains(err.Error(), want) {
		t.Errorf("kind %q, %v; want %s", kindOf(err), err, want)
	}
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	again, err := d.Lock("restore")
	if err != nil {
		t.Fatal("a released lock holds: ", err)
	}
	defer again.Release()
	for path, want := range map[string]os.FileMode{d.Path: 0o700, d.file(lockName): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, want %v", path, info.Mode(), want)
		}
	}
}

func TestDataDirFaults(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (Dir{Path: file}).Make(); err == nil {
		t.Error("a file is taken for a directory")
	}
	if err := (Dir{Path: filepath.Join(file, "below")}).Make(); err == nil || !strings.Contains(err.Error(), "--data") {
		t.Errorf("%v names no way out", err)
	}
	if _, err := (Dir{Path: filepath.Join(filepath.Dir(file), "absent")}).Lock("serve"); err == nil || kindOf(err) != "" {
		t.Errorf("an absent directory: %v", err)
	}
}
