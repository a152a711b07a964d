package outbox_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/engine/outbox"
	"qualifybase/engine/people"
	"qualifybase/engine/uuid"
)

// dead makes n dead letters and gives them, oldest first.
func dead(t *testing.T, c *enginetest.Clinic, n int) []outbox.DeliveryEntry {
	t.Helper()
	for range n {
		enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Lead " + uuid.New(time.Now()))})
	}
	settle(t, c, claimAll(t, c), outbox.Dead, nil)
	list, err := c.Engine.Deliveries(t.Context(), c.Caller, outbox.DeliveryQuery{State: outbox.DeadLettered},
		act.Page{Limit: 200})
	enginetest.Must(t, err)
	slices.Reverse(list.Items)
	c.Since(t)
	return list.Items
}

func TestRetryDelivery(t *testing.T) {
	c := enginetest.New(t)
	h := hook(t, c, c.Caller, "*")
	lost := dead(t, c, 1)[0]
	c.Clock.Add(time.Hour)
	again, err := c.Engine.RetryDelivery(t.Context(), c.Caller, lost.ID)
	enginetest.Must(t, err)
	if again.ID == lost.ID || again.ReplayOf != lost.ID || again.State != outbox.Pending ||
		again.EventID != lost.EventID || again.Attempts != 0 {
		t.Errorf("the replay is %+v", again)
	}
	c.Left(t, "delivery.retry ok "+lost.ID)
	list := claimAll(t, c)
	if len(list) != 1 || list[0].ID != again.ID || list[0].EventID != lost.EventID || list[0].Attempt != 1 {
		t.Fatalf("claimed %+v", list)
	}
	got, err := c.Engine.RetryDelivery(t.Context(), c.Caller, again.ID) // under way: nothing to do
	enginetest.Must(t, err)
	c.Left(t)
	if got.State != outbox.Sending {
		t.Errorf("under way it is %+v", got)
	}
	settle(t, c, list, outbox.Retry, nil)
	waiting, err := c.Engine.Delivery(t.Context(), c.Caller, again.ID)
	enginetest.Must(t, err)
	now := c.Clock.Now().Unix()
	if waiting.State != outbox.Pending || waiting.NextAt != now+60 || len(waiting.Log) != 1 ||
		waiting.Log[0].Trigger != "replay" || waiting.LastStatus != 500 {
		t.Errorf("waiting: %+v", waiting)
	}
	same, err := c.Engine.RetryDelivery(t.Context(), c.Caller, again.ID)
	enginetest.Must(t, err)
	if same.ID != again.ID || same.NextAt != now {
		t.Errorf("sent now: %+v", same)
	}
	settle(t, c, claimAll(t, c), outbox.Delivered, nil)
	end, err := c.Engine.Delivery(t.Context(), c.Caller, again.ID)
	enginetest.Must(t, err)
	if end.State != outbox.Succeeded || end.Attempts != 2 || end.Log[1].Trigger != "manual" || end.LastStatus != 200 ||
		end.LastError != "" {
		t.Errorf("in the end %+v", end)
	}
	_, err = c.Engine.UpdateWebhook(t.Context(), c.Caller, h.ID, nil, outbox.WebhookDraft{Enabled: new(false)})
	enginetest.Must(t, err)
	_, err = c.Engine.RetryDelivery(t.Context(), c.Caller, lost.ID)
	enginetest.Refused(t, err, fault.Conflict)
	enginetest.Must(t, c.Engine.DeleteWebhook(t.Context(), c.Caller, h.ID, nil))
	_, err = c.Engine.RetryDelivery(t.Context(), c.Caller, lost.ID)
	enginetest.Refused(t, err, fault.Conflict)
	for _, id := range []string{"", "x", uuid.New(time.Now())} {
		_, err = c.Engine.RetryDelivery(t.Context(), c.Caller, id)
		enginetest.Refused(t, err, fault.NotFound)
	}
	rival, _ := c.Rival(t)
	_, err = c.Engine.Delivery(t.Context(), rival, lost.ID)
	enginetest.Refused(t, err, fault.NotFound)
}

