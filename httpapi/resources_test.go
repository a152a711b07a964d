package httpapi

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestLeads(t *testing.T) {
	bothForms(t, func(w *world) {
		w.as("POST", "/leads", `{}`).has(400, `"VALIDATION_ERROR"`, "error", "code")
		made := w.as("POST", "/leads", `{"source":"form","external_id":"1","email":"ada@example.org","tags":["a"],"metadata":{"Own_name":{"x_y":1}}}`).
			has(201, `{"Own_name":{"x_y":1}}`, "data", "metadata")
		id := made.id("data", "id")
		if loc := made.Header().Get("Location"); loc != "/api/v1/leads/"+id {
			t.Errorf("Location %s", loc)
		}
		w.as("POST", "/leads", `{"source":"form","external_id":"1","name":"Ada"}`).has(200, `"Ada"`, "data", "name").has(200, `"`+id+`"`, "data", "id").has(200, `2`, "data", "version")
		w.as("POST", "/leads", `{"source":"form","external_id":"1","name":"Ada"}`).has(200, `2`, "data", "version") // nothing new
		w.as("PATCH", "/leads/"+id, `{"status":"qualified"}`, `If-Match: "1"`).has(412, `"PRECONDITION_FAILED"`, "error", "code")
		w.as("PATCH", "/leads/"+id, `{"status":"qualified"}`, `If-Match: "x"`).has(412, `"PRECONDITION_FAILED"`, "error", "code")
		r := w.as("PATCH", "/leads/"+id, `{"status":"qualified"}`, `If-Match: W/"2"`).has(200, `"qualified"`, "data", "status")
		if etag := r.Header().Get("ETag"); etag != `"3"` {
			t.Errorf("ETag %s", etag)
		}
		w.as("PATCH", "/leads/"+id, `{"status":"lovely"}`).has(400, `"status"`, "error", "details", 0, "field")
		w.as("GET", "/leads?status=qualified&q=ad", "").has(200, `1`, "pagination", "total_count").has(200, `"`+id+`"`, "data", 0, "id")
		w.as("GET", "/leads?status=nothing", "").has(400, `"status"`, "error", "details", 0, "field")
		w.as("GET", "/leads?updated_since=2026-04-27T00:00:00Z", "").has(200, `"`+id+`"`, "data", 0, "id")
		w.as("GET", "/leads?cursor=abc", "").has(400, `"INVALID_CURSOR"`, "error", "code")
		w.as("DELETE", "/leads/"+id, "").is(204, "")
		w.as("GET", "/leads/"+id, "").has(404, `"NOT_FOUND"`, "error", "code")
		want := []string{"lead.created", "lead.updated", "lead.updated", "lead.deleted"}
		if got := w.events(); !slices.Equal(got, want) {
			w.Errorf("events %v, want %v", got, want)
		}
	})
}

func TestPages(t *testing.T) {
	bothForms(t, func(w *world) {
		var made []string
		for i := range 7 {
			made = append(made, w.as("POST", "/leads", fmt.Sprintf(`{"external_id":"%d"}`, i)).id("data", "id"))
			w.now = w.now.Add(time.Duration(i%2) * time.Second) // some share a second
		}
		slices.Reverse(made)
		var seen []string
		cursor := ""
		for {
			r := w.as("GET", "/leads?limit=3"+cursor, "")
			for i := range r.get("data").([]any) {
				seen = append(seen, r.id("data", i, "id"))
			}
			r.has(200, "7", "pagination", "total_count")
			if !r.get("pagination", "has_more").(bool) {
				break
			}
			cursor = "&cursor=" + r.id("pagination", "next_cursor")
			w.as("POST", "/leads", `{"external_id":"later`+fmt.Sprint(len(seen))+`"}`) // written meanwhile: not in this walk
		}
		if !slices.Equal(seen, made) {
			w.Errorf("walked %v\nwant %v", seen, made)
		}
		w.as("GET", "/leads?source=api"+cursor, "").has(400, `"INVALID_CURSOR"`, "error", "code") // another filter
		w.as("GET", "/leads?limit=201", "").has(400, `"limit"`, "error", "details", 0, "field")
	})
}

