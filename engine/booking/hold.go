package booking

import (
	"context"
	"slices"
	"time"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/secret"
	"qualifybase/engine/uuid"
)

var (
	holdPlace = act.Define("hold.place", scope.AppointmentsWrite)
	holdDrop  = act.Define("hold.drop", scope.AppointmentsWrite)
)

// Minutes that a hold lasts (booking.md §6).
const (
	DefaultHoldMinutes = 5
	MaxHoldMinutes     = 15
)

// PlaceHold reserves a slot for some minutes: nobody else can book or hold it.
// The token is in this reply only.
//
// Errors: those of Book, and Conflict when the caller has too many open holds.
func (e *Engine) PlaceHold(ctx context.Context, c act.Caller, h HoldDraft) (Hold, error) {
	if err := h.check(); err != nil {
		return Hold{}, err
	}
	return act.Do(ctx, e.Room, c, holdPlace, func(w *Act) (Hold, error) { return w.hold(h) })
}

func (h *HoldDraft) check() error {
	var f fault.Faults
	if h.StartsAt == 0 {
		f.Add("scheduled_at", "Required")
	}
	if h.EndsAt == 0 && h.ServiceID == 0 {
		f.Add("ends_at", "Required, or send service_id")
	}
	if h.StartsAt != 0 && h.EndsAt != 0 {
		checkEnds(&f, h.StartsAt, h.EndsAt)
	}
	if h.Minutes == 0 {
		h.Minutes = DefaultHoldMinutes
	}
	if h.Minutes < 1 || h.Minutes > MaxHoldMinutes {
		f.Add("minutes", "Must be 1 to %d", MaxHoldMinutes)
	}
	return f.Err()
}

// hold is PlaceHold inside its transaction.
func (w *Act) hold(h HoldDraft) (Hold, error) {
	open, err := w.OpenHolds(w.Caller.Clinic, w.Caller.Name(), w.Now)
	if err != nil {
		return Hold{}, err
	}
	if open >= w.e.opt.HoldsPerCaller {
		return Hold{}, fault.Fail(fault.Conflict,
			"Too many open holds: at most %d are allowed; book or drop some, or let them expire", w.e.opt.HoldsPerCaller)
	}
	d, err := newScheduler(w, w.Caller, w.Now)
	if err != nil {
		return Hold{}, err
	}
	defer d.release()
	want, err := d.criteria(h.ProviderID, h.LocationID, h.ServiceID)
	if err != nil {
		return Hold{}, err
	}
	span := calendar.Span{Start: h.StartsAt, End: h.EndsAt}
	if span.End == 0 {
		span.End = span.Start + int64(want.service.DurationMinutes)*60
	}
	lane, _, err := w.choose(d, want, span, person{})
	if err != nil {
		return Hold{}, err
	}
	now := w.e.Now()
	out := Hold{
		ID: uuid.New(now), Clinic: w.Caller.Clinic, Test: w.Caller.Test, Caller: w.Caller.Name(), Token: secret.NewToken(32),
		ProviderID: lane.ProviderID, LocationID: lane.LocationID, ServiceID: h.ServiceID,
		StartsAt: span.Start, EndsAt: span.End, CreatedAt: w.Now,
		ExpiresAt: w.Now + int64(time.Duration(h.Minutes)*time.Minute/time.Second),
	}
	out.TokenHash = tokenHash(out.Token)
	if err := w.InsertHold(out); err != nil {
		return out, err
	}
	w.EntityID = out.ID
	return out, w.reserve(lane, out)
}

// reserve writes the occupancy of a hold: rows with an expiry.
func (w *Act) reserve(lane *Lane, h Hold) error {
	for _, res := range lane.Resources {
		if err := w.DeleteExpired(res, h.Test, w.Now); err != nil {
			return err
		}
		if err := w.InsertOccupancy(&Occupancy{
			Clinic: h.Clinic, Resource: res, Test: h.Test, Footprint: lane.Rules.Footprint(h.StartsAt, h.EndsAt),
			HoldID: h.ID, ExpiresAt: h.ExpiresAt, Live: true,
		}); err != nil {
			return err
		}
	}
	return nil
}

// DropHold frees a held slot. A hold that has expired or was booked is Gone.
func (e *Engine) DropHold(ctx context.Context, c act.Caller, id string) error {
	_, err := act.Do(ctx, e.Room, c, holdDrop, func(w *Act) (struct{}, error) {
		h, err := w.Hold(c.Clinic, c.Test, id)
		if err != nil {
			return struct{}{}, err
		}
		w.EntityID = id
		if h.ExpiresAt <= w.Now { // a used one has ended, too
			if h.Used {
				return struct{}{}, fault.Fail(fault.Gone, "The hold was already used").On("id",
					"It was booked: cancel the appointment instead")
			}
			return struct{}{}, fault.Fail(fault.Gone, "The hold has expired").On("id", "Its slot is free already")
		}
		return struct{}{}, w.DeleteHold(h)
	})
	return err
}

// takeHold redeems the hold that a booking names: its slot becomes the
// booking's, and its rows no longer count against it.
func (w *Act) takeHold(d *scheduler, b *Booking) (Hold, []Occupancy, error) {
	if b.HoldID == "" {
		return Hold{}, nil, nil
	}
	h, err := w.Hold(w.Caller.Clinic, w.Caller.Test, b.HoldID)
	if err != nil {
		return h, nil, err
	}
	if !sameToken(b.HoldToken, h.TokenHash) {
		return h, nil, fault.Absent("hold").On("hold_token", "Must be the token of this hold")
	}
	if h.Used {
		return h, nil, fault.Fail(fault.Gone, "The hold was already used").On("hold_id",
			"It was booked; look at the appointments before you book again without a hold")
	}
	if h.ExpiresAt <= w.Now {
		return h, nil, fault.Fail(fault.Gone, "The hold has expired").On("hold_id", "Place a new hold, or book without one")
	}
	var f fault.Faults
	same := func(field string, sent, held int64) int64 {
		if sent != 0 && sent != held {
			f.Add(field, "Must be the same as in the hold; leave it out, or drop the hold")
		}
		return held
	}
	b.StartsAt = same("scheduled_at", b.StartsAt, h.StartsAt)
	b.EndsAt = same("ends_at", b.EndsAt, h.EndsAt)
	b.ProviderID = same("provider_id", b.ProviderID, h.ProviderID)
	b.LocationID = same("location_id", b.LocationID, h.LocationID)
	if h.ServiceID != 0 || b.ServiceID != 0 {
		b.ServiceID = same("service_id", b.ServiceID, h.ServiceID)
	}
	if err := f.Err(); err != nil {
		return h, nil, err
	}
	rows, err := w.OccupancyOf("", h.ID)
	for _, o := range rows {
		d.except = append(d.except, o.Row)
	}
	return h, slices.Clip(rows), err
}

// holdRetention is how long an expired hold is still known, so that its late booking
// is told that it is gone (booking.md §6).
const holdRetention = 24 * calendar.Hour // seconds

// TidyHolds drops the holds of all clinics that expired more than a day ago, and
// gives their number.
func (e *Engine) TidyHolds(ctx context.Context) (int, error) {
	return act.Portions(ctx, e.Room, act.System(0, "tidy"), func(w *Act) (n int, more bool, err error) {
		n, err = w.DropHolds(w.Now-holdRetention, act.TidyAtMost)
		return n, n == act.TidyAtMost, err
	})
}
