package outbox_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/engine/outbox"
	"qualifybase/engine/people"
	"qualifybase/engine/scope"
	"qualifybase/engine/secret"
	"qualifybase/engine/uuid"
)

// hook makes a webhook or ends the test.
func hook(t *testing.T, c *enginetest.Clinic, by act.Caller, events ...string) outbox.Webhook {
	t.Helper()
	h, err := c.Engine.CreateWebhook(t.Context(), by, outbox.WebhookDraft{URL: new("https://crm.example.com/"),
		Events: &events})
	enginetest.Must(t, err)
	c.Since(t)
	return h
}

// claimAll takes everything due, as the dispatcher would, in order of the ids.
func claimAll(t *testing.T, c *enginetest.Clinic) []outbox.Delivery {
	t.Helper()
	now := c.Clock.Now().Unix()
	var out []outbox.Delivery
	for {
		got, err := c.Engine.Exchange(context.Background(), outbox.Claim{Now: now, Room: 1000, RetryAt: []int64{now + 60},
			LeaseUntil: now + 30})
		enginetest.Must(t, err)
		if len(got) == 0 {
			slices.SortFunc(out, func(a, b outbox.Delivery) int { return strings.Compare(a.ID, b.ID) })
			return out
		}
		out = append(out, got...)
	}
}

// settle ends claimed deliveries.
func settle(t *testing.T, c *enginetest.Clinic, list []outbox.Delivery, result outbox.Result,
	change func(*outbox.Settlement)) {
	t.Helper()
	now := c.Clock.Now().Unix()
	claim := outbox.Claim{Now: now, RetryAt: []int64{now + 60}}
	for _, d := range list {
		o := outbox.Settlement{DeliveryID: d.ID, WebhookID: d.To.WebhookID, Attempt: d.Attempt, Result: result,
			StartedAt: now, MS: 12, NextAt: now + 60}
		if o.Status = 200; result != outbox.Delivered {
			o.Status, o.Class = 500, outbox.BadStatus
		}
		if change != nil {
			change(&o)
		}
		claim.Settled = append(claim.Settled, o)
	}
	_, err := c.Engine.Exchange(context.Background(), claim)
	enginetest.Must(t, err)
}

func TestCreateWebhook(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	h, err := c.Engine.CreateWebhook(t.Context(), c.Caller, outbox.WebhookDraft{
		URL: new("https://crm.example.com/hook?token=s3cret"), Events: &[]string{"lead.created", "appointment.created",
			"lead.created"}, Description: new(" CRM ")})
	enginetest.Must(t, err)
	if !strings.HasPrefix(h.Secret, "whsec_") || len(h.Secret) != 54 || h.SignatureHeader != "X-QualifyBase-Signature" ||
		h.MaxInFlight != 1 || !h.Enabled ||
		h.Payload != outbox.Thin || h.Flat || h.Test || h.Description != "CRM" ||
		fmt.Sprint(h.Events) != "[lead.created appointment.created]" || h.Version != 1 {
		t.Errorf("made %+v", h)
	}
	if opened, err := c.Options.Sealer.Open(h.Sealed,
		secret.SealedFor(h.ID)); err != nil || opened != h.Secret || strings.Contains(string(h.Sealed), h.Secret[6:]) {
		t.Errorf("sealed as %q, %v", h.Sealed, err)
	}
	c.Left(t, "webhook.create ok "+h.ID+" url,events,description")
	got, err := c.Engine.Webhook(t.Context(), c.Caller, h.ID)
	enginetest.Must(t, err)
	if got.Secret != "" || got.URL != h.URL {
		t.Errorf("read %+v", got)
	}
	kv := c.Caller
	kv.Family = secret.FamilyKlinivo
	if h := hook(t, c, kv, "*"); !h.Flat || h.SignatureHeader != "X-Klinivo-Signature" {
		t.Errorf("of a kv_ key: %+v", h)
	}
	keyed := c.Caller
	var kept outbox.Webhook
	keyed.Idempotency = &act.Idempotency{Key: "k", Fingerprint: "f"}
	keyed.Encode = func(v any, err error) act.Reply { kept, _ = v.(outbox.Webhook); return act.Reply{Status: 201} }
	if h := hook(t, c, keyed, "*"); h.Secret == "" || kept.ID != h.ID || kept.Secret != "" {
		t.Errorf("the idempotency record holds %+v", kept)
	}
}

