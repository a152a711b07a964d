package httpapi

import (
	"context"
	"slices"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/outbox"
	"qualifybase/engine/scope"
	"qualifybase/httpapi/wire"
)

// Webhook is an endpoint of another system (webhooks.md "Resources").
type Webhook struct {
	ID              string         `json:"id" format:"uuid"`
	URL             string         `json:"url"`
	Events          []string       `json:"events" doc:"Types of events; [\"*\"] = all"`
	Description     string         `json:"description"`
	Payload         outbox.Payload `json:"payload" doc:"thin: ids, status, times. full: also the person's contact fields and the title"`
	SignatureHeader string         `json:"signature_header" doc:"The header of the hex signature"`
	MaxInFlight     int            `json:"max_in_flight" doc:"Attempts at the same time"`
	Enabled         bool           `json:"enabled"`
	DisabledReason  *string        `json:"disabled_reason" enum:"manual,failing,gone" doc:"failing: five days of nothing but failures; gone: it answered 410"`
	RotationEndsAt  *wire.Instant  `json:"rotation_ends_at" doc:"Until then the old secret signs too"`
	Secret          string         `json:"secret,omitempty" doc:"The signing secret, once, in the replies of creation and rotation"`
	wire.Meta
}

// Location implements Located.
func (h Webhook) Location() string { return "/webhooks/" + h.ID }

// WebhookOf is a webhook on the wire, as of now (UTC seconds).
func WebhookOf(h outbox.Webhook, now int64) Webhook {
	return Webhook{
		ID: h.ID, URL: h.URL, Events: wire.List(h.Events), Description: h.Description, Payload: h.Payload,
		SignatureHeader: h.SignatureHeader, MaxInFlight: h.MaxInFlight, Enabled: h.Enabled,
		DisabledReason: wire.Opt(h.DisabledReason), RotationEndsAt: wire.At(h.RotationEndsAt(now)), Secret: h.Secret,
		Meta: wire.MetaOf(h.Meta),
	}
}

// WebhookDraft is an unsaved webhook; what is not sent stays as it is.
type WebhookDraft struct {
	URL             *string         `json:"url,omitempty" doc:"https, at most 2,048 characters; required of a new one"`
	Events          *[]string       `json:"events,omitempty" doc:"Types of events, or [\"*\"]; required of a new one"`
	Description     *string         `json:"description,omitempty" maxLength:"500"`
	Payload         *outbox.Payload `json:"payload,omitempty" doc:"thin without it"`
	SignatureHeader *string         `json:"signature_header,omitempty" maxLength:"100" doc:"X-QualifyBase-Signature without it, X-Klinivo-Signature for a kv_ key"`
	MaxInFlight     *int            `json:"max_in_flight,omitempty" minimum:"1" maximum:"8" doc:"1 without it: one after the other"`
	Enabled         *bool           `json:"enabled,omitempty" doc:"A disabled webhook goes on collecting; what waits is sent within ten minutes once it is enabled"`
}

// SecretRotation asks for a new signing secret.
type SecretRotation struct {
	OverlapSeconds *int64 `json:"overlap_seconds,omitempty" minimum:"0" maximum:"604800" doc:"How long both secrets sign; a day without it"`
	Force          bool   `json:"force,omitempty" doc:"Also inside the overlap of the last rotation, whose old secret then ends"`
}

// webhookPaged is a page of one webhook's deliveries.
type webhookPaged struct {
	wire.ByID
	wire.Paged
	deliveryFilter
}

func (s *Server) webhookRows() []Row { return slices.Concat(s.endpointRows(), s.endpointActionRows()) }

// webhook is the wire struct of an endpoint now.
func (s *Server) webhook(h outbox.Webhook) Webhook { return WebhookOf(h, s.o.Now().Unix()) }

