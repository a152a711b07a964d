package upkeep

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A task that panics is begun anew after a rest, ends with its context, and tells
// nobody's name (proof.md R14).
func TestTasksAreRestarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		to := slog.New(slog.NewTextHandler(&log, nil))
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		var runs []time.Duration
		Supervise(ctx, to, func(context.Context) {
			runs = append(runs, time.Since(began))
			switch len(runs) {
			case 1:
				panic("patient Xanthippe")
			case 2:
				write(nil) // a fault of the runtime
			}
		})
		if len(runs) != 3 || runs[1] != restartPause || runs[2] != 2*restartPause {
			t.Errorf("it ran at %v", runs)
		}
		if text := log.String(); strings.Contains(text, "Xanthippe") || !strings.Contains(text, "a string") ||
			!strings.Contains(text, "nil map") {
			t.Errorf("the log says %s", text)
		}
		cancel()
		Supervise(ctx, to, func(context.Context) { t.Error("it runs after its end") })
	})
}

// write is out of a linter's sight, so that the fault is the runtime's to find.
//
//go:noinline
func write(m map[string]int) { m["x"]++ }
