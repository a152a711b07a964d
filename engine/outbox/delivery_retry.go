package outbox

import (
	"context"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
)

// webhookFact is the fact of a test: which endpoint was tried.
func webhookFact(h Webhook) act.Fact {
	return act.Fact{}.Object("webhook", act.Fact{}.Text("id", h.ID))
}

// TestWebhook sends the event webhook.test to one endpoint, through the same outbox,
// signer and guard as every other; the answer is its delivery. Needs webhooks:manage.
//
// Errors: NotFound, Conflict for a disabled endpoint.
func (e *Engine) TestWebhook(ctx context.Context, c act.Caller, id string) (DeliveryEntry, error) {
	return act.Do(ctx, e.Room, c, act.Define("webhook.test", scope.WebhooksManage), func(w *Act) (DeliveryEntry, error) {
		h, err := w.ownWebhook(id, nil)
		if err != nil {
			return DeliveryEntry{}, err
		}
		if !h.Enabled {
			return DeliveryEntry{}, fault.Fail(fault.Conflict, "The webhook is disabled (%s); enable it first", h.DisabledReason)
		}
		ev, err := w.EmitNow(webhookTested, webhookFact(h))
		if err != nil {
			return DeliveryEntry{}, err
		}
		subs, err := w.Subscriptions(c.Clinic)
		if err != nil {
			return DeliveryEntry{}, err
		}
		m := renderer{w: w, ev: &ev, clinicID: subs.ClinicID}
		return m.send(&h, causeTest) // to this endpoint alone
	})
}

// RetryDelivery sends a delivery again. One that is still pending is sent now, the
// same delivery; one that has ended is repeated as a new delivery with a budget of
// its own and the same event id, by which receivers know repetitions. Needs
// webhooks:manage.
//
// Errors: NotFound, Conflict where there is nothing to send or nowhere to send it.
func (e *Engine) RetryDelivery(ctx context.Context, c act.Caller, id string) (DeliveryEntry, error) {
	return act.Do(ctx, e.Room, c, act.Define("delivery.retry", scope.WebhooksManage), func(w *Act) (DeliveryEntry, error) {
		d, err := findDelivery(w, c, id)
		if err != nil {
			return DeliveryEntry{}, err
		}
		w.EntityID = id
		switch d.State {
		case Sending:
			w.Quiet = true
			return d, nil
		case Pending:
			if err := w.waitsFor(d); err != nil {
				return DeliveryEntry{}, err
			}
			d.NextAt, d.Cause, w.Wakes = w.Now, CauseManual, true
			return d, w.Hasten(d)
		}
		if err := w.waitsFor(d); err != nil {
			return DeliveryEntry{}, err
		}
		return w.repeat(d)
	})
}

// waitsFor refuses a retry to an endpoint that takes none.
func (w *Act) waitsFor(d DeliveryEntry) error {
	h, err := w.Webhook(w.Caller.Clinic, w.Caller.Test, d.WebhookID)
	if fault.KindOf(err) == fault.NotFound {
		return fault.Fail(fault.Conflict, "The webhook of this delivery was deleted")
	}
	if d.Blanked {
		return fault.Fail(fault.Conflict, "The person was erased, and the content of this delivery with them")
	}
	if err == nil && !h.Enabled {
		return fault.Fail(fault.Conflict, "The webhook is disabled (%s); enable it first", h.DisabledReason)
	}
	return err
}

// repeat makes a replay: the same bytes, to the same endpoint.
func (w *Act) repeat(d DeliveryEntry) (DeliveryEntry, error) {
	replay := d
	replay.ID, replay.ReplayOf, replay.State, replay.Cause = w.NewID(), d.ID, Pending, causeReplay
	replay.Attempts, replay.Interrupted, replay.LastStatus, replay.LastError = 0, 0, 0, ""
	replay.NextAt, replay.CreatedAt, replay.EndedAt = w.Now, w.Now, 0
	w.Wakes = true
	return replay, w.InsertReplay(replay)
}

// maxReplays bounds how long one request holds up other writers.
const maxReplays = 5_000

// Replays is the answer of RetryDeliveries.
type Replays struct {
	Count     int   // deliveries made
	Remaining int64 // dead letters of the filter that this request did not reach; ask again
}

// RetryDeliveries repeats the dead letters of a filter that no replay repeats yet,
// oldest first, at most 5,000 in one request; those of disabled endpoints wait
// there until they are enabled. State of the query is always dead. Needs
// webhooks:manage. A webhook that is not there is NotFound.
func (e *Engine) RetryDeliveries(ctx context.Context, c act.Caller, q DeliveryQuery) (Replays, error) {
	q.State, q.Unrepeated = DeadLettered, true
	q, err := e.cleanedDeliveries(q, c, "Invalid request body")
	if err != nil {
		return Replays{}, err
	}
	return act.Do(ctx, e.Room, c, act.Define("delivery.retry_all", scope.WebhooksManage), func(w *Act) (Replays, error) {
		if q.WebhookID != "" {
			if _, err := findWebhook(w, c, q.WebhookID); err != nil {
				return Replays{}, err
			}
		}
		list, err := w.OldestDeliveries(q, maxReplays)
		if err != nil {
			return Replays{}, err
		}
		for _, d := range list {
			if _, err := w.repeat(d); err != nil {
				return Replays{}, err
			}
		}
		out := Replays{Count: len(list)}
		w.Quiet = out.Count == 0
		if out.Count == maxReplays {
			out.Remaining, err = w.CountDeliveries(q)
		}
		return out, err
	})
}

// DropDelivery takes a delivery out of the queue: one that waits is cancelled and
// stays readable, one that has ended is deleted with its log. Needs webhooks:manage.
func (e *Engine) DropDelivery(ctx context.Context, c act.Caller, id string) error {
	_, err := act.Do(ctx, e.Room, c, act.Define("delivery.drop", scope.WebhooksManage), func(w *Act) (struct{}, error) {
		d, err := findDelivery(w, c, id)
		if err != nil {
			return struct{}{}, err
		}
		w.EntityID, w.Fields = id, []string{"state:" + string(d.State)}
		if d.State == Pending || d.State == Sending {
			return struct{}{}, w.CancelDelivery(d, w.Now)
		}
		return struct{}{}, w.DeleteDelivery(d)
	})
	return err
}
