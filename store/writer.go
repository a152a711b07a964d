package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
	"qualifybase/engine/panics"
)

// The limits of the writer.
const (
	maxGroup      = 512                    // members of one commit
	maxEnqueued   = 10_000                 // queued by Enqueue; the next one waits
	manyEnqueued  = 1_000                  // queued: they are flushed at once
	flushDelay    = 150 * time.Millisecond // else they are flushed after this
	enqueueWait   = 5 * time.Second        // an Enqueue that finds the queue full gives up then
	maxRetryPause = 5 * time.Second        // the longest pause between tries on a disk that refuses
	idleEvery     = 500 * time.Millisecond // how often an idle writer looks for other processes' writes
)

// writer is the one goroutine that writes (CONTRIBUTING.md "Group commit").
type writer struct {
	s *Store
	c *conn

	queue     chan *member
	enqueued  chan func(act.Tx) error
	flush     chan struct{} // Enqueue asks for a commit of its own
	scheduled atomic.Bool   // a flush is on its way
	stop      chan struct{}
	stopped   chan struct{}
	failed    atomic.Pointer[fault.Error] // set once: read-only until restarted

	inMember atomic.Uint64 // the goroutine's number while it runs a member; 0 = it runs none
	stats    writerStats

	// Of the goroutine alone from here on.
	goroutine   uint64                    // its number, another one after a member has ended it
	members     []*member                 // of the open group
	pending     []func(act.Tx) error      // enqueued writes of the open group; kept when it fails
	ran         int                       // how many of them ran in the open group
	refused     int                       // groups with enqueued writes that failed in a row
	today       int64                     // when the occupancy in memory was last begun anew, in days
	version     int64                     // PRAGMA data_version: moves when another process wrote
	counters    map[int64]*clinicCounters // running numbers by clinic
	inUse       []*clinicCounters         // those the open group asked for
	overlay     overlay                   // its uncommitted occupancy
	bound       columns                   // the row that is written next
	plans       map[int64]*directory.Plan // plans of clinics whose directory it wrote; nil = to be compiled
	keys        map[lookup]struct{}       // keys it wrote
	touched     []keyTouch                // last_used_at it wrote
	subs        map[int64]struct{}        // clinics whose webhooks it wrote
	checkpoints int                       // how often an idle moment still tries to empty the log of somebody erased
}

func newWriter(s *Store, c *conn) (*writer, error) {
	w := &writer{
		s: s, c: c, queue: make(chan *member, 1024), enqueued: make(chan func(act.Tx) error, maxEnqueued),
		flush: make(chan struct{}, 1), stop: make(chan struct{}), stopped: make(chan struct{}),
		counters: map[int64]*clinicCounters{}, plans: map[int64]*directory.Plan{}, keys: map[lookup]struct{}{},
		subs: map[int64]struct{}{},
	}
	w.overlay.work = map[dayKey][]booking.Occupied{}
	version, err := c.number("PRAGMA data_version")
	if err != nil {
		return nil, err
	}
	w.version = version
	go w.run()
	return w, nil
}

// run is the goroutine.
func (w *writer) run() {
	w.goroutine = goroutineID()
	clean := false
	defer func() {
		if clean {
			close(w.stopped)
			return
		}
		go w.run() // a member ended its goroutine (runtime.Goexit): ours lives on
	}()
	idle := time.NewTicker(idleEvery)
	defer idle.Stop()
	for {
		select {
		case m := <-w.queue:
			w.group(m)
		case <-w.flush:
			w.group(nil)
		case <-idle.C:
			w.idle()
		case <-w.stop:
			w.drain()
			clean = true
			return
		}
	}
}

// close ends the goroutine after everything queued has been written.
func (w *writer) close() {
	close(w.stop)
	<-w.stopped
}

