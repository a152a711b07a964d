package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/enginetest/proof"
	"qualifybase/engine/fault"
)

// crowd queues members behind one that waits, so that all share its group.
func (h *house) crowd(t *testing.T, fns ...func(engine.Tx) error) []error {
	t.Helper()
	entered, free := make(chan bool), make(chan bool)
	first := make(chan error, 1)
	go func() {
		first <- engine.Update(context.Background(), h, func(engine.Tx) error {
			close(entered)
			<-free
			return nil
		})
	}()
	<-entered
	errs := make([]error, len(fns))
	var wg sync.WaitGroup
	for i, fn := range fns {
		wg.Go(func() { errs[i] = engine.Update(context.Background(), h, fn) })
		for len(h.w.queue) <= i { // in order
			runtime.Gosched()
		}
	}
	close(free)
	wg.Wait()
	if err := <-first; err != nil && fault.KindOf(err) != fault.Busy && fault.KindOf(err) != fault.StorageFull {
		t.Errorf("the first member: %v", err)
	}
	return errs
}

func (h *house) booking(slot int64) func(engine.Tx) error {
	return func(tx engine.Tx) error {
		_, err := h.book(tx, h.visit(h.providers[0], noon.Unix()+slot*1800, 30))
		return err
	}
}

func TestGroupKeepsMembersApart(t *testing.T) {
	var logged bytes.Buffer
	h := openHouse(t, Options{Log: slog.New(slog.NewTextHandler(&logged, nil))})
	before := h.Stats()
	mine := errors.New("mine")
	errs := h.crowd(t,
		h.booking(1),
		func(tx engine.Tx) error { return errors.Join(h.booking(2)(tx), mine) },
		func(tx engine.Tx) error { _ = h.booking(3)(tx); panic("patient Ada") },
		h.booking(1), // taken by the first member, not yet committed
		h.booking(4),
		func(tx engine.Tx) error {
			_ = tx.Savepoint(func() error { _ = h.booking(5)(tx); panic("deep inside") })
			return nil
		},
		func(tx engine.Tx) error {
			if err := tx.Savepoint(func() error { return errors.Join(h.booking(6)(tx), mine) }); !errors.Is(err, mine) {
				return fmt.Errorf("the savepoint's error became %v", err)
			}
			return h.booking(7)(tx)
		},
	)
	for i, want := range []string{"", "mine", "panic inside a transaction: a string", "SLOT_TAKEN", "", "panic", ""} {
		if got := fmt.Sprint(errs[i]); want == "" && errs[i] != nil || !strings.Contains(got, want) {
			t.Errorf("member %d: %v, want %q", i, errs[i], want)
		}
	}
	if n := h.count(t, "SELECT count(*) FROM occupancy"); n != 3 {
		t.Errorf("%d rows, want those of 3 members", n)
	}
	if after := h.Stats(); after.Commits-before.Commits != 1 || after.Members-before.Members != 8 {
		t.Errorf("%d commits of %d members, want 1 of 8", after.Commits-before.Commits, after.Members-before.Members)
	}
	if strings.Contains(logged.String(), "Ada") || !strings.Contains(logged.String(), "panic") {
		t.Errorf("the log should tell of the panic and not of Ada: %s", logged.String())
	}
	see(t, h.Store, func(r engine.Reader) error {
		sameBusy(t, "after", r, booking.ProviderResource(h.providers[0]), false,
			calendar.Span{Start: noon.Unix(), End: noon.Unix() + daySeconds})
		return nil
	})
	for range 5 { // more often than there are readers
		func() {
			defer func() { _ = recover() }()
			_ = engine.View(context.Background(), h, func(r engine.Reader) error { _, _ = r.Clinics(); panic("patient Ada") })
		}()
	}
	see(t, h.Store, func(r engine.Reader) error { _, err := r.Clinics(); return err })
	proof.Row(t, "R14", "a panic injected in handler, writer, dispatcher: process lives, others served, job retried",
		"writer: 2 of 8 members of one group panic, they alone are rolled back and hear an error; readers that panic "+
			"give their connection back")
}

