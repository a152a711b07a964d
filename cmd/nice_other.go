//go:build !linux

package cmd

// stepBack does nothing where threads have no priority of their own.
func stepBack() {}
