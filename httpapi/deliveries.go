package httpapi

import (
	"context"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/outbox"
	"qualifybase/engine/scope"
	"qualifybase/httpapi/wire"
)

// Delivery is one event on its way to one webhook.
type Delivery struct {
	ID         string               `json:"id" format:"uuid"`
	WebhookID  string               `json:"webhook_id" format:"uuid"`
	EventID    string               `json:"event_id" doc:"Sent as webhook-id; the same for a repetition"`
	Type       string               `json:"type" example:"appointment.created"`
	State      outbox.DeliveryState `json:"state"`
	Attempts   int                  `json:"attempts" doc:"Made so far"`
	NextAt     *wire.Instant        `json:"next_at" doc:"When the next attempt is due"`
	LastStatus *int                 `json:"last_status" doc:"The last answer's status; null without an answer"`
	LastError  *string              `json:"last_error" doc:"Why the last attempt failed, and the way out where there is one"`
	ReplayOf   *string              `json:"replay_of" doc:"The delivery that this one repeats"`
	CreatedAt  wire.Instant         `json:"created_at"`
}

// DeliveryWithLog is a delivery and its attempts of the last 30 days.
type DeliveryWithLog struct {
	Delivery
	AttemptLog []Attempt `json:"attempt_log"`
}

// Attempt is one line of a delivery's log.
type Attempt struct {
	N         int          `json:"n"`
	StartedAt wire.Instant `json:"started_at"`
	MS        int64        `json:"ms"`
	Status    *int         `json:"status"`
	Error     *string      `json:"error"`
	Response  string       `json:"response" doc:"The beginning of the answer, at most 4 KiB: text of the receiver"`
	Trigger   string       `json:"trigger" enum:"event,test,replay,retry,manual"`
}

// DeliveryOf is a delivery on the wire.
func DeliveryOf(d outbox.DeliveryEntry) Delivery {
	out := Delivery{
		ID: d.ID, WebhookID: d.WebhookID, EventID: d.EventID, Type: d.Type, State: d.State, Attempts: d.Attempts,
		LastStatus: wire.Opt(d.LastStatus), LastError: wire.Opt(d.LastError), ReplayOf: wire.Opt(d.ReplayOf),
		CreatedAt: wire.Instant(d.CreatedAt),
	}
	if d.State == outbox.Pending {
		out.NextAt = wire.At(d.NextAt)
	}
	return out
}

func deliveryWithLog(d outbox.DeliveryEntry) DeliveryWithLog {
	out := DeliveryWithLog{Delivery: DeliveryOf(d), AttemptLog: []Attempt{}}
	for _, a := range d.Log {
		out.AttemptLog = append(out.AttemptLog, Attempt{a.N, wire.Instant(a.StartedAt), a.MS, wire.Opt(a.Status),
			wire.Opt(a.Error), a.Response, a.Trigger})
	}
	return out
}

// deliveryFilter narrows a list of deliveries.
type deliveryFilter struct {
	State outbox.DeliveryState `query:"state" doc:"dead is the dead letter queue"`
	Type  string               `query:"type"`
	Since *wire.Instant        `query:"since" doc:"Made at or after"`
	Until *wire.Instant        `query:"until" doc:"Made before"`
}

func (f deliveryFilter) query() outbox.DeliveryQuery {
	return outbox.DeliveryQuery{State: outbox.DeliveryState(f.State), Type: f.Type, Since: f.Since.Seconds(),
		Until: f.Until.Seconds()}
}

type deliveryQuery struct {
	wire.Paged
	deliveryFilter
	WebhookID string `query:"webhook_id"`
}

// RetryFilter says which dead letters are to be sent again; without any, all.
type RetryFilter struct {
	WebhookID string        `json:"webhook_id,omitempty"`
	Type      string        `json:"type,omitempty"`
	Since     *wire.Instant `json:"since,omitempty" doc:"Made at or after"`
	Until     *wire.Instant `json:"until,omitempty" doc:"Made before"`
}

// Retries is how many were made.
type Retries struct {
	Count     int   `json:"count"`
	Remaining int64 `json:"remaining" doc:"Dead letters of the filter beyond the 5,000 of one request; ask again"`
}

func (s *Server) deliveryRows() []Row {
	find := func(ctx context.Context, c act.Caller, in deliveryQuery) (act.List[outbox.DeliveryEntry], error) {
		q := in.query()
		q.WebhookID = in.WebhookID
		return s.e.Deliveries(ctx, c, q, in.Page())
	}
	get := func(ctx context.Context, c act.Caller, in wire.ByID) (outbox.DeliveryEntry, error) {
		return s.e.Delivery(ctx, c, in.ID)
	}
	retry := func(ctx context.Context, c act.Caller, in wire.ByID) (outbox.DeliveryEntry, error) {
		return s.e.RetryDelivery(ctx, c, in.ID)
	}
	retryAll := func(ctx context.Context, c act.Caller, in wire.Create[RetryFilter]) (outbox.Replays, error) {
		b := in.Body
		return s.e.RetryDeliveries(ctx, c, outbox.DeliveryQuery{WebhookID: b.WebhookID, Type: b.Type,
			Since: b.Since.Seconds(), Until: b.Until.Seconds()})
	}
	remove := func(ctx context.Context, c act.Caller, in wire.ByID) error { return s.e.DropDelivery(ctx, c, in.ID) }
	const manage = scope.WebhooksManage
	return []Row{
		{Method: "GET", Path: "/deliveries", Scope: manage, Tag: "Deliveries", ID: "listDeliveries",
			Summary: "List deliveries", Status: 200,
			Doc: "Newest first. `state=dead` is the dead letter queue.", Errors: []fault.Kind{fault.NotFound},
			Op: List(find, DeliveryOf)},
		{Method: "GET", Path: "/deliveries/:id", Scope: manage, Tag: "Deliveries", ID: "getDelivery",
			Summary: "Get a delivery and its log", Status: 200, Op: Op(get, deliveryWithLog)},
		{Method: "DELETE", Path: "/deliveries/:id", Scope: manage, Tag: "Deliveries", ID: "dropDelivery",
			Summary: "Drop a delivery", Status: 204,
			Doc: "One that waits is cancelled; one that has ended is deleted with its log.", Op: Drop(remove)},
		{Method: "POST", Path: "/deliveries/:id/retry", Scope: manage, Tag: "Deliveries", ID: "retryDelivery",
			Summary: "Send a delivery again", Status: 202,
			Doc: "One that waits is sent now. One that has ended is repeated by a new delivery with the same " +
				"`webhook-id`.",
			Errors: []fault.Kind{fault.Conflict}, Op: Op(retry, DeliveryOf)},
		{Method: "POST", Path: "/delivery-retries", Scope: manage, Tag: "Deliveries", ID: "retryDeliveries",
			Summary: "Send dead letters again", Status: 202,
			Doc:     "All of a filter that no other delivery repeats yet, oldest first.",
			Errors:  []fault.Kind{fault.NotFound},
			Example: `{"type":"appointment.created","since":"2026-04-26T00:00:00Z"}`,
			Op:      Op(retryAll, func(r outbox.Replays) Retries { return Retries{r.Count, r.Remaining} })},
	}
}
