//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package upkeep

import (
	"os"
	"path/filepath"
	"syscall"
)

// chownLikeParent gives a file to the owner of its directory, when root made it: a
// server that runs as a user of its own must be able to read what an
// administrator restored or backed up for it. Failing is no fault: the server
// will say what it cannot read.
func chownLikeParent(paths ...string) {
	if os.Geteuid() != 0 {
		return
	}
	for _, path := range paths {
		if info, err := os.Stat(filepath.Dir(path)); err == nil {
			if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 {
				_ = os.Lchown(path, int(st.Uid), int(st.Gid))
			}
		}
	}
}
