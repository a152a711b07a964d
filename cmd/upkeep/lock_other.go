//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package upkeep

import (
	"errors"
	"os"
)

// flock refuses: without a lock that dies with its process, two servers could
// share one directory.
func flock(*os.File) error {
	return errors.New("this system has no flock; run qb on Linux, macOS or a BSD")
}

// RestrictNewFiles does nothing where processes have no umask.
func RestrictNewFiles() {}
