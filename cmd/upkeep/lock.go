package upkeep

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// lockName is the file whose lock says that a qb owns the data directory. The
// kernel drops the lock with the process, so that a kill -9 leaves none behind.
const lockName = "qb.lock"

// errLocked is what flock says when another process holds the lock.
var errLocked = errors.New("locked")

// Lock is the hold on a data directory. Only verbs that must be alone take
// it (serve, restore); writing verbs beside a running server rely on SQLite's
// own locks.
type Lock struct{ file *os.File }

// Lock takes the data directory for this process, or fails at once with an *Error of
// kind Locked that names the process that holds it. verb goes into the lock file.
func (d Dir) Lock(verb string) (*Lock, error) {
	f, err := os.OpenFile(d.file(lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock of the data directory: %w", err)
	}
	if err := flock(f); err != nil {
		defer f.Close()
		if !errors.Is(err, errLocked) {
			return nil, fmt.Errorf("lock of the data directory %s: %w", d.Path, err)
		}
		return nil, &Error{Locked, fmt.Errorf(
			"data directory %s is in use by %s; stop it first, or give another directory with --data", d.Path, holder(f))}
	}
	l := &Lock{f}
	if err := l.sign(verb); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock of the data directory: %w", err)
	}
	return l, nil
}

// sign writes who holds the lock, for the message the next one gets.
func (l *Lock) sign(verb string) error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := l.file.WriteAt(fmt.Appendf(nil, "%d qb %s\n", os.Getpid(), verb), 0)
	return err
}

// Release gives the directory back. The file stays: removing it would let two
// processes hold two locks of one name.
func (l *Lock) Release() error {
	_ = l.file.Truncate(0)
	return l.file.Close()
}

// holder reads who signed the lock file.
func holder(f *os.File) string {
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 200))
	line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	pid, verb, ok := strings.Cut(line, " ")
	if err != nil || !ok {
		return "another qb"
	}
	return fmt.Sprintf("process %s (%s)", pid, verb)
}
