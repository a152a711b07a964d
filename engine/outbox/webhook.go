package outbox

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/secret"
	"qualifybase/engine/text"
	"qualifybase/engine/uuid"
)

// Payload is how much an endpoint hears of an event (webhooks.md "Events").
type Payload string

// The payloads.
const (
	Thin Payload = "thin" // ids, status, times
	Full Payload = "full" // and the person's contact fields and the title
)

// Payloads lists them.
var Payloads = []Payload{Thin, Full}

// Words lists the values as text.
func (Payload) Words() []string { return text.Words(Payloads) }

// The bounds of webhooks (webhooks.md).
const (
	MaxWebhooks      = 50 // endpoints of a clinic, live and test together; schema.sql says so too
	MaxInFlight      = 8  // attempts under way at one endpoint
	AllEvents        = "*"
	maxHeader        = 100
	klinivoSignature = "X-Klinivo-Signature"
	ourSignature     = "X-QualifyBase-Signature"
)

// Why an endpoint is disabled.
const (
	DisabledByHand  = "manual"  // somebody said enabled: false
	DisabledFailing = "failing" // five days and twenty attempts of nothing but failure
	DisabledGone    = "gone"    // it answered 410
	disabledDeleted = "deleted"
)

// DisabledReasons lists them; empty is an endpoint that is enabled.
var DisabledReasons = []string{DisabledByHand, DisabledFailing, DisabledGone, disabledDeleted}

// Webhook is an endpoint of another system.
type Webhook struct {
	N               int64 // short number in the database; never on the wire
	ID              string
	Clinic          int64
	Test            bool // made with a test key: hears the events of test rows, and those alone
	URL             string
	Events          []string // types; ["*"] = all
	Description     string
	Payload         Payload
	Flat            bool // bodies have camelCase names: made with a kv_ key
	SignatureHeader string
	MaxInFlight     int
	Enabled         bool
	DisabledReason  string // "" while enabled
	Secret          string // shown once, in the replies of creation and rotation
	Sealed          []byte // the secret as it is kept, see Sealer
	OldSealed       []byte // nil outside a rotation
	OldUntil        int64  // when the rotation ends, or ended; 0 = none
	DeletedAt       int64
	act.Meta
}

// WithoutSecret is the webhook as its idempotency record keeps it.
func (h Webhook) WithoutSecret() any { h.Secret = ""; return h }

// RotationEndsAt is until when the old secret signs too; 0 = it does not.
func (h Webhook) RotationEndsAt(now int64) int64 {
	if h.OldSealed == nil || h.OldUntil <= now {
		return 0
	}
	return h.OldUntil
}

// Wants reports whether the endpoint subscribed to the type. A test goes to the
// endpoint that is tested, whatever it or others subscribed to.
func (h *Webhook) Wants(typ string) bool {
	if typ == testEvent {
		return false
	}
	for _, e := range h.Events {
		if e == typ || e == AllEvents {
			return true
		}
	}
	return false
}

// WebhookDraft is an unsaved webhook: nil is "not sent".
type WebhookDraft struct {
	URL             *string
	Events          *[]string
	Description     *string
	Payload         *Payload
	SignatureHeader *string
	MaxInFlight     *int
	Enabled         *bool
}

// webhookEdit is a draft with the engine that knows which URLs and events there are.
type webhookEdit struct {
	WebhookDraft
	e *Engine
}

var webhookFields = act.Fields[Webhook, webhookEdit]{
	act.FieldOf("url", act.Plain[string](),
		func(h *Webhook, d *webhookEdit) (*string, **string) { return &h.URL, &d.URL }).Applied(applyURL),
	act.FieldOf("events", act.Rule[[]string]{Same: slices.Equal[[]string]},
		func(h *Webhook, d *webhookEdit) (*[]string, **[]string) { return &h.Events, &d.Events }).
		Applied(applyEvents),
	act.FieldOf("description", act.Line(text.MaxText),
		func(h *Webhook, d *webhookEdit) (*string, **string) { return &h.Description, &d.Description }),
	act.FieldOf("payload", act.OneOf("Must be "+text.Or(Payloads), Payloads...),
		func(h *Webhook, d *webhookEdit) (*Payload, **Payload) { return &h.Payload, &d.Payload }),
	act.FieldOf("signature_header", act.Cleaned(cleanHeader),
		func(h *Webhook, d *webhookEdit) (*string, **string) { return &h.SignatureHeader, &d.SignatureHeader }),
	act.FieldOf("max_in_flight", act.Number(1, MaxInFlight),
		func(h *Webhook, d *webhookEdit) (*int, **int) { return &h.MaxInFlight, &d.MaxInFlight }),
	act.FieldOf("enabled", act.Flag(),
		func(h *Webhook, d *webhookEdit) (*bool, **bool) { return &h.Enabled, &d.Enabled }).Applied(applyEnabled),
}