func TestHolds(t *testing.T) {
	bothForms(t, func(w *world) {
		lead := w.as("POST", "/leads", `{"external_id":"1"}`).id("data", "id")
		const at = `"scheduled_at":"2026-04-27T09:00:00Z"`
		held := w.as("POST", "/holds", `{`+at+`,"ends_at":"2026-04-27T09:30:00Z","minutes":15}`, "Idempotency-Key: h1").has(201, `"2026-04-27T06:15:00Z"`, "data", "expires_at")
		id, token := held.id("data", "id"), held.id("data", "token")
		again := w.as("POST", "/holds", `{`+at+`,"ends_at":"2026-04-27T09:30:00Z","minutes":15}`, "Idempotency-Key: h1").has(201, `"`+id+`"`, "data", "id")
		if again.id("data", "token") != "" || again.Header().Get("Idempotent-Replayed") != "true" {
			w.Errorf("the stored reply holds the token: %s", again.Body)
		}
		w.as("POST", "/appointments", `{"lead_id":"`+lead+`",`+at+`,"ends_at":"2026-04-27T09:30:00Z"}`).has(409, `"SLOT_TAKEN"`, "error", "code")
		w.as("POST", "/holds", `{`+at+`,"ends_at":"2026-04-27T09:30:00Z","minutes":16}`).has(400, `"minutes"`, "error", "details", 0, "field")
		w.as("POST", "/holds", `{`+at+`,"ends_at":"2026-04-27T09:30:00Z","local_start":"2026-04-27T09:00:00+02:00"}`).has(400, `"local_start"`, "error", "details", 0, "field")
		w.as("POST", "/appointments", `{"lead_id":"`+lead+`","hold_id":"`+id+`","hold_token":"`+token+`"}`).has(201, `"2026-04-27T09:30:00Z"`, "data", "ends_at")
		next := w.as("POST", "/holds", `{"scheduled_at":"2026-04-27T10:00:00Z","ends_at":"2026-04-27T10:30:00Z"}`)
		w.as("DELETE", "/holds/"+next.id("data", "id"), "").is(204, "")
		third := w.as("POST", "/holds", `{"scheduled_at":"2026-04-27T10:00:00Z","ends_at":"2026-04-27T10:30:00Z"}`).has(201, `"2026-04-27T06:05:00Z"`, "data", "expires_at")
		w.now = w.now.Add(5 * time.Minute)
		w.as("POST", "/appointments", `{"lead_id":"`+lead+`","hold_id":"`+third.id("data", "id")+`","hold_token":"`+third.id("data", "token")+`"}`).has(410, `"GONE"`, "error", "code")
	})
}