func TestRetryByFilter(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	h := hook(t, c, c.Caller, "*")
	hook(t, c, c.Caller, "lead.created")
	lost := dead(t, c, 3)
	for _, x := range []struct {
		name string
		q    outbox.DeliveryQuery
		want int
	}{
		{"of another type", outbox.DeliveryQuery{Type: "patient.created"}, 0},
		{"of another time", outbox.DeliveryQuery{Since: c.Clock.Now().Unix() + 1}, 0},
		{"of one webhook", outbox.DeliveryQuery{WebhookID: h.ID}, 3},
		{"all that are left", outbox.DeliveryQuery{}, 3},
		{"none twice", outbox.DeliveryQuery{}, 0},
	} {
		got, err := c.Engine.RetryDeliveries(t.Context(), c.Caller, x.q)
		if err != nil || got.Count != x.want || got.Remaining != 0 {
			t.Errorf("%s: %+v, %v; want %d", x.name, got, err, x.want)
		}
	}
	list := claimAll(t, c)
	if len(list) != 6 || len(lost) != 6 {
		t.Errorf("%d replays of %d dead letters", len(list), len(lost))
	}
	settle(t, c, list, outbox.Dead, nil) // the replays are the dead letters now
	if got, err := c.Engine.RetryDeliveries(t.Context(), c.Caller, outbox.DeliveryQuery{}); err != nil || got.Count != 6 {
		t.Errorf("replays of replays: %+v, %v", got, err)
	}
	_, err := c.Engine.RetryDeliveries(t.Context(), c.Caller, outbox.DeliveryQuery{Type: "no.such", Since: 5, Until: 5})
	enginetest.Refused(t, err, fault.Invalid, "type", "until")
	_, err = c.Engine.RetryDeliveries(t.Context(), c.Caller, outbox.DeliveryQuery{WebhookID: "x"})
	enginetest.Refused(t, err, fault.NotFound)
	_, err = c.Engine.Deliveries(t.Context(), c.Caller, outbox.DeliveryQuery{State: "lost"}, act.Page{})
	enginetest.Refused(t, err, fault.Invalid, "state")
}

func TestDropDelivery(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	hook(t, c, c.Caller, "*")
	lost := dead(t, c, 1)[0]
	enginetest.Must(t, c.Engine.DropDelivery(t.Context(), c.Caller, lost.ID))
	c.Left(t, "delivery.drop ok "+lost.ID+" state:dead")
	_, err := c.Engine.Delivery(t.Context(), c.Caller, lost.ID)
	enginetest.Refused(t, err, fault.NotFound)
	enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Waiting")})
	list, _ := c.Engine.Deliveries(t.Context(), c.Caller, outbox.DeliveryQuery{}, act.Page{})
	enginetest.Must(t, c.Engine.DropDelivery(t.Context(), c.Caller, list.Items[0].ID))
	if d, err := c.Engine.Delivery(t.Context(), c.Caller,
		list.Items[0].ID); err != nil || d.State != outbox.CancelledState || len(claimAll(t, c)) != 0 {
		t.Errorf("a dropped one that waited: %+v, %v", d, err)
	}
	enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Under way")})
	claimed := claimAll(t, c)
	enginetest.Must(t, c.Engine.DropDelivery(t.Context(), c.Caller, claimed[0].ID))
	settle(t, c, claimed, outbox.Delivered, nil) // its end comes too late
	if d, _ := c.Engine.Delivery(t.Context(), c.Caller,
		claimed[0].ID); d.State != outbox.CancelledState || len(d.Log) != 0 {
		t.Errorf("dropped under way: %+v", d)
	}
}

func TestTestWebhook(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	h := hook(t, c, c.Caller, "lead.created")
	hook(t, c, c.Caller, "*")
	d, err := c.Engine.TestWebhook(t.Context(), c.Caller, h.ID)
	enginetest.Must(t, err)
	tr := c.Since(t)
	if strings.Join(tr.Events, " ") != "webhook.test" || len(tr.Audit) != 1 || tr.Audit[0] != "webhook.test ok "+h.ID {
		t.Errorf("left %+v", tr)
	}
	list := claimAll(t, c)
	if len(list) != 1 || list[0].ID != d.ID || list[0].EventType != "webhook.test" ||
		!strings.Contains(string(list[0].Body), `"data":{"webhook":{"id":"`+h.ID+`"}}`) {
		t.Errorf("sent %+v", list)
	}
	settle(t, c, list, outbox.Delivered, nil)
	if got, _ := c.Engine.Delivery(t.Context(), c.Caller, d.ID); got.Log[0].Trigger != "test" {
		t.Errorf("logged %+v", got.Log)
	}
	_, err = c.Engine.UpdateWebhook(t.Context(), c.Caller, h.ID, nil, outbox.WebhookDraft{Enabled: new(false)})
	enginetest.Must(t, err)
	_, err = c.Engine.TestWebhook(t.Context(), c.Caller, h.ID)
	enginetest.Refused(t, err, fault.Conflict)
}

