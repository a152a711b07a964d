package config

import (
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing wrong with the configuration.
type Fault struct {
	where   string // "qb.toml:7", "QB_SERVER_LISTEN", "--listen"
	key     string
	value   string // as given; "" for secrets
	message string // what is wanted instead
}

// String is the fault as a person reads it: where, what, and what is wanted.
func (f Fault) String() string {
	text := f.where + ": "
	if f.key != "" {
		text += f.key
		if f.value != "" {
			text += " = " + f.value
		}
		text += ": "
	}
	return text + f.message
}

// Faults are the faults of a configuration, all at once, so that one edit mends the
// file. It is the error of Load.
type Faults []Fault

// Error is the only fault, or all of them below a line that counts them.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	if len(f) == 1 {
		return lines[0]
	}
	return fmt.Sprintf("the configuration has %d faults\n  %s", len(f), strings.Join(lines, "\n  "))
}

// OnlyFlags reports whether the command line alone is at fault: no fault is in the
// file or the environment.
func (f Faults) OnlyFlags() bool {
	return !slices.ContainsFunc(f, func(x Fault) bool { return !strings.HasPrefix(x.where, "--") })
}