func TestAppointmentLife(t *testing.T) {
	bothForms(t, func(w *world) {
		patient := w.as("POST", "/patients", `{"given_name":"Ida","family_name":"Sample"}`).id("data", "id")
		book := func(at string) string {
			return w.as("POST", "/appointments", `{"patient_id":`+patient+`,"scheduled_at":"2026-04-27T`+at+`:00Z","ends_at":"2026-04-27T`+at[:3]+`30:00Z"}`).
				has(201, `"scheduled"`, "data", "status").id("data", "id")
		}
		a := book("08:00")
		w.as("POST", "/appointments", `{"patient_id":`+patient+`,"scheduled_at":"2026-04-27T08:00:00Z","ends_at":"2026-04-27T08:30:00Z","allow_overlap":true}`).has(400, `"reason"`, "error", "details", 0, "field")
		w.as("POST", "/appointments/"+a+"/complete", "").has(409, `"INVALID_TRANSITION"`, "error", "code")
		w.as("POST", "/appointments/"+a+"/check-in", "{}").has(200, `"2026-04-27T06:00:00Z"`, "data", "checked_in_at")
		w.as("POST", "/appointments/"+a+"/check-in", `{"x":1}`).has(400, `"VALIDATION_ERROR"`, "error", "code")
		w.now = w.now.Add(2 * time.Hour)
		w.as("POST", "/appointments/"+a+"/complete", "").has(200, `"completed"`, "data", "status")
		w.as("POST", "/appointments/"+a+"/undo", "").has(400, `"reason"`, "error", "details", 0, "field")
		w.as("POST", "/appointments/"+a+"/undo", `{"reason":"not yet"}`).has(200, `"scheduled"`, "data", "status")
		b := book("09:00")
		w.now = w.now.Add(80 * time.Minute)
		w.as("POST", "/appointments/"+b+"/no-show", "").has(200, `"no_show"`, "data", "status")
		w.as("POST", "/appointments", `{"patient_id":`+patient+`,"rebooked_from":"`+b+`","scheduled_at":"2026-04-27T12:00:00Z","ends_at":"2026-04-27T12:30:00Z"}`).
			has(201, `"`+b+`"`, "data", "rebooked_from")
		w.as("GET", "/appointments?from=2026-04-27&to=2026-04-28&patient_id="+patient, "").has(200, `3`, "pagination", "total_count")
		w.as("GET", "/appointments?from=2026-04-27T09:00:00Z&status=no_show", "").has(200, `"`+b+`"`, "data", 0, "id")
		w.as("GET", "/appointments?from=tomorrow", "").has(400, `"from"`, "error", "details", 0, "field")
		w.as("PATCH", "/appointments/"+a, `{"title":"Check-up","notes":"x"}`, `If-Match: "99"`).has(412, `"PRECONDITION_FAILED"`, "error", "code")
		w.as("GET", "/appointments/"+a+"/history", "").has(200, `"appointment.book"`, "data", 0, "action")
		if ics := w.as("GET", "/appointments/"+a+".ics", ""); !strings.Contains(ics.Body.String(), "UID:"+a+"@qualifybase") {
			w.Errorf("%s", ics.Body)
		}
		w.as("GET", "/appointments/nothing.ics", "").has(404, `"NOT_FOUND"`, "error", "code")
	})
}

func TestDirectory(t *testing.T) {
	bothForms(t, func(w *world) {
		room := w.as("POST", "/locations", `{"name":"Room 2","kind":"room","parent_id":1,"capacity":2}`).has(201, `"room"`, "data", "kind").id("data", "id")
		w.as("PATCH", "/locations/"+room, `{"address":{"line1":"Main St 1","postal_code":"10115"}}`, `If-Match: "1"`).has(200, `"10115"`, "data", "address", "postal_code")
		p := w.as("POST", "/providers", `{"display_name":"Dr. No","location_ids":[1],"buffer_after":10}`).has(201, `"Dr. No"`, "data", "display_name").id("data", "id")
		w.as("POST", "/providers", `{}`).has(400, `"display_name"`, "error", "details", 0, "field").has(400, `"Required"`, "error", "details", 0, "message")
		s := w.as("POST", "/services", `{"name":"Cleaning","duration_minutes":45,"align":"clock","provider_ids":[`+p+`]}`).has(201, `45`, "data", "duration_minutes").id("data", "id")
		w.as("GET", "/providers/"+p, "").has(200, `[`+s+`]`, "data", "service_ids")
		w.as("GET", "/availability?service_id="+s+"&limit=1", "").has(200, p, "data", 0, "provider_id").has(200, s, "data", 0, "service_id")
		w.as("GET", "/services", "").has(200, `1`, "pagination", "total_count")
		w.as("DELETE", "/services/"+s, "").is(204, "")
		w.as("GET", "/providers/999", "").has(404, `"NOT_FOUND"`, "error", "code")
		w.as("GET", "/providers/abc", "").has(404, `"NOT_FOUND"`, "error", "code")
		w.as("DELETE", "/providers/"+p, "").is(204, "")
		w.as("DELETE", "/locations/"+room, "").is(204, "")
		w.as("GET", "/clinic", "").has(200, `"Europe/Berlin"`, "data", "time_zone")
		w.as("PATCH", "/clinic", `{"step_minutes":20}`).has(200, `20`, "data", "step_minutes")
	})
}