func TestWebhookBadInput(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	h := hook(t, c, c.Caller, "lead.created")
	long := strings.Repeat("x", 501)
	for _, x := range []struct {
		name  string
		draft outbox.WebhookDraft
		field string
	}{
		{"a URL that the policy refuses", outbox.WebhookDraft{URL: new("http://10.0.0.1/")}, "url"},
		{"no event", outbox.WebhookDraft{Events: &[]string{}}, "events"},
		{"an unknown event", outbox.WebhookDraft{Events: &[]string{"lead.created", "lead.exploded"}}, "events[1]"},
		{"an unknown event behind all", outbox.WebhookDraft{Events: &[]string{"*", "lead.exploded"}}, "events[1]"},
		{"the test event", outbox.WebhookDraft{Events: &[]string{"webhook.test"}}, "events[0]"},
		{"a long description", outbox.WebhookDraft{Description: &long}, "description"},
		{"a payload of another kind", outbox.WebhookDraft{Payload: new(outbox.Payload("fat"))}, "payload"},
		{"none in flight", outbox.WebhookDraft{MaxInFlight: new(0)}, "max_in_flight"},
		{"nine in flight", outbox.WebhookDraft{MaxInFlight: new(9)}, "max_in_flight"},
		{"an empty header", outbox.WebhookDraft{SignatureHeader: new("")}, "signature_header"},
		{"a header that is none of ours", outbox.WebhookDraft{SignatureHeader: new("Authorization")}, "signature_header"},
		{"a header that smuggles another", outbox.WebhookDraft{SignatureHeader: new("X-A: b\r\nHost")}, "signature_header"},
		{"a header in Greek", outbox.WebhookDraft{SignatureHeader: new("X-Υπογραφή")}, "signature_header"},
		{"a header with another meaning", outbox.WebhookDraft{SignatureHeader: new("x-qualifybase-EVENT")},
			"signature_header"},
		{"a proxy's header", outbox.WebhookDraft{SignatureHeader: new("X-Forwarded-For")}, "signature_header"},
		{"a long header", outbox.WebhookDraft{SignatureHeader: new("X-" + long)}, "signature_header"},
	} {
		t.Run(x.name, func(t *testing.T) {
			_, err := c.Engine.UpdateWebhook(t.Context(), c.Caller, h.ID, nil, x.draft)
			enginetest.Refused(t, err, fault.Invalid, x.field)
			if x.draft.URL == nil {
				x.draft.URL = new("https://a.example.com/")
			}
			if x.draft.Events == nil {
				x.draft.Events = &[]string{"*"}
			}
			_, err = c.Engine.CreateWebhook(t.Context(), c.Caller, x.draft)
			enginetest.Refused(t, err, fault.Invalid, x.field)
			c.Left(t)
		})
	}
	_, err := c.Engine.CreateWebhook(t.Context(), c.Caller, outbox.WebhookDraft{})
	enginetest.Refused(t, err, fault.Invalid, "url", "events")
	if got, _ := c.Engine.Webhook(t.Context(), c.Caller, h.ID); got.Version != 1 {
		t.Errorf("a refused change wrote %+v", got)
	}
	weak := c.Caller
	weak.Scopes = scope.Of(scope.LeadsRead)
	_, err = c.Engine.CreateWebhook(t.Context(), weak, outbox.WebhookDraft{})
	enginetest.Refused(t, err, fault.Forbidden)
}

