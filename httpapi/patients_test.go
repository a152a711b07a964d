package httpapi

import (
	"slices"
	"strings"
	"testing"
)

const idaLind = `{"given_name":"Ida","family_name":"Lind","birth_date":"1980-02-29","phones":[{"number":"030 1234567","label":"home"}],` +
	`"consents":{"marketing":{"granted":true,"at":"2026-04-01T10:00:00Z","source":"form"}},"identifiers":[{"system":"insurer","value":"A 1"}]}`

func TestPatientRecord(t *testing.T) {
	bothForms(t, func(w *world) {
		made := w.as("POST", "/patients", idaLind).has(201, `"P-00001"`, "data", "mrn").has(201, `"2026-04-01T10:00:00Z"`, "data", "consents", "marketing", "at").
			has(201, `"insurer"`, "data", "identifiers", 0, "system").has(201, `"unknown"`, "data", "sex")
		id := made.id("data", "id")
		if loc := made.Header().Get("Location"); loc != "/api/v1/patients/"+id {
			t.Errorf("Location %s", loc)
		}
		again := w.as("POST", "/patients", idaLind).has(409, `"CONFLICT"`, "error", "code").has(409, `"allow_duplicate"`, "error", "details", 0, "field").
			has(409, id, "error", "candidates", 0, "patient_id").has(409, `"certain"`, "error", "candidates", 0, "grade")
		if strings.Contains(again.Body.String(), "Ida") || strings.Contains(again.Body.String(), "1980") {
			t.Errorf("the refusal names the person: %s", again.Body)
		}
		w.as("PATCH", "/patients/"+id, `{"language":"DE-at"}`, `If-Match: "9"`).has(412, `"PRECONDITION_FAILED"`, "error", "code")
		r := w.as("PATCH", "/patients/"+id, `{"language":"DE-at","emergency_contact":{"name":"Noa"}}`, `If-Match: "1"`).has(200, `"de-AT"`, "data", "language").
			has(200, `"Noa"`, "data", "emergency_contact", "name")
		if r.Header().Get("ETag") != `"2"` {
			t.Errorf("ETag %v", r.Header())
		}
		w.as("PATCH", "/patients/"+id, `{"given_name":"","phones":[{"number":"x"}],"email":"a@"}`).has(400, `"given_name"`, "error", "details", 0, "field").
			has(400, `"email"`, "error", "details", 1, "field").has(400, `"phones[0].number"`, "error", "details", 2, "field")
		w.as("PATCH", "/patients/"+id, `{"status":"merged"}`).has(400, `"status"`, "error", "details", 0, "field")
		w.as("POST", "/patient-matches", `{"given_name":"Ida","family_name":"LIND","birth_date":"1980-02-29"}`).has(200, `"probable"`, "data", 0, "grade").
			has(200, id, "data", 0, "patient", "id").has(200, `["birth_date","family_name","given_name"]`, "data", 0, "matched")
		w.as("POST", "/patient-matches", `{}`).has(400, `"birth_date"`, "error", "details", 0, "field")
		for _, q := range []string{"ida", "lind%20i", "p-00001", "1980-02-29", "%2B4930123", "030123"} {
			w.as("GET", "/patients?q="+q, "").has(200, `1`, "pagination", "total_count")
		}
	})
}

