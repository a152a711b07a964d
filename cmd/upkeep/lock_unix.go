//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package upkeep

import (
	"errors"
	"os"
	"syscall"
)

// flock takes the file's lock without waiting.
func flock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errLocked
	}
	return err
}

// RestrictNewFiles keeps whatever this process creates from other users,
// SQLite's own WAL and journal files included.
func RestrictNewFiles() { syscall.Umask(0o077) }
