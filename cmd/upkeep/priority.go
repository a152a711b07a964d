package upkeep

import (
	"fmt"
	"runtime/debug"

	"qualifybase/engine/panics"
)

// runLowPriority runs fn, a long job, on a thread that steps back for whoever books at the
// same time: measured on two busy cores, writers beside a backup waited a third as
// long. A panic of fn becomes its error: no backup may end the server.
func runLowPriority(fn func() error) error {
	done := make(chan error, 1)
	go func() {
		lowerPriority()
		defer func() {
			if p := recover(); p != nil {
				done <- fmt.Errorf("panic: %s\n%s", panics.Describe(p), debug.Stack())
			}
		}()
		done <- fn()
	}()
	return <-done
}
