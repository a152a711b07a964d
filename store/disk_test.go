package store

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/fault"
)

// pages bounds the file's size on the writer's connection, between groups.
func (h *house) pages(t *testing.T, n int64) {
	t.Helper()
	h.must(t, func(tx engine.Tx) error {
		_, err := h.w.c.number(fmt.Sprintf("PRAGMA max_page_count = %d", n))
		return err
	})
}

// A probe is a write that reaches the file and leaves every row as it was.
func TestProbe(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	h.must(t, h.booking(0))
	size := func() int64 {
		info, err := os.Stat(h.path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	counters, before := h.count(t, "SELECT mrn + 1000*change FROM counters"), size()
	if err := h.Probe(t.Context()); err != nil || size() <= before {
		t.Errorf("%v; the log has %d bytes, before %d", err, size(), before)
	}
	if now := h.count(t, "SELECT mrn + 1000*change FROM counters"); now != counters {
		t.Errorf("the probe moved the counters from %d to %d", counters, now)
	}
}

// A disk that fills up refuses everybody in the group and acknowledges nobody;
// with room again the store goes on by itself (proof.md R6).
func TestFullDisk(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	h.must(t, h.booking(0))
	big := strings.Repeat("x", 100_000)
	fill := func(tx engine.Tx) error {
		_ = tx.InsertReason("big", h.clinic, 0, big)
		_ = h.booking(3)(tx) // a member that does not heed the fault must not write on its own
		return nil
	}
	h.pages(t, h.count(t, "PRAGMA page_count")+2)
	for i, err := range h.crowd(t, h.booking(1), fill, h.booking(2)) {
		if fault.KindOf(err) != fault.StorageFull && i != 2 {
			t.Errorf("member %d: %v, want STORAGE_FULL", i, err)
		}
	}
	h.pages(t, h.count(t, "PRAGMA page_count"))
	if err := h.Probe(t.Context()); err != nil {
		t.Errorf("a write that needs no room is refused: %v", err)
	}
	h.pages(t, 1<<30)
	if n := h.count(t, "SELECT count(*) FROM appointments WHERE starts_at = ?", noon.Unix()+1800); n != 0 {
		t.Error("a refused member was written")
	}
	if h.Failed() != nil {
		t.Errorf("a full disk is no lost disk: %v", h.Failed())
	}
	h.must(t, h.booking(1))
	h.must(t, h.booking(3))
	see(t, h.Store, func(r engine.Reader) error {
		sameBusy(t, "after", r, booking.ProviderResource(h.providers[0]), false,
			calendar.Span{Start: noon.Unix(), End: noon.Unix() + daySeconds})
		return nil
	})
	if bad, err := h.Integrity(context.Background()); err != nil || len(bad) > 0 {
		t.Errorf("integrity: %v, %v", bad, err)
	}
}

// Audit rows that wait for room are tried in one series, at growing pauses: a full
// disk must not fill up with the log of the tries. They are not lost by it.
func TestFullDiskIsTriedCalmly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHouse(t, Options{})
		h.must(t, h.booking(0))
		h.pages(t, h.count(t, "PRAGMA page_count"))
		big := strings.Repeat("x", 100_000)
		for i := range 20 {
			h.Enqueue(func(tx act.Tx) error { return tx.InsertReason(fmt.Sprint("read ", i), h.clinic, 0, big) })
			if err := engine.Update(t.Context(), h, h.booking(1)); fault.KindOf(err) != fault.StorageFull {
				t.Fatalf("%v, want STORAGE_FULL", err)
			}
		}
		before := h.Stats().Failed
		time.Sleep(10 * time.Minute)
		if tries := h.Stats().Failed - before; tries < 100 || tries > 130 {
			t.Errorf("%d tries in ten minutes, want one every five seconds", tries)
		}
		h.pages(t, 1<<30)
		h.must(t, h.booking(1))
		if n := h.count(t, "SELECT count(*) FROM audit_reasons"); n != 20 {
			t.Errorf("%d of 20 queued rows were saved", n)
		}
	})
}

// A write that the disk fails makes the store read-only until it is opened
// again (proof.md R7). The file size limit of a process of its own is the fault.
func TestFailingDisk(t *testing.T) {
	t.Parallel()
	if path := os.Getenv("QB_TEST_FAILING_DISK"); path != "" {
		failingDisk(t, path)
		return
	}
	path := filepath.Join(t.TempDir(), "qb.db")
	cmd := exec.Command(os.Args[0], "-test.run=^TestFailingDisk$", "-test.v") // #nosec G204 -- this test itself
	cmd.Env = append(os.Environ(), "QB_TEST_FAILING_DISK="+path)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "booked before: 1") {
		t.Fatalf("%v\n%s", err, out)
	}
	s := openAt(t, path, Options{})
	if err := engine.Update(context.Background(), s, func(engine.Tx) error { return nil }); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	if bad, err := s.Integrity(context.Background()); err != nil || len(bad) > 0 {
		t.Errorf("integrity: %v, %v", bad, err)
	}
	see(t, s, func(r engine.Reader) error {
		n, err := r.CountAppointments(booking.AppointmentQuery{Clinic: 1})
		if n != 1 {
			t.Errorf("%d appointments, want the acknowledged one", n)
		}
		return err
	})
}

func failingDisk(t *testing.T, path string) {
	h := furnish(t, openAt(t, path, Options{}), 1)
	h.must(t, h.booking(1))
	fmt.Println("booked before: 1")
	signal.Ignore(syscall.SIGXFSZ)
	info, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	full := syscall.Rlimit{Cur: uint64(info.Size()) + 100, Max: was.Max} // #nosec G115 -- a size
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &full); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := engine.Update(context.Background(), h, h.booking(int64(i)+2)); fault.KindOf(err) != fault.ReadOnly {
			t.Errorf("a failed write gave %v", err)
		}
	}
	_ = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was)
	if h.Failed() == nil || !h.Stats().ReadOnly {
		t.Error("the store still trusts the disk")
	}
	if err := engine.Update(context.Background(), h, h.booking(9)); fault.KindOf(err) != fault.ReadOnly {
		t.Errorf("before a restart: %v", err)
	}
	h.Enqueue(func(act.Tx) error { return nil })
	if h.Stats().EnqueuedLost == 0 {
		t.Error("an Enqueue on a failed disk must be counted")
	}
	see(t, h.Store, func(r engine.Reader) error { _, err := r.Clinics(); return err })
}
