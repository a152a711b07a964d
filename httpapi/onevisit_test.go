package httpapi

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestOneVisit is a whole visit as one transcript: lead → slot → booking → convert
// → confirm → check-in → consultation → SOAP note signed → prescription → end. The
// appointment is completed, the events came in the table's order, and the audit
// tells who did what.
func TestOneVisit(t *testing.T) {
	w := newWorld(t)
	lead := w.call("POST", "/leads", `{"source":"website","external_id":"f-1","first_name":"Ida","last_name":"Lind","email":"ida@example.org"}`, w.live).
		is(201, `"status":"new"`).id("data", "id")
	slot := w.call("GET", "/availability?from=2026-04-27&preference=morning&limit=1", "", w.live).
		is(200, `"scheduled_at":"2026-04-27T07:00:00Z","ends_at":"2026-04-27T07:30:00Z"`)
	appt := "/appointments/" + w.call("POST", "/appointments", `{"lead_id":"`+lead+`","title":"First visit","scheduled_at":"`+
		slot.id("data", 0, "scheduled_at")+`","ends_at":"`+slot.id("data", 0, "ends_at")+`"}`, w.live).is(201, `"status":"scheduled"`).id("data", "id")
	id := strings.TrimPrefix(appt, "/appointments/")
	w.call("GET", "/leads/"+lead, "", w.live).is(200, `"status":"booked"`)

	w.now = monday.Add(50 * time.Minute) // ten minutes before the visit
	w.call("POST", "/consultations", `{"appointment_id":"`+id+`"}`, w.live).is(409, `"CONFLICT"`).is(409, "POST /leads/"+lead+"/convert")
	patient := w.call("POST", "/leads/"+lead+"/convert", `{"birth_date":"1980-02-29","sex":"female"}`, w.live).
		is(201, `"created"`).id("data", "patient_id")
	w.call("GET", appt, "", w.live).is(200, `"patient_id":`+patient)
	w.call("POST", appt+"/confirm", "", w.live).is(200, `"status":"confirmed"`)
	w.call("POST", appt+"/check-in", "", w.live).is(200, `"checked_in_at":"2026-04-27T06:50:00Z"`)

	w.now = monday.Add(time.Hour)
	visit := w.call("POST", "/consultations", `{"appointment_id":"`+id+`","reason":"Cough"}`, w.live).
		is(201, `"patient_id":`+patient).is(201, `"started_at":"2026-04-27T07:00:00Z"`).id("data", "id")
	note := "/notes/" + w.call("POST", "/consultations/"+visit+"/notes",
		`{"subjective":"Cough since Friday","objective":"Chest clear","assessment":"Bronchitis","plan":"Rest",
		  "codes":[{"system":"http://hl7.org/fhir/sid/icd-10","code":"J20.9","display":"Acute bronchitis"}],
		  "vitals":[{"code":"body_temperature","value":38.4,"unit":"Cel"}]}`, w.live).is(201, `"status":"draft"`).id("data", "id")
	w.call("POST", note+"/sign", "{}", w.live).is(200, `"status":"signed"`)
	w.call("POST", "/consultations/"+visit+"/prescriptions", `{"medication":"Ambroxol 30 mg","dose":"1 tablet","frequency":"3 times a day","duration_days":5}`, w.live).
		is(201, `"status":"active"`)
	w.now = w.now.Add(25 * time.Minute)
	w.call("POST", "/consultations/"+visit+"/end", "{}", w.live).is(200, `"status":"ended"`).is(200, `"ended_at":"2026-04-27T07:25:00Z"`)

	w.call("GET", appt, "", w.live).is(200, `"status":"completed"`)
	w.call("POST", appt+"/undo", `{"reason":"oops"}`, w.live).is(409, `"INVALID_TRANSITION"`)
	history := w.call("GET", appt+"/history", "", w.live)
	var acts []string
	for i := range history.get("data").([]any) {
		acts = append(acts, history.id("data", i, "action"))
	}
	if want := []string{"appointment.book", "appointment.confirm", "appointment.check-in", "appointment.complete"}; !slices.Equal(acts, want) {
		t.Errorf("history %v\nwant    %v", acts, want)
	}
	want := []string{
		"lead.created", "appointment.created", "appointment.scheduled", "lead.converted", "patient.created",
		"appointment.updated", "appointment.confirmed", "appointment.updated", "appointment.checked_in",
		"consultation.started", "soap_note.created", "soap_note.signed", "prescription.created",
		"appointment.updated", "appointment.completed", "consultation.ended",
	}
	if got := w.events(); !slices.Equal(got, want) {
		t.Errorf("events %v\nwant   %v", got, want)
	}
	opened := w.call("GET", "/audit?patient_id="+patient+"&limit=200", "", w.live).Body.String()
	for _, act := range []string{"lead.convert", "appointment.check-in", "consultation.start", "note.create", "note.sign", "prescription.create", "consultation.end"} {
		if !strings.Contains(opened, `"action":"`+act+`"`) {
			t.Errorf("the patient's audit lacks %s", act)
		}
	}
	if strings.Contains(opened, "Bronchitis") || strings.Contains(w.log.String(), "Bronchitis") || strings.Contains(w.log.String(), "ida@") {
		t.Error("clinical or personal text left its row")
	}
}