func TestPatientsMergeAndUnmerge(t *testing.T) {
	bothForms(t, func(w *world) {
		a := w.as("POST", "/patients", idaLind).id("data", "id")
		b := w.as("POST", "/patients", `{"given_name":"Ida","family_name":"Berg"}`).id("data", "id")
		w.as("POST", "/patients/"+a+"/merge", `{"into":`+a+`}`).has(400, `"into"`, "error", "details", 0, "field")
		w.as("POST", "/patients/"+a+"/merge", `{}`).has(400, `"into"`, "error", "details", 0, "field")
		w.as("POST", "/patients/"+a+"/merge", `{"into":999}`).has(404, `"NOT_FOUND"`, "error", "code")
		w.as("POST", "/patients/"+a+"/merge", `{"into":`+b+`}`).has(200, b, "data", "id").has(200, `"1980-02-29"`, "data", "birth_date")
		w.as("GET", "/patients/"+a, "").has(200, b, "data", "merged_into").has(200, `""`, "data", "given_name")
		w.as("POST", "/patients/"+b+"/merge", `{"into":`+a+`}`).has(409, `"CONFLICT"`, "error", "code")
		w.as("POST", "/patients/"+b+"/unmerge", "").has(409, `"CONFLICT"`, "error", "code")
		w.as("POST", "/patients/"+a+"/unmerge", "{}").has(200, `"Ida"`, "data", "given_name")
		w.as("GET", "/patients?status=merged", "").has(200, `0`, "pagination", "total_count")
		want := []string{"patient.created", "patient.created", "patient.merged", "patient.updated", "patient.updated"}
		if got := w.events(); !slices.Equal(got, want) {
			t.Errorf("events %v", got)
		}
	})
}

func TestLeadConversion(t *testing.T) {
	bothForms(t, func(w *world) {
		l := w.as("POST", "/leads", `{"name":"Ida Lind","phone":"030 1234567"}`).id("data", "id")
		visit := w.as("POST", "/appointments", `{"lead_id":"`+l+`","scheduled_at":"2026-04-27T09:00:00Z","ends_at":"2026-04-27T09:30:00Z"}`).id("data", "id")
		made := w.as("POST", "/leads/"+l+"/convert", `{"birth_date":"1980-02-29"}`, "Idempotency-Key: c1").has(201, `"created"`, "data", "outcome").
			has(201, `"converted"`, "data", "lead", "status")
		p := made.id("data", "patient_id")
		if loc := made.Header().Get("Location"); loc != "/api/v1/patients/"+p {
			t.Errorf("Location %s", loc)
		}
		if again := w.as("POST", "/leads/"+l+"/convert", `{"birth_date":"1980-02-29"}`, "Idempotency-Key: c1"); again.Code != 201 || again.Header().Get("Idempotent-Replayed") != "true" {
			t.Errorf("the retry is %d %s", again.Code, again.Body)
		}
		w.as("POST", "/leads/"+l+"/convert", ``).has(200, `"linked"`, "data", "outcome").has(200, p, "data", "patient_id")
		w.as("GET", "/appointments/"+visit, "").has(200, p, "data", "patient_id")
		w.as("GET", "/appointments?patient_id="+p, "").has(200, `1`, "pagination", "total_count")
		m := w.as("POST", "/leads", `{"name":"Ida Berg","phone":"030 1234567"}`).id("data", "id")
		w.as("POST", "/leads/"+m+"/convert", `{}`).has(409, p, "error", "candidates", 0, "patient_id").has(409, `"patient_id"`, "error", "details", 0, "field")
		w.as("GET", "/leads/"+m, "").has(200, `"new"`, "data", "status")
		w.as("POST", "/leads/"+m+"/convert", `{"patient_id":`+p+`}`).has(200, `"linked"`, "data", "outcome")
		want := []string{"lead.created", "appointment.created", "appointment.scheduled", "lead.converted", "patient.created", "lead.created", "lead.converted"}
		if got := w.events(); !slices.Equal(got, want) {
			t.Errorf("events %v", got)
		}
	})
}

