package cmd

import (
	"context"
	"runtime/debug"
	"time"

	"qualifybase/engine/panics"
)

// restartPause is how long a task that panicked rests.
const restartPause = time.Minute

// supervise runs a task of the background until ctx ends. One that panics is told in
// the log and begun anew after a rest: no housekeeping ends the server (proof.md
// R14).
func (s *server) supervise(ctx context.Context, task func(context.Context)) {
	for ctx.Err() == nil {
		if s.runRecovered(ctx, task) {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(restartPause):
		}
	}
}

// runRecovered tells whether the task came to its own end.
func (s *server) runRecovered(ctx context.Context, task func(context.Context)) (ended bool) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		s.log.Error("panic in a task of the background; it begins anew", "panic", panics.Describe(p), "rest", restartPause, "stack", string(debug.Stack()))
	}()
	task(ctx)
	return true
}
