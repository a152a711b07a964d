package store

import (
	"time"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
)

// Enqueue implements engine.Store: fn rides the next group commit or, if none
// comes, one of its own within 200 ms. Its error is logged. fn may run again, if
// another one's failure or the disk undid the first run. When 10,000 are
// queued the caller waits; after five seconds, or on a store that has become
// read-only, the write is lost, counted and logged.
func (s *Store) Enqueue(fn func(act.Tx) error) {
	w := s.w
	s.gate.RLock()
	defer s.gate.RUnlock()
	if s.closed || w.failed.Load() != nil {
		w.lost(1)
		return
	}
	select {
	case w.enqueued <- fn:
	default:
		timer := time.NewTimer(enqueueWait)
		defer timer.Stop()
		select {
		case w.enqueued <- fn:
		case <-timer.C:
			w.lost(1)
			return
		}
	}
	if len(w.enqueued) >= manyEnqueued {
		w.flushNow()
	} else {
		w.scheduleFlush(flushDelay)
	}
}

// scheduleFlush asks for a flush after a while, unless one is on its way: it stays
// scheduled until then, or every failed group would begin one more series of tries.
func (w *writer) scheduleFlush(after time.Duration) {
	if w.scheduled.CompareAndSwap(false, true) {
		time.AfterFunc(after, func() {
			w.scheduled.Store(false)
			w.flushNow()
		})
	}
}

func (w *writer) flushNow() {
	select {
	case w.flush <- struct{}{}:
	default:
	}
}

// runEnqueued runs at most n queued writes inside the open group: first those that
// an abandoned group had already taken. They share one savepoint; only if one of
// them fails, each gets its own.
func (w *writer) runEnqueued(n int) int {
	for len(w.pending)-w.ran < n {
		select {
		case fn := <-w.enqueued:
			w.pending = append(w.pending, fn)
			continue
		default:
		}
		break
	}
	batch := w.pending[w.ran:]
	if len(batch) == 0 {
		return 0
	}
	w.ran = len(w.pending)
	all := func(tx act.Tx) error {
		for _, fn := range batch {
			if err := fn(tx); err != nil {
				return err
			}
		}
		return nil
	}
	if w.member(all) == nil {
		return len(batch)
	}
	for _, fn := range batch {
		if w.c.aborted() != nil {
			break
		}
		w.runOne(fn)
	}
	return len(batch)
}

func (w *writer) runOne(fn func(act.Tx) error) {
	if err := w.member(fn); err != nil && w.c.aborted() == nil {
		w.lost(1)
		w.s.log.Error("a queued write failed", "kind", string(fault.KindOf(err)), "error", err.Error())
	}
}

// loseEnqueued drops what is queued: it can never be written.
func (w *writer) loseEnqueued() {
	n := len(w.pending)
	w.pending = w.pending[:0]
	for {
		select {
		case <-w.enqueued:
			n++
		default:
			w.lost(n)
			return
		}
	}
}

func (w *writer) lost(n int) {
	if n == 0 {
		return
	}
	w.stats.lost.Add(int64(n))
	w.s.log.Error("queued writes were lost: the audit of reads has a gap", "count", n)
}
