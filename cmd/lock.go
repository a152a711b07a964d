package cmd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// lockName is the file whose lock says that a qb owns the data directory. The
// kernel drops the lock with the process, so that a kill -9 leaves none behind.
const lockName = "qb.lock"

// errLocked is what flock says when another process holds the lock.
var errLocked = errors.New("locked")

// dataLock is the hold on a data directory. Only verbs that must be alone take
// it (serve, restore); writing verbs beside a running server rely on SQLite's
// own locks.
type dataLock struct{ file *os.File }

// makeDataDir makes the data directory, readable by its owner alone: it holds
// patient data and keys. An existing directory stays as it is.
func makeDataDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data directory: %w; give another one with --data", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if !info.IsDir() {
		return usageError("data directory %s is a file; give a directory with --data", dir)
	}
	return nil
}

// lockData takes the data directory for this process, or fails at once with
// exit code 4, naming the process that holds it. verb goes into the lock file.
func lockData(dir, verb string) (*dataLock, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock of the data directory: %w", err)
	}
	if err := flock(f); err != nil {
		defer f.Close()
		if !errors.Is(err, errLocked) {
			return nil, fmt.Errorf("lock of the data directory %s: %w", dir, err)
		}
		return nil, &failure{exitLocked, fmt.Errorf(
			"data directory %s is in use by %s; stop it first, or give another directory with --data", dir, holder(f))}
	}
	l := &dataLock{f}
	if err := l.sign(verb); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock of the data directory: %w", err)
	}
	return l, nil
}

// sign writes who holds the lock, for the message the next one gets.
func (l *dataLock) sign(verb string) error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := l.file.WriteAt(fmt.Appendf(nil, "%d qb %s\n", os.Getpid(), verb), 0)
	return err
}

// release gives the directory back. The file stays: removing it would let two
// processes hold two locks of one name.
func (l *dataLock) release() error {
	_ = l.file.Truncate(0)
	return l.file.Close()
}

// holder reads who signed the lock file.
func holder(f *os.File) string {
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 200))
	pid, verb, ok := strings.Cut(strings.TrimSpace(string(text)), " ")
	if err != nil || !ok {
		return "another qb"
	}
	return fmt.Sprintf("process %s (%s)", printable(pid, ""), printable(verb, ""))
}
