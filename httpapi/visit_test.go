package httpapi

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"qualifybase/engine"
)

// patientAt makes a patient who is booked for 09:00 of the clinic, and moves the
// clock there; it gives the ids of both.
func (w *world) patientAt(t *testing.T) (patient, appointment string) {
	t.Helper()
	patient = w.call("POST", "/patients", `{"given_name":"Ida","family_name":"<b>Lind</b>","birth_date":"1980-02-29"}`, w.live).is(201, "").id("data", "id")
	appointment = w.call("POST", "/appointments", `{"patient_id":`+patient+`,"scheduled_at":"2026-04-27T07:00:00Z","ends_at":"2026-04-27T07:30:00Z"}`, w.live).
		is(201, "").id("data", "id")
	w.now = time.Date(2026, 4, 27, 7, 0, 0, 0, time.UTC)
	return patient, appointment
}

func TestConsultationsOverHTTP(t *testing.T) {
	w := newWorld(t)
	patient, appt := w.patientAt(t)
	w.call("POST", "/consultations", `{}`, w.live).is(400, `"field":"patient_id"`).is(400, `"field":"provider_id"`)
	w.call("POST", "/consultations", `{"appointment_id":"`+appt+`","mode":"letter"}`, w.live).is(400, `"field":"mode"`)
	made := w.call("POST", "/consultations", `{"appointment_id":"`+appt+`","reason":"Cough"}`, w.live, "Idempotency-Key: a").
		is(201, `"status":"in_progress","started_at":"2026-04-27T07:00:00Z","ended_at":null`).is(201, `"patient_id":`+patient)
	id := made.id("data", "id")
	if made.Header().Get("Location") != "/api/v1/consultations/"+id || made.Header().Get("ETag") != `"1"` {
		t.Errorf("headers %v", made.Header())
	}
	again := w.call("POST", "/consultations", `{"appointment_id":"`+appt+`","reason":"Cough"}`, w.live, "Idempotency-Key: a")
	if again.Body.String() != made.Body.String() {
		t.Errorf("the retry is %s", again.Body)
	}
	w.call("POST", "/consultations", `{"appointment_id":"`+appt+`"}`, w.live).is(409, `"CONFLICT"`).is(409, id)
	w.call("GET", "/consultations?appointment_id="+appt, "", w.live).is(200, id).is(200, `"total_count":1}`)
	w.call("GET", "/consultations/"+id, "", w.kv).is(200, `"appointmentId":"`+appt+`"`).is(200, `"startedAt":"2026-04-27T07:00:00Z"`)
	w.call("POST", "/consultations/"+id+"/end", "", w.kv).is(403, `"message":"The key lacks a required permission: CONSULTATIONS_WRITE"`)
	w.call("PATCH", "/consultations/"+id, `{"mode":"video"}`, w.live, `If-Match: "7"`).is(412, "PRECONDITION_FAILED")
	w.call("PATCH", "/consultations/"+id, `{"mode":"video"}`, w.live, `If-Match: "1"`).is(200, `"mode":"video"`)
	w.call("POST", "/appointments/"+appt+"/cancel", "", w.live).is(409, `"CONFLICT"`).is(409, id)
	w.call("POST", "/consultations/"+id+"/end", "{}", w.live).is(200, `"status":"ended"`)
	w.call("POST", "/consultations/"+id+"/end", "{}", w.live).is(200, `"status":"ended"`)
	w.call("GET", "/appointments/"+appt, "", w.live).is(200, `"status":"completed"`)
	w.call("POST", "/appointments/"+appt+"/no-show", "", w.live).is(409, `"allowed":[]`).is(409, "/undo")
	w.call("PATCH", "/consultations/"+id, `{"status":"entered_in_error","status_reason":"x"}`, w.live).is(200, `"status":"entered_in_error"`)
	w.call("POST", "/consultations/"+id+"/end", "", w.live).is(409, `"allowed":[]`)
	id = w.call("POST", "/consultations", `{"appointment_id":"`+appt+`"}`, w.live).is(201, "").id("data", "id")
	w.call("POST", "/consultations/"+id+"/end", "", w.live).is(200, "")
	w.call("GET", "/appointments/"+appt+"/history", "", w.live).is(200, `"action":"appointment.complete"`)
	w.call("PATCH", "/consultations/"+id, `{"reason":"x"}`, w.live).is(409, `"CONFLICT"`)
	w.call("PATCH", "/consultations/"+id, `{"status":"in_progress"}`, w.live).is(409, `"allowed":["entered_in_error"]`)
}