func (w *writer) drain() {
	for {
		select {
		case m := <-w.queue:
			w.group(m)
			continue
		default:
		}
		if len(w.enqueued)+len(w.pending) == 0 {
			w.checkpoint()
			return
		}
		before := w.stats.enqueued.Load() + w.stats.lost.Load()
		w.group(nil)
		if w.stats.enqueued.Load()+w.stats.lost.Load() == before { // the disk refuses them
			w.s.log.Error("queued writes could not be saved at shutdown", "count", len(w.enqueued)+len(w.pending))
			return
		}
	}
}

// group runs everybody who waits inside one transaction and answers them after
// its commit. Before the commit it looks at the queue again until that is empty,
// so that no two cohorts alternate; a lone caller waits for nobody.
func (w *writer) group(m *member) {
	answered := false
	defer func() {
		if !answered { // runtime.Goexit inside a member
			w.rollback(errors.New("a member of the group ended the writer's goroutine"))
		}
	}()
	err := w.begin()
	if err == nil {
		err = w.runAll(m)
	} else if m != nil {
		w.members = append(w.members, m)
		w.takeQueue()
	}
	if err == nil {
		err = w.commit()
	}
	answered = true
	if err != nil {
		w.rollback(err)
		return
	}
	w.answer(nil)
}

// begin opens the transaction and looks whether another process wrote meanwhile.
func (w *writer) begin() error {
	if e := w.failed.Load(); e != nil {
		return e
	}
	if _, _, err := w.c.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	return w.refresh()
}

// runAll runs m, the queue until it is empty, and what was enqueued. The error
// is one that ended the whole transaction.
func (w *writer) runAll(m *member) error {
	enqueued := 0
	for {
		switch {
		case m != nil:
			w.admit(m)
		case enqueued < maxGroup:
			n := w.runEnqueued(maxGroup - enqueued)
			if n == 0 {
				return w.c.aborted()
			}
			enqueued += n
		default:
			return w.c.aborted()
		}
		if w.c.aborted() != nil {
			return w.c.aborted()
		}
		m = w.next()
	}
}

// next takes the next member without waiting for one.
func (w *writer) next() *member {
	if len(w.members) >= maxGroup || w.s.o.NoGroup && len(w.members) > 0 {
		return nil
	}
	for yielded := false; ; yielded = true {
		select {
		case m := <-w.queue:
			return m
		default:
			if yielded {
				return nil
			}
			runtime.Gosched()
		}
	}
}

// takeQueue takes everybody who waits, to be refused together.
func (w *writer) takeQueue() {
	for {
		select {
		case m := <-w.queue:
			w.members = append(w.members, m)
		default:
			return
		}
	}
}

// admit runs a member unless its caller has left.
func (w *writer) admit(m *member) {
	if m.ctx.Err() != nil || !m.state.CompareAndSwap(queued, admitted) {
		if m.state.CompareAndSwap(queued, abandoned) {
			m.done <- busy("The server is busy; nothing was written, try again", m.ctx.Err())
		}
		return
	}
	w.members = append(w.members, m)
	w.stats.members.Add(1)
	m.err = w.member(m.fn)
}

// member runs fn in a savepoint of its own. Its error or panic rolls back its
// effects and nobody else's.
func (w *writer) member(fn func(act.Tx) error) error {
	t := &tx{reads: reads{s: w.s, c: w.c, ctx: always}, w: w}
	t.reads.tx = t
	err := t.Savepoint(func() (err error) {
		w.inMember.Store(w.goroutine)
		defer func() {
			w.inMember.Store(0)
			if p := recover(); p != nil {
				err = w.panicked(p)
			}
		}()
		return fn(t)
	})
	t.ended = true
	return err
}

// panicked logs a panic and makes it an internal error. The value is shown only
// where it cannot hold a person's data.
func (w *writer) panicked(p any) error {
	what := panics.Describe(p)
	w.s.log.Error("panic inside a transaction", "panic", what, "stack", string(debug.Stack()))
	return fmt.Errorf("panic inside a transaction: %s", what)
}

