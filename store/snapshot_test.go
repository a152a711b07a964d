package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/enginetest/proof"
)

// live writes n bookings, each with its event and its audit row, as the engine does.
func (h *house) live(t testing.TB, n int) {
	t.Helper()
	for i := 0; i < n; {
		h.must(t, func(tx engine.Tx) error {
			for end := min(n, i+500); i < end; i++ {
				if err := h.day(tx, int64(i)); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// day is one booking with all that belongs to it.
func (h *house) day(tx engine.Tx, slot int64) error {
	a := h.visit(h.providers[slot%int64(len(h.providers))], noon.Unix()+slot/int64(len(h.providers))*1800, 30)
	if _, err := h.book(tx, a); err != nil {
		return err
	}
	head, err := tx.Counters(h.clinic)
	if err != nil {
		return err
	}
	head.Event++
	head.Audit++
	err = tx.InsertEvent(act.Event{Clinic: h.clinic, Seq: head.Event, ID: "evt_" + a.ID, Type: "appointment.created",
		CreatedAt: noon.Unix(), Data: []byte(`{"appointment":{"id":"` + a.ID + `","status":"scheduled","provider_id":1}}`)})
	if err != nil {
		return err
	}
	row := act.AuditEntry{Clinic: h.clinic, Seq: head.Audit, At: noon.Unix(), ActorKind: act.ActorKey, ActorID: a.ID,
		IP: "192.0.2.1", RequestID: a.ID, Action: "appointment.book", Entity: "appointment", EntityID: a.ID,
		PatientID: h.patient, Outcome: act.OK, Fields: []string{}, PrevHash: head.AuditHash}
	row.Hash = row.Digest()
	head.AuditHash = row.Hash
	return tx.InsertAudit(row)
}

func inspect(t testing.TB, path string) Inspection {
	t.Helper()
	in, err := Inspect(context.Background(), path, schemaText(t))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestSnapshotIsWhole(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	h.live(t, 700)
	dest := filepath.Join(t.TempDir(), "odd name?#%.db")
	if err := Snapshot(context.Background(), h.Path(), dest); err != nil {
		t.Fatal(err)
	}
	in := inspect(t, dest)
	if in.Appointments != 700 || in.AuditRows != 700 || len(in.Clinics) != 1 || len(in.Findings) != 0 ||
		in.LastAudit != noon.Unix() {
		t.Errorf("%+v", in)
	}
	if info, err := os.Stat(dest); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Dir(dest) + "/*"); len(left) != 1 {
		t.Errorf("left beside it: %v", left)
	}
	if err := Snapshot(context.Background(), h.Path(), dest); err == nil {
		t.Error("a file was overwritten")
	}
	if err := Snapshot(context.Background(), h.Path()+"x", dest+"y"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing database: %v", err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := Snapshot(ended, h.Path(), dest+"z"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Dir(dest) + "/*"); len(left) != 1 {
		t.Errorf("a snapshot that broke off left %v", left)
	}
}

// What was deleted is not in a backup, not even as the remains of a page.
func TestSnapshotForgets(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	secret := strings.Repeat("Forgotten Person ", 300)
	h.must(t, func(tx engine.Tx) error { return tx.InsertReason("r", h.clinic, 0, secret) })
	h.must(t, func(engine.Tx) error { _, _, err := h.w.c.exec("DELETE FROM audit_reasons"); return err })
	dest := filepath.Join(t.TempDir(), "copy.db")
	if err := Snapshot(context.Background(), h.Path(), dest); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(dest)
	if err != nil || bytes.Contains(text, []byte("Forgotten Person")) {
		t.Errorf("the remains of a deleted row are in the copy, %v", err)
	}
}

// A snapshot under load: writers go on, and the copy is of one moment, in which
// bookings, events and audit agree. The log has the figures of proof.md R16.
func TestSnapshotUnderLoad(t *testing.T) {
	rows, rate := proof.Times(4_000, 20_000, 100_000), 200
	h := openHouse(t, Options{})
	h.live(t, rows)
	var slot int64 = int64(rows)
	alone := h.load(t, rate, &slot, func() { time.Sleep(700 * time.Millisecond) })
	dest := filepath.Join(t.TempDir(), "copy.db")
	began := slot
	var took time.Duration
	beside := h.load(t, rate, &slot, func() {
		start := time.Now()
		if err := Snapshot(context.Background(), h.Path(), dest); err != nil {
			t.Error(err)
		}
		took = time.Since(start)
	})
	start := time.Now()
	in := inspect(t, dest)
	info, err := os.Stat(dest)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d appointments, %.1f MiB: snapshot %v, inspection %v; writers at %d/s: alone p50 %v p99 %v max %v, "+
		"beside it p50 %v p99 %v max %v",
		in.Appointments, float64(info.Size())/(1<<20), took, time.Since(start), rate,
		alone[len(alone)/2], alone[len(alone)*99/100], alone[len(alone)-1], beside[len(beside)/2], beside[len(beside)*99/100],
		beside[len(beside)-1])
	if len(in.Findings) != 0 || in.AuditRows != in.Appointments {
		t.Errorf("%+v", in)
	}
	if in.Appointments < began {
		t.Errorf("the copy has %d appointments, %d were acknowledged before it began", in.Appointments, began)
	}
	// Writers that were stopped for its length would show it in the slowest of all,
	// unless the machine lets them wait as long without a snapshot.
	slowest, usual := beside[len(beside)-1], alone[len(alone)-1]
	if took > 500*time.Millisecond && slowest > took/2 && slowest > 4*usual {
		t.Errorf("a write waited %v of the snapshot's %v; without one %v at most", slowest, took, usual)
	}
}

// load writes at a rate while fn runs and gives the sorted latencies.
func (h *house) load(t *testing.T, rate int, slot *int64, fn func()) []time.Duration {
	t.Helper()
	var took []time.Duration
	stop := make(chan struct{})
	var loop, wait sync.WaitGroup
	var mu sync.Mutex
	loop.Go(func() {
		tick := time.NewTicker(time.Second / time.Duration(rate))
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			n := *slot
			*slot++
			wait.Go(func() {
				start := time.Now()
				if err := engine.Update(context.Background(), h, func(tx engine.Tx) error { return h.day(tx, n) }); err != nil {
					t.Error(err)
				}
				mu.Lock()
				took = append(took, time.Since(start))
				mu.Unlock()
			})
		}
	})
	fn()
	time.Sleep(300 * time.Millisecond)
	close(stop)
	loop.Wait()
	wait.Wait()
	slices.Sort(took)
	return took
}

// Each kind of damage is found by its own check, and a sound file has none.
func TestInspectFinds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ check, says, sql string }{
		{"", "", "SELECT 1"},
		{"bookings", "taken twice",
			"DROP TRIGGER occupancy_no_overlap_insert; INSERT INTO occupancy SELECT 900, clinic, resource, test, s + 60, " +
				"e + 60, appointment_id, NULL, NULL, 1, 0 FROM occupancy WHERE id = 1"},
		{"calendar", "does not occupy", "UPDATE occupancy SET live = 0 WHERE id = 3"},
		{"calendar", "still occupies", "UPDATE appointments SET status = 'cancelled' WHERE rowid = 5"},
		{"events", "were written", "DROP TRIGGER events_no_delete; DELETE FROM events WHERE seq = 7"},
		{"events", "were written", "UPDATE counters SET event = event - 1"},
		{"audit", "row 4 was changed", "DROP TRIGGER audit_no_update; UPDATE audit SET actor_id = 'nobody' WHERE seq = 4"},
		{"audit", "row 5 is missing", "DROP TRIGGER audit_no_delete; DELETE FROM audit WHERE seq = 5"},
		{"audit", "the end is cut off", "DROP TRIGGER audit_no_delete; DELETE FROM audit WHERE seq >= 18"},
		{"audit", "head of its audit is missing", "PRAGMA foreign_keys = OFF; DELETE FROM counters"},
		{"references", "missing row of",
			"PRAGMA foreign_keys = OFF; UPDATE appointments SET patient_id = 77 WHERE rowid = 2"},
		{"structure", "trigger audit_no_update is missing", "DROP TRIGGER audit_no_update"},
		{"structure", "table extra does not belong", "CREATE TABLE extra (x)"},
		{"structure", "index leads_phone", "DROP INDEX leads_phone"},
		{"integrity", "cannot be read", "DROP TABLE appointments"},
	} {
		h := openHouse(t, Options{})
		h.live(t, 20)
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		d, err := dial(h.Path())
		if err != nil {
			t.Fatal(err)
		}
		if err := d.script("PRAGMA foreign_keys = OFF; " + c.sql); err != nil {
			t.Fatal(c.sql, err)
		}
		if err := d.close(); err != nil {
			t.Fatal(err)
		}
		in := inspect(t, h.Path())
		found := c.check == "" && len(in.Findings) == 0
		for _, f := range in.Findings {
			found = found || f.Check == c.check && strings.Contains(f.Text, c.says)
		}
		if !found {
			t.Errorf("%s: %v, want %s: %s", c.sql, in.Findings, c.check, c.says)
		}
	}
}

// Inspecting changes nothing, whether a server runs or not, and sees what it has
// committed.
func TestInspectLive(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	h.live(t, 30)
	if in := inspect(t, h.Path()); in.Appointments != 30 || len(in.Findings) != 0 {
		t.Errorf("beside a server: %+v", in)
	}
	h.must(t, func(tx engine.Tx) error { return h.day(tx, 30) }) // its locks still hold
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(h.Path())
	if err != nil {
		t.Fatal(err)
	}
	if in := inspect(t, h.Path()); in.Appointments != 31 || len(in.Findings) != 0 {
		t.Errorf("without one: %+v", in)
	}
	if after, err := os.ReadFile(h.Path()); err != nil || !bytes.Equal(before, after) {
		t.Errorf("it was changed, %v", err)
	}
}

// Pages thrown about, and the file cut: found, never a panic or an error that is none of ours.
func TestInspectDamage(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	h.live(t, 300)
	dir := t.TempDir()
	good := filepath.Join(dir, "good.db")
	if err := Snapshot(context.Background(), h.Path(), good); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	for i, damage := range []func([]byte) []byte{
		func(b []byte) []byte { return b[:len(b)-4096] },
		func(b []byte) []byte { return b[:len(b)/2+100] },
		func(b []byte) []byte { copy(b[4096*9:], bytes.Repeat([]byte{0xff}, 4096)); return b },
		func(b []byte) []byte { copy(b[100:], bytes.Repeat([]byte{0}, 500)); return b },
		func(b []byte) []byte { copy(b[4096*20:4096*21], b[4096*30:]); return b },
	} {
		path := filepath.Join(dir, fmt.Sprint("bad", i))
		if err := os.WriteFile(path, damage(bytes.Clone(text)), 0o600); err != nil {
			t.Fatal(err)
		}
		if in := inspect(t, path); len(in.Findings) == 0 {
			t.Errorf("damage %d was not found", i)
		}
	}
}

func TestInspectRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"letter": {"a letter", ErrOtherProgram}, "empty": {"", ErrOtherProgram},
		"other": {"SQLite format 3\x00" + strings.Repeat("\x01", 84) + strings.Repeat("\x00", 4000), ErrOtherProgram},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Inspect(context.Background(), path, ""); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Inspect(context.Background(), filepath.Join(dir, "none"), ""); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	h := openHouse(t, Options{})
	h.must(t, func(engine.Tx) error { _, _, err := h.w.c.exec("PRAGMA user_version = 99"); return err })
	if _, err := Inspect(context.Background(), h.Path(), ""); !errors.Is(err, ErrNewer) {
		t.Errorf("a newer file: %v", err)
	}
}
