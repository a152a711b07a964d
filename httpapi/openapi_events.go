package httpapi

import (
	"encoding/json"
	"reflect"
	"strings"

	"qualifybase/httpapi/wire"
)

// WebhookEvent is the body of a webhook (webhooks.md "Events").
type WebhookEvent struct {
	ID        string          `json:"id" doc:"Also the webhook-id header; the same for a repeated delivery"`
	Type      string          `json:"type"`
	CreatedAt wire.Instant    `json:"created_at"`
	ClinicID  string          `json:"clinic_id" format:"uuid"`
	Seq       int64           `json:"seq" doc:"The place among the clinic's events, without gaps"`
	Data      json.RawMessage `json:"data" doc:"The thing as it is now: ids, status and times"`
}

// webhooks describes what subscribers receive, from the engine's table of event
// types: an example of each, in the forms that the webhook's maker chose.
func (s *Server) webhooks(forms []form) object {
	out := object{}
	body := schemaJSON(s.registry.Schema(reflect.TypeFor[WebhookEvent](), true, ""))
	for _, ev := range s.e.EventTypes() {
		out[ev.Type] = object{"post": object{
			"operationId": "on_" + strings.ReplaceAll(ev.Type, ".", "_"), "summary": ev.Summary,
			"tags":        []string{"Webhooks"},
			"description": deliveryDoc, "parameters": signatureHeaders,
			"requestBody": object{"required": true, "content": object{"application/json": object{
				"schema": s.either(body, forms), "examples": examples(string(ev.Example), forms)}}},
			"responses": object{"2XX": object{"description": "Received. Any other answer, and none within 15 " +
				"seconds, is a failure: it is sent again after 1, 2, 4, 8 and 16 minutes"},
				"410": object{"description": "The webhook is disabled"}},
		}}
	}
	return out
}

const deliveryDoc = "At least once, in no promised order: know repetitions by `id`. Verify a signature over the raw " +
	"body before you parse it, and refuse a timestamp more than five minutes away. A webhook made with a `kv_` key " +
	"receives camelCase names; one with `payload: full` also `data.person` (contact fields) and the title."

var signatureHeaders = func() []object {
	header := func(name, doc string) object {
		return object{"name": name, "in": "header", "required": true, "schema": object{"type": "string"},
			"description": doc}
	}
	return []object{
		header("webhook-id", "Standard Webhooks: the event's id"),
		header("webhook-timestamp", "Standard Webhooks: Unix seconds of this attempt"),
		header("webhook-signature", "Standard Webhooks: `v1,<base64>`, the HMAC-SHA256 of `id.timestamp.body` under "+
			"the decoded bytes behind `whsec_`; during a rotation two, separated by a space"),
		header("X-QualifyBase-Signature", "Or the name of the webhook's `signature_header`: `t=<unix>,v1=<hex>`, "+
			"the HMAC-SHA256 of `t.body` under the whole secret"),
		header("X-QualifyBase-Event", "The type"),
		header("X-QualifyBase-Delivery", "The delivery"),
	}
}()
