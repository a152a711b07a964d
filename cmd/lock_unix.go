//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package cmd

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

// restrictNewFiles keeps whatever this process creates from other users,
// SQLite's own WAL and journal files included.
func restrictNewFiles() { syscall.Umask(0o077) }