func TestFiftyWebhooks(t *testing.T) {
	c := enginetest.New(t)
	for i := range 50 {
		hook(t, c, []act.Caller{c.Caller, c.Test}[i%2], "*")
	}
	_, err := c.Engine.CreateWebhook(t.Context(), c.Caller, outbox.WebhookDraft{URL: new("https://a.example.com/"),
		Events: &[]string{"*"}})
	enginetest.Refused(t, err, fault.CapReached)
	list, err := c.Engine.Webhooks(t.Context(), c.Caller, act.Page{Limit: 10})
	enginetest.Must(t, err)
	if len(list.Items) != 10 || *list.Total != 25 || !list.More {
		t.Errorf("a page of %d, %d in all", len(list.Items), *list.Total)
	}
	// The database refuses it too, whoever asks.
	h := list.Items[0]
	h.ID, h.Sealed = uuid.New(time.Now()), []byte("x")
	err = engine.Update(t.Context(), c.Store, func(tx engine.Tx) error { return tx.InsertWebhook(&h) })
	if err == nil || !strings.Contains(err.Error(), "at most 50") {
		t.Errorf("the 51st row: %v", err)
	}
	enginetest.Must(t, c.Engine.DeleteWebhook(t.Context(), c.Caller, list.Items[0].ID, nil))
	hook(t, c, c.Caller, "*")
}

// What one change sends: each endpoint its types, its form and its payload, in the
// order of the events, all in the transaction of the change.
func TestDeliveriesOfABooking(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	kv := c.Caller
	kv.Family = secret.FamilyKlinivo
	thin, flat := hook(t, c, c.Caller, "appointment.scheduled"), hook(t, c, kv, "*")
	full, err := c.Engine.CreateWebhook(t.Context(), c.Caller, outbox.WebhookDraft{URL: new("https://full.example.com/"),
		Events: &[]string{"appointment.created"}, Payload: new(outbox.Full)})
	enginetest.Must(t, err)
	other := hook(t, c, c.Test, "*")
	lead := enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new(`Zoë "Z" Ünal`),
		Email: new("zoe@example.org"), Phone: new("030 1234567"), Notes: new("afraid of drills")}).Lead
	claimAll(t, c)
	nudges := c.Nudges.Load()
	a, err := c.Engine.Book(t.Context(), c.Caller, booking.Booking{StartsAt: enginetest.Unix("2026-04-28 09:00"),
		ProviderID: c.Ada.ID, ServiceID: c.Checkup.ID,
		LeadID: lead.ID, Title: "Check-up & <more>", Notes: "secret note"})
	enginetest.Must(t, err)
	if c.Nudges.Load() != nudges+1 {
		t.Errorf("%d nudges", c.Nudges.Load()-nudges)
	}
	list := claimAll(t, c)
	var got []string
	for _, d := range list {
		got = append(got, d.EventType+" to "+map[string]string{thin.ID: "thin", flat.ID: "flat", full.ID: "full",
			other.ID: "other"}[d.To.WebhookID])
	}
	if text := strings.Join(got,
		", "); text != "appointment.created to flat, appointment.created to full, appointment.scheduled to thin, "+
		"appointment.scheduled to flat" {
		t.Fatalf("sent %s", text)
	}
	events, err := c.Engine.Events(t.Context(), c.Caller, 0, "appointment.created", act.Page{})
	enginetest.Must(t, err)
	ev := events.Items[0]
	wantFlat := `{"id":"` + ev.ID + `","type":"appointment.created","createdAt":"2026-04-27T06:00:00Z",` +
		`"clinicId":"` + c.Row.ID + `","seq":` + fmt.Sprint(ev.Seq) +
		`,"data":{"appointment":{"id":"` + a.ID + `","leadId":"` + lead.ID + `",` +
		`"providerId":1,"locationId":1,"serviceId":1,"status":"scheduled",` +
		`"scheduledAt":"2026-04-28T07:00:00Z","endsAt":"2026-04-28T07:30:00Z","timeZone":"Europe/Berlin","version":1}}}`
	if string(list[0].Body) != wantFlat {
		t.Errorf("flat\n%s\nwant\n%s", list[0].Body, wantFlat)
	}
	var told struct {
		ID   string
		Data struct {
			Appointment struct{ ID, Title string }
			Person      struct {
				Name, Email, Phone string
				LeadID             string `json:"lead_id"`
				PatientID          int64  `json:"patient_id"`
			}
		}
	}
	enginetest.Must(t, json.Unmarshal(list[1].Body, &told))
	if p := told.Data.Person; told.ID != ev.ID ||
		told.Data.Appointment.Title != "Check-up & <more>" || told.Data.Appointment.ID != a.ID ||
		p.Name != lead.Name || p.Email != lead.Email || p.Phone != lead.Phone || p.LeadID != lead.ID || p.PatientID != 0 {
		t.Errorf("full: %s", list[1].Body)
	}
	for i, d := range list {
		body := string(d.Body)
		if strings.Contains(body, "note") || strings.Contains(body, "drills") || i != 1 &&
			(strings.Contains(body, "Zoë") || strings.Contains(body, "more")) || !json.Valid(d.Body) {
			t.Errorf("delivery %d tells %s", i, body)
		}
	}
}

