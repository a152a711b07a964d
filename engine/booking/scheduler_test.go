package booking_test

import (
	"testing"

	"qualifybase/engine/booking"
	"qualifybase/engine/directory"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
)

// An appointment that moves leaves itself out of the day's count too: on a full day it may still
// change its time, while nobody else gets in (booking.md §§5, 7).
func TestMoveWithinAFullDay(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	dora := c.AddProvider(t, directory.ProviderDraft{DisplayName: new("Dora"), DailyCap: new(1),
		LocationIDs: &[]int64{c.Practice.ID}})
	a := c.Book(t, "2026-04-28 09:00", dora, c.Checkup)
	move := func(to string) error {
		start := enginetest.Unix(to)
		_, err := c.Engine.PatchAppointment(t.Context(), c.Caller, a.ID, booking.AppointmentPatch{StartsAt: &start})
		return err
	}
	if err := move("2026-04-28 10:00"); err != nil {
		t.Errorf("within its own full day: %v", err)
	}
	if _, err := c.TryBook(t, c.Caller, "2026-04-28 11:00", dora, c.Checkup); fault.KindOf(err) != fault.CapReached {
		t.Errorf("somebody else: %v, want CAP_REACHED", err)
	}
	c.Book(t, "2026-04-29 09:00", dora, c.Checkup)
	if err := move("2026-04-29 11:00"); fault.KindOf(err) != fault.CapReached {
		t.Errorf("to another full day: %v, want CAP_REACHED", err)
	}
}