func TestNotesOverHTTP(t *testing.T) {
	w := newWorld(t)
	_, appt := w.patientAt(t)
	visit := w.call("POST", "/consultations", `{"appointment_id":"`+appt+`"}`, w.live).id("data", "id")
	w.call("POST", "/consultations/"+visit+"/notes", `{"vitals":[{"code":"body_temperature","value":384,"unit":"Cel"}]}`, w.live).
		is(400, `{"field":"vitals[0].value","message":"Must be 10 to 47 Cel"}`)
	w.call("POST", "/consultations/"+visit+"/notes", `{"plan":"`+strings.Repeat("x", engine.MaxSOAP+1)+`"}`, w.live).is(400, `"field":"plan"`)
	made := w.call("POST", "/consultations/"+visit+"/notes", `{"subjective":"Cough","plan":"Rest","codes":[{"code":"J20.9"}]}`, w.live).
		is(201, `"status":"draft","revision":1,"signed_by":null,"signed_at":null,"amended":false`)
	note := "/notes/" + made.id("data", "id")
	w.call("PATCH", note, `{"plan":"Tea"}`, w.live).is(428, `"PRECONDITION_REQUIRED"`)
	w.call("PATCH", note, `{"plan":"Tea","reason":"x"}`, w.live, `If-Match: "1"`).is(400, `"field":"reason"`)
	w.call("PATCH", "/consultations/"+visit, `{"status_reason":"x"}`, w.live).is(400, `"field":"status_reason"`)
	w.call("PATCH", note, `{"plan":"Tea"}`, w.live, `If-Match: "9"`).is(412, `"PRECONDITION_FAILED"`)
	edited := w.call("PATCH", note, `{"plan":"Tea"}`, w.live, `If-Match: "1"`).is(200, `"plan":"Tea"`)
	if edited.Header().Get("ETag") != `"2"` {
		t.Errorf("ETag %s", edited.Header().Get("ETag"))
	}
	w.call("POST", note+"/amend", `{"plan":"x","reason":"y"}`, w.live).is(409, `"INVALID_TRANSITION"`)
	w.call("POST", note+"/sign", "{}", w.live, `If-Match: "2"`).is(200, `"status":"signed"`).is(200, `"signed_at":"2026-04-27T07:00:00Z"`)
	w.call("POST", note+"/sign", "{}", w.live).is(409, `"INVALID_TRANSITION"`)
	for _, match := range []string{"If-Match: *", `If-Match: "3"`, `If-Match: "1"`} {
		w.call("PATCH", note, `{"plan":"x"}`, w.live, match).is(409, `"allowed":["amended","entered_in_error"]`)
	}
	w.call("PATCH", note, `{"plan":"x"}`, w.live).is(409, `"INVALID_TRANSITION"`) // the state goes before If-Match
	w.call("POST", "/consultations/"+visit+"/end", "", w.live).is(200, "")
	w.call("POST", "/consultations/"+visit+"/notes", `{"plan":"x"}`, w.live).is(409, `"CONFLICT"`)
	w.call("POST", note+"/amend", `{"plan":"Antibiotics"}`, w.live).is(400, `"field":"reason"`)
	w.call("POST", note+"/amend", `{"plan":"Antibiotics","reason":"Culture"}`, w.live).
		is(200, `"subjective":"Cough"`).is(200, `"status":"amended","revision":2`).is(200, `"amended":true,"amend_reason":"Culture"`)
	w.call("GET", note, "", w.kv).is(200, `"amendReason":"Culture"`).is(200, `"contentSha256":"`)
	w.call("GET", note+"/versions", "", w.live).is(200, `"plan":"Tea"`).is(200, `"plan":"Antibiotics"`).is(200, `"total_count":2}`)
	w.call("GET", "/consultations/"+visit+"/notes", "", w.live).is(200, `"total_count":1}`)
	w.call("GET", "/notes?status=amended", "", w.kv).is(200, `"totalCount":1}`)
	w.call("POST", "/consultations/"+visit+"/notes", `{"plan":"Better","addendum_to":"`+made.id("data", "id")+`"}`, w.live).is(201, `"status":"signed"`)
}

