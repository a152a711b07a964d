//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package cmd

// likeParent does nothing where files have no such owners.
func likeParent(...string) {}
