package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"qualifybase/engine/access"
	"qualifybase/engine/scope"
	"qualifybase/engine/secret"
)

// TestUnknownPaths: who may not ask does not learn what is there (contract.md §6);
// what is documented and not there yet asks for its right first.
func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *Options) { o.FailuresPerMinute = 1000 })
	weak := "Authorization: Bearer " + b.keys.add(secret.FamilySecret, nil, scope.LeadsRead)
	sk := "Authorization: Bearer " + b.keys.add(secret.FamilySecret, nil, scope.CampaignsRead, scope.GraphShare,
		scope.InterviewsWrite)
	kv := "X-API-Key: " + b.keys.add(secret.FamilyKlinivo, nil)
	bad := "X-API-Key: " + secret.New(secret.FamilyKlinivo).Text()
	for _, c := range []struct {
		method, path, key string
		status            int
		want              string
	}{
		{"GET", "/nowhere", "", 401, `{"error":{"code":"UNAUTHENTICATED"`},
		{"GET", "/nowhere", bad, 401, `{"error":"invalid_api_key"`},
		{"GET", "/nowhere", weak, 404, `{"error":{"code":"NOT_FOUND"`},
		{"PATCH", "/nowhere/at/all", kv, 404, `{"error":"not_found"`},
		{"GET", "/campaigns", "", 401, `UNAUTHENTICATED`},
		{"GET", "/campaigns", weak, 403, `required permission: campaigns:read"`},
		{"GET", "/campaigns", kv, 403, `required permission: CAMPAIGNS_READ"`},
		{"GET", "/campaigns/7", sk, 404, `{"error":{"code":"NOT_FOUND"`},
		{"DELETE", "/campaigns/7", sk, 403, `campaigns:delete`},
		{"POST", "/campaigns/7/publish", sk, 403, `campaigns:publish`},
		{"POST", "/campaigns/7/guide/preview", sk, 404, `NOT_FOUND`},
		{"GET", "/campaigns/7/keyness", sk, 403, `findings:read`},
		{"POST", "/interviews", sk, 404, `NOT_FOUND`},
		{"GET", "/interviews/7/messages", sk, 403, `interviews:read`},
		{"POST", "/findings", sk, 403, `findings:write`},
		{"GET", "/graphs", sk, 403, `graph:read`},
		{"POST", "/graphs/7/shares", sk, 404, `NOT_FOUND`},
		{"GET", "/teams", sk, 403, `teams:read`},
		{"PATCH", "/teams/7", sk, 403, `teams:write`},
		{"GET", "/campaignsandmore", weak, 404, `NOT_FOUND`},
	} {
		w := b.call(c.method, Base+c.path, "", c.key)
		b.want(w, c.status, c.want)
		if (c.status != 401) != (w.Header().Get("X-RateLimit-Limit") != "") {
			t.Errorf("%s %s: %d with rate headers %v", c.method, c.path, w.Code, w.Header())
		}
	}
	doc := string(b.s.OpenAPI())
	for _, r := range reserved {
		if strings.Contains(doc, `"`+strings.Split(r.path, "*")[0]+`"`) {
			t.Errorf("the document lists %s, which does not exist", r.path)
		}
		for _, m := range allMethods {
			if h, _, _ := b.s.router.Lookup(m, Base+strings.ReplaceAll(r.path, "*", "7")); h != nil {
				t.Errorf("%s %s exists: it is reserved no more", m, r.path)
			}
		}
	}
}

// TestBrowsersOnUnknownPaths: a preflight hears the same for every path, and the
// request's 404 can be read from its origin.
func TestBrowsersOnUnknownPaths(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	pk := "Authorization: Bearer " + b.keys.add(secret.FamilyPublic,
		func(k *access.Key) { k.AllowedOrigins = []string{"https://clinic.example"} }, scope.CampaignsRead,
		scope.InterviewsWrite)
	for _, path := range []string{"/interviews", "/public/campaigns/7", "/nowhere", "/pets/1"} {
		pre := b.call("OPTIONS", Base+path, "", "Origin: https://clinic.example", "Access-Control-Request-Method: POST")
		if pre.Code != 204 || pre.Header().Get("Access-Control-Allow-Origin") != "https://clinic.example" ||
			!strings.Contains(pre.Header().Get("Access-Control-Allow-Methods"), "POST") {
			t.Errorf("preflight of %s: %d %v", path, pre.Code, pre.Header())
		}
		pre = b.call("OPTIONS", Base+path, "", "Origin: https://evil.example", "Access-Control-Request-Method: POST")
		if pre.Code != 403 || pre.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("preflight of %s from elsewhere: %d %v", path, pre.Code, pre.Header())
		}
	}
	for _, path := range []string{"/interviews", "/nowhere"} {
		w := b.call("POST", Base+path, "{}", pk, "Origin: https://clinic.example")
		b.want(w, 404, "NOT_FOUND")
		if w.Header().Get("Access-Control-Allow-Origin") != "https://clinic.example" {
			t.Errorf("%s: %v", path, w.Header())
		}
	}
	b.want(b.call("POST", Base+"/interviews", "{}", pk, "Origin: https://evil.example"), 403, "ORIGIN_NOT_ALLOWED")
	b.want(b.call("GET", Base+"/health", "", pk, "Origin: https://clinic.example"), 200,
		`"permissions":["campaigns:read","interviews:write"]`)
}

