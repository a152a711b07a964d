package cmd

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"qualifybase/cmd/config"
	"qualifybase/cmd/upkeep"
	"qualifybase/engine/fault"
	"qualifybase/engine/secret"
)

// The exit codes, as the help of qb lists them.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2 // the command line is wrong
	exitDamage  = 3 // a verification found damage
	exitLocked  = 4 // another qb holds the data directory
)

// exitOf is the one table from what went wrong to the exit code. A kind that is
// not in it is a failure: the command line was fine, the world said no.
var exitOf = map[fault.Kind]int{
	"":                   exitOK,
	fault.Invalid:        exitUsage,
	fault.InvalidJSON:    exitUsage,
	fault.InvalidCursor:  exitUsage,
	fault.Internal:       exitFailure,
	fault.NotFound:       exitFailure,
	fault.Conflict:       exitFailure,
	fault.Busy:           exitFailure,
	fault.ReadOnly:       exitFailure,
	fault.StorageFull:    exitFailure,
	fault.SlotTaken:      exitFailure,
	fault.PatientOverlap: exitFailure,
}

// exitOfUpkeep is the same for the kinds of errors of the data directory.
var exitOfUpkeep = map[upkeep.Kind]int{
	upkeep.Damaged: exitDamage,
	upkeep.Locked:  exitLocked,
}

// failure is an error of the command line itself, with its exit code.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// usageError is a usage error found by a run function: cobra accepted the words,
// but their meaning is wrong.
func usageError(format string, args ...any) error {
	return &failure{exitUsage, fmt.Errorf(format, args...)}
}

// exitCode says what to tell the shell.
func exitCode(err error) int {
	if f, ok := errors.AsType[*failure](err); ok {
		return f.code
	}
	if f, ok := errors.AsType[config.Faults](err); ok && f.OnlyFlags() {
		return exitUsage
	}
	if e, ok := errors.AsType[*upkeep.Error](err); ok {
		if code, ok := exitOfUpkeep[e.Kind]; ok {
			return code
		}
	}
	if code, ok := exitOf[fault.KindOf(err)]; ok {
		return code
	}
	return exitFailure
}

// report prints the error for a person: what went wrong, each faulty field, the
// way out. An engine error is told in its own words, without its wire code.
func report(w io.Writer, err error) {
	text := err.Error()
	if e, ok := errors.AsType[*fault.Error](err); ok {
		text = describe(e)
		if _, wrapped := err.(*fault.Error); !wrapped {
			// Keep what the command said around it ("line 7: …").
			text = strings.Replace(err.Error(), e.Error(), text, 1)
		}
	}
	text, masked := secret.Mask(text)
	if masked {
		text += "\nA key never belongs into an argument: others can read the command line. Rotate it with 'qb keys " +
			"rotate', named by its prefix"
	}
	fmt.Fprintf(w, "qb: %s\n", printable(text, "\n"))
}

// describe is an engine error without its code: the message, or, where fields are
// at fault, the fields.
func describe(e *fault.Error) string {
	var lines []string
	for _, d := range e.Details {
		lines = append(lines, d.Field+": "+d.Message)
	}
	head := e.Message
	switch {
	case e.Kind == fault.Invalid && len(lines) == 1:
		return lines[0]
	case e.Kind == fault.Invalid && len(lines) > 1:
		head = fmt.Sprintf("%d values are wrong", len(lines))
	}
	if e.Err != nil {
		head += ": " + e.Err.Error()
	}
	return strings.Join(append([]string{head}, lines...), "\n  ")
}
