package directory_test

import (
	"context"
	"sync"
	"testing"

	"qualifybase/engine"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
)

// TestRoomsHoldUnder64Clients: two rooms, three providers, 64 clients at once who
// want a room for unequal times with a buffer around them. A room holds as a
// provider does: no two live footprints of either overlap, and who was refused
// was refused rightly.
func TestRoomsHoldUnder64Clients(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	room := directory.AtRoom
	c.AddProvider(t, directory.ProviderDraft{DisplayName: new("Dora"), LocationIDs: &[]int64{c.Practice.ID}})
	therapy := c.AddService(t, directory.ServiceDraft{Name: new("Therapy"), DurationMinutes: new(30), LocationKind: &room,
		BufferAfter: new(5)})
	const clients = 64
	wants := make([]booking.Booking, clients)
	for i := range wants {
		start := enginetest.Unix("2026-04-27 09:00") + int64(i*7%29)*300
		wants[i] = booking.Booking{LeadID: c.Lead(t, c.Caller).ID, ServiceID: therapy.ID, StartsAt: start,
			EndsAt: start + int64(20+i%3*10)*60}
		if i%4 == 3 {
			wants[i].LocationID = c.Room1.ID
		}
	}
	var wait sync.WaitGroup
	var mu sync.Mutex
	var won []booking.Appointment
	var lost []booking.Booking
	for _, b := range wants {
		wait.Go(func() {
			a, err := c.Engine.Book(context.Background(), c.Caller, b)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won = append(won, a)
			case fault.KindOf(err) == fault.SlotTaken:
				lost = append(lost, b)
			default:
				t.Error(err)
			}
		})
	}
	wait.Wait()
	perRoom, perProvider := map[int64]int{}, map[int64]int{}
	for i, a := range won {
		perRoom[a.LocationID]++
		perProvider[a.ProviderID]++
		for _, b := range won[:i] {
			if a.Footprint.Overlaps(b.Footprint) && (a.LocationID == b.LocationID || a.ProviderID == b.ProviderID) {
				t.Errorf("two at once: %+v and %+v", a, b)
			}
		}
	}
	if len(perRoom) != 2 || len(perProvider) < 2 || perRoom[c.Room1.ID] < 2 || perRoom[c.Room2.ID] < 2 {
		t.Errorf("won by room %v, by provider %v", perRoom, perProvider)
	}
	if len(lost) == 0 {
		t.Fatal("nobody was refused: the rooms were never full")
	}
	for _, b := range lost {
		if _, err := c.Engine.Book(t.Context(), c.Caller, b); fault.KindOf(err) != fault.SlotTaken {
			t.Errorf("refused before, now %v", err)
		}
	}
	c.Read(t, func(r engine.Reader) error {
		for id, n := range perRoom { // one row of the room for each booking, no orphans
			rows, err := r.Busy(booking.RoomResource(id), false, calendar.Span{Start: 0, End: 1 << 40}, nil)
			if err != nil || len(rows) != n {
				t.Errorf("room %d has %d rows for %d bookings, %v", id, len(rows), n, err)
			}
		}
		return nil
	})
}