// TestNoKeyIsEchoed: names are masked like values (contract.md §1).
func TestNoKeyIsEchoed(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *Options) { o.FailuresPerMinute = 1000 })
	live := b.keys.add(secret.FamilyLive, nil, scope.LeadsRead, scope.LeadsWrite)
	kv := b.keys.add(secret.FamilyKlinivo, nil, scope.LeadsRead, scope.LeadsWrite)
	for _, secret := range []string{live, kv} {
		for _, header := range []string{"Authorization: Bearer " + live, "X-API-Key: " + kv} {
			for name, c := range map[string]struct {
				query, body string
				status      int
			}{
				"a bare key":      {"?" + secret, `{}`, 401},
				"as a name":       {"?" + secret + "=1", `{}`, 401},
				"inside a value":  {"?q=Bearer%20" + secret, `{}`, 401},
				"escaped":         {"?" + strings.Replace(secret, "_", "%5F", 1) + "=1", `{}`, 401},
				"a field":         {"", `{"` + secret + `":1}`, 400},
				"a field inside":  {"", `{"home":{"x` + secret + `":1}}`, 400},
				"behind much":     {"", `{"` + strings.Repeat("x", 180) + secret + `":1}`, 400},
				"a field, twice":  {"", `{"` + secret + `":1,"` + secret + `":2}`, 400},
				"a path of parts": {"", `{"a.` + secret + `.b":1}`, 400},
			} {
				w := b.call("POST", Base+"/pets/a"+c.query, c.body, header)
				b.want(w, c.status, "")
				if at := strings.Index(secret, "_live_") + 1; strings.Contains(w.Body.String(), secret[at+14:at+24]) {
					t.Errorf("%s: %s", name, w.Body)
				}
			}
		}
	}
}

// TestWordsOfRefusals: query faults are called so, and names in messages are in
// the caller's form.
func TestWordsOfRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.call("GET", "/appointments?from=2026-04-28&to=2026-04-27", "", w.live).
		is(400, `"message":"Invalid query parameters","details":[{"field":"to"`)
	w.call("POST", "/holds?nope=1", `{"scheduled_at":"2026-04-27T09:00:00Z","service_id":1}`, w.live).
		is(400, `"message":"Invalid query parameters"`)
	w.call("POST", "/holds?nope=1", `{"scheduled_at":5}`, w.live).is(400, `"message":"Invalid request body"`)
	w.call("POST", "/holds", `{"scheduledAt":"2026-04-27T09:00:00Z"}`, w.kv).is(400, `"Required, or send serviceId"`)
	w.call("POST", "/holds", `{"scheduled_at":"2026-04-27T09:00:00Z"}`, w.live).
		is(400, `"Required, or send service_id"`)
	w.call("GET", "/appointments?status=lost", "", w.kv).is(400, "no_show") // a value stays as it is
	for text, want := range map[string]string{
		"2026-02-30T09:00:00Z": "There is no such date or time",
		"2026-04-27T25:00:00Z": "There is no such date or time",
		"tomorrow":             "Must be a time with its offset", "2026-04-27T09:00:00": "Must be a time with its " +
			"offset",
	} {
		w.call("POST", "/holds", `{"scheduled_at":"`+text+`","service_id":1}`, w.live).is(400, want)
	}
	w.call("GET", "/availability?from=2026-02-30", "", w.live).is(400, "There is no date 2026-02-30")
	w.call("GET", "/availability?from=2026-02-30T09:00:00Z", "", w.live).is(400, "There is no such date or time")
}

// TestNotModified: a client that has the version gets no body (contract.md §1).
func TestNotModified(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	key := "Authorization: Bearer " + b.keys.add(secret.FamilyLive, nil, scope.LeadsRead, scope.LeadsWrite)
	for known, status := range map[string]int{`"3"`: 304, `W/"3"`: 304, `"1", "3"`: 304, `*`: 304, `"2"`: 200, `3`: 200,
		``: 200} {
		w := b.call("GET", Base+"/pets/1", "", key, "If-None-Match: "+known)
		if w.Code != status || (w.Body.Len() == 0) != (status == 304) || w.Header().Get("ETag") != `"3"` {
			t.Errorf("%s: %d %s %v", known, w.Code, w.Body, w.Header())
		}
	}
	b.want(b.call("POST", Base+"/pets/1", `{"pet_name":"Ida"}`, key, `If-None-Match: "3"`), http.StatusCreated, "Ida")
}

// TestRateHeaders: every authenticated reply has them, and t is never more than w.
func TestRateHeaders(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.now = b.now.Add(1)
	key := "Authorization: Bearer " + b.keys.add(secret.FamilyLive, nil, scope.LeadsRead)
	if got := b.call("GET", Base+"/pets/1", "", key).Header().Get("RateLimit"); got != `"default";r=119;t=60` {
		t.Errorf("RateLimit: %s", got)
	}
	free := "Authorization: Bearer " + b.keys.add(secret.FamilyLive, func(k *access.Key) { k.RatePerMinute = new(int) },
		scope.LeadsRead)
	h := b.call("GET", Base+"/pets/1", "", free).Header()
	if h.Get("X-RateLimit-Limit") != "0" || h.Get("X-RateLimit-Remaining") == "0" || h.Get("X-RateLimit-Reset") == "" ||
		h.Get("RateLimit") != "" {
		t.Errorf("without a limit: %v", h)
	}
}
