package httpapi

import (
	"strings"
	"testing"
)

func TestWebhooksOverHTTP(t *testing.T) {
	bothForms(t, func(w *world) {
		made := w.as("POST", "/webhooks", `{"url":"https://crm.example.com/","events":["lead.created","lead.created"],"description":"CRM"}`)
		made.has(201, `["lead.created"]`, "data", "events")
		id := made.id("data", "id")
		if s := made.id("data", "secret"); !strings.HasPrefix(s, "whsec_") || made.Header().Get("Location") != Base+"/webhooks/"+id || made.Header().Get("ETag") != `"1"` {
			t.Errorf("%s %v", s, made.Header())
		}
		header := map[bool]string{false: `"X-QualifyBase-Signature"`, true: `"X-Klinivo-Signature"`}[w.free]
		made.has(201, header, "data", "signature_header")
		w.as("GET", "/webhooks/"+id, "").has(200, `"thin"`, "data", "payload")
		w.as("GET", "/webhooks?limit=1", "").has(200, "1", "pagination", "total_count")
		w.as("PATCH", "/webhooks/"+id, `{"max_in_flight":3}`, `If-Match: "9"`).is(412, "PRECONDITION_FAILED")
		w.as("PATCH", "/webhooks/"+id, `{"max_in_flight":3,"payload":"full"}`, `If-Match: "1"`).has(200, "3", "data", "max_in_flight")
		w.as("PATCH", "/webhooks/"+id, `{"max_in_flight":9}`).has(400, `"max_in_flight"`, "error", "details", 0, "field")
		w.as("POST", "/webhooks", `{"url":"http://10.0.0.1/","events":["nope"],"signature_header":"Host"}`).is(400, "signature").is(400, "Unknown event").is(400, "https://")

		rotated := w.as("POST", "/webhooks/"+id+"/rotate-secret", `{"overlap_seconds":60}`)
		if rotated.id("data", "secret") == made.id("data", "secret") || rotated.id("data", "rotation_ends_at") != "2026-04-27T06:01:00Z" {
			t.Errorf("rotated to %s", rotated.Body)
		}
		w.as("POST", "/webhooks/"+id+"/rotate-secret", `{}`).is(409, "force")
		w.as("POST", "/webhooks/"+id+"/rotate-secret", `{"overlap_seconds":604801}`).is(400, "604800")
		if done := w.as("POST", "/webhooks/"+id+"/finish-rotation", ``); done.Code != 200 || strings.Contains(done.Body.String(), "whsec_") {
			t.Errorf("%d %s", done.Code, done.Body)
		}

		w.as("POST", "/webhooks/"+id+"/test", "").has(202, `"webhook.test"`, "data", "type")
		w.as("POST", "/leads", `{"name":"Ada"}`)
		list := w.as("GET", "/webhooks/"+id+"/deliveries?state=pending&type=lead.created", "")
		list.has(200, "1", "pagination", "total_count").has(200, `"pending"`, "data", 0, "state")
		one := list.id("data", 0, "id")
		w.as("GET", "/deliveries/"+one, "").has(200, "[]", "data", "attempt_log")
		w.as("POST", "/deliveries/"+one+"/retry", "").has(202, `"`+one+`"`, "data", "id")
		w.as("DELETE", "/deliveries/"+one, "").is(204, "")
		w.as("GET", "/deliveries/"+one, "").has(200, `"cancelled"`, "data", "state")
		w.as("GET", "/deliveries?state=dead", "").has(200, "0", "pagination", "total_count")
		w.as("GET", "/deliveries?state=lost", "").is(400, "ust be one of")
		w.as("GET", "/deliveries?webhook_id=nobody", "").is(404, "No such webhook")
		w.as("POST", "/delivery-retries", `{"type":"lead.created"}`).has(202, "0", "data", "count")
		w.as("POST", "/delivery-retries", `{"since":"2026-04-27T06:00:00Z","until":"2026-04-27T06:00:00Z"}`).has(400, `"until"`, "error", "details", 0, "field")
		w.as("GET", "/events?type=webhook.test", "").has(200, `"`+id+`"`, "data", 0, "data", "webhook", "id")

		w.as("DELETE", "/webhooks/"+id, "").is(204, "")
		w.as("GET", "/webhooks/"+id, "").is(404, "NOT_FOUND")
		w.as("GET", "/webhooks/"+id+"/deliveries", "").is(404, "NOT_FOUND")
		if strings.Contains(w.log.String(), "whsec_") || strings.Contains(w.log.String(), "crm.example") {
			t.Error("the log tells secrets or addresses")
		}
	})
}

// A repeated creation with one Idempotency-Key makes one webhook, and its second
// answer lacks the secret.
func TestWebhookSecretIsShownOnce(t *testing.T) {
	w := newWorld(t)
	body := `{"url":"https://crm.example.com/","events":["*"]}`
	first := w.call("POST", "/webhooks", body, w.live, "Idempotency-Key: k1").is(201, "whsec_")
	again := w.call("POST", "/webhooks", body, w.live, "Idempotency-Key: k1")
	if again.Code != 201 || strings.Contains(again.Body.String(), "whsec_") || again.id("data", "id") != first.id("data", "id") || again.Header().Get("Idempotent-Replayed") != "true" {
		t.Errorf("%d %s", again.Code, again.Body)
	}
}
