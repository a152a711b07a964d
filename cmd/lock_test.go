package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "data")
	if err := makeDataDir(dir); err != nil {
		t.Fatal(err)
	}
	first, err := lockData(dir, "serve")
	if err != nil {
		t.Fatal(err)
	}
	// flock belongs to the open file, so that a second open in this process is
	// held off as another process would be.
	_, err = lockData(dir, "restore")
	if want := fmt.Sprintf("is in use by process %d (qb serve)", os.Getpid()); exitCode(err) != exitLocked || !strings.Contains(err.Error(), want) {
		t.Errorf("exit code %d, %v; want %s", exitCode(err), err, want)
	}
	if err := first.release(); err != nil {
		t.Fatal(err)
	}
	again, err := lockData(dir, "restore")
	if err != nil {
		t.Fatal("a released lock holds: ", err)
	}
	defer again.release()
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, lockName): 0o600} {
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
	if err := makeDataDir(file); err == nil {
		t.Error("a file is taken for a directory")
	}
	if err := makeDataDir(filepath.Join(file, "below")); err == nil || !strings.Contains(err.Error(), "--data") {
		t.Errorf("%v names no way out", err)
	}
	if _, err := lockData(filepath.Join(filepath.Dir(file), "absent"), "serve"); exitCode(err) != exitFailure {
		t.Errorf("an absent directory: %v", err)
	}
}
