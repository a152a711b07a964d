package engine_test

import (
	"testing"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/people"
	"qualifybase/engine/uuid"
)

// TestTidy: kept replies go after their 24 hours and expired holds a day after
// their end, of both sides of the test flag; what may still be asked for stays.
func TestTidy(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	reply := func(caller act.Caller, key string) {
		t.Helper()
		caller.Idempotency = &act.Idempotency{Key: key, Fingerprint: key}
		caller.Encode = func(any, error) act.Reply { return act.Reply{Status: 201, Body: []byte("{}")} }
		_, err := c.Engine.PutLead(ctx, caller, people.LeadDraft{Name: new("Ada " + key)})
		enginetest.Must(t, err)
	}
	hold := func(caller act.Caller, at string) {
		t.Helper()
		_, err := c.Engine.PlaceHold(ctx, caller, booking.HoldDraft{StartsAt: enginetest.Unix(at), ServiceID: c.Checkup.ID})
		enginetest.Must(t, err)
	}
	tidy := func(what string, want engine.Tidied) {
		t.Helper()
		got, err := c.Engine.Tidy(ctx)
		if err != nil || got != want {
			t.Errorf("%s: dropped %+v, %v; want %+v", what, got, err, want)
		}
	}
	reply(c.Caller, "one")
	reply(c.Test, "two")
	hold(c.Caller, "2026-04-28 09:00")
	hold(c.Test, "2026-04-28 09:00")
	tidy("nothing is old", engine.Tidied{})
	c.Clock.Add(booking.DefaultHoldMinutes*time.Minute + time.Second)
	tidy("an expired hold is still known", engine.Tidied{})
	c.Clock.Add(23*time.Hour + 30*time.Minute)
	reply(c.Caller, "three")
	hold(c.Shell, "2026-04-29 10:00")
	tidy("23 hours and a half", engine.Tidied{})
	c.Clock.Add(30 * time.Minute)
	tidy("after a day", engine.Tidied{Replies: 2, Holds: 2})
	tidy("again", engine.Tidied{})
	c.Clock.Add(48 * time.Hour)
	tidy("the rest", engine.Tidied{Replies: 1, Holds: 1})
}

// TestTidyInBites drops more than one transaction's worth.
func TestTidyInBites(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	const many = 1203
	c.Write(t, func(tx engine.Tx) error {
		for i := range many {
			key := uuid.New(c.Clock.Now())
			if err := tx.StoreReply(c.Row.N, "key:x", key, "f", "", act.Reply{Status: 200, Body: []byte("{}")},
				c.Clock.Now().Unix()+int64(i%7)); err != nil {
				return err
			}
		}
		return nil
	})
	c.Clock.Add(25 * time.Hour)
	if got, err := c.Engine.Tidy(t.Context()); err != nil || got.Replies != many {
		t.Errorf("dropped %+v, %v; want %d replies", got, err, many)
	}
}
