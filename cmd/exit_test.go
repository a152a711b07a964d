package cmd

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"qualifybase/engine"
)

// TestReport states what a person reads and what the shell gets, per error.
func TestReport(t *testing.T) {
	one := engine.Faults{}
	one.Add("timezone", `%q is no zone; use a name such as "Europe/Berlin"`, "Mars")
	two := append(engine.Faults{}, one...)
	two.Add("hours", "want Mon-Fri 09:00-17:00")
	for _, c := range []struct {
		err  error
		text string
		code int
	}{
		{engine.Fail(engine.NotFound, "No such key"), "qb: No such key\n", exitFailure},
		{one.Err(), "qb: timezone: \"Mars\" is no zone; use a name such as \"Europe/Berlin\"\n", exitUsage},
		{two.Err(), "qb: 2 values are wrong\n  timezone: \"Mars\" is no zone; use a name such as \"Europe/Berlin\"\n  hours: want Mon-Fri 09:00-17:00\n", exitUsage},
		{fmt.Errorf("line 7: %w", one.Err()), "qb: line 7: timezone: \"Mars\" is no zone; use a name such as \"Europe/Berlin\"\n", exitUsage},
		{engine.Fail(engine.Conflict, "That slug is taken").On("slug", "choose another one"), "qb: That slug is taken\n  slug: choose another one\n", exitFailure},
		{&engine.Error{Kind: engine.StorageFull, Message: "The disk is full", Err: errors.New("write: no space")}, "qb: The disk is full: write: no space\n", exitFailure},
		{misuse("--name is missing"), "qb: --name is missing\n", exitUsage},
		{fmt.Errorf("serve: %w", &failure{exitLocked, errors.New("in use")}), "qb: serve: in use\n", exitLocked},
		{errors.New("odd \x1b[2J name"), "qb: odd \ufffd[2J name\n", exitFailure},
	} {
		var out strings.Builder
		report(&out, c.err)
		if out.String() != c.text || exitCode(c.err) != c.code {
			t.Errorf("got %d %q\nwant %d %q", exitCode(c.err), out.String(), c.code, c.text)
		}
	}
	if exitCode(nil) != exitOK {
		t.Error("no error is not success")
	}
}