func TestHeadsFollowRollbacks(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	move := func(tx engine.Tx, by int64) error {
		counters, err := tx.Counters(h.clinic)
		if err == nil {
			counters.Change += by
			counters.AuditHash += "x"
		}
		return err
	}
	fail := errors.New("no")
	errs := h.crowd(t,
		func(tx engine.Tx) error { return move(tx, 1) },
		func(tx engine.Tx) error { return errors.Join(move(tx, 10), fail) },
		func(tx engine.Tx) error {
			err := tx.Savepoint(func() error { return errors.Join(move(tx, 100), fail) })
			if !errors.Is(err, fail) {
				return err
			}
			return move(tx, 2)
		},
		func(tx engine.Tx) error {
			counters, err := tx.Counters(h.clinic)
			if err != nil {
				return err
			}
			counters.Change += 4
			_ = tx.Savepoint(func() error { counters.Change += 1000; return fail }) // by the old pointer
			if counters.Change != 7 || counters.AuditHash != "xx" {
				return fmt.Errorf("counters are %+v", *counters)
			}
			return nil
		},
	)
	for i, err := range errs {
		if (err != nil) != (i == 1) {
			t.Errorf("member %d: %v", i, err)
		}
	}
	if n := h.count(t, "SELECT change FROM counters WHERE clinic = ?", h.clinic); n != 7 {
		t.Errorf("the file says %d, want 7", n)
	}
	if err := engine.Update(context.Background(), h, func(tx engine.Tx) error {
		_,
			err := tx.Counters(999)
		return err
	}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("counters of no clinic: %v", err)
	}
}

func TestContextStopsOnlyWhatWaits(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	entered, free := make(chan bool), make(chan bool)
	ctx, cancel := context.WithCancel(context.Background())
	admitted := make(chan error, 1)
	go func() {
		admitted <- engine.Update(ctx, h, func(tx engine.Tx) error {
			close(entered)
			<-free
			return h.booking(1)(tx)
		})
	}()
	<-entered
	ran := false
	waiting := make(chan error, 1)
	go func() { waiting <- engine.Update(ctx, h, func(engine.Tx) error { ran = true; return nil }) }()
	for len(h.w.queue) == 0 {
		runtime.Gosched()
	}
	cancel()
	if err := <-waiting; fault.KindOf(err) != fault.Busy || !errors.Is(err, context.Canceled) {
		t.Errorf("the waiting one got %v", err)
	}
	close(free)
	if err := <-admitted; err != nil {
		t.Errorf("the admitted one got %v", err)
	}
	if ran || h.count(t, "SELECT count(*) FROM occupancy") != 1 {
		t.Error("the waiting one ran, or the admitted one was lost")
	}
	if err := engine.Update(ctx, h, func(engine.Tx) error { return nil }); fault.KindOf(err) != fault.Busy {
		t.Errorf("with a dead context: %v", err)
	}
}

func TestMisuseIsRefused(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	var kept engine.Tx
	h.must(t, func(tx engine.Tx) error {
		kept = tx
		if err := engine.Update(context.Background(), h, func(engine.Tx) error { return nil }); err != errNested {
			t.Errorf("a nested Update gave %v", err)
		}
		return nil
	})
	if _, err := kept.Clinic(h.clinic); err == nil {
		t.Error("a Tx still reads after its end")
	}
	if err := kept.UpdateClinic(directory.Clinic{N: h.clinic}); err == nil {
		t.Error("a Tx still writes after its end")
	}
	var reader engine.Reader
	see(t, h.Store, func(r engine.Reader) error { reader = r; return nil })
	if _, err := reader.Clinics(); err == nil {
		t.Error("a Reader still reads after its end")
	}
	err := engine.View(context.Background(), h, func(r engine.Reader) error {
		return r.(*reads).query("DELETE FROM clinics", func(*row) error { return nil })
	})
	if fault.KindOf(err) != fault.ReadOnly {
		t.Errorf("a Reader's write gave %v", err)
	}
}

// An Update inside of a member is refused, however it comes there, and its member
// goes on; nobody else is taken for nested.
func TestNestedUpdateIsRefused(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	nested := func() error {
		return engine.Update(context.Background(), h, func(engine.Tx) error { return errors.New("it ran") })
	}
	var deep func(n int) error
	deep = func(n int) error {
		if n == 0 {
			return nested()
		}
		return deep(n - 1)
	}
	_ = h.crowd(t, func(engine.Tx) error { runtime.Goexit(); return nil }) // the next members have another goroutine
	for name, call := range map[string]func(engine.Tx) error{
		"plainly":          func(engine.Tx) error { return nested() },
		"below 500 frames": func(engine.Tx) error { return deep(500) },
		"in a Savepoint":   func(tx engine.Tx) error { return tx.Savepoint(nested) },
		"in a View": func(engine.Tx) error {
			return engine.View(context.Background(), h, func(r engine.Reader) error {
				if _, err := r.Clinics(); err != nil {
					return err
				}
				return nested()
			})
		},
	} {
		h.must(t, func(tx engine.Tx) error {
			if err := call(tx); !errors.Is(err, errNested) {
				t.Errorf("a nested Update %s gave %v", name, err)
			}
			return nil
		})
	}
	slow := func(engine.Tx) error { time.Sleep(3 * nestedAfter); return nil }
	for i, err := range h.crowd(t, slow, h.booking(1), slow, h.booking(2)) {
		if err != nil {
			t.Errorf("member %d beside a slow one: %v", i, err)
		}
	}
	other := openHouse(t, Options{})
	h.must(t, func(engine.Tx) error { return engine.Update(context.Background(), other, other.booking(1)) })
}

