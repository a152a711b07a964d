package httpapi

import (
	"bytes"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"qualifybase/engine/access"
	"qualifybase/engine/act"
	"qualifybase/engine/scope"
	"qualifybase/engine/secret"
)

func TestCredentials(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *Options) { o.JWT.Secret = bytes.Repeat([]byte("s"), 32); o.FailuresPerMinute = 1000 })
	live := b.keys.add(secret.FamilyLive, nil, scope.LeadsRead)
	kv := b.keys.add(secret.FamilyKlinivo, nil, scope.LeadsRead)
	const refused = `"Invalid or expired API key"}`
	past := b.now.Unix() - 1
	for _, c := range []struct {
		name, target string
		headers      []string
		status       int
		want         string
	}{
		{"none", "", nil, 401, `"UNAUTHENTICATED"`},
		{"good", "", []string{"Authorization: Bearer " + live}, 200, `"id":"1"`},
		{"scheme in any case", "", []string{"Authorization: bearer " + live}, 200, `"id":"1"`},
		{"good flat", "", []string{"X-API-Key: " + kv}, 200, `{"id":"1"`},
		{"both", "", []string{"Authorization: Bearer " + live, "X-API-Key: " + kv}, 400,
			`{"error":{"code":"AMBIGUOUS_CREDENTIALS"`},
		{"twice", "", []string{"X-API-Key: " + kv, "X-API-Key: " + kv}, 400, `{"error":"ambiguous_credentials"`},
		{"kv_ as bearer", "", []string{"Authorization: Bearer " + kv}, 401, `X-API-Key`},
		{"qbk_ as X-API-Key", "", []string{"X-API-Key: " + live}, 401,
			`{"error":"invalid_api_key","message":"Send this key as Authorization: Bearer`},
		{"mistyped", "", []string{"Authorization: Bearer " + live[:len(live)-1] + "!"}, 401, refused},
		{"wrong case", "", []string{"Authorization: Bearer " + strings.ToUpper(live)}, 401, refused},
		{"unknown", "", []string{"Authorization: Bearer " + secret.New(secret.FamilyLive).Text()}, 401, refused},
		{"unknown flat", "", []string{"X-API-Key: " + secret.New(secret.FamilyKlinivo).Text()}, 401,
			`{"error":"invalid_api_key","message":"Invalid or expired API key"}`},
		{"revoked", "", []string{"Authorization: Bearer " +
			b.keys.add(secret.FamilyLive, func(k *access.Key) { k.RevokedAt = past })}, 401, refused},
		{"expired", "", []string{"Authorization: Bearer " +
			b.keys.add(secret.FamilyLive, func(k *access.Key) { k.ExpiresAt = past })}, 401, refused},
		{"in the query", "?api_key=" + live, []string{"Authorization: Bearer " + live}, 401, `INVALID_API_KEY`},
		{"in the query, escaped", "?x=" + strings.Replace(live, "_", "%5F", 1), nil, 401, `INVALID_API_KEY`},
		{"basic", "", []string{"Authorization: Basic eDp5"}, 401, `UNAUTHENTICATED`},
		{"scope", "", []string{"Authorization: Bearer " + b.keys.add(secret.FamilyLive, nil, scope.LeadsWrite)}, 403,
			`required permission: leads:read"`},
		{"scope flat", "", []string{"X-API-Key: " + b.keys.add(secret.FamilyKlinivo, nil)}, 403,
			`{"error":"insufficient_scope","message":"The key lacks a required permission: LEADS_READ"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.T = t
			w := b.call("GET", "/api/v1/pets/1"+c.target, "", c.headers...)
			b.want(w, c.status, c.want)
			if (w.Code == 401) != (w.Header().Get("WWW-Authenticate") == "Bearer") {
				t.Errorf("%d with WWW-Authenticate %q", w.Code, w.Header().Get("WWW-Authenticate"))
			}
		})
	}
	if strings.Contains(b.log.String(), live[18:40]) || strings.Contains(b.log.String(), "api_key=") {
		t.Error("a secret or a query is in the log")
	}
	if !strings.Contains(b.log.String(), "key="+live[:17]) ||
		!strings.Contains(b.log.String(), "route=/api/v1/pets/:id") {
		t.Errorf("the log lacks the prefix or the pattern:\n%s", b.log)
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	secret := bytes.Repeat([]byte("s"), 32)
	b := newBench(t, func(o *Options) {
		o.JWT = JWT{Secret: secret, Issuer: "idp", Audience: "qb"}
		o.FailuresPerMinute = 1000
	})
	b.keys.users = []access.User{
		{ID: "u1", Clinic: 1, EmailKey: "ann@x.org", Role: act.Owner},
		{ID: "u2", Clinic: 1, EmailKey: "bob@x.org", Role: act.Owner},
		{ID: "u3", Clinic: 2, EmailKey: "bob@x.org", Role: act.Auditor},
		{ID: "u4", Clinic: 1, EmailKey: "eve@x.org", Role: act.Owner, DisabledAt: 1},
	}
	token := func(method jwt.SigningMethod, key any, change func(jwt.MapClaims)) string {
		c := jwt.MapClaims{"sub": "foreign", "email": "Ann@X.org", "iss": "idp", "aud": "qb",
			"exp": b.now.Add(time.Hour).Unix()}
		if change != nil {
			change(c)
		}
		text, err := jwt.NewWithClaims(method, c).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	set := func(name string, v any) func(jwt.MapClaims) { return func(c jwt.MapClaims) { c[name] = v } }
	for _, c := range []struct {
		name, method, token string
		status              int
	}{
		{"good", "GET", token(jwt.SigningMethodHS256, secret, nil), 200},
		{"two clinics, none named", "GET", token(jwt.SigningMethodHS256, secret, set("email", "bob@x.org")), 401},
		{"two clinics, one named", "GET", token(jwt.SigningMethodHS256, secret,
			func(c jwt.MapClaims) { c["email"], c["clinic"] = "bob@x.org", "two" }), 200},
		{"role forbids", "DELETE", token(jwt.SigningMethodHS256, secret,
			func(c jwt.MapClaims) { c["email"], c["clinic"] = "bob@x.org", "two" }), 403},
		{"unknown clinic", "GET", token(jwt.SigningMethodHS256, secret, set("clinic", "three")), 401},
		{"disabled", "GET", token(jwt.SigningMethodHS256, secret, set("email", "eve@x.org")), 401},
		{"expired", "GET", token(jwt.SigningMethodHS256, secret, set("exp", b.now.Add(-time.Second).Unix())), 401},
		{"no exp", "GET", token(jwt.SigningMethodHS256, secret, func(c jwt.MapClaims) { delete(c, "exp") }), 401},
		{"other issuer", "GET", token(jwt.SigningMethodHS256, secret, set("iss", "x")), 401},
		{"other audience", "GET", token(jwt.SigningMethodHS256, secret, set("aud", "x")), 401},
		{"other secret", "GET", token(jwt.SigningMethodHS256, bytes.Repeat([]byte("x"), 32), nil), 401},
		{"other algorithm", "GET", token(jwt.SigningMethodHS512, secret, nil), 401},
		{"no algorithm", "GET", token(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil), 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.T = t
			w := b.call(c.method, "/api/v1/pets/1", "", "Authorization: Bearer "+c.token)
			b.want(w, c.status, "")
			if c.status == 401 && !strings.Contains(w.Body.String(),
				`"INVALID_TOKEN","message":"Invalid or expired token"`) {
				t.Error(w.Body)
			}
		})
	}
}

func TestRates(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	key := "Authorization: Bearer " + b.keys.add(secret.FamilyLive, nil, scope.LeadsRead)
	for i := range 121 {
		w := b.call("GET", "/api/v1/pets/1", "", key)
		h := w.Header()
		switch {
		case i < 120 && (w.Code != 200 || h.Get("X-RateLimit-Limit") != "120" ||
			h.Get("X-RateLimit-Remaining") != strconv.Itoa(119-i)):
			t.Fatalf("request %d: %d %v", i+1, w.Code, h)
		case i == 120 && (w.Code != 429 || !strings.Contains(w.Body.String(), "RATE_LIMIT_EXCEEDED")):
			t.Fatalf("the 121st: %d %s", w.Code, w.Body)
		}
		reset, _ := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64)
		if reset != b.now.Unix()+60 || h.Get("RateLimit-Policy") != `"default";q=120;w=60` {
			t.Fatalf("headers %v", h)
		}
		if i == 120 {
			if after, _ := strconv.ParseInt(h.Get("Retry-After"), 10, 64); b.now.Unix()+after < reset {
				t.Errorf("Retry-After %d ends before Reset", after)
			}
		}
	}
	b.now = b.now.Add(time.Minute)
	b.want(b.call("GET", "/api/v1/pets/1", "", key), 200, "")

	free := "Authorization: Bearer " + b.keys.add(secret.FamilyLive, func(k *access.Key) { k.RatePerMinute = new(int) },
		scope.LeadsRead)
	for range 130 {
		b.want(b.call("GET", "/api/v1/pets/1", "", free), 200, "")
	}

	bad := "Authorization: Bearer " + secret.New(secret.FamilyLive).Text()
	for range 30 {
		b.want(b.call("GET", "/api/v1/pets/1", "", bad), 401, "")
	}
	b.want(b.call("GET", "/api/v1/pets/1", "", bad), 429, "")
	b.want(b.call("GET", "/api/v1/pets/1", "", free), 200, "") // a good key behind the same address still works
}

func TestHTTPS(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *Options) {
		o.AllowHTTP = false
		o.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	})
	key := b.keys.add(secret.FamilyLive, nil, scope.LeadsRead)
	for name, c := range map[string]struct {
		peer, proto, forwarded string
		status                 int
	}{
		"loopback":                    {"127.0.0.1:1", "", "", 200},
		"loopback 6":                  {"[::1]:1", "", "", 200},
		"another machine":             {"192.0.2.1:1", "", "", 403},
		"a liar":                      {"192.0.2.1:1", "https", "127.0.0.1", 403},
		"proxy says https":            {"10.0.0.1:1", "https", "192.0.2.1", 200},
		"proxy says http":             {"10.0.0.1:1", "http", "192.0.2.1", 403},
		"forged hop before the proxy": {"10.0.0.1:1", "http", "127.0.0.1, 192.0.2.1", 403},
	} {
		r := httptest.NewRequest("GET", "/api/v1/pets/1", nil)
		r.RemoteAddr = c.peer
		r.Header.Set("Authorization", "Bearer "+key)
		if c.proto != "" {
			r.Header.Set("X-Forwarded-Proto", c.proto)
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		w := httptest.NewRecorder()
		b.s.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if hsts := w.Header().Get("Strict-Transport-Security") != ""; hsts != (name == "proxy says https") {
			t.Errorf("%s: HSTS %v", name, hsts)
		}
	}
}

func TestBrowsers(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	allow := func(k *access.Key) { k.AllowedOrigins = []string{"https://clinic.example", "http://localhost:*"} }
	pk := "Authorization: Bearer " + b.keys.add(secret.FamilyPublic, allow, scope.LeadsRead)
	sk := "Authorization: Bearer " + b.keys.add(secret.FamilySecret, nil, scope.LeadsRead)
	get := func(headers ...string) *httptest.ResponseRecorder {
		return b.call("GET", "/api/v1/pets/1", "", headers...)
	}
	for _, c := range []struct {
		origin string
		ok     bool
	}{
		{"https://clinic.example", true}, {"http://localhost:5173", true}, {"http://clinic.example", false},
		{"https://clinic.example.evil", false},
		{"https://clinic.example:444", false}, {"null", false}, {"http://localhost:5173@evil", false}, {"", false},
	} {
		w := get(pk, "Origin: "+c.origin)
		if cors := w.Header().Get("Access-Control-Allow-Origin"); (w.Code == 200) != c.ok ||
			(cors == c.origin) != c.ok && c.origin != "" {
			t.Errorf("%q: %d, CORS %q", c.origin, w.Code, cors)
		}
		pre := b.call("OPTIONS", "/api/v1/pets/1", "", "Origin: "+c.origin, "Access-Control-Request-Method: GET")
		if c.origin != "" && (pre.Code == 204) != c.ok {
			t.Errorf("preflight from %q: %d", c.origin, pre.Code)
		}
	}
	if w := get(sk, "Origin: https://clinic.example"); w.Code != 200 ||
		w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a secret key: %d %v", w.Code, w.Header())
	}
	b.want(b.call("GET", "/api/v1/pets", "", pk, "Origin: https://clinic.example"), 403, "INSUFFICIENT_SCOPE")
	w := b.call("OPTIONS", "/api/v1/pets/1", "")
	if w.Code != 204 || w.Header().Get("Allow") != "DELETE, GET, HEAD, POST, OPTIONS" {
		t.Errorf("OPTIONS: %d %v", w.Code, w.Header())
	}
}
