package outbox

import (
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/people"
)

// Reader is what this room asks of a snapshot. Package store implements it.
type Reader interface {
	// Subscriptions are the clinic's endpoints, from memory; not to be changed.
	Subscriptions(clinic int64) (*Subscriptions, error)
	Webhook(clinic int64, test bool, id string) (Webhook, error)                        // NotFound once deleted
	Webhooks(clinic int64, test bool, after act.Position, limit int) ([]Webhook, error) // newest first; limit 0 = all
	CountWebhooks(clinic int64) (int64, error)                                          // live and test together
	Delivery(clinic int64, test bool, id string) (DeliveryEntry, error)                 // without its log
	// newest first, behind after.Number
	Deliveries(q DeliveryQuery, after act.Position, limit int) ([]DeliveryEntry, error)
	OldestDeliveries(q DeliveryQuery, limit int) ([]DeliveryEntry, error) // oldest first
	CountDeliveries(q DeliveryQuery) (int64, error)
	Attempts(delivery int64) ([]Attempt, error)            // of DeliveryEntry.N, in order
	OutboxDepth() (OutboxDepth, error)                     // of all clinics
	HasDue(now int64) (bool, error)                        // something is due at an enabled endpoint
	LeaseOver(now int64) (bool, error)                     // the lease of a claim has run out
	NextDue(after int64) (at int64, found bool, err error) // see Engine.NextDue
	Run(webhook int64) (Run, error)                        // an endpoint's streak as it is
	Lead(clinic int64, test bool, id string) (people.Lead, error)
	Patient(clinic int64, test bool, id int64) (people.Patient, error)
	Appointment(clinic int64, test bool, id string) (booking.Appointment, error)
	Events(clinic int64, test bool, afterSeq int64, typ string, limit int) ([]act.Event, error) // oldest first
}

// Writer is what this room's acts change in their transaction.
type Writer interface {
	InsertWebhook(h *Webhook) error // sets N; 50 of a clinic are the most
	UpdateWebhook(h Webhook) error  // also to deleted; enabling forgets its failures
	// Reawaken spreads what waits for an endpoint evenly over the seconds from at,
	// in the order of the events.
	Reawaken(h Webhook, at, seconds int64) error
	CancelWaiting(h Webhook, at int64, limit int) (int, error) // what is pending for an endpoint; how many
	InsertDelivery(d DeliveryEntry, body []byte) error
	InsertReplay(d DeliveryEntry) error             // with the body of the delivery ReplayOf
	Hasten(d DeliveryEntry) error                   // a pending one's NextAt and Cause
	CancelDelivery(d DeliveryEntry, at int64) error // a pending or sending one
	DeleteDelivery(d DeliveryEntry) error           // with its log
	// ShelveDeliveries makes dead letters, with why as their error, of all that wait
	// or are under way; how many. For a database that was restored.
	ShelveDeliveries(clinic int64, why string, at int64) (int, error)
	TidyDeliveries(t Tidying) (int, error)
	// Settle writes the end of a claimed delivery, as Result and Settlement say, unless
	// the row is no longer what was claimed; counts tells that it is an attempt of
	// the endpoint's streak.
	Settle(o Settlement) (webhook int64, counts bool, err error)
	SaveStreak(r Run) error
	DisableWebhook(r Run, at int64, by string) error // with the reason Off
	TakeBack(now, until int64) (int, error)          // ends the claims whose lease ran out by until; see Engine.Reset
	ClaimDue(c Claim) ([]Delivery, error)
	// LeapNumbers passes over the next n numbers of patients, providers, locations
	// and services. For a database that was restored.
	LeapNumbers(n int64) error
}
