package store

import (
	"context"
	"testing"

	"qualifybase/engine"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/fault"
)

func TestBookAndSee(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	start := noon.Unix() + 3600
	a := h.visit(h.providers[0], start, 30)
	h.must(t, func(tx engine.Tx) error {
		_, err := h.book(tx, a)
		return err
	})
	see(t, h.Store, func(r engine.Reader) error {
		busy, err := r.Busy(booking.ProviderResource(h.providers[0]), false,
			calendar.Span{Start: start - 60, End: start + 60}, nil)
		if err != nil || len(busy) != 1 || busy[0].Span != a.Footprint {
			t.Errorf("Busy = %v, %v", busy, err)
		}
		got, err := r.Appointment(h.clinic, false, a.ID)
		if err != nil {
			return err
		}
		if got != a {
			t.Errorf("read %+v\nwrote %+v", got, a)
		}
		return nil
	})
	err := engine.Update(context.Background(), h, func(tx engine.Tx) error {
		_, err := h.book(tx, h.visit(h.providers[0], start+60, 30))
		return err
	})
	if fault.KindOf(err) != fault.SlotTaken {
		t.Fatalf("a second booking gave %v", err)
	}
	if n := h.count(t, "SELECT count(*) FROM appointments"); n != 1 {
		t.Errorf("%d appointments, want 1: the refused one's row must go with it", n)
	}
}
