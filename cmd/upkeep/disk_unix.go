//go:build darwin || freebsd || linux

package upkeep

import "syscall"

// freeDisk is the room in bytes that this process may still use on the disk of a
// directory.
func freeDisk(dir string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(uint64(st.Bavail) * uint64(st.Bsize)), nil // #nosec G115 -- no disk has 2^63 bytes
}