// An endpoint that fails for five days and twenty attempts is disabled; what comes
// meanwhile waits, and once it is enabled again goes out over ten minutes, in order.
func TestAutoDisableAndReawaken(t *testing.T) {
	c := enginetest.New(t)
	h := hook(t, c, c.Caller, "*")
	enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("First")})
	began := c.Clock.Now()
	for i := range 21 {
		c.Clock.Set(began.Add(time.Duration(i) * 6 * time.Hour))
		settle(t, c, claimAll(t, c), outbox.Retry, nil)
		got, err := c.Engine.Webhook(t.Context(), c.Caller, h.ID)
		enginetest.Must(t, err)
		if want := i < 20; got.Enabled != want {
			t.Fatalf("after %d failures in %v it is enabled: %v", i+1, c.Clock.Now().Sub(began), got.Enabled)
		}
	}
	if tr := c.Since(t); tr.Audit[len(tr.Audit)-1] != "webhook.disable ok "+h.ID+" enabled,reason:failing" {
		t.Errorf("the audit says %v", tr.Audit)
	}
	for range 9 {
		enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("More " + uuid.New(time.Now()))})
	}
	c.Clock.Add(time.Hour)
	if n := len(claimAll(t, c)); n != 0 {
		t.Fatalf("%d were sent to a disabled webhook", n)
	}
	c.Since(t)
	woken := c.Nudges.Load()
	got, err := c.Engine.UpdateWebhook(t.Context(), c.Caller, h.ID, nil, outbox.WebhookDraft{Enabled: new(true)})
	enginetest.Must(t, err)
	if !got.Enabled || got.DisabledReason != "" || c.Nudges.Load() != woken+1 {
		t.Errorf("enabled: %+v", got)
	}
	var seqs []int64
	for minute := range 10 {
		list := claimAll(t, c)
		if len(list) != 1 {
			t.Errorf("minute %d: %d due", minute, len(list))
		}
		settle(t, c, list, outbox.Delivered, nil)
		for _, d := range list {
			e, _ := c.Engine.Delivery(t.Context(), c.Caller, d.ID)
			seqs = append(seqs, e.Seq)
		}
		c.Clock.Add(time.Minute)
	}
	if !slices.IsSorted(seqs) || len(seqs) != 10 {
		t.Errorf("sent in the order %v", seqs)
	}
}

// 410: the endpoint is disabled at once, what it answered so stays pending.
func TestGone(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	h := hook(t, c, c.Caller, "*")
	enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("First")})
	list := claimAll(t, c)
	settle(t, c, list, outbox.Retry, func(o *outbox.Settlement) {
		o.Status, o.Class, o.Disable = 410, outbox.EndpointGone, true
	})
	got, err := c.Engine.Webhook(t.Context(), c.Caller, h.ID)
	d, err2 := c.Engine.Delivery(t.Context(), c.Caller, list[0].ID)
	if err != nil || err2 != nil || got.Enabled || got.DisabledReason != outbox.DisabledGone || got.Version != 2 ||
		d.State != outbox.Pending || d.LastStatus != 410 {
		t.Errorf("%+v %+v", got, d)
	}
}

func TestDeleteWebhook(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	h := hook(t, c, c.Caller, "*")
	enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("First")})
	claimed := claimAll(t, c)
	enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Second")})
	enginetest.Refused(t, c.Engine.DeleteWebhook(t.Context(), c.Caller, h.ID, new(int64(9))), fault.PreconditionFailed)
	enginetest.Must(t, c.Engine.DeleteWebhook(t.Context(), c.Caller, h.ID, new(int64(1))))
	enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Third")})
	settle(t, c, claimed, outbox.Retry, nil) // under way while it was deleted
	_, err := c.Engine.TidyOutbox(t.Context())
	enginetest.Must(t, err)
	list, err := c.Engine.Deliveries(t.Context(), c.Caller, outbox.DeliveryQuery{}, act.Page{})
	enginetest.Must(t, err)
	for _, d := range list.Items {
		if d.State != outbox.CancelledState {
			t.Errorf("%+v", d)
		}
	}
	_, err = c.Engine.Webhook(t.Context(), c.Caller, h.ID)
	enginetest.Refused(t, err, fault.NotFound)
	if len(list.Items) != 2 {
		t.Errorf("%d deliveries, want 2", len(list.Items))
	}
}

