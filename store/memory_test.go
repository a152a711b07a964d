package store

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/access"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/secret"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func aKey(h *house) access.Key {
	return access.Key{ID: id(), Clinic: h.clinic, KeyID: "8fJ2kQ0a", Family: secret.FamilyLive, Name: "web", Hash: "abc",
		Scopes: scope.Of(scope.LeadsRead, scope.AuditRead), AllowedOrigins: []string{}, CreatedAt: noon.Unix()}
}

// eventually waits for what another process's write must bring within a second.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

func TestSeesAnotherProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "qb.db")
	h := furnish(t, openAt(t, path, Options{}), 1)
	shell := &house{Store: openAt(t, path, Options{}), clinic: h.clinic, providers: h.providers, patient: h.patient}
	k := aKey(h)
	lookUp := func() (got access.Key, err error) {
		err = engine.View(context.Background(), h, func(r engine.Reader) error {
			got, err = r.KeyByLookup(k.Family, k.KeyID)
			return err
		})
		return got, err
	}
	if _, err := lookUp(); fault.KindOf(err) != fault.NotFound {
		t.Fatalf("before it was made: %v", err)
	}
	shell.must(t, func(tx engine.Tx) error { return tx.InsertKey(k) })
	if _, err := lookUp(); err != nil {
		t.Fatalf("a key made in the shell must work at once: %v", err)
	}
	k.RevokedAt = noon.Unix()
	shell.must(t, func(tx engine.Tx) error { return tx.UpdateKey(k) })
	eventually(t, "the revocation was never seen", func() bool { got, _ := lookUp(); return got.RevokedAt != 0 })

	res, window := booking.ProviderResource(h.providers[0]), calendar.Span{Start: noon.Unix(),
		End: noon.Unix() + daySeconds}
	busy := func() (n int) {
		see(t, h.Store, func(r engine.Reader) error {
			list, err := r.Busy(res, false, window, nil)
			n = len(list)
			return err
		})
		return n
	}
	name := func() (s string) {
		see(t, h.Store, func(r engine.Reader) error { p, err := r.Plan(h.clinic); s = p.Clinic.Name; return err })
		return s
	}
	if busy() != 0 || name() != "Praxis" {
		t.Fatal("wrong start")
	}
	shell.must(t, shell.booking(1))
	shell.must(t, func(tx engine.Tx) error {
		c, err := tx.Clinic(h.clinic)
		if err == nil {
			c.Name = "Renamed"
			err = tx.UpdateClinic(c)
		}
		return err
	})
	// A write here knows at once, also in its own transaction.
	if err := engine.Update(context.Background(), h, h.booking(1)); fault.KindOf(err) != fault.SlotTaken {
		t.Errorf("the taken slot gave %v", err)
	}
	if busy() != 1 || name() != "Renamed" {
		t.Errorf("after a look at the file: %d, %s", busy(), name())
	}
	shell.must(t, shell.booking(2))
	eventually(t, "the shell's booking was never seen", func() bool { return busy() == 2 })
}

func TestKeysInMemoryFollowWrites(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	k := aKey(h)
	h.must(t, func(tx engine.Tx) error { return tx.InsertKey(k) })
	read := func() (got access.Key) {
		see(t, h.Store, func(r engine.Reader) (err error) {
			got, err = r.KeyByLookup(k.Family, k.KeyID)
			if r.(*reads).c != nil {
				t.Error("a key from memory needs no connection")
			}
			return err
		})
		return got
	}
	if got := read(); got.Scopes != k.Scopes || got.Hash != k.Hash || got.RatePerMinute != nil {
		t.Errorf("read %+v", got)
	}
	undone := errors.New("undone")
	err := engine.Update(context.Background(), h, func(tx engine.Tx) error {
		changed := k
		changed.RevokedAt = 5
		if err := tx.UpdateKey(changed); err != nil {
			return err
		}
		if err := tx.TouchKey(k.ID, 7); err != nil {
			return err
		}
		if got, err := tx.KeyByLookup(k.Family, k.KeyID); err != nil || got.RevokedAt != 5 || got.LastUsedAt != 7 {
			t.Errorf("inside: %+v, %v", got, err)
		}
		return undone
	})
	if err != undone || read().RevokedAt != 0 || read().LastUsedAt != 0 {
		t.Errorf("after a rollback (%v): %+v", err, read())
	}
	h.must(t, func(tx engine.Tx) error { return tx.TouchKey(k.ID, 9) })
	if read().LastUsedAt != 9 {
		t.Error("last_used_at was not seen")
	}
	rate := 0
	k.RevokedAt, k.RatePerMinute = 11, &rate
	h.must(t, func(tx engine.Tx) error { return tx.UpdateKey(k) })
	if got := read(); got.RevokedAt != 11 || got.LastUsedAt != 9 || got.RatePerMinute == nil || *got.RatePerMinute != 0 {
		t.Errorf("after the revocation: %+v", got)
	}
}