// Nor does a nested Update wait for room in a queue that only its own member's end
// would empty.
func TestNestedUpdateIsRefusedBesideAFullQueue(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	var wg sync.WaitGroup
	h.must(t, func(engine.Tx) error {
		for range cap(h.w.queue) {
			wg.Go(func() {
				if err := engine.Update(context.Background(), h, func(engine.Tx) error { return nil }); err != nil {
					t.Error(err)
				}
			})
		}
		for len(h.w.queue) < cap(h.w.queue) {
			runtime.Gosched()
		}
		err := engine.Update(context.Background(), h, func(engine.Tx) error { return errors.New("it ran") })
		if !errors.Is(err, errNested) {
			t.Errorf("a nested Update gave %v", err)
		}
		return nil
	})
	wg.Wait()
}

// A member that ends its goroutine (a test's FailNow does) takes nobody along.
func TestWriterOutlivesGoexit(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	errs := h.crowd(t,
		h.booking(1),
		func(engine.Tx) error { runtime.Goexit(); return nil },
	)
	for i, err := range errs {
		if fault.KindOf(err) != fault.Busy {
			t.Errorf("member %d: %v, want BUSY: its group was rolled back", i, err)
		}
	}
	h.must(t, h.booking(1))
	if n := h.count(t, "SELECT count(*) FROM occupancy"); n != 1 {
		t.Errorf("%d rows", n)
	}
}

func TestEnqueue(t *testing.T) {
	path := filepath.Join(t.TempDir(), "qb.db")
	s := openAt(t, path, Options{})
	h := furnish(t, s, 1)
	reason := func(ref string) func(engine.Tx) error {
		return func(tx engine.Tx) error { return tx.InsertReason(ref, h.clinic, 0, "because") }
	}
	s.Enqueue(func(tx act.Tx) error { return reason("alone")(tx.(engine.Tx)) })
	s.Enqueue(func(act.Tx) error { return errors.New("fails by itself") })
	for end := time.Now().Add(10 * time.Second); h.count(t, "SELECT count(*) FROM audit_reasons") != 1; {
		if time.Now().After(end) {
			t.Fatal("nothing flushed it")
		}
		time.Sleep(10 * time.Millisecond)
	}
	before := s.Stats()
	s.Enqueue(func(tx act.Tx) error { return reason("rides")(tx.(engine.Tx)) })
	h.must(t, h.booking(1))
	if got := s.Stats(); got.Commits != before.Commits+1 || got.Enqueued != before.Enqueued+1 {
		t.Errorf("it did not ride the next commit: %+v, before %+v", got, before)
	}
	for i := range 2*manyEnqueued + 10 {
		s.Enqueue(func(tx act.Tx) error { return reason(fmt.Sprint("many", i))(tx.(engine.Tx)) })
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := h.count(t, "SELECT count(*) FROM audit_reasons"); n != 2*manyEnqueued+12 {
		t.Errorf("%d rows after Close", n)
	}
	if err := engine.Update(context.Background(), s, h.booking(2)); fault.KindOf(err) != fault.Busy {
		t.Errorf("Update after Close: %v", err)
	}
	if err := engine.View(context.Background(), s, func(r engine.Reader) error {
		_,
			err := r.Clinics()
		return err
	}); fault.KindOf(err) != fault.Busy {
		t.Errorf("View after Close: %v", err)
	}
	s.Enqueue(func(tx act.Tx) error { return reason("lost")(tx.(engine.Tx)) })
	if s.Stats().EnqueuedLost != 2 {
		t.Errorf("lost %d, want the failing one and the one after Close", s.Stats().EnqueuedLost)
	}
}
