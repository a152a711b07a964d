package store

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"qualifybase/engine/act"
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
	fn    func(act.Tx) error
	done  chan error // answered once, after the commit
	state atomic.Int32
	err   error
}

// nestedAfter is how long an Update waits beside a running member before it asks
// whether that member is its own caller.
const nestedAfter = 50 * time.Millisecond

// Update implements engine.Store: fn runs in the writer's goroutine, inside a
// transaction that it shares with everybody who waits at that moment, and
// Update returns after the commit. fn must not block on anything but its Tx.
// A context that ends before fn was admitted gives Busy, and fn never runs.
//
// An Update that is called by a member's fn would wait for itself. It is refused
// with an error after nestedAfter: whose goroutine this is costs ten microseconds
// and more to find out, too much for every Update that meets a running member.
func (s *Store) Update(ctx context.Context, fn func(act.Tx) error) error {
	m := &member{ctx: ctx, fn: fn, done: make(chan error, 1)}
	var doubt <-chan time.Time // whether we are inside of the member that is running
	if s.w.inMember.Load() != 0 {
		timer := time.NewTimer(nestedAfter)
		defer timer.Stop()
		doubt = timer.C
	}
	if err := s.submit(m, doubt); err != nil {
		return err
	}
	for {
		select {
		case err := <-m.done:
			return err
		case <-ctx.Done():
			return m.leave(busy("The server is busy; nothing was written, try again", ctx.Err()))
		case <-doubt:
			if s.w.nested() {
				return m.leave(errNested)
			}
		}
	}
}

// hand puts a member into the queue.
func (s *Store) submit(m *member, doubt <-chan time.Time) error {
	s.gate.RLock()
	defer s.gate.RUnlock()
	if s.closed {
		return errClosed
	}
	for {
		select {
		case s.w.queue <- m:
			return nil
		case <-m.ctx.Done():
			return busy("The server is busy; nothing was written, try again", m.ctx.Err())
		case <-doubt:
			if s.w.nested() {
				return errNested
			}
		}
	}
}

// leave gives a member up that has not been admitted; one that has been is waited
// for, and its own answer is the result.
func (m *member) leave(why error) error {
	if m.state.CompareAndSwap(queued, abandoned) {
		return why
	}
	return <-m.done
}

// nested reports whether the caller is a member that this writer is running. It is
// so from the beginning of a call to its end, or never.
func (w *writer) nested() bool {
	id := w.inMember.Load()
	return id != 0 && id == goroutineID()
}

// goroutineID is the number of the calling goroutine, which no other one of this
// process ever has. The head of a stack trace is the only place that tells it:
// "goroutine 18 [running]:".
func goroutineID() uint64 {
	var head [64]byte
	text, _ := bytes.CutPrefix(head[:runtime.Stack(head[:], false)], []byte("goroutine "))
	digits, _, _ := bytes.Cut(text, []byte(" "))
	id, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil {
		panic("a stack trace does not begin with its goroutine's number: " + err.Error())
	}
	return id
}
