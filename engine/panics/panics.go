// Package panics decides what of a panic may be logged.
package panics

import (
	"fmt"
	"runtime"
)

// Describe gives the runtime's own words ("index out of range …"), or the type of
// anything else that a panic was called with: its value might hold a person's data.
func Describe(p any) string {
	if err, ok := p.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("a %T", p)
}