func TestHours(t *testing.T) {
	bothForms(t, func(w *world) {
		lead := w.as("POST", "/leads", `{"external_id":"1"}`).id("data", "id")
		visit := w.as("POST", "/appointments", `{"lead_id":"`+lead+`","scheduled_at":"2026-04-27T13:00:00Z","ends_at":"2026-04-27T13:30:00Z"}`).id("data", "id")
		w.as("GET", "/schedule", "").has(200, `"09:00"`, "data", "weekly", "mon", 0, "from").has(200, `1`, "data", "version")
		w.as("PUT", "/providers/1/schedule", `{"weekly":{"mon":[{"from":"09:00","to":"12:00"}]},"overrides":[{"date":"2026-05-04","windows":[]}]}`).
			has(200, `"`+visit+`"`, "data", "stranded", 0, "id").has(200, `"12:00"`, "data", "weekly", "mon", 0, "to")
		w.as("PUT", "/providers/1/schedule", `{"weekly":{"mon":[{"from":"9","to":"12:00"}],"day":[]}}`).has(400, `"weekly.day"`, "error", "details", 0, "field")
		w.as("PUT", "/providers/1/schedule", `{"weekly":{"mon":[{"from":"9","to":"12:00"}]}}`).has(400, `"VALIDATION_ERROR"`, "error", "code")
		w.as("PUT", "/providers/1/schedule", `{}`, `If-Match: "7"`).has(412, `"PRECONDITION_FAILED"`, "error", "code")
		off := w.as("POST", "/providers/1/time-off", `{"from_date":"2026-05-11","to_date":"2026-05-15","reason":"Holiday"}`).has(201, `"2026-05-15"`, "data", "to_date").id("data", "id")
		w.as("GET", "/providers/1/time-off", "").has(200, `"`+off+`"`, "data", 0, "id")
		w.as("DELETE", "/providers/1/time-off/"+off, "").is(204, "")
		day := w.as("POST", "/closures", `{"starts_at":"2026-04-27T10:00:00Z","ends_at":"2026-04-27T16:00:00Z"}`).has(201, `"2026-04-27T10:00:00Z"`, "data", "starts_at").id("data", "id")
		w.as("GET", "/availability?from=2026-04-27T10:00:00Z&limit=1", "").has(200, `"2026-05-11T07:00:00Z"`, "data", 0, "scheduled_at")
		w.as("DELETE", "/closures/"+day, "").is(204, "")
		w.as("POST", "/locations/1/closures", `{"from_date":"2026-05-11","starts_at":"2026-04-27T10:00:00Z"}`).has(400, `"VALIDATION_ERROR"`, "error", "code")
		w.as("GET", "/locations/1/schedule", "").has(200, `0`, "data", "version")
	})
}

func TestKeys(t *testing.T) {
	bothForms(t, func(w *world) {
		made := w.as("POST", "/api-keys", `{"name":"Front desk","family":"qbk_live_","scopes":["leads:read","READ_APPOINTMENTS"],"rate_per_minute":5}`)
		text, id := made.id("data", "key"), made.id("data", "id")
		spelled := `["appointments:read","leads:read"]`
		if w.free {
			spelled = `["READ_APPOINTMENTS","LEADS_READ"]`
		}
		made.has(201, spelled, "data", "scopes")
		w.call("GET", "/leads", "", "Authorization: Bearer "+text).is(200, "")
		w.as("GET", "/api-keys", "").has(200, `"`+text[:17]+`"`, "data", 0, "key_prefix")
		fresh := w.as("POST", "/api-keys/"+id+"/rotate", `{"overlap_hours":1}`).has(201, `"Front desk"`, "data", "name").id("data", "key")
		w.call("GET", "/leads", "", "Authorization: Bearer "+text).is(200, "")
		w.now = w.now.Add(time.Hour)
		w.call("GET", "/leads", "", "Authorization: Bearer "+text).is(401, "INVALID_API_KEY")
		r := w.call("GET", "/leads", "", "Authorization: Bearer "+fresh).is(200, "")
		if r.Header().Get("X-RateLimit-Limit") != "5" {
			w.Errorf("rate %v", r.Header())
		}
		keys := w.as("GET", "/api-keys", "")
		w.as("DELETE", "/api-keys/"+keys.id("data", 0, "id"), "").is(204, "")
		w.call("GET", "/leads", "", "Authorization: Bearer "+fresh).is(401, "INVALID_API_KEY")
		w.as("POST", "/api-keys", `{"name":"x","family":"qual_scope_"}`).has(400, `"scopes"`, "error", "details", 0, "field")
		w.as("POST", "/api-keys", `{"name":"x","family":"abc_"}`).has(400, `"family"`, "error", "details", 0, "field")
	})
}