// Retention: attempts 30 days, succeeded and cancelled 90, dead until dropped, what
// waits for a disabled endpoint 90.
func TestTidyOutbox(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	h := hook(t, c, c.Caller, "*")
	lost := dead(t, c, 1)[0]
	enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Good")})
	settle(t, c, claimAll(t, c), outbox.Delivered, nil)
	list, _ := c.Engine.Deliveries(t.Context(), c.Caller, outbox.DeliveryQuery{State: outbox.Succeeded}, act.Page{})
	good := list.Items[0]
	_, err := c.Engine.UpdateWebhook(t.Context(), c.Caller, h.ID, nil, outbox.WebhookDraft{Enabled: new(false)})
	enginetest.Must(t, err)
	enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Waits")})
	list, _ = c.Engine.Deliveries(t.Context(), c.Caller, outbox.DeliveryQuery{State: outbox.Pending}, act.Page{})
	waits := list.Items[0]
	state := func(id string) string {
		d, err := c.Engine.Delivery(t.Context(), c.Caller, id)
		if fault.KindOf(err) == fault.NotFound {
			return "gone"
		}
		return string(d.State) + map[bool]string{true: " with log"}[len(d.Log) > 0]
	}
	began := c.Clock.Now()
	for _, x := range []struct {
		days              int
		lost, good, waits string
	}{
		{0, "dead with log", "succeeded with log", "pending"},
		{30, "dead with log", "succeeded with log", "pending"},
		{31, "dead", "succeeded", "pending"},
		{90, "dead", "succeeded", "pending"},
		{91, "dead", "gone", "cancelled"},
		{182, "dead", "gone", "gone"},
	} {
		c.Clock.Set(began.Add(time.Duration(x.days) * 24 * time.Hour))
		_, err := c.Engine.TidyOutbox(t.Context())
		enginetest.Must(t, err)
		if a, b, d := state(lost.ID), state(good.ID), state(waits.ID); a != x.lost || b != x.good || d != x.waits {
			t.Errorf("after %d days: %s, %s, %s; want %s, %s, %s", x.days, a, b, d, x.lost, x.good, x.waits)
		}
	}
}

// Erasing a person blanks what full deliveries told of them, and what was answered.
func TestBlankDeliveries(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	_, err := c.Engine.CreateWebhook(t.Context(), c.Caller, outbox.WebhookDraft{URL: new("https://full.example.com/"),
		Events: &[]string{"*"}, Payload: new(outbox.Full)})
	enginetest.Must(t, err)
	anna := enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Anna")}).Lead
	settle(t, c, claimAll(t, c), outbox.Dead, func(o *outbox.Settlement) { o.Response = "who is Anna?" })
	enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Anna"), Email: new("anna@example.org")})
	c.Clock.Add(time.Minute)
	_, err = c.Engine.UpdateLead(t.Context(), c.Caller, anna.ID, nil, people.LeadDraft{Notes: new("x")})
	enginetest.Must(t, err)
	n := 0
	c.Write(t, func(tx engine.Tx) (err error) {
		n, err = tx.BlankDeliveries(c.Row.N, "lead:"+anna.ID, c.Clock.Now().Unix())
		return err
	})
	list, err := c.Engine.Deliveries(t.Context(), c.Caller, outbox.DeliveryQuery{}, act.Page{})
	enginetest.Must(t, err)
	blanked := 0
	for _, d := range list.Items {
		full, err := c.Engine.Delivery(t.Context(), c.Caller, d.ID)
		enginetest.Must(t, err)
		if !d.Blanked {
			continue
		}
		blanked++
		if d.Subject != "lead:"+anna.ID || d.State == outbox.Pending || len(full.Log) > 0 && full.Log[0].Response != "" {
			t.Errorf("blanked %+v", full)
		}
		_, err = c.Engine.RetryDelivery(t.Context(), c.Caller, d.ID)
		enginetest.Refused(t, err, fault.Conflict)
	}
	if n != 2 || blanked != 2 || len(list.Items) != 3 {
		t.Errorf("%d blanked, %d told, of %d", blanked, n, len(list.Items))
	}
	for _, d := range claimAll(t, c) {
		if strings.Contains(string(d.Body), anna.ID) || len(d.Body) == 0 {
			t.Errorf("sent %q", d.Body)
		}
	}
}