func (s *Server) endpointRows() []Row {
	create := func(ctx context.Context, c act.Caller, in wire.Create[WebhookDraft]) (outbox.Webhook, error) {
		return s.e.CreateWebhook(ctx, c, outbox.WebhookDraft(in.Body))
	}
	find := func(ctx context.Context, c act.Caller, in wire.Paged) (act.List[outbox.Webhook], error) {
		return s.e.Webhooks(ctx, c, in.Page())
	}
	get := func(ctx context.Context, c act.Caller, in wire.ByID) (outbox.Webhook, error) {
		return s.e.Webhook(ctx, c, in.ID)
	}
	update := func(ctx context.Context, c act.Caller, in wire.Update[WebhookDraft]) (outbox.Webhook, error) {
		return s.e.UpdateWebhook(ctx, c, in.ID, in.Version, outbox.WebhookDraft(in.Body))
	}
	remove := func(ctx context.Context, c act.Caller, in wire.MatchID) error {
		return s.e.DeleteWebhook(ctx, c, in.ID, in.Version)
	}
	const manage = scope.WebhooksManage
	return []Row{
		{Method: "GET", Path: "/webhooks", Scope: manage, Tag: "Webhooks", ID: "listWebhooks", Summary: "List webhooks",
			Status: 200, Op: List(find, s.webhook)},
		{Method: "POST", Path: "/webhooks", Scope: manage, Tag: "Webhooks", ID: "createWebhook",
			Summary: "Create a webhook", Status: 201,
			Doc: "The signing secret is in this reply and never again. A clinic has at most 50 webhooks. What " +
				"arrives, and how to verify it, stands under *webhooks*.",
			Errors: []fault.Kind{fault.CapReached},
			Example: `{"url":"https://crm.example.com/hooks/clinic","events":["appointment.created",` +
				`"appointment.cancelled"]}`, Op: Op(create, s.webhook)},
		{Method: "GET", Path: "/webhooks/:id", Scope: manage, Tag: "Webhooks", ID: "getWebhook",
			Summary: "Get a webhook", Status: 200, Op: Op(get, s.webhook)},
		{Method: "PATCH", Path: "/webhooks/:id", Scope: manage, Tag: "Webhooks", ID: "updateWebhook",
			Summary: "Update a webhook", Status: 200,
			Example: `{"events":["*"],"enabled":true}`, Op: Op(update, s.webhook)},
		{Method: "DELETE", Path: "/webhooks/:id", Scope: manage, Tag: "Webhooks", ID: "deleteWebhook",
			Summary: "Delete a webhook", Status: 204,
			Doc: "What waits for it is cancelled; its past deliveries stay readable.", Op: Drop(remove)},
	}
}

// endpointActionRows are what is done to an endpoint: its secret, a test, its deliveries.
func (s *Server) endpointActionRows() []Row {
	rotate := func(ctx context.Context, c act.Caller, in wire.Action[SecretRotation]) (outbox.Webhook, error) {
		return s.e.RotateSecret(ctx, c, in.ID, outbox.Rotation{Overlap: in.Body.OverlapSeconds, Force: in.Body.Force})
	}
	finish := func(ctx context.Context, c act.Caller, in wire.ByID) (outbox.Webhook, error) {
		return s.e.FinishRotation(ctx, c, in.ID)
	}
	test := func(ctx context.Context, c act.Caller, in wire.ByID) (outbox.DeliveryEntry, error) {
		return s.e.TestWebhook(ctx, c, in.ID)
	}
	sent := func(ctx context.Context, c act.Caller, in webhookPaged) (act.List[outbox.DeliveryEntry], error) {
		q := in.query()
		q.WebhookID = in.ID
		return s.e.Deliveries(ctx, c, q, in.Page())
	}
	const manage = scope.WebhooksManage
	return []Row{
		{Method: "POST", Path: "/webhooks/:id/rotate-secret", Scope: manage, Tag: "Webhooks", ID: "rotateWebhookSecret",
			Summary: "Replace the signing secret", Status: 200,
			Doc: "The new secret is in this reply and never again. Until the overlap ends both sign: deploy the " +
				"new one, then finish the rotation.",
			Errors: []fault.Kind{fault.Conflict}, Example: `{"overlap_seconds":86400}`, Op: Op(rotate, s.webhook)},
		{Method: "POST", Path: "/webhooks/:id/finish-rotation", Scope: manage, Tag: "Webhooks",
			ID: "finishWebhookRotation", Summary: "End the overlap of a rotation", Status: 200, Op: Op(finish, s.webhook)},
		{Method: "POST", Path: "/webhooks/:id/test", Scope: manage, Tag: "Webhooks", ID: "testWebhook",
			Summary: "Send a test event", Status: 202,
			Doc: "`webhook.test` through the same queue, signer and guard as every event; read the outcome at the " +
				"delivery.", Errors: []fault.Kind{fault.Conflict}, Op: Op(test, DeliveryOf)},
		{Method: "GET", Path: "/webhooks/:id/deliveries", Scope: manage, Tag: "Webhooks", ID: "listWebhookDeliveries",
			Summary: "List a webhook's deliveries", Status: 200, Op: List(sent, DeliveryOf)},
	}
}
