package outbox

import (
	"context"
	"slices"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/text"
	"qualifybase/engine/uuid"
)

// DeliveryState is how far a delivery has come (webhooks.md "Tables and dispatcher").
type DeliveryState string

// The states of a delivery. The last three are final.
const (
	Pending        DeliveryState = "pending"
	Sending        DeliveryState = "sending"
	Succeeded      DeliveryState = "succeeded"
	DeadLettered   DeliveryState = "dead"
	CancelledState DeliveryState = "cancelled" // dropped before it was sent, its endpoint deleted, or its body blanked
)

// DeliveryStates lists them in the order of a delivery's life.
var DeliveryStates = []DeliveryState{Pending, Sending, Succeeded, DeadLettered, CancelledState}

// Words lists the values as text.
func (DeliveryState) Words() []string { return text.Words(DeliveryStates) }

// DeliveryEntry is one event on its way to one endpoint, as people see it;
// Delivery is what the dispatcher sees.
type DeliveryEntry struct {
	N           int64 // short number in the database; never on the wire
	ID          string
	Clinic      int64
	Test        bool
	Webhook     int64 // Webhook.N
	WebhookID   string
	EventID     string
	Seq         int64 // of the event
	Type        string
	State       DeliveryState
	Attempts    int // made
	Interrupted int // of them, cut off by the end of the process
	Cause       string
	NextAt      int64 // pending: when the next attempt is due
	LastStatus  int   // 0 = no reply
	LastError   string
	ReplayOf    string // the delivery that this one repeats; "" = none
	Subject     string // the person in a full body
	Blanked     bool   // the person was erased and the body with them: it cannot be sent again
	CreatedAt   int64
	EndedAt     int64     // 0 while it may still be sent
	Log         []Attempt // of one delivery, not of lists; attempts older than 30 days are gone
}

// Attempt is one line of a delivery's log.
type Attempt struct {
	N         int
	StartedAt int64
	MS        int64
	Status    int // 0 = no reply
	Error     string
	Response  string // the beginning of the answer: somebody else's text
	Trigger   string // event, test, replay, retry, manual
}

// DeliveryQuery asks for deliveries; zero fields do not filter.
type DeliveryQuery struct {
	Clinic       int64
	Test         bool
	WebhookID    string
	State        DeliveryState
	Type         string
	Since, Until int64 // made in [Since, Until)
	Unrepeated   bool  // those that no replay repeats and that can be sent; for RetryDeliveries
}

// Deliveries lists deliveries, newest first; State DeadLettered is the dead letter
// queue. Needs webhooks:manage. A webhook that is not there is NotFound.
func (e *Engine) Deliveries(ctx context.Context, c act.Caller, q DeliveryQuery, p act.Page) (act.List[DeliveryEntry],
	error) {
	q, err := e.cleanedDeliveries(q, c, "Invalid query parameters")
	if err != nil {
		return act.List[DeliveryEntry]{}, err
	}
	return act.Read(ctx, e.Room, c, act.Define("delivery.list", scope.WebhooksManage),
		func(r Reader) (act.List[DeliveryEntry], error) {
			if q.WebhookID != "" {
				if _, err := findWebhook(r, c, q.WebhookID); err != nil {
					return act.List[DeliveryEntry]{}, err
				}
			}
			return act.Listing[DeliveryEntry]{
				Order: act.SeqDown, Filter: act.FilterOf("deliveries", q),
				Place: func(d DeliveryEntry) act.Position { return act.Position{CreatedAt: d.CreatedAt, ID: d.ID, Number: d.N} },
				Count: func() (int64, error) { return r.CountDeliveries(q) },
				Rows:  func(at act.Position, limit int) ([]DeliveryEntry, error) { return r.Deliveries(q, at, limit) },
			}.Page(p)
		})
}

// cleanedDeliveries binds the query to the caller; message opens the refusal of its faults.
func (e *Engine) cleanedDeliveries(q DeliveryQuery, c act.Caller, message string) (DeliveryQuery, error) {
	var f fault.Faults
	q.Clinic, q.Test = c.Clinic, c.Test
	if q.State != "" && !slices.Contains(DeliveryStates, q.State) {
		f.Add("state", "Must be %s", text.Or(DeliveryStates))
	}
	if q.Type != "" && !e.knownEvent(q.Type) {
		f.Add("type", "Must be the type of an event, such as appointment.created")
	}
	if q.Since != 0 && q.Until != 0 && q.Until <= q.Since {
		f.Add("until", "Must be after since")
	}
	if len(f) > 0 {
		return q, &fault.Error{Kind: fault.Invalid, Message: message, Details: f}
	}
	return q, nil
}

// Delivery finds a delivery with its log. Needs webhooks:manage.
func (e *Engine) Delivery(ctx context.Context, c act.Caller, id string) (DeliveryEntry, error) {
	return act.Read(ctx, e.Room, c, act.Define("delivery.read", scope.WebhooksManage),
		func(r Reader) (DeliveryEntry, error) {
			d, err := findDelivery(r, c, id)
			if err != nil {
				return d, err
			}
			d.Log, err = r.Attempts(d.N)
			return d, err
		})
}

func findDelivery(r Reader, c act.Caller, id string) (DeliveryEntry, error) {
	if !uuid.Valid(id) {
		return DeliveryEntry{}, fault.Absent("delivery")
	}
	return r.Delivery(c.Clinic, c.Test, id)
}

// OutboxDepth is how full the outbox is, over all clinics, for /metrics.
type OutboxDepth struct {
	Pending, Sending, Dead int64
	OldestDue              int64 // the earliest next_at of what is pending at enabled endpoints; 0 = none
}

// OutboxDepth asks the database.
func (e *Engine) OutboxDepth(ctx context.Context) (OutboxDepth, error) {
	return act.View(ctx, e.Room, func(r Reader) (OutboxDepth, error) { return r.OutboxDepth() })
}
