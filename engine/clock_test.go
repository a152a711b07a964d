package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/access"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/enginetest/proof"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
)

// clockJumps are what clocks do to a running server (proof.md R9).
var clockJumps = []time.Duration{time.Hour, -time.Hour, -24 * time.Hour, 25 * time.Hour, -time.Second}

// A hold reserves for its minutes and not twice, wherever the clock goes; spent or
// swept away it books nothing that somebody else has.
func TestHoldsWhenClocksJump(t *testing.T) {
	t.Parallel()
	for _, jump := range clockJumps {
		t.Run(jump.String(), func(t *testing.T) {
			c := enginetest.New(t)
			at := enginetest.Unix("2026-05-04 09:00")
			place := func() booking.Hold {
				h, err := c.Engine.PlaceHold(t.Context(), c.Caller, booking.HoldDraft{StartsAt: at, ServiceID: c.Checkup.ID,
					ProviderID: c.Ada.ID})
				enginetest.Must(t, err)
				return h
			}
			redeem := func(h booking.Hold) error {
				_, err := c.Engine.Book(t.Context(), c.Caller, booking.Booking{HoldID: h.ID, HoldToken: h.Token,
					LeadID: c.Lead(t, c.Caller).ID})
				return err
			}
			open := place()
			c.Clock.Add(jump)
			_, err := c.TryBook(t, c.Caller, "2026-05-04 09:00", c.Ada, c.Checkup)
			if jump < 0 {
				enginetest.Refused(t, err, fault.SlotTaken, "scheduled_at")
				enginetest.Must(t, redeem(open))
			} else { // its time is over: free for everybody, and for its owner no more
				enginetest.Must(t, err)
				enginetest.Refused(t, redeem(open), fault.Gone, "hold_id")
			}
			if err := redeem(open); err == nil {
				t.Error("a spent hold books again")
			}
			c.Clock.Add(-2 * jump)
			if err := redeem(open); err == nil {
				t.Error("a spent hold books again at another time")
			}
			oneVisitAt(t, c, at)
		})
	}
}

// oneVisitAt checks that the slot is occupied once and nobody is there twice.
func oneVisitAt(t *testing.T, c *enginetest.Clinic, at int64) {
	t.Helper()
	c.Read(t, func(r engine.Reader) error {
		busy, err := r.Busy(booking.ProviderResource(c.Ada.ID), false, calendar.Span{Start: at, End: at + 1}, nil)
		busy = slices.DeleteFunc(busy, func(o booking.Occupied) bool {
			return o.ExpiresAt != 0 && o.ExpiresAt <= c.Clock.Now().Unix()
		})
		if len(busy) != 1 {
			t.Errorf("the slot is occupied %d times: %v", len(busy), busy)
		}
		return err
	})
}

// An idempotency key is answered once for 24 hours, wherever the clock goes; after
// that the same request is a new one, which books nothing twice either.
func TestRepliesWhenClocksJump(t *testing.T) {
	t.Parallel()
	for _, jump := range clockJumps {
		c := enginetest.New(t)
		at := enginetest.Unix("2026-05-04 09:00")
		caller, lead := c.Caller, c.Lead(t, c.Caller).ID
		caller.Idempotency, caller.Encode = &act.Idempotency{Key: "k", Fingerprint: "f"}, encode
		book := func() error {
			_, err := c.Engine.Book(t.Context(), caller, booking.Booking{StartsAt: at, ServiceID: c.Checkup.ID,
				ProviderID: c.Ada.ID, LeadID: lead})
			return err
		}
		enginetest.Must(t, book())
		kept := c.Clock.Now()
		for _, step := range []time.Duration{jump, -jump, jump} {
			c.Clock.Add(step)
			err := book()
			_, replayed := errors.AsType[*act.Replay](err)
			if over := c.Clock.Now().Sub(kept) > 24*time.Hour; over {
				kept = c.Clock.Now()
				enginetest.Refused(t, err, fault.SlotTaken, "scheduled_at")
			} else if !replayed {
				t.Errorf("%v: asked again, the key answers %v", step, err)
			}
		}
		oneVisitAt(t, c, at)
	}
}

// A sync by updated_since sees every change, also those made while the clock was
// behind what the caller has seen (contract.md §7).
func TestSyncWhenClocksJump(t *testing.T) {
	t.Parallel()
	for _, jump := range clockJumps {
		c := enginetest.New(t)
		first := enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("First")}).Lead
		since := first.UpdatedAt // what a caller keeps between two syncs
		versions := map[string]int64{}
		for round := range 4 {
			c.Clock.Add(jump)
			changed, err := c.Engine.UpdateLead(t.Context(), c.Caller, first.ID, nil,
				people.LeadDraft{Notes: new(fmt.Sprint(round))})
			enginetest.Must(t, err)
			made := enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new(fmt.Sprint("Lead ", round))}).Lead
			list, err := c.Engine.Leads(t.Context(), c.Caller, people.LeadQuery{UpdatedSince: &since}, act.Page{})
			enginetest.Must(t, err)
			for _, l := range list.Items {
				versions[l.ID] = l.Version
				since = max(since, l.UpdatedAt)
			}
			if versions[first.ID] != changed.Version || versions[made.ID] != made.Version {
				t.Errorf("%v, round %d: the sync saw %v, there are %s at %d and %s at %d", jump, round, versions, first.ID,
					changed.Version, made.ID, made.Version)
			}
		}
	}
}

