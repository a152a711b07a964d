// Package faulttest holds the faults of a draft against what a test expects.
package faulttest

import (
	"slices"
	"testing"

	"qualifybase/engine/fault"
)

// Fields are the fields of a list of faults, sorted.
func Fields(f fault.Faults) []string {
	out := []string{}
	for _, d := range f {
		out = append(out, d.Field)
	}
	slices.Sort(out)
	return out
}

// Want checks which fields are faulty, and that each fault says something.
func Want(t *testing.T, f fault.Faults, fields ...string) {
	t.Helper()
	slices.Sort(fields)
	if got := Fields(f); !slices.Equal(got, append([]string{}, fields...)) {
		t.Errorf("faults of %v, want of %v: %v", got, fields, f)
	}
	for _, d := range f {
		if d.Message == "" {
			t.Errorf("the fault of %s says nothing", d.Field)
		}
	}
}