// The document's printed POST, as a client of Klinivo sends it.
func TestKlinivoPrintedPOST(t *testing.T) {
	w := newWorld(t)
	w.ann = w.bob // whose provider has the number 2
	w.kv = "X-API-Key: " + w.key(w.ann, "kv_", "READ_PATIENTS", "WRITE_PATIENTS", "READ_APPOINTMENTS", "WRITE_APPOINTMENTS")
	w.call("POST", "/patients", `{"givenName":"Ida","familyName":"Sample"}`, w.kv).is(201, `{"id":1,`)
	const body = `{"patientId": 1, "providerId": 2, "scheduledAt": "2026-04-27T08:00:00Z", "endsAt": "2026-04-27T08:30:00Z"}`
	first := w.call("POST", "/appointments", body, w.kv, "Idempotency-Key: unique-request-id-123").is(201, `"patientId":1,"providerId":2,`).is(201, `"scheduledAt":"2026-04-27T08:00:00Z"`)
	if first.Header().Get("Location") != "/api/v1/appointments/"+first.id("id") {
		t.Errorf("Location %v", first.Header())
	}
	again := w.call("POST", "/appointments", body, w.kv, "Idempotency-Key: unique-request-id-123")
	if again.Code != 201 || again.Body.String() != first.Body.String() || again.Header().Get("Idempotent-Replayed") != "true" {
		t.Errorf("the retry is %d %s", again.Code, again.Body)
	}
	reader := "X-API-Key: " + w.key(w.ann, "kv_", "READ_PATIENTS", "READ_APPOINTMENTS")
	w.call("POST", "/appointments", body, reader, "Idempotency-Key: another").is(403, `{"error":"insufficient_scope","message":"The key lacks a required permission: WRITE_APPOINTMENTS"}`)
	if got, want := w.events(), []string{"patient.created", "appointment.created", "appointment.scheduled"}; !slices.Equal(got, want) {
		t.Errorf("events %v", got)
	}
	w.call("GET", "/appointments", "", w.kv).is(200, `"totalCount":1`)
}

func TestRightsOfThePerson(t *testing.T) {
	bothForms(t, func(w *world) {
		p := w.as("POST", "/patients", idaLind).id("data", "id")
		visit := w.as("POST", "/appointments", `{"patient_id":`+p+`,"scheduled_at":"2026-04-27T09:00:00Z","ends_at":"2026-04-27T09:30:00Z","title":"Check-up"}`).id("data", "id")
		w.as("GET", "/patients/"+p+"/timeline", "").has(200, `"appointment"`, "data", 0, "kind").has(200, `"Check-up"`, "data", 0, "title")
		w.as("GET", "/patients/"+p+"/timeline?limit=0", "").has(400, `"limit"`, "error", "details", 0, "field")
		w.as("GET", "/patients/"+p+"/export", "").has(200, `"Ida"`, "data", "patient", "given_name").has(200, `"`+visit+`"`, "data", "appointments", 0, "id").
			has(200, `"patient.create"`, "data", "accesses", 0, "action")
		w.as("POST", "/patients/"+p+"/erase", "").has(409, `"CONFLICT"`, "error", "code")
		w.as("POST", "/appointments/"+visit+"/cancel", "").is(200, "")
		w.as("POST", "/patients/"+p+"/erase", "{}").has(200, `true`, "data", "restricted").has(200, `"Erased"`, "data", "given_name")
		w.as("PATCH", "/patients/"+p, `{"email":"a@example.org"}`).has(410, `"GONE"`, "error", "code")
		r := w.as("GET", "/patients/"+p+"/export", "")
		if strings.Contains(r.Body.String(), "Ida") || strings.Contains(r.Body.String(), "Check-up") {
			t.Errorf("the export after erasing: %s", r.Body)
		}
	})
	w := newWorld(t)
	w.call("GET", "/patients/1/export", "", "Authorization: Bearer "+w.key(w.ann, "qual_scope_", "patients:read", "patients:write")).is(403, "patients:export")
	w.call("POST", "/patients/1/erase", "", "X-API-Key: "+w.key(w.ann, "kv_", "READ_PATIENTS", "WRITE_PATIENTS")).is(403, "PATIENTS_ERASE")

	// A kept reply that was emptied is not replayed as a reply with nothing in it.
	id := w.call("POST", "/patients", idaLind, w.live, "Idempotency-Key: gone").is(201, "").id("data", "id")
	w.call("POST", "/patients/"+id+"/erase", "", w.live).is(200, "")
	w.call("POST", "/patients", idaLind, w.live, "Idempotency-Key: gone").is(410, `"GONE"`)

	// The refusals above ride with the writes since. They are told with who opened the record.
	w.call("GET", "/audit?patient_id=1&outcome=denied", "", w.live).is(200, `"total_count":2}`).is(200, `"entity_id":"POST /api/v1/patients/:id/erase"`)
}
