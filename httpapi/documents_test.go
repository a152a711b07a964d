package httpapi

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The calls that the three documents print, with host, key and dates filled in.

func TestQualifyBaseQuickstart(t *testing.T) {
	w := newWorld(t)
	free := w.call("GET", "/availability?from=2026-04-26&preference=morning&limit=5", "", w.live)
	free.is(200, `{"data":[{"scheduled_at":"2026-04-27T07:00:00Z","ends_at":"2026-04-27T07:30:00Z","local_start":"2026-04-27T09:00:00+02:00","provider_id":1,"location_id":1},`).
		is(200, `"has_more":true,"total_count":null}}`)
	if n := len(free.get("data").([]any)); n != 5 {
		t.Errorf("%d slots", n)
	}
	lead := w.call("POST", "/leads", `{"name":"Ada Example","email":"ada@example.org","source":"website","external_id":"17"}`, w.live).is(201, `"status":"new"`)
	body := fmt.Sprintf(`{"lead_id":%q,"scheduled_at":"2026-04-27T07:00:00Z","ends_at":"2026-04-27T07:30:00Z","title":"Consultation"}`, lead.id("data", "id"))
	booked := w.call("POST", "/appointments", body, w.live).is(201, `"status":"scheduled","scheduled_at":"2026-04-27T07:00:00Z"`)
	if loc := booked.Header().Get("Location"); loc != "/api/v1/appointments/"+booked.id("data", "id") {
		t.Errorf("Location: %s", loc)
	}
	if etag := booked.Header().Get("ETag"); etag != `"1"` {
		t.Errorf("ETag: %s", etag)
	}
	other := w.call("POST", "/leads", `{"name":"Bea Example","email":"bea@example.org"}`, w.live).is(201, "")
	taken := w.call("POST", "/appointments", strings.Replace(body, lead.id("data", "id"), other.id("data", "id"), 1), w.live).
		is(409, `{"error":{"code":"SLOT_TAKEN","message":`).is(409, `"alternatives":[{"scheduled_at":"2026-04-27T07:30:00Z"`)
	// A slot can be posted back as it is.
	slot := taken.get("error", "alternatives", 0).(map[string]any)
	back := fmt.Sprintf(`{"lead_id":%q,"scheduled_at":%q,"ends_at":%q,"local_start":%q,"provider_id":%v,"location_id":%v,"service_id":null}`,
		other.id("data", "id"), slot["scheduled_at"], slot["ends_at"], slot["local_start"], slot["provider_id"], slot["location_id"])
	w.call("POST", "/appointments", back, w.live).is(201, `"provider_id":1`)
	id := booked.id("data", "id")
	w.call("PATCH", "/appointments/"+id, `{"scheduled_at":"2026-04-27T09:00:00Z"}`, w.live).is(200, `"ends_at":"2026-04-27T09:30:00Z"`)
	w.call("PATCH", "/appointments/"+id, `{"status":"cancelled","cancellation_reason":"ill"}`, w.live).is(200, `"status":"cancelled"`)
	w.call("POST", "/appointments/"+id+"/cancel", "", w.live).is(200, `"status":"cancelled"`) // again: the same answer, nothing more
	want := []string{"lead.created", "appointment.created", "appointment.scheduled", "lead.created", "appointment.created", "appointment.scheduled",
		"appointment.updated", "appointment.cancelled"}
	if got := w.events(); !slices.Equal(got, want) {
		t.Errorf("events %v\nwant %v", got, want)
	}
	w.call("GET", "/leads?limit=1", "", w.live).is(200, `"pagination":{"next_cursor":"eyJjcmVhdGVkX2F0Ijoi`).is(200, `"has_more":true,"total_count":2}`)
}

