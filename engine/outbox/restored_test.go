package outbox_test

import (
	"slices"
	"strings"
	"testing"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/directory"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/engine/outbox"
	"qualifybase/engine/people"
)

// After a restore nothing is sent by itself: what was on its way becomes a dead
// letter, what was delivered stays so, and asking sends it under its old webhook-id.
func TestRestored(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	c.Hook(t, c.Caller)
	now := c.Clock.Now().Unix()
	for _, name := range []string{"Ada Eins", "Ada Zwei", "Ada Drei"} {
		enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: &name})
	}
	// One delivered, one under way, one waiting.
	batch, err := c.Engine.Exchange(ctx, outbox.Claim{Now: now, Room: 2, Rooms: map[string]int{}, LeaseUntil: now + 60,
		RetryAt: []int64{now + 60}})
	if err != nil || len(batch) == 0 {
		t.Fatalf("claimed %d, %v", len(batch), err)
	}
	_, err = c.Engine.Exchange(ctx, outbox.Claim{Now: now, RetryAt: []int64{now + 60}, Settled: []outbox.Settlement{{
		DeliveryID: batch[0].ID, WebhookID: batch[0].To.WebhookID, Attempt: 1, Result: outbox.Delivered,
		StartedAt: now, Status: 200}}})
	if err != nil {
		t.Fatal(err)
	}
	count := func(state outbox.DeliveryState) int {
		list, err := c.Engine.Deliveries(ctx, c.Caller, outbox.DeliveryQuery{State: state}, act.Page{})
		if err != nil {
			t.Fatal(err)
		}
		return len(list.Items)
	}
	open := count(outbox.Pending) + count(outbox.Sending)
	if open < 2 || count(outbox.Succeeded) != 1 {
		t.Fatalf("%d open, %d delivered", open, count(outbox.Succeeded))
	}
	var before act.Counters
	c.Write(t, func(tx engine.Tx) error { h, err := tx.Counters(c.Row.N); before = *h; return err })
	c.Since(t)

	done, err := c.Engine.Restored(ctx, act.Shell(0, "restore"), now-3600)
	if err != nil || len(done) != 1 || done[0].Clinic != c.Row.Slug || done[0].Shelved != open {
		t.Fatalf("%+v, %v", done, err)
	}
	if count(outbox.Pending)+count(outbox.Sending) != 0 || count(outbox.DeadLettered) != open ||
		count(outbox.Succeeded) != 1 {
		t.Errorf("%d pending, %d dead, %d delivered", count(outbox.Pending), count(outbox.DeadLettered),
			count(outbox.Succeeded))
	}
	if claimed, err := c.Engine.Exchange(ctx, outbox.Claim{Now: now + 1e6, Room: 50, LeaseUntil: now + 2e6,
		RetryAt: []int64{now + 2e6}}); err != nil || len(claimed) != 0 {
		t.Errorf("%d were sent by themselves, %v", len(claimed), err)
	}
	trace := c.Since(t)
	if len(trace.Audit) != 1 || !strings.HasPrefix(trace.Audit[0], "clinic.restore ok") || len(trace.Events) != 0 {
		t.Errorf("%+v", trace)
	}
	c.Write(t, func(tx engine.Tx) error {
		h, err := tx.Counters(c.Row.N)
		if h.Change < before.Change+1_000_000 || h.Event != before.Event {
			t.Errorf("numbers %+v, before %+v", *h, before)
		}
		return err
	})

	dead, err := c.Engine.Deliveries(ctx, c.Caller, outbox.DeliveryQuery{State: outbox.DeadLettered}, act.Page{})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(dead.Items[0].LastError, "restored: ") || dead.Items[0].EndedAt == 0 {
		t.Errorf("%+v", dead.Items[0])
	}
	again, err := c.Engine.RetryDelivery(ctx, c.Caller, dead.Items[0].ID)
	if err != nil || again.EventID != dead.Items[0].EventID {
		t.Errorf("asked for again: %+v, %v", again, err)
	}
	claimed, err := c.Engine.Exchange(ctx, outbox.Claim{Now: now + 1e6, Room: 50, LeaseUntil: now + 2e6,
		RetryAt: []int64{now + 2e6}})
	if err != nil || len(claimed) != 1 || claimed[0].EventID != dead.Items[0].EventID {
		t.Errorf("sent %+v, %v", claimed, err)
	}
	if _, err := c.Engine.Restored(ctx, c.Caller, now); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("a key may restore: %v", err)
	}
}

// A sync that goes on where it was before the disaster sees what is written after it.
func TestRestoredSync(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Max Muster")})
	since := c.Clock.Now().Unix()
	first, err := c.Engine.Leads(ctx, c.Caller, people.LeadQuery{UpdatedSince: &since}, act.Page{Limit: 1})
	if err != nil || len(first.Items) != 1 {
		t.Fatalf("%+v, %v", first, err)
	}
	if _, err := c.Engine.Restored(ctx, act.Shell(0, "restore"), since); err != nil {
		t.Fatal(err)
	}
	enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Erika Neu")})
	all, err := c.Engine.Leads(ctx, c.Caller, people.LeadQuery{UpdatedSince: &since}, act.Page{})
	if err != nil || !slices.ContainsFunc(all.Items, func(l people.Lead) bool {
		return l.Name == "Erika Neu" && l.Change > 1_000_000
	}) {
		t.Errorf("%+v, %v", all.Items, err)
	}
}

// Numbers that were given after the backup are not given to somebody else: another
// system's patient 2, and the MRN on a printed page, stay nobody's.
func TestRestoredNumbers(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	patient := func(name string) people.Patient {
		p, err := c.Engine.CreatePatient(ctx, c.Caller, people.PatientDraft{GivenName: &name, FamilyName: new("Muster")})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := patient("Ada")
	if _, err := c.Engine.Restored(ctx, act.Shell(0, "restore"), c.Clock.Now().Unix()); err != nil {
		t.Fatal(err)
	}
	after := patient("Ben")
	if after.ID < first.ID+10_000 || len(after.MRN) < len("P-10002") || after.MRN <= first.MRN {
		t.Errorf("patient %d %s, before %d %s", after.ID, after.MRN, first.ID, first.MRN)
	}
	p, err := c.Engine.CreateProvider(ctx, c.Caller, directory.ProviderDraft{DisplayName: new("Dr. New")})
	if err != nil || p.ID < c.Ada.ID+10_000 {
		t.Errorf("provider %d, %v", p.ID, err)
	}
}
