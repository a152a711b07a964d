package store

import (
	"context"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"qualifybase/engine"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/fault"
)

// collides is the booking invariant in plain words: a live row without an
// override overlaps no other live row of its resource (booking.md §1).
func collides(rows []booking.Occupancy, o booking.Occupancy) bool {
	return o.Live && !o.Override && slices.ContainsFunc(rows, func(x booking.Occupancy) bool {
		return x.Row != o.Row && x.Live && x.Resource == o.Resource && x.Test == o.Test &&
			x.Footprint.Start < o.Footprint.End && x.Footprint.End > o.Footprint.Start
	})
}

// newly tells a change by which a row could collide that did not before.
func newly(old, o booking.Occupancy) bool {
	return !old.Live || old.Override || old.Resource != o.Resource || old.Test != o.Test || old.Footprint != o.Footprint
}

// The triggers look one step back in an index; a plain look at every row must
// agree with them after any history of inserts, moves, cancels and overrides
// (booking.md §11).
func TestTriggersAgreeWithPlainLook(t *testing.T) {
	h := openHouse(t, Options{})
	rapid.Check(t, func(rt *rapid.T) {
		var rows []booking.Occupancy
		base := noon.Unix()
		span := func() calendar.Span {
			start := base + rapid.Int64Range(0, 20).Draw(rt, "quarter")*900
			return calendar.Span{Start: start, End: start +
				rapid.SampledFrom([]int64{1, 900, 1800, 7200, 14400, calendar.MaxFootprint}).Draw(rt, "length")}
		}
		resource := func() booking.Resource {
			return rapid.SampledFrom([]booking.Resource{booking.ProviderResource(h.providers[0]),
				booking.RoomResource(h.rooms[0])}).Draw(rt, "resource")
		}
		likely := func(what string) bool { return rapid.IntRange(0, 3).Draw(rt, what) > 0 }
		for range rapid.IntRange(1, 30).Draw(rt, "changes") {
			o := booking.Occupancy{Clinic: h.clinic, Resource: resource(), Test: rapid.IntRange(0, 7).Draw(rt, "test") == 0,
				Footprint: span(), Live: likely("live"), Override: rapid.Bool().Draw(rt, "override")}
			var old *booking.Occupancy
			if len(rows) > 0 && likely("change") {
				old = &rows[rapid.IntRange(0, len(rows)-1).Draw(rt, "row")]
				was := *old
				switch rapid.IntRange(0, 3).Draw(rt, "what") {
				case 0:
					o = was
					o.Footprint = span()
				case 1:
					o = was
					o.Live = !o.Live
				case 2:
					o = was
					o.Override = !o.Override
				default:
					o.Row, o.AppointmentID = was.Row, was.AppointmentID
				}
			}
			want := collides(rows, o) && (old == nil || newly(*old, o))
			err := engine.Update(context.Background(), h, func(tx engine.Tx) error {
				if old != nil {
					return tx.UpdateOccupancy(o)
				}
				a := h.visit(h.providers[0], o.Footprint.Start, 10)
				if err := tx.InsertAppointment(a); err != nil {
					return err
				}
				o.AppointmentID = a.ID
				return tx.InsertOccupancy(&o)
			})
			if got := fault.KindOf(err) == fault.SlotTaken; got != want || err != nil && !got {
				rt.Fatalf("%+v among %+v: refused = %v (%v), want %v", o, rows, got, err, want)
			}
			switch {
			case err != nil:
			case old != nil:
				*old = o
			default:
				rows = append(rows, o)
			}
		}
		h.must(t, func(tx engine.Tx) error { // the next history begins with an empty calendar
			for _, o := range rows {
				if err := tx.DeleteOccupancy(o); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// An override in the middle of a long booking does not hide that booking from
// whoever looks one step back.
func TestOverrideHidesNobody(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	put := func(minute, length int64, override bool) error {
		return engine.Update(context.Background(), h, func(tx engine.Tx) error {
			a := h.visit(h.providers[0], noon.Unix()+minute*60, length)
			if err := tx.InsertAppointment(a); err != nil {
				return err
			}
			return tx.InsertOccupancy(&booking.Occupancy{Clinic: h.clinic, Resource: booking.ProviderResource(a.ProviderID),
				Footprint: a.Footprint, AppointmentID: a.ID, Live: true, Override: override})
		})
	}
	if err := put(0, 120, false); err != nil {
		t.Fatal(err)
	}
	if err := put(30, 15, true); err != nil {
		t.Fatal(err)
	}
	if err := put(60, 15, false); fault.KindOf(err) != fault.SlotTaken {
		t.Errorf("behind the override, inside the long booking: %v, want SlotTaken", err)
	}
	if err := put(120, 15, false); err != nil {
		t.Errorf("at the long booking's end: %v", err)
	}
}