// commit writes the running numbers, commits and publishes what is kept in memory.
func (w *writer) commit() error {
	if err := w.storeCounters(); err != nil {
		return err
	}
	start := time.Now()
	_, _, err := w.c.exec("COMMIT")
	w.stats.committed(len(w.members), time.Since(start), err)
	if err != nil {
		return err
	}
	w.stats.enqueued.Add(int64(len(w.pending)))
	w.refused = 0
	w.publish()
	return nil
}

// publish makes the committed group's changes visible to readers' memory.
func (w *writer) publish() {
	for _, h := range w.inUse {
		h.stored, h.inGroup = h.now, false
	}
	w.overlay.publish()
	w.s.mem.wrote(w.plans, w.keys, w.touched, w.subs)
	w.resetGroup()
	clear(w.pending)
	w.pending = w.pending[:0]
}

// resetGroup empties what belongs to one group.
func (w *writer) resetGroup() {
	clear(w.inUse)
	w.inUse = w.inUse[:0]
	w.overlay.drop()
	clear(w.plans)
	clear(w.keys)
	clear(w.subs)
	w.touched = w.touched[:0]
	w.ran = 0
}

// answer tells every member its own error or, when err is set, that nothing was
// written: then nobody's own result is worth anything, as it may rest on what
// another member had written.
func (w *writer) answer(err error) {
	for i, m := range w.members {
		w.members[i] = nil
		if m.state.CompareAndSwap(queued, admitted) || m.state.Load() == admitted {
			if err != nil {
				m.err = err
			}
			m.done <- m.err
		}
	}
	w.members = w.members[:0]
}

// rollback rolls the group back and refuses everybody in it.
func (w *writer) rollback(cause error) {
	w.stats.failed.Add(1)
	w.c.clearAborted()
	_, _, _ = w.c.exec("ROLLBACK") // fails when SQLite did so itself: either way none is open now
	w.c.clearAborted()
	w.resetGroup()
	clear(w.counters)
	if w.failed.Load() == nil {
		w.s.log.Error("a group of writes was rolled back", "members", len(w.members), "error", cause.Error())
	}
	w.stopOnDiskFault(cause)
	if w.failed.Load() != nil {
		w.loseEnqueued()
	}
	err := cause
	if e := w.failed.Load(); e != nil {
		err = e
	} else if fault.KindOf(err) == fault.Internal {
		err = busy("The write could not be finished; nothing was changed, try again", cause)
	}
	w.answer(err)
	if len(w.pending)+len(w.enqueued) > 0 {
		w.scheduleFlush(min(flushDelay<<min(w.refused, 8), maxRetryPause))
		w.refused++
	}
}

// stopOnDiskFault stops all writing after a fault that leaves unknown what the disk holds.
func (w *writer) stopOnDiskFault(cause error) {
	if !isDiskFault(cause) || w.failed.Load() != nil {
		return
	}
	w.failed.Store(&fault.Error{
		Kind: fault.ReadOnly, RetryAfter: time.Minute, Err: cause,
		Message: "A write to the disk failed; the database is read-only until the server is restarted",
	})
	w.s.log.Error("the disk failed: read-only until restarted", "error", cause.Error())
}

// Probe writes: it moves a number to and fro in one transaction, which changes
// nothing, yet the commit puts the page on the disk. An update to the value that
// is there would not; SQLite skips it. The error is that of any write.
func (s *Store) Probe(ctx context.Context) error {
	return s.Update(ctx, func(t act.Tx) error {
		for _, step := range [...]int64{1, -1} {
			_, _, err := t.(*tx).exec(`UPDATE counters SET mrn = mrn + ?
				WHERE clinic = (SELECT min(clinic) FROM counters)`, step)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Failed is the disk fault after which the store is read-only until it is
// opened again; nil while all is well. For /readyz.
func (s *Store) Failed() error {
	if e := s.w.failed.Load(); e != nil {
		return e
	}
	return nil
}