func TestKlinivoDocument(t *testing.T) {
	w := newWorld(t)
	key, _ := strings.CutPrefix(w.kv, "X-API-Key: ")
	w.call("GET", "/health", "", w.kv).is(200, `{"status":"ok","keyPrefix":"`+key[:11]+`","organizationId":"`).
		is(200, `"permissions":["READ_PATIENTS","WRITE_PATIENTS","READ_APPOINTMENTS","WRITE_APPOINTMENTS","READ_PROVIDERS","READ_CONSULTATIONS","MANAGE_WEBHOOKS"]`)
	w.call("GET", "/health", "", "X-API-Key: kv_your_key_here").is(401, `{"error":"invalid_api_key","message":"Invalid or expired API key"}`)
	patient := w.call("POST", "/patients", `{"givenName":"Ida","familyName":"Sample","birthDate":"1980-02-29","phones":[{"number":"030 123456"}]}`, w.kv).
		is(201, `{"id":1,"givenName":"Ida","familyName":"Sample","birthDate":"1980-02-29"`)
	body := `{"patientId":` + patient.id("id") + `,"providerId":1,"scheduledAt":"2026-04-27T08:00:00Z","endsAt":"2026-04-27T08:30:00Z"}`
	first := w.call("POST", "/appointments", body, w.kv, "Idempotency-Key: unique-request-id-123").is(201, `"patientId":1,"providerId":1`).is(201, `"status":"scheduled"`)
	again := w.call("POST", "/appointments", body, w.kv, "Idempotency-Key: unique-request-id-123")
	if again.Body.String() != first.Body.String() || again.Code != 201 || again.Header().Get("Idempotent-Replayed") != "true" || again.Header().Get("Location") != first.Header().Get("Location") {
		t.Errorf("the retry is %d %v %s", again.Code, again.Header(), again.Body)
	}
	w.call("POST", "/appointments", strings.Replace(body, "08:30", "09:00", 1), w.kv, "Idempotency-Key: unique-request-id-123").is(422, `{"error":"idempotency_key_reused"`)
	id := first.id("id")
	w.call("POST", "/appointments/"+id+"/confirm", "", w.kv).is(200, `"status":"confirmed"`)
	w.call("POST", "/appointments/"+id+"/reschedule", `{"scheduledAt":"2026-04-27T10:00:00Z"}`, w.kv).is(200, `"endsAt":"2026-04-27T10:30:00Z"`)
	w.call("POST", "/appointments/"+id+"/cancel", `{"reason":"ill"}`, w.kv).is(200, `"cancellationReason":"ill"`)
	w.call("POST", "/appointments/"+id+"/confirm", "", w.kv).is(409, `{"error":"invalid_transition"`)
	w.call("GET", "/appointments/"+id, "", w.kv).is(200, `"checkedInAt":null`)
	w.call("GET", "/appointments/"+id+"/history", "", w.kv).is(200, `"action":"appointment.book"`).is(200, `"hasMore":false`)
	ics := w.call("GET", "/appointments/"+id+".ics", "", w.kv).is(200, "BEGIN:VCALENDAR\r\n")
	if ics.Header().Get("Content-Type") != "text/calendar; charset=utf-8" || !strings.Contains(ics.Body.String(), "STATUS:CANCELLED") || strings.Contains(ics.Body.String(), "Ida") {
		t.Errorf("%v\n%s", ics.Header(), ics.Body)
	}
	w.call("GET", "/providers", "", w.kv).is(200, `"displayName":"Provider 1"`).is(200, `"pagination":{"nextCursor":null,"hasMore":false,"totalCount":1}`)
	w.call("GET", "/locations", "", w.kv).is(200, `"name":"Berlin Dental"`)
	w.call("GET", "/api-keys", "", w.kv).is(403, `{"error":"insufficient_scope","message":"The key lacks a required permission: KEYS_MANAGE"}`)
	want := []string{"patient.created", "appointment.created", "appointment.scheduled", "appointment.updated", "appointment.confirmed", "appointment.updated", "appointment.cancelled"}
	if got := w.events(); !slices.Equal(got, want) {
		t.Errorf("events %v\nwant %v", got, want)
	}
}

func TestHistoryIsWritten(t *testing.T) {
	w := newWorld(t)
	lead := w.call("POST", "/leads", `{"name":"Ada"}`, w.live).id("data", "id")
	w.call("GET", "/leads/"+lead, "", w.live).is(200, `"name":"Ada"`)
	w.call("GET", "/leads/"+lead, "", w.other).is(404, `"NOT_FOUND"`)
	reader := "Authorization: Bearer " + w.key(w.ann, "qual_scope_", "providers:read")
	w.call("GET", "/leads/"+lead, "", reader).is(403, "leads:read")
	w.call("POST", "/appointments", `{"lead_id":"`+lead+`","scheduled_at":"2026-04-26T07:00:00Z","ends_at":"2026-04-26T07:30:00Z"}`, w.live).is(422, `"IN_THE_PAST"`)
	want := []string{"appointment.book failed", "key.create", "lead.put", "lead.read", "request.refuse denied"}
	got := w.audit(5)
	slices.Sort(got) // rows of reads ride the next commit, whenever that is
	if !slices.Equal(got, want) {
		t.Errorf("audit %v\nwant %v", got, want)
	}
	w.call("GET", "/audit?outcome=denied", "", w.live).is(200, `"entity_id":"GET /api/v1/leads/:id"`)
	w.call("GET", "/events?type=lead.created", "", w.live).is(200, `"seq":1,"type":"lead.created"`)
}