// Test rows never fire live webhooks, nor live rows test ones; the database says so too.
func TestTestRowsAndLiveWebhooks(t *testing.T) {
	c := enginetest.New(t)
	live, test := hook(t, c, c.Caller, "*"), hook(t, c, c.Test, "*")
	enginetest.PutLead(t, c, c.Test, people.LeadDraft{Name: new("Trial")})
	if list := claimAll(t, c); len(list) != 1 || list[0].To.WebhookID != test.ID {
		t.Errorf("a test lead was sent to %+v", list)
	}
	enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Real")})
	if list := claimAll(t, c); len(list) != 1 || list[0].To.WebhookID != live.ID {
		t.Errorf("a live lead was sent to %+v", list)
	}
	_, err := c.Engine.Webhook(t.Context(), c.Test, live.ID)
	enginetest.Refused(t, err, fault.NotFound)
	rival, _ := c.Rival(t)
	_, err = c.Engine.Webhook(t.Context(), rival, live.ID)
	enginetest.Refused(t, err, fault.NotFound)
	err = engine.Update(t.Context(), c.Store, func(tx engine.Tx) error {
		return tx.InsertDelivery(outbox.DeliveryEntry{ID: uuid.New(time.Now()), Clinic: c.Row.N, Test: true, Webhook: live.N,
			Seq: 1, State: outbox.Pending, Cause: "event"}, []byte("{}"))
	})
	if err == nil || !strings.Contains(err.Error(), "of its kind") {
		t.Errorf("a test delivery to a live webhook: %v", err)
	}
}

// A refused change leaves nothing; a booking has its events and deliveries, or none of the three is there.
func TestNoDeliveryWithoutItsChange(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	hook(t, c, c.Caller, "*")
	_, err := c.TryBook(t, c.Caller, "2026-04-28 09:00", c.Ada, c.Checkup)
	enginetest.Must(t, err)
	before := len(claimAll(t, c))
	c.Since(t)
	_, err = c.TryBook(t, c.Caller, "2026-04-28 09:00", c.Ada, c.Checkup)
	enginetest.Refused(t, err, fault.SlotTaken, "scheduled_at")
	if tr := c.Since(t); len(tr.Events) != 0 || len(claimAll(t, c)) != 0 || before != 2 {
		t.Errorf("a refused booking left %+v; the good one %d deliveries", tr, before)
	}
}

