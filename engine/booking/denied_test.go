package booking_test

import (
	"testing"

	"qualifybase/engine/access"
	"qualifybase/engine/booking"
	"qualifybase/engine/directory"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/secret"
)

// Whatever finds out that a caller may not, the audit says so: the scope of the
// act, a right that only some of its arguments need, or a rule inside of it.
func TestDenialsAreInTheAudit(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := t.Context()
	a := d.book(t, d.at("2026-04-27 09:00"))
	meek := d.Caller
	meek.Scopes = meek.Scopes.Without(scope.Of(scope.AppointmentsOverride, scope.PatientsErase))
	b := d.at("2026-04-27 09:00")
	b.AllowOverlap, b.Reason = true, "acute pain"
	why := "acute pain"
	for _, x := range []struct {
		name string
		do   func() error
		row  string
	}{
		{"an override when booking", func() error { _, err := d.Engine.Book(ctx, meek, b); return err },
			"appointment.book denied scope:appointments:override"},
		{"an override when moving", func() error {
			_, err := d.Engine.PatchAppointment(ctx, meek, a.ID, booking.AppointmentPatch{StartsAt: &b.StartsAt,
				AllowOverlap: true, Reason: &why})
			return err
		}, "appointment.update denied " + a.ID + " scope:appointments:override"},
		{"a key wider than its maker", func() error {
			_, err := d.Engine.CreateKey(ctx, meek, access.KeyDraft{Name: "More", Family: secret.FamilyScoped,
				Scopes: []string{"patients:erase"}})
			return err
		}, "key.create denied scope:patients:erase"},
		{"a test key in the directory", func() error {
			_, err := d.Engine.CreateLocation(ctx, d.Test, directory.LocationDraft{Name: new("Annex")})
			return err
		}, "location.create denied scope:providers:write"},
		{"a live key of a test key", func() error {
			_, err := d.Engine.CreateKey(ctx, d.Test, access.KeyDraft{Name: "Live", Family: secret.FamilyLive})
			return err
		}, "key.create denied error:INSUFFICIENT_SCOPE"},
	} {
		d.Since(t)
		denied := d.Engine.Stats().DeniedActs.Load()
		if err := x.do(); fault.KindOf(err) != fault.Forbidden {
			t.Errorf("%s: %v", x.name, err)
		}
		d.Left(t, x.row)
		if n := d.Engine.Stats().DeniedActs.Load(); n != denied+1 {
			t.Errorf("%s: %d denials are counted", x.name, n-denied)
		}
	}
}

// An appointment's history is what was done to it: who looks at it, however
// often, and who was refused stand in the audit alone.
func TestHistoryLeavesOutLooks(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := t.Context()
	a := d.book(t, d.at("2026-04-27 09:00"))
	for range 3 {
		_, err := d.Engine.Appointment(ctx, d.Caller, a.ID)
		enginetest.Must(t, err)
	}
	_, err := d.Engine.Complete(ctx, d.Caller, a.ID)
	enginetest.Refused(t, err, fault.InvalidTransition)
	_, err = d.Engine.Confirm(ctx, d.Caller, a.ID)
	enginetest.Must(t, err)
	for range 2 { // the second sees the look of the first
		d.Since(t)
		rows, err := d.Engine.History(ctx, d.Caller, a.ID)
		enginetest.Must(t, err)
		if len(rows) != 2 || rows[0].Action != "appointment.book" || rows[1].Action != "appointment.confirm" {
			t.Errorf("history %+v", rows)
		}
	}
}