func TestPatients(t *testing.T) {
	bothForms(t, func(w *world) {
		id := w.as("POST", "/patients", `{"given_name":"Ida","family_name":"Sample","birth_date":"1980-02-29","phones":[{"number":"030 123456","label":"home"}]}`).
			has(201, `"+4930123456"`, "data", "phones", 0, "e164").id("data", "id")
		w.as("GET", "/patients/"+id, "").has(200, `"1980-02-29"`, "data", "birth_date")
		w.as("GET", "/patients?q=sample%20i", "").has(200, id, "data", 0, "id")
		w.as("POST", "/patients", `{"given_name":"Ida","birth_date":"1980-02-30"}`).has(400, `"family_name"`, "error", "details", 0, "field").has(400, `"birth_date"`, "error", "details", 1, "field")
		w.as("GET", "/patients/9223372036854775808", "").has(404, `"NOT_FOUND"`, "error", "code")
	})
}

// TestTestKeys: a test key's rows are a world of their own.
func TestTestKeys(t *testing.T) {
	w := newWorld(t)
	test := "Authorization: Bearer " + w.key(w.ann, "qbk_test_")
	lead := w.call("POST", "/leads", `{"external_id":"1"}`, test).is(201, "").id("data", "id")
	body := `{"lead_id":"` + lead + `","scheduled_at":"2026-04-27T09:00:00Z","ends_at":"2026-04-27T09:30:00Z"}`
	w.call("POST", "/appointments", body, test).is(201, "")
	w.call("POST", "/appointments", body, test).is(409, "")
	w.call("GET", "/leads/"+lead, "", w.live).is(404, "")
	mine := w.call("POST", "/leads", `{"external_id":"1"}`, w.live).is(201, "").id("data", "id")
	w.call("POST", "/appointments", strings.Replace(body, lead, mine, 1), w.live).is(201, "")
}

// TestFaultsTogether: faults of shape, which the face finds, and of values, which
// the engine finds, come back in one list, and nothing was done.
func TestFaultsTogether(t *testing.T) {
	w := newWorld(t)
	r := w.call("POST", "/leads", `{"name":5,"email":"nobody","nonsense":1,"status":"new","phone":"12"}`, w.live).is(400, `"Invalid request body"`)
	var fields []string
	for i := range r.get("error", "details").([]any) {
		fields = append(fields, r.id("error", "details", i, "field"))
	}
	slices.Sort(fields)
	if want := []string{"email", "name", "nonsense", "phone"}; !slices.Equal(fields, want) {
		t.Errorf("faults of %v, want %v: %s", fields, want, r.Body)
	}
	w.call("POST", "/leads", `{"name":"Ada","nonsense":1}`, w.live, "Idempotency-Key: k").is(400, `[{"field":"nonsense","message":"Unknown field"}]`)
	w.call("GET", "/leads", "", w.live).is(200, `"data":[]`)
	if got := w.events(); len(got) != 0 {
		t.Errorf("events %v", got)
	}
	w.call("POST", "/leads", `{"name":"Ada"}`, w.live, "Idempotency-Key: k").is(201, `"Ada"`) // a 400 is not kept
	if got := w.audit(10); strings.Count(strings.Join(got, " "), "lead.put") != 1 {
		t.Errorf("audit %v", got)
	}
}
