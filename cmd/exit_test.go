package cmd

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"qualifybase/cmd/config"
	"qualifybase/engine/fault"
	"qualifybase/engine/secret"
)

// TestReport states what a person reads and what the shell gets, per error.
func TestReport(t *testing.T) {
	one := fault.Faults{}
	one.Add("timezone", `%q is no zone; use a name such as "Europe/Berlin"`, "Mars")
	two := append(fault.Faults{}, one...)
	two.Add("hours", "want Mon-Fri 09:00-17:00")
	for _, c := range []struct {
		err  error
		text string
		code int
	}{
		{fault.Fail(fault.NotFound, "No such key"), "qb: No such key\n", exitFailure},
		{one.Err(), "qb: timezone: \"Mars\" is no zone; use a name such as \"Europe/Berlin\"\n", exitUsage},
		{two.Err(), "qb: 2 values are wrong\n  timezone: \"Mars\" is no zone; use a name such as \"Europe/Berlin\"\n  " +
			"hours: want Mon-Fri 09:00-17:00\n", exitUsage},
		{fmt.Errorf("line 7: %w", one.Err()), "qb: line 7: timezone: \"Mars\" is no zone; use a name such as " +
			"\"Europe/Berlin\"\n", exitUsage},
		{fault.Fail(fault.Conflict, "That slug is taken").On("slug", "choose another one"),
			"qb: That slug is taken\n  slug: choose another one\n", exitFailure},
		{&fault.Error{Kind: fault.StorageFull, Message: "The disk is full", Err: errors.New("write: no space")},
			"qb: The disk is full: write: no space\n", exitFailure},
		{usageError("--name is missing"), "qb: --name is missing\n", exitUsage},
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

// TestFlagFaultsAreUsage: what only flags got wrong of the configuration is a usage
// error, what a file or the environment got wrong is not.
func TestFlagFaultsAreUsage(t *testing.T) {
	listen := config.Flag{Key: "server.listen", Name: "listen", Value: "nowhere"}
	g := &global{data: t.TempDir(), env: environment()}
	if _, err := g.loadConfig(listen); exitCode(err) != exitUsage {
		t.Errorf("exit code %d for %v", exitCode(err), err)
	}
	g.env = environment("QB_LOG_LEVEL=loud")
	if _, err := g.loadConfig(listen); exitCode(err) != exitFailure {
		t.Errorf("exit code %d for %v", exitCode(err), err)
	}
}

// TestKeyInArguments gives a whole key where none belongs: no message repeats it.
func TestKeyInArguments(t *testing.T) {
	dir := t.TempDir()
	for _, family := range secret.Families() {
		key := secret.New(family)
		for _, args := range [][]string{
			{key.Text()}, {"serve", key.Text()}, {"keys", "check", key.Text()}, {"keys", "list", key.Text()},
			{"leads", "import", key.Text()},
			{"keys", "create", "--name", "a", "--" + key.Text()}, {"--data", dir + "/" + key.Text(), "keys", "list"},
		} {
			var out, said strings.Builder
			g := &global{data: dir, files: os.DirFS(".."), env: func(string) (string, bool) { return "", false }}
			code := execute(t.Context(), g, stdio{strings.NewReader(""), &out, &said}, args)
			text := out.String() + said.String()
			if code == exitOK || strings.Contains(text, key.Text()[len(family)+8:]) ||
				!strings.Contains(text, key.Prefix()+"…") ||
				!strings.Contains(text, "never belongs into an argument") {
				t.Errorf("%q: exit %d, %s", args[0], code, text)
			}
		}
	}
}