func TestPrescriptionsOverHTTP(t *testing.T) {
	w := newWorld(t)
	_, appt := w.patientAt(t)
	visit := w.call("POST", "/consultations", `{"appointment_id":"`+appt+`"}`, w.live).id("data", "id")
	path := "/consultations/" + visit + "/prescriptions"
	w.call("POST", path, `{}`, w.live).is(400, `"field":"medication"`).is(400, `"field":"dose"`).is(400, `"field":"frequency"`)
	w.call("POST", path, `{"medication":"M","dose":"1","frequency":"daily","duration_days":3,"end_date":"2026-05-01"}`, w.live).is(400, `"field":"end_date"`)
	w.call("POST", path, `{"medication":"M","dose":"1","frequency":"daily","start_date":"2026-02-30"}`, w.live).is(400, `"field":"start_date"`)
	w.call("POST", path, `{"medication":"M","dose":"1","frequency":"daily","quantity":"21"}`, w.live).is(400, `"field":"quantity"`)
	made := w.call("POST", path, `{"medication":"A & <script>alert(1)</script>","dose":"1 tablet","frequency":"daily","duration_days":7,"quantity":1.5,"unit":"g","as_needed":true}`, w.live).
		is(201, `"start_date":"2026-04-27","duration_days":7,"end_date":null,"quantity":1.5,"unit":"g"`).is(201, `"status":"active"`)
	one := "/prescriptions/" + made.id("data", "id")
	page := w.call("GET", one+".html", "", w.kv).is(200, "<!doctype html>").is(200, "A &amp; &lt;script&gt;").is(200, "&lt;b&gt;Lind&lt;/b&gt;").
		is(200, "1980-02-29").is(200, "daily, as needed").is(200, "2026-05-03")
	if csp := page.Header().Get("Content-Security-Policy"); csp != "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'" {
		t.Errorf("a browser shows the page under %q", csp)
	}
	if kind := page.Header().Get("Content-Type"); kind != "text/html; charset=utf-8" || strings.Contains(page.Body.String(), "<script") {
		t.Errorf("%s\n%s", kind, page.Body)
	}
	w.call("GET", "/prescriptions/nothing.html", "", w.live).is(404, `"NOT_FOUND"`)
	w.call("GET", one, "", w.kv).is(200, `"substitutionAllowed":true`)
	w.call("PATCH", one, `{"dose":"2"}`, w.live).is(409, `"CONFLICT"`)
	w.call("POST", "/consultations/"+visit+"/end", "", w.live).is(200, "")
	w.call("POST", path, `{"medication":"M","dose":"1","frequency":"daily"}`, w.live).is(409, `"CONFLICT"`)
	w.call("POST", one+"/stop", `{}`, w.live).is(400, `"field":"reason"`)
	w.call("POST", one+"/stop", `{"reason":"Rash"}`, w.live).is(200, `"status":"stopped","stop_reason":"Rash"`)
	w.call("PATCH", one, `{"status":"active"}`, w.live).is(409, `"allowed":["entered_in_error"]`)
	w.call("GET", one+".html", "", w.live).is(200, "Stopped, no longer valid")
	w.call("GET", path, "", w.live).is(200, `"total_count":1}`)
	if r := w.call(http.MethodGet, one+".html", "", w.other); r.Code != 404 {
		t.Errorf("another clinic prints it: %d", r.Code)
	}
}