func applyURL(x *act.Edit, h *Webhook, d *webhookEdit) {
	if d.URL != nil {
		h.URL = *d.URL
		x.Join(d.e.opt.CheckURL(h.URL))
	}
}

func applyEvents(x *act.Edit, h *Webhook, d *webhookEdit) {
	if d.Events != nil {
		h.Events = d.e.cleanEvents(&x.Faults, *d.Events)
	}
}

// applyEnabled says, with it, why an endpoint is disabled.
func applyEnabled(_ *act.Edit, h *Webhook, d *webhookEdit) {
	if d.Enabled == nil || *d.Enabled == h.Enabled {
		return
	}
	h.Enabled, h.DisabledReason = *d.Enabled, ""
	if !h.Enabled {
		h.DisabledReason = DisabledByHand
	}
}

// cleanEvents keeps the order, drops repetitions, and makes ["*"] of a list that holds *.
func (e *Engine) cleanEvents(f *fault.Faults, list []string) []string {
	out := []string{}
	for i, typ := range list {
		switch {
		case typ == AllEvents:
		case !e.subscribable(typ):
			f.Add(fault.Indexed("events", i), "Unknown event; known are %s, and * for all",
				strings.Join(e.subscribableTypes(), ", "))
		case !slices.Contains(out, typ):
			out = append(out, typ)
		}
	}
	if len(list) == 0 {
		f.Add("events", `Name at least one event, or ["*"] for all`)
	}
	if slices.Contains(list, AllEvents) {
		return []string{AllEvents}
	}
	return out
}

func cleanHeader(x *act.Edit, field, sent string) string {
	if fault := headerFault(sent); fault != "" {
		x.Add(field, "%s", fault)
	}
	return sent
}

// headerFault says why a header's name cannot carry the signature: it must be a
// token of RFC 9110, one of our own making (X-), and none that says something else.
func headerFault(name string) string {
	lower := strings.ToLower(name)
	switch {
	case name == "":
		return "Required: the name of a header such as " + ourSignature
	case len(name) > maxHeader:
		return fmt.Sprintf("Must be at most %d characters", maxHeader)
	case !strings.HasPrefix(lower, "x-") || len(name) == 2:
		return "Must begin with X-, such as " + ourSignature
	case strings.Trim(lower, "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~") != "":
		return "Must be a header name: letters, digits and hyphens"
	case lower == "x-qualifybase-event", lower == "x-qualifybase-delivery", lower == "x-real-ip", lower == "x-request-id",
		lower == "x-http-method-override", strings.HasPrefix(lower, "x-forwarded-"):
		return "This header has another meaning; choose another name"
	}
	return ""
}

// CreateWebhook makes an endpoint; Secret in the result is shown this once
// (webhooks.md "Signing"). URL and events are needed. Needs webhooks:manage.
//
// Errors: Invalid, CapReached with 50 endpoints.
func (e *Engine) CreateWebhook(ctx context.Context, c act.Caller, d WebhookDraft) (Webhook, error) {
	return act.Do(ctx, e.Room, c, act.Define("webhook.create", scope.WebhooksManage), func(w *Act) (Webhook, error) {
		h := Webhook{
			ID: uuid.New(e.Now()), Clinic: c.Clinic, Test: c.Test, Payload: Thin, Flat: c.Family == secret.FamilyKlinivo,
			SignatureHeader: ourSignature, MaxInFlight: 1, Enabled: true, Events: []string{},
		}
		if h.Flat {
			h.SignatureHeader = klinivoSignature
		}
		var x act.Edit
		if d.URL == nil || *d.URL == "" {
			x.Add("url", "Required")
			d.URL = nil
		}
		if d.Events == nil {
			d.Events = &[]string{}
		}
		webhookFields.Apply(&x, &h, &webhookEdit{d, e})
		w.Fields = x.Changed
		if err := x.Err(); err != nil {
			return Webhook{}, err
		}
		n, err := w.CountWebhooks(c.Clinic)
		if err != nil {
			return Webhook{}, err
		}
		if n >= MaxWebhooks {
			return Webhook{}, fault.Fail(fault.CapReached, "A clinic has at most %d webhooks; delete one first", MaxWebhooks)
		}
		if err := w.newSecret(&h); err != nil {
			return Webhook{}, err
		}
		w.EntityID = h.ID
		if err := w.Stamp(&h.Meta); err != nil {
			return Webhook{}, err
		}
		err = w.InsertWebhook(&h)
		return h, err
	})
}

// newSecret gives a webhook a secret, sealed for its row.
func (w *Act) newSecret(h *Webhook) error {
	if w.e.opt.Sealer == nil {
		return fmt.Errorf("webhooks need engine.Options.Sealer")
	}
	h.Secret = secret.NewWebhookSecret()
	h.Sealed = w.e.opt.Sealer.Seal(h.Secret, secret.SealedFor(h.ID))
	return nil
}

