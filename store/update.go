package store

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"

	"qualifybase/engine"
)

var (
	errClosed = busy("The server is shutting down; try again", nil)
	errNested = errors.New("store: Update was called inside an Update; use its Tx")
)

// The states of a member.
const (
	queued    = iota
	admitted  // the caller's context no longer matters
	abandoned // the caller left before it was admitted
)

// member is one Update that waits for its group.
type member struct {
	ctx   context.Context
	fn    func(engine.Tx) error
	done  chan error // answered once, after the commit
	state atomic.Int32
	err   error
}

// Update implements engine.Store: fn runs in the writer's goroutine, inside a
// transaction that it shares with everybody who waits at that moment, and
// Update returns after the commit. fn must not block on anything but its Tx.
// A context that ends before fn was admitted gives Busy, and fn never runs.
func (s *Store) Update(ctx context.Context, fn func(engine.Tx) error) error {
	if s.w.nested() {
		return errNested
	}
	m := &member{ctx: ctx, fn: fn, done: make(chan error, 1)}
	if err := s.hand(m); err != nil {
		return err
	}
	select {
	case err := <-m.done:
		return err
	case <-ctx.Done():
		if m.state.CompareAndSwap(queued, abandoned) {
			return busy("The server is busy; nothing was written, try again", ctx.Err())
		}
		return <-m.done
	}
}

// hand puts a member into the queue.
func (s *Store) hand(m *member) error {
	s.gate.RLock()
	defer s.gate.RUnlock()
	if s.closed {
		return errClosed
	}
	select {
	case s.w.queue <- m:
		return nil
	case <-m.ctx.Done():
		return busy("The server is busy; nothing was written, try again", m.ctx.Err())
	}
}

// nested tells a call from inside a member: it would wait for itself. The first
// frames of the goroutine tell whose it is.
func (w *writer) nested() bool {
	if !w.inMember.Load() {
		return false
	}
	var pcs [128]uintptr
	n := runtime.Callers(3, pcs[:])
	for _, pc := range pcs[max(0, n-4):n] {
		if f := runtime.FuncForPC(pc - 1); f != nil && f.Entry() == runEntry.Load() {
			return true
		}
	}
	return false
}
