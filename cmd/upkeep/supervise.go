package upkeep

import (
	"context"
	"log/slog"
	"runtime/debug"
	"time"

	"qualifybase/engine/panics"
)

// restartPause is how long a task that panicked rests.
const restartPause = time.Minute

// Supervise runs a task of the background until ctx ends. One that panics is told in
// the log and begun anew after a rest: no housekeeping ends the server (proof.md
// R14).
func Supervise(ctx context.Context, log *slog.Logger, task func(context.Context)) {
	for ctx.Err() == nil {
		if runRecovered(ctx, log, task) {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(restartPause):
		}
	}
}

// runRecovered reports whether the task came to its own end.
func runRecovered(ctx context.Context, log *slog.Logger, task func(context.Context)) (ended bool) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		log.Error("panic in a task of the background; it begins anew",
			"panic", panics.Describe(p), "rest", restartPause, "stack", string(debug.Stack()))
	}()
	task(ctx)
	return true
}