func TestPlanFollowsWrites(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	plan := func() (p *directory.Plan) {
		see(t, h.Store, func(r engine.Reader) (err error) {
			p, err = r.Plan(h.clinic)
			if r.(*reads).c != nil {
				t.Error("a plan needs no connection of the View")
			}
			return err
		})
		return p
	}
	first := plan()
	if plan() != first || len(first.Providers) != 3 || len(first.Locations) != 1 {
		t.Fatalf("the plan is not kept, or not whole: %d providers", len(first.Providers))
	}
	add := func(tx engine.Tx) error {
		return tx.InsertProvider(&directory.Provider{Clinic: h.clinic, DisplayName: "New", Weight: 100,
			LocationIDs: []int64{h.rooms[0]}, Meta: meta()})
	}
	undone := errors.New("undone")
	err := engine.Update(context.Background(), h, func(tx engine.Tx) error {
		size := func() int {
			p, err := tx.Plan(h.clinic)
			if err != nil {
				t.Fatal(err)
			}
			return len(p.Providers)
		}
		if err := add(tx); err != nil || size() != 4 {
			t.Errorf("inside: %d providers, %v", size(), err)
		}
		_ = tx.Savepoint(func() error { _ = add(tx); _ = size(); return undone })
		if size() != 4 {
			t.Errorf("after an inner rollback: %d", size())
		}
		return undone
	})
	if err != undone || len(plan().Providers) != 3 {
		t.Errorf("after a rollback: %v, %d providers", err, len(plan().Providers))
	}
	kept := plan()
	h.must(t, func(tx engine.Tx) error { return tx.TouchAssigned(h.providers[0], 5) })
	if plan() != kept {
		t.Error("an assignment must leave the plan alone")
	}
	h.must(t, add)
	if got := plan(); len(got.Providers) != 4 || got.Providers[3].LocationIDs[0] != h.rooms[0] {
		t.Errorf("after the commit: %d providers", len(got.Providers))
	}
}

func TestViewFromMemoryNeedsNoConnection(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{Readers: 1})
	see(t, h.Store, func(outer engine.Reader) error {
		if _, err := outer.Clinics(); err != nil { // takes the only connection
			return err
		}
		see(t, h.Store, func(r engine.Reader) error {
			if _, err := r.Plan(h.clinic); err != nil {
				return err
			}
			_, err := r.Busy(booking.ProviderResource(h.providers[0]), false,
				calendar.Span{Start: noon.Unix(), End: noon.Unix() + 60}, nil)
			return err
		})
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		err := engine.View(ctx, h, func(r engine.Reader) error { _, err := r.Clinics(); return err })
		if fault.KindOf(err) != fault.Busy {
			t.Errorf("without a free connection: %v", err)
		}
		return nil
	})
}

func TestViewIsOneSnapshot(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	see(t, h.Store, func(r engine.Reader) error {
		count := func() int64 {
			n, err := r.CountAppointments(booking.AppointmentQuery{Clinic: h.clinic})
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		before := count()
		h.must(t, h.booking(1))
		if count() != before {
			t.Error("the snapshot moved")
		}
		return nil
	})
}

func textLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
