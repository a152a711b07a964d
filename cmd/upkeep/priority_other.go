//go:build !linux

package upkeep

// lowerPriority does nothing where threads have no priority of their own.
func lowerPriority() {}