// A sign-in's lock ends after its window, wherever the clock goes.
func TestLocksWhenClocksJump(t *testing.T) {
	t.Parallel()
	for _, jump := range clockJumps {
		c := enginetest.NewWith(t, engine.Options{LockoutFailures: 3, LockoutWindow: 15 * time.Minute})
		_, err := c.Engine.CreateUser(t.Context(), c.Shell, access.UserDraft{Email: "ann@example.com", Name: "Ann",
			Role: act.Owner, Password: "correct horse battery"})
		enginetest.Must(t, err)
		try := func(password string) error {
			_, _, err := c.Engine.SignIn(t.Context(), "192.0.2.9", "ann@example.com", password, "")
			return err
		}
		for range 4 {
			_ = try("wrong")
		}
		if kind := fault.KindOf(try("correct horse battery")); kind != fault.RateLimited {
			t.Fatalf("not locked: %v", kind)
		}
		c.Clock.Add(jump)
		err = try("correct horse battery")
		if e, ok := errors.AsType[*fault.Error](err); ok && (e.RetryAfter < 0 || e.RetryAfter > 15*time.Minute) {
			t.Errorf("%v: locked for another %v", jump, e.RetryAfter)
		}
		c.Clock.Add(15*time.Minute + time.Second)
		if err := try("correct horse battery"); err != nil {
			t.Errorf("%v: still locked after the window: %v", jump, err)
		}
	}
}

// edges are days on which clocks change, or that exist only now and then.
var edges = []struct {
	zone, from string
	hours      float64 // of the local day
}{
	{"Europe/Berlin", "2026-10-25", 25}, {"Europe/Berlin", "2027-03-28", 23}, {"America/New_York", "2026-11-01", 25},
	{"America/New_York", "2027-03-14", 23},
	{"Europe/Kyiv", "2026-10-25", 25}, {"Europe/Kyiv", "2027-03-28", 23}, {"Australia/Lord_Howe", "2026-10-04", 23.5},
	{"Australia/Lord_Howe", "2027-04-04", 24.5},
	{"America/Santiago", "2026-09-06", 23}, {"Asia/Kathmandu", "2028-02-29", 24}, {"Europe/Berlin", "2028-02-29", 24},
}

// Around the edges of six zones and on a leap day every slot that is offered books
// once, the slots of a day never overlap, and the day has as many as it has hours.
func TestClockEdges(t *testing.T) {
	for _, edge := range edges {
		t.Run(edge.zone+" "+edge.from, func(t *testing.T) {
			zone, err := time.LoadLocation(edge.zone)
			enginetest.Must(t, err)
			noon, err := time.ParseInLocation("2006-01-02 15", edge.from+" 12", zone)
			enginetest.Must(t, err)
			day, to := firstOf(noon), firstOf(noon.AddDate(0, 0, 1)).Unix()
			c := enginetest.New(t)
			c.Clock.Set(day.AddDate(0, 0, -1))
			row, err := c.Engine.CreateClinic(t.Context(), act.Shell(0, "init"), directory.ClinicDraft{
				Slug: "edge", Name: "Edge", TimeZone: edge.zone, Country: "DE", Hours: enginetest.Hours("Mon-Sun 00:00-24:00")})
			enginetest.Must(t, err)
			caller := act.Shell(row.N, "test")
			from := day.Unix()
			ask := booking.AvailabilityQuery{From: calendar.At(from), To: calendar.At(to),
				Minutes: 30, Limit: booking.MaxSlots}
			booked := 0
			for last := int64(0); ; {
				list, err := c.Engine.Availability(t.Context(), caller, ask)
				enginetest.Must(t, err)
				if len(list.Items) == 0 {
					break
				}
				s := list.Items[0]
				if s.StartsAt < max(from, last) || s.EndsAt-s.StartsAt != 1800 {
					t.Fatalf("%v is offered after %v", s, time.Unix(last, 0).In(zone))
				}
				if booked++; booked > 60 {
					t.Fatal("the day does not end")
				}
				a, err := c.Engine.Book(t.Context(), caller, booking.Booking{StartsAt: s.StartsAt, EndsAt: s.EndsAt,
					ProviderID: s.ProviderID, LeadID: c.Lead(t, caller).ID})
				enginetest.Must(t, err)
				if got := time.Unix(a.StartsAt, 0).In(zone).Format("2006-01-02"); got != edge.from {
					t.Errorf("a slot of %s is on %s", edge.from, got)
				}
				last = s.EndsAt
			}
			if want := int(edge.hours * 2); booked != want {
				t.Errorf("%d half hours were booked, the day has %d", booked, want)
			}
		})
	}
	proof.Row(t, "R9",
		"clock ± 1 h, −1 day, leap day, DST edges in 6 zones: "+
			"windows, holds, idempotency, retries never negative or doubled",
		"%d edges in 6 zones booked full, each half hour once; holds, kept replies, syncs and locks over jumps of +1 "+
			"h, −1 h, −1 day, +25 h, −1 s", len(edges))
}

// firstOf is the first instant of the local date of a noon: the clock may jump over
// midnight, and time.Date would then give the day before.
func firstOf(noon time.Time) time.Time {
	at := noon
	for day := noon.Day(); at.Add(-time.Minute).Day() == day; {
		at = at.Add(-time.Minute)
	}
	return at
}
