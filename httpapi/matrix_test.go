package httpapi

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"qualifybase/engine/scope"
	"qualifybase/engine/secret"
)

// canaries are planted in every text of the first clinic; none may show in any
// reply to the second.
const canary = "Xanthippe"

// planted makes one of everything in the first clinic and says the ids by path.
func planted(w *world) map[string]string {
	ids := map[string]string{}
	w.call("PATCH", "/clinic", `{"name":"`+canary+` Dental"}`, w.live).is(200, canary)
	ids["/leads/"] = w.call("POST", "/leads", `{"name":"`+canary+` Lead","notes":"`+canary+
		`","metadata":{"a":"`+canary+`"}}`, w.live).id("data", "id")
	ids["/patients/"] = w.call("POST", "/patients", `{"given_name":"`+canary+`","family_name":"P"}`, w.live).
		id("data", "id")
	ids["/providers/"] = "1"
	w.call("PATCH", "/providers/1", `{"display_name":"Dr. `+canary+`"}`, w.live).is(200, canary)
	ids["/locations/"] = "1"
	ids["/services/"] = w.call("POST", "/services", `{"name":"`+canary+`","duration_minutes":30}`, w.live).
		id("data", "id")
	ids["/holds/"] = w.call("POST", "/holds", `{"scheduled_at":"2026-04-27T12:00:00Z",`+
		`"ends_at":"2026-04-27T12:30:00Z"}`, w.live).id("data", "id")
	ids["/appointments/"] = w.call("POST", "/appointments",
		`{"lead_id":"`+ids["/leads/"]+`","scheduled_at":"2026-04-27T07:00:00Z","ends_at":"2026-04-27T07:30:00Z",`+
			`"title":"`+canary+`"}`, w.live).id("data", "id")
	ids["/api-keys/"] = w.call("POST", "/api-keys", `{"name":"`+canary+`","family":"qbk_live_"}`, w.live).
		id("data", "id")
	ids["/closures/"] = w.call("POST", "/closures", `{"from_date":"2026-12-24","reason":"`+canary+`"}`, w.live).
		id("data", "id")
	visit := w.call("POST", "/consultations", `{"patient_id":`+ids["/patients/"]+
		`,"provider_id":1,"reason":"`+canary+`"}`, w.live).id("data", "id")
	ids["/consultations/"] = visit
	ids["/notes/"] = w.call("POST", "/consultations/"+visit+"/notes", `{"plan":"`+canary+`"}`, w.live).id("data", "id")
	ids["/prescriptions/"] = w.call("POST", "/consultations/"+visit+"/prescriptions",
		`{"medication":"`+canary+`","dose":"1","frequency":"daily"}`, w.live).id("data", "id")
	hook := w.call("POST", "/webhooks", `{"url":"https://`+canary+`.example.com/","events":["lead.updated"],`+
		`"payload":"full","description":"`+canary+`"}`, w.live).id("data", "id")
	ids["/webhooks/"] = hook
	w.call("PATCH", "/leads/"+ids["/leads/"], `{"notes":"`+canary+` again"}`, w.live).is(200, canary)
	ids["/deliveries/"] = w.call("GET", "/webhooks/"+hook+"/deliveries", "", w.live).id("data", 0, "id")
	return ids
}

// fill puts ids into a route's path.
func fill(t *testing.T, rt *route, ids map[string]string) string {
	t.Helper()
	path := strings.TrimPrefix(rt.pattern, Base)
	if strings.HasSuffix(path, "/:item") {
		path = strings.TrimSuffix(path, ":item") + ids["/closures/"]
	}
	for prefix, id := range ids {
		path = strings.Replace(path, prefix+":id", prefix+id, 1)
	}
	if strings.Contains(path, ":") {
		t.Fatalf("no id for %s", path)
	}
	return path
}

// TestMatrix walks every route of the router with every kind of wrong credential.
func TestMatrix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := planted(w)
	before := len(w.events())
	for _, rt := range w.s.routes {
		if rt.Public || !strings.HasPrefix(rt.pattern, Base) {
			continue
		}
		t.Run(rt.Method+" "+rt.Path, func(t *testing.T) {
			w.TB = t
			path, body := fill(t, rt, ids), rt.Example
			if body == "" && (rt.Method == http.MethodPatch || rt.Method == http.MethodPut) {
				body = "{}"
			}
			w.call(rt.Method, path, body).is(401, `{"error":{"code":"UNAUTHENTICATED"`)
			w.call(rt.Method, path, body, "X-API-Key: "+secret.New(secret.FamilyKlinivo).Text()).
				is(401, `{"error":"invalid_api_key","message":"Invalid or expired API key"}`)
			if rt.Open {
				return
			}
			wrong := scope.TeamsRead
			key := "Authorization: Bearer " + w.key(w.ann, secret.FamilyScoped, wrong.String())
			w.call(rt.Method, path, "this is no JSON", key).
				is(403, fmt.Sprintf(`{"error":{"code":"INSUFFICIENT_SCOPE",`+
					`"message":"The key lacks a required permission: %s"}}`, rt.Scope))
			if strings.Contains(rt.Path, ":") {
				r := w.call(rt.Method, path, body, w.other)
				r.is(404, `"NOT_FOUND"`)
			}
			for _, key := range []string{w.other} {
				r := w.call(rt.Method, path, body, key)
				if strings.Contains(r.Body.String(), canary) || strings.Contains(r.Body.String(), ids["/leads/"]) {
					t.Errorf("the other clinic reads %s", r.Body)
				}
			}
		})
	}
	w.TB = t
	if after := len(w.events()); after != before {
		t.Errorf("%d events of the first clinic came about", after-before)
	}
	if strings.Contains(w.log.String(), canary) {
		t.Error("a name is in the log")
	}
}

// TestNoFieldIsOurs: what the server sets cannot be sent, nor can anything else.
func TestNoFieldIsOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := planted(w)
	for _, rt := range w.s.routes {
		if rt.input.schema == nil {
			continue
		}
		for _, field := range []string{"version", "created_at", "clinic", "clinic_id", "test", "hash", "lead_score"} {
			r := w.call(rt.Method, fill(t, rt, ids), `{"`+field+`":1}`, w.live)
			if r.Code != 400 || !strings.Contains(r.Body.String(), `{"field":"`+field+`","message":"Unknown field"}`) {
				t.Errorf("%s %s takes %s: %d %s", rt.Method, rt.Path, field, r.Code, r.Body)
			}
		}
		if rt.Method != http.MethodGet {
			w.call(rt.Method, fill(t, rt, ids)+"?nonsense=1", `{}`, w.live).
				is(400, `{"field":"nonsense","message":"Unknown parameter"}`)
		}
	}
}

// TestSecretsDoNotShow: no reply that lists or reads holds a hash or a token.
func TestSecretsDoNotShow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := planted(w)
	for _, rt := range w.s.routes {
		if rt.Method != http.MethodGet || rt.Public || !strings.HasPrefix(rt.pattern, Base) {
			continue
		}
		r := w.call("GET", fill(t, rt, ids), "", w.live)
		if r.Code != 200 {
			t.Errorf("GET %s: %d %s", rt.Path, r.Code, r.Body)
		}
		for _, word := range []string{`"key":`, `"token"`, `"secret"`, "whsec_", "token_hash", `"hash_`, "name_key",
			"email_key", "phone_key", "footprint"} {
			if strings.Contains(r.Body.String(), word) {
				t.Errorf("GET %s shows %s: %s", rt.Path, word, r.Body)
			}
		}
	}
}
