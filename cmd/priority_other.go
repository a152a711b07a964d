//go:build !linux

package cmd

// lowerPriority does nothing where threads have no priority of their own.
func lowerPriority() {}