// Webhook finds an endpoint of the clinic, test ones for test keys and live ones
// for the others. Needs webhooks:manage.
func (e *Engine) Webhook(ctx context.Context, c act.Caller, id string) (Webhook, error) {
	return act.Read(ctx, e.Room, c, act.Define("webhook.read", scope.WebhooksManage),
		func(r Reader) (Webhook, error) { return findWebhook(r, c, id) })
}

func findWebhook(r Reader, c act.Caller, id string) (Webhook, error) {
	if !uuid.Valid(id) {
		return Webhook{}, fault.Absent("webhook")
	}
	return r.Webhook(c.Clinic, c.Test, id)
}

// Webhooks lists the endpoints, newest first. Needs webhooks:manage.
func (e *Engine) Webhooks(ctx context.Context, c act.Caller, p act.Page) (act.List[Webhook], error) {
	query := struct {
		Clinic int64
		Test   bool
	}{c.Clinic, c.Test}
	action := act.Define("webhook.list", scope.WebhooksManage)
	return act.Read(ctx, e.Room, c, action, func(r Reader) (act.List[Webhook], error) {
		all, err := r.Webhooks(c.Clinic, c.Test, act.Position{}, 0) // at most 50
		if err != nil {
			return act.List[Webhook]{}, err
		}
		return act.Listing[Webhook]{
			Filter: act.FilterOf("webhooks", query),
			Place:  func(h Webhook) act.Position { return act.Position{CreatedAt: h.CreatedAt, ID: h.ID} },
			Count:  func() (int64, error) { return int64(len(all)), nil },
			Rows:   func(at act.Position, limit int) ([]Webhook, error) { return r.Webhooks(c.Clinic, c.Test, at, limit) },
		}.Page(p)
	})
}

// UpdateWebhook changes what was sent. version, if given, must be the webhook's
// (If-Match). Enabling one again forgets its failures and spreads what waits over
// ten minutes; a disabled one goes on collecting. Needs webhooks:manage.
//
// Errors: Invalid, NotFound, PreconditionFailed.
func (e *Engine) UpdateWebhook(ctx context.Context, c act.Caller, id string, version *int64,
	d WebhookDraft) (Webhook, error) {
	return act.Do(ctx, e.Room, c, act.Define("webhook.update", scope.WebhooksManage), func(w *Act) (Webhook, error) {
		h, err := w.ownWebhook(id, version)
		if err != nil {
			return Webhook{}, err
		}
		var x act.Edit
		was := h.Enabled
		webhookFields.Apply(&x, &h, &webhookEdit{d, e})
		w.Fields = x.Changed
		if err := x.Err(); err != nil {
			return Webhook{}, err
		}
		if w.Quiet = len(w.Fields) == 0; w.Quiet {
			return h, nil
		}
		if err := w.saveWebhook(&h); err != nil || !h.Enabled || was {
			return h, err
		}
		w.Wakes = true
		return h, w.Reawaken(h, w.Now, spreadSeconds)
	})
}

// spreadSeconds is over how long the backlog of an endpoint is spread that was
// enabled again: a receiver that is just back must not be run over.
const spreadSeconds = 600

func (w *Act) ownWebhook(id string, version *int64) (Webhook, error) {
	h, err := findWebhook(w, w.Caller, id)
	if err != nil {
		return Webhook{}, err
	}
	w.EntityID = id
	if version != nil && *version != h.Version {
		return Webhook{}, fault.Fail(fault.PreconditionFailed, "The webhook has changed since it was read; its version is %d",
			h.Version)
	}
	return h, nil
}

func (w *Act) saveWebhook(h *Webhook) error {
	if err := w.Stamp(&h.Meta); err != nil {
		return err
	}
	return w.UpdateWebhook(*h)
}

// DeleteWebhook ends an endpoint: its secrets are gone, what waits for it is
// cancelled, and its past deliveries stay readable. Needs webhooks:manage.
func (e *Engine) DeleteWebhook(ctx context.Context, c act.Caller, id string, version *int64) error {
	_, err := act.Do(ctx, e.Room, c, act.Define("webhook.delete", scope.WebhooksManage), func(w *Act) (struct{}, error) {
		h, err := w.ownWebhook(id, version)
		if err != nil {
			return struct{}{}, err
		}
		h.Enabled, h.DisabledReason, h.DeletedAt = false, disabledDeleted, w.Now
		h.Sealed, h.OldSealed, h.OldUntil = nil, nil, 0
		if err := w.saveWebhook(&h); err != nil {
			return struct{}{}, err
		}
		_, err = w.CancelWaiting(h, w.Now, cancelledAtOnce)
		return struct{}{}, err
	})
	return err
}

// cancelledAtOnce bounds how long a deletion holds up other writers; Tidy cancels
// the rest, which nobody sends meanwhile.
const cancelledAtOnce = 5_000