func TestRotateSecret(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	h := hook(t, c, c.Caller, "*")
	now := c.Clock.Now().Unix()
	for _, bad := range []int64{-1, outbox.MaxRotation + 1} {
		_, err := c.Engine.RotateSecret(t.Context(), c.Caller, h.ID, outbox.Rotation{Overlap: &bad})
		enginetest.Refused(t, err, fault.Invalid, "overlap_seconds")
	}
	one, err := c.Engine.RotateSecret(t.Context(), c.Caller, h.ID, outbox.Rotation{})
	enginetest.Must(t, err)
	if one.Secret == "" || one.Secret == h.Secret || one.RotationEndsAt(now) != now+86400 || one.Version != 2 {
		t.Errorf("rotated to %+v", one)
	}
	c.Left(t, "webhook.rotate_secret ok "+h.ID+" secret")
	enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("A")})
	to := claimAll(t, c)[0].To
	for name, x := range map[string]struct {
		sealed []byte
		want   string
	}{"new": {to.Secret, one.Secret}, "old": {to.OldSecret, h.Secret}} {
		if got, err := c.Options.Sealer.Open(x.sealed, secret.SealedFor(h.ID)); err != nil || got != x.want {
			t.Errorf("the %s secret: %v", name, err)
		}
	}
	c.Since(t)
	_, err = c.Engine.RotateSecret(t.Context(), c.Caller, h.ID, outbox.Rotation{})
	enginetest.Refused(t, err, fault.Conflict)
	two, err := c.Engine.RotateSecret(t.Context(), c.Caller, h.ID, outbox.Rotation{Force: true, Overlap: new(int64(60))})
	enginetest.Must(t, err)
	if got, _ := c.Options.Sealer.Open(two.OldSealed,
		secret.SealedFor(h.ID)); got != one.Secret || two.OldUntil != now+60 {
		t.Error("forced, the last secret is not the one that goes on")
	}
	done, err := c.Engine.FinishRotation(t.Context(), c.Caller, h.ID)
	enginetest.Must(t, err)
	if done.OldSealed != nil || done.RotationEndsAt(now) != 0 || done.Secret != "" {
		t.Errorf("finished as %+v", done)
	}
	c.Since(t)
	_, err = c.Engine.FinishRotation(t.Context(), c.Caller, h.ID)
	enginetest.Must(t, err)
	c.Left(t) // nothing to finish, nothing done
	atOnce, err := c.Engine.RotateSecret(t.Context(), c.Caller, h.ID, outbox.Rotation{Overlap: new(int64(0))})
	enginetest.Must(t, err)
	if atOnce.OldSealed != nil {
		t.Error("without overlap the old secret signs on")
	}
}

// previous says what an update changed: the old value, null where there was none,
// nothing of what a thin body does not show.
func TestPrevious(t *testing.T) {
	t.Parallel()
	d := enginetest.New(t)
	h := hook(t, d, d.Caller, "appointment.updated")
	a := d.Book(t, "2026-04-27 10:00", d.Ada, d.Checkup)
	d.Clock.Set(enginetest.At("2026-04-27 10:00"))
	for _, step := range []struct {
		name string
		do   func() error
		want string
	}{
		{"confirm", func() error { _, err := d.Engine.Confirm(t.Context(), d.Caller, a.ID); return err },
			`{"status":"scheduled"}`},
		{"title", func() error {
			_, err := d.Engine.PatchAppointment(t.Context(), d.Caller, a.ID, booking.AppointmentPatch{Title: new("Canary")})
			return err
		}, `{}`},
		{"check in", func() error { _, err := d.Engine.CheckIn(t.Context(), d.Caller, a.ID); return err },
			`{"checked_in_at":null}`},
		{"undo", func() error {
			_, err := d.Engine.UndoAppointment(t.Context(), d.Caller, a.ID, "wrong patient")
			return err
		}, `{"checked_in_at":"2026-04-27T08:00:00Z"}`},
	} {
		enginetest.Must(t, step.do())
		sent := claimAll(t, d)
		if len(sent) != 1 || sent[0].To.WebhookID != h.ID {
			t.Fatalf("%s: %d deliveries", step.name, len(sent))
		}
		var body struct {
			Data struct {
				Previous json.RawMessage `json:"previous"`
			} `json:"data"`
		}
		enginetest.Must(t, json.Unmarshal(sent[0].Body, &body))
		if got := string(body.Data.Previous); got != step.want {
			t.Errorf("%s: previous is %s, want %s", step.name, got, step.want)
		}
		settle(t, d, sent, outbox.Delivered, nil)
	}
}
