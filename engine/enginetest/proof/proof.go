// Package proof is how the crash and fault suites say what they reached beside
// the bar that proof.md sets, and how long they run. `bash .ci/proof` collects
// the rows into one table.
package proof

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// file is where rows go, one a line; without it they are only logged.
const file = "QB_PROOF"

// level is the length of the suites: unset is the short form of `go test ./...`,
// "ci" what every change must pass, "1" the bars of proof.md in full.
const level = "QB_LONG"

// Times chooses how often a test repeats itself: in `go test ./...` (a quarter
// of that under -short), in CI, and in the long form. QB_TIMES=n overrules all.
func Times(plain, ci, long int) int {
	if n, err := strconv.Atoi(os.Getenv("QB_TIMES")); err == nil && n > 0 {
		return n
	}
	switch os.Getenv(level) {
	case "":
		if testing.Short() {
			return max(1, plain/4)
		}
		return plain
	case "ci":
		return ci
	}
	return long
}

// Long tells the long form.
func Long() bool { l := os.Getenv(level); return l != "" && l != "ci" }

// Seed is where random choices begin: QB_SEED, so that a failure is replayed, or
// a number that the test names.
func Seed(t testing.TB, fallback uint64) uint64 {
	t.Helper()
	if n, err := strconv.ParseUint(os.Getenv("QB_SEED"), 10, 64); err == nil {
		return n
	}
	return fallback
}

// Row tells the figure that a test reached, beside the bar. Whether the bar was
// met is the test's own verdict, read at its end.
func Row(t testing.TB, id, bar, figure string, args ...any) {
	t.Helper()
	figure = fmt.Sprintf(figure, args...)
	t.Logf("%s | bar: %s | reached: %s", id, bar, figure)
	t.Cleanup(func() {
		state := "ok"
		if t.Failed() {
			state = "MISSED"
		}
		write(id, state, bar, figure, t.Name())
	})
}

// Skip ends a test that this machine cannot run and says why in the table.
func Skip(t testing.TB, id, bar, why string) {
	t.Helper()
	write(id, "skipped", bar, why, t.Name())
	t.Skip(why)
}

var writing sync.Mutex

func write(cells ...string) {
	path := os.Getenv(file)
	if path == "" {
		return
	}
	writing.Lock()
	defer writing.Unlock()
	for i, c := range cells {
		cells[i] = cmp.Or(strings.Join(strings.Fields(c), " "), "-")
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY,
		0o600) // #nosec G304 G703 -- the path that the caller chose
	if err == nil {
		_, err = fmt.Fprintln(f, strings.Join(cells, "\t"))
		err = cmp.Or(err, f.Close())
	}
	if err != nil {
		panic("QB_PROOF: " + err.Error())
	}
}
