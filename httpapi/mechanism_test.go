package httpapi

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/access"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/enginetest/proof"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/secret"
	"qualifybase/httpapi/wire"
)

// keyring is as much of a store as authentication asks for.
type keyring struct {
	engine.Store
	engine.Reader
	keys  map[string]access.Key // by prefix
	users []access.User
	later []func(act.Tx) error
}

func (k *keyring) View(_ context.Context, fn func(act.Reader) error) error { return fn(k) }
func (k *keyring) Enqueue(fn func(act.Tx) error)                           { k.later = append(k.later, fn) }

func (k *keyring) KeyByLookup(f secret.Family, id string) (access.Key, error) {
	key, ok := k.keys[string(f)+id]
	if !ok {
		return key, fault.Fail(fault.NotFound, "No such key")
	}
	return key, nil
}

func (k *keyring) Clinic(n int64) (directory.Clinic, error) {
	return directory.Clinic{N: n, ID: "org-uuid"}, nil
}

func (k *keyring) Plan(int64) (*directory.Plan, error) { return new(directory.Plan), nil }

func (k *keyring) PublicOrigins(int64) ([]string, error) {
	var out []string
	for _, key := range k.keys {
		out = append(out, key.AllowedOrigins...)
	}
	return out, nil
}

func (k *keyring) UsersByEmail(email string) (out []access.User, err error) {
	for _, u := range k.users {
		if u.EmailKey == email {
			out = append(out, u)
		}
	}
	return out, nil
}

func (k *keyring) ClinicByPublicID(string) (directory.Clinic, error) {
	return directory.Clinic{}, fault.Fail(fault.NotFound, "")
}

func (k *keyring) ClinicBySlug(slug string) (directory.Clinic, error) {
	if slug == "two" {
		return directory.Clinic{N: 2}, nil
	}
	return directory.Clinic{}, fault.Fail(fault.NotFound, "")
}

// add makes a key and gives its text.
func (k *keyring) add(f secret.Family, change func(*access.Key), scopes ...scope.Scope) string {
	s := secret.New(f)
	hash := s.Hash()
	key := access.Key{ID: "k" + strconv.Itoa(len(k.keys)), Clinic: 1, KeyID: s.ID, Family: f,
		Hash: hex.EncodeToString(hash[:]), Scopes: scope.Of(scopes...)}
	if change != nil {
		change(&key)
	}
	if k.keys == nil {
		k.keys = map[string]access.Key{}
	}
	k.keys[s.Prefix()] = key
	return s.Text()
}

// The tiny resource of these tests.
type (
	petIn struct {
		ID      string `path:"id"`
		Limit   int    `query:"limit" minimum:"1" maximum:"200"`
		OwnerID int64  `query:"owner_id"`
		Version *int64 `header:"If-Match"`
		Body    petBody
	}
	petBody struct {
		PetName   string         `json:"pet_name"`
		Born      *calendar.Date `json:"born,omitempty"`
		SeenAt    *wire.Instant  `json:"seen_at,omitempty"`
		Legs      *int           `json:"legs,omitempty"`
		Tags      []string       `json:"tags,omitempty"`
		Metadata  map[string]any `json:"metadata,omitempty"`
		Home      *petHome       `json:"home,omitempty"`
		CanScream bool           `json:"can_scream,omitempty"`
	}
	petHome struct {
		PostalCode string `json:"postal_code"`
	}
	petOut struct {
		ID       string         `json:"id"`
		PetName  string         `json:"pet_name"`
		SeenAt   *wire.Instant  `json:"seen_at"`
		Metadata map[string]any `json:"metadata"`
	}
	petID struct {
		N int64 `path:"id"`
	}
)

func (petOut) Location() string   { return "/pets/7" }
func (petOut) ETagVersion() int64 { return 3 }

// bench is a server with the tiny routes.
type bench struct {
	*testing.T
	s    *Server
	keys *keyring
	log  *bytes.Buffer
	now  time.Time

	mu   sync.Mutex
	kept map[string]act.Reply
	got  petIn
	fail error
}

func newBench(t *testing.T, change func(*Options)) *bench {
	b := &bench{T: t, keys: &keyring{}, log: &bytes.Buffer{}, now: time.Date(2026, 4, 26, 8, 0, 0, 0, time.UTC),
		kept: map[string]act.Reply{}}
	e := engine.New(b.keys, engine.Options{Now: func() time.Time { return b.now }})
	o := Options{AllowHTTP: true, Log: slog.New(slog.NewTextHandler(b.log, nil)), More: b.groups()}
	if change != nil {
		change(&o)
	}
	var err error
	if b.s, err = newServer(e, o); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) groups() []Group {
	show := func(in petIn) petOut {
		return petOut{in.ID, in.Body.PetName, in.Body.SeenAt, in.Body.Metadata}
	}
	save := func(_ context.Context, c act.Caller, in petIn) (petIn, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.got = in
		if c.Idempotency == nil {
			return in, b.fail
		}
		if r, ok := b.kept[c.Idempotency.Key+c.Idempotency.Fingerprint]; ok {
			return in, &act.Replay{Reply: r}
		}
		b.kept[c.Idempotency.Key+c.Idempotency.Fingerprint] = c.Encode(in, b.fail)
		return in, b.fail
	}
	get := func(_ context.Context, _ act.Caller, in petID) (petIn, error) {
		switch in.N {
		case 13:
			panic("secret of patient 13")
		case 14:
			return petIn{}, errors.New("disk on fire")
		}
		return petIn{ID: strconv.FormatInt(in.N, 10)}, nil
	}
	list := func(context.Context, act.Caller, wire.None) (act.List[petIn], error) {
		n := int64(2)
		return act.List[petIn]{Items: []petIn{{ID: "1"}}, Next: "eyJ", More: true, Total: &n}, nil
	}
	remove := func(context.Context, act.Caller, petID) error { return nil }
	return []Group{{Name: "pets", Rows: []Row{
		{Method: "GET", Path: "/pets", Scope: scope.LeadsRead, Tag: "Pets", ID: "listPets", Summary: "List",
			Status: 200, Op: List(list, show)},
		{Method: "POST", Path: "/pets/:id", Scope: scope.LeadsWrite, Tag: "Pets", ID: "savePet", Summary: "Save",
			Status: 201, Op: Op(save, show)},
		{Method: "GET", Path: "/pets/:id", Scope: scope.LeadsRead, Browser: true, Tag: "Pets", ID: "getPet",
			Summary: "Get", Status: 200, Op: Op(get, show)},
		{Method: "DELETE", Path: "/pets/:id", Scope: scope.LeadsWrite, Tag: "Pets", ID: "dropPet", Summary: "Drop",
			Status: 204, Op: Drop(remove)},
	}}}
}

// call sends one request; headers are "Name: value".
func (b *bench) call(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	b.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	if body != "" && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	b.s.ServeHTTP(w, r)
	return w
}

func (b *bench) want(w *httptest.ResponseRecorder, status int, body string) {
	b.Helper()
	if w.Code != status || !strings.Contains(w.Body.String(), body) {
		b.Errorf("%d %s\nwant %d … %s", w.Code, w.Body, status, body)
	}
	if w.Header().Get("X-Request-Id") == "" {
		b.Error("no request id")
	}
	if w.Body.Len() > 0 && w.Code != 304 && strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") &&
		!json.Valid(w.Body.Bytes()) {
		b.Errorf("no JSON: %s", w.Body)
	}
}

func TestTwoForms(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	std := "Authorization: Bearer " + b.keys.add(secret.FamilyLive, nil, scope.LeadsRead, scope.LeadsWrite)
	kv := "X-API-Key: " + b.keys.add(secret.FamilyKlinivo, nil, scope.LeadsRead, scope.LeadsWrite,
		scope.PatientsRead)

	b.want(b.call("POST", "/api/v1/pets/a?owner_id=5",
		`{"pet_name":"Ida","seen_at":"2026-04-26T09:00:00+02:00","metadata":{"A_b":{"c_d":1}}}`, std), 201,
		`{"data":{"id":"a","pet_name":"Ida","seen_at":"2026-04-26T07:00:00Z","metadata":{"A_b":{"c_d":1}}}}`)
	w := b.call("POST", "/api/v1/pets/a?ownerId=5",
		`{"petName":"Ida","canScream":true,"home":{"postalCode":"1"},"metadata":{"A_b":{"c_d":1}}}`, kv)
	b.want(w, 201, `{"id":"a","petName":"Ida","seenAt":null,"metadata":{"A_b":{"c_d":1}}}`)
	if b.got.OwnerID != 5 || !b.got.Body.CanScream || b.got.Body.Home.PostalCode != "1" {
		t.Errorf("decoded %+v", b.got)
	}
	if w.Header().Get("Location") != "/api/v1/pets/7" || w.Header().Get("ETag") != `"3"` {
		t.Errorf("headers %v", w.Header())
	}
	b.want(b.call("GET", "/api/v1/pets", "", std), 200,
		`"pagination":{"next_cursor":"eyJ","has_more":true,"total_count":2}}`)
	b.want(b.call("GET", "/api/v1/pets", "", kv), 200,
		`"pagination":{"nextCursor":"eyJ","hasMore":true,"totalCount":2}}`)
	b.want(b.call("GET", "/api/v1/health", "", kv), 200,
		`"organizationId":"org-uuid","permissions":["READ_PATIENTS","LEADS_READ","LEADS_WRITE"]`)
	b.want(b.call("GET", "/api/v1/health", "", std), 200, `"permissions":["leads:read","leads:write"]`)
	w = b.call("DELETE", "/api/v1/pets/1", "", kv)
	b.want(w, 204, "")
	if w.Body.Len() > 0 {
		t.Error("a 204 has no body")
	}
}

func TestFaultsOfRequests(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	std := "Authorization: Bearer " + b.keys.add(secret.FamilyLive, nil, scope.LeadsRead, scope.LeadsWrite)
	kv := "X-API-Key: " + b.keys.add(secret.FamilyKlinivo, nil, scope.LeadsRead, scope.LeadsWrite)
	for _, c := range []struct {
		name, key, query, body string
		status                 int
		want                   string
	}{
		{"printed example", std, "", `{}`, 400, `{"error":{"code":"VALIDATION_ERROR",` +
			`"message":"Invalid request body","details":[{"field":"pet_name","message":"Required"}]}}`},
		{"empty body", std, "", ``, 400, `{"field":"pet_name","message":"Required"}`},
		{"null is an absence", std, "", `{"pet_name":null,"legs":null}`, 400,
			`[{"field":"pet_name","message":"Required"}]`},
		{"flat", kv, "", `{}`, 400, `{"error":"validation_error","message":"Invalid request body",` +
			`"details":[{"field":"petName","message":"Required"}]}`},
		{"snake in flat", kv, "", `{"petName":"x","can_scream":true}`, 400,
			`[{"field":"can_scream","message":"Unknown field"}]`},
		{"camel in standard", std, "", `{"petName":"x"}`, 400,
			`[{"field":"pet_name","message":"Required"},{"field":"petName","message":"Unknown field"}]`},
		{"case matters", std, "", `{"pet_name":"x","Legs":4}`, 400, `[{"field":"Legs","message":"Unknown field"}]`},
		{"all at once", std, "?limit=0&nope=1", `{"pet_name":5,"born":"2026-02-30","seen_at":"soon","legs":1.5,` +
			`"tags":[1,null],"home":{}}`, 400,
			`"details":[{"field":"limit","message":"Must be 1 to 200"},{"field":"nope",` +
				`"message":"Unknown parameter"},` +
				`{"field":"born","message":"There is no date 2026-02-30 in the calendar"},` +
				`{"field":"home.postal_code","message":"Required"},` +
				`{"field":"legs","message":"Must be a whole number"},{"field":"pet_name",` +
				`"message":"Must be a string"},`},
		{"types by name", std, "", `{"pet_name":"x","tags":[1,null]}`, 400,
			`[{"field":"tags[0]","message":"Must be a string"},{"field":"tags[1]","message":"Must not be null"}]`},
		{"int64", std, "", `{"pet_name":"x","legs":9223372036854775808}`, 400,
			`{"field":"legs","message":"Must be a whole number"}`},
		{"dots in names", std, "", `{"pet_name":"x","a.b[0]":1,"home":{"postal_code":1}}`, 400,
			`[{"field":"a.b[0]","message":"Unknown field"},{"field":"home.postal_code","message":"Must be a string"}]`},
		{"twice", std, "?limit=1&limit=2", `{"pet_name":"x"}`, 400, `"limit","message":"Must not be given twice"`},
		{"snake parameter in flat", kv, "?owner_id=1", `{"petName":"x"}`, 400,
			`{"field":"owner_id","message":"Unknown parameter"}`},
		{"null body", std, "", `null`, 400, `INVALID_JSON`},
		{"list body", std, "", `[]`, 400, `must be a JSON object`},
		{"broken", std, "", `{"pet_name":`, 400, `INVALID_JSON`},
		{"form", std, "", `a=b`, 415, `UNSUPPORTED_MEDIA_TYPE`},
		{"large", std, "", `{"pet_name":"` + strings.Repeat("x", 1<<20) + `"}`, 413, `PAYLOAD_TOO_LARGE`},
		{"just fits", std, "", `{"pet_name":"` + strings.Repeat("x", 1<<20-15) + `"}`, 201, `xxx`},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.T = t
			headers := []string{c.key}
			if c.status == 415 {
				headers = append(headers, "Content-Type: application/x-www-form-urlencoded")
			}
			w := b.call("POST", "/api/v1/pets/a"+c.query, c.body, headers...)
			b.want(w, c.status, c.want)
			if strings.Contains(w.Body.String(), "json:") || strings.Contains(w.Body.String(), "int64") {
				t.Errorf("a Go name shows: %s", w.Body)
			}
		})
	}
	b.T = t
	b.want(b.call("GET", "/api/v1/pets/x", "", std), 404, `{"error":{"code":"NOT_FOUND","message":"No such pet"}}`)
	b.want(b.call("GET", "/nowhere", "", kv), 404, `{"error":"not_found",`)
	w := b.call("PUT", "/api/v1/pets/1", "{}", std)
	b.want(w, 405, `METHOD_NOT_ALLOWED`)
	if w.Header().Get("Allow") != "DELETE, GET, HEAD, OPTIONS, POST" {
		t.Errorf("Allow: %s", w.Header().Get("Allow"))
	}
	b.want(b.call("HEAD", "/api/v1/pets/1", "", std), 200, "")
}

func TestIdempotency(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	key := "X-API-Key: " + b.keys.add(secret.FamilyKlinivo, nil, scope.LeadsWrite)
	first := b.call("POST", "/api/v1/pets/a", `{"petName":"Ida"}`, key, `Idempotency-Key: "k1"`)
	b.want(first, 201, `"petName":"Ida"`)
	again := b.call("POST", "/api/v1/pets/a", ` { "petName" : "Ida" } `, key, "Idempotency-Key: k1")
	b.want(again, 201, first.Body.String())
	if again.Header().Get("Idempotent-Replayed") != "true" ||
		again.Header().Get("Location") != first.Header().Get("Location") || again.Header().Get("ETag") != `"3"` {
		t.Errorf("headers %v", again.Header())
	}
	for name, target := range map[string]string{"other path": "/api/v1/pets/b",
		"other query": "/api/v1/pets/a?limit=1"} {
		if w := b.call("POST", target, `{"petName":"Ida"}`, key,
			"Idempotency-Key: k1"); w.Header().Get("Idempotent-Replayed") != "" {
			t.Errorf("%s has the same fingerprint", name)
		}
	}
	for _, bad := range []string{`""`, "a b", "naïve", strings.Repeat("x", 256)} {
		b.want(b.call("POST", "/api/v1/pets/a", `{"petName":"Ida"}`, key, "Idempotency-Key: "+bad), 400,
			"invalid_idempotency_key")
	}
	b.fail = &fault.Error{Kind: fault.SlotTaken, Message: "That time is no longer free",
		Alternatives: []booking.Slot{{StartsAt: 1777273200, EndsAt: 1777275000, Zone: "Europe/Berlin", ProviderID: 1,
			LocationID: 2}}}
	b.want(b.call("POST", "/api/v1/pets/a", `{"petName":"Ida"}`, key, "Idempotency-Key: k2"), 409,
		`{"error":"slot_taken","message":"That time is no longer free",`+
			`"alternatives":[{"scheduledAt":"2026-04-27T07:00:00Z","endsAt":"2026-04-27T07:30:00Z",`+
			`"localStart":"2026-04-27T09:00:00+02:00","providerId":1,"locationId":2}]}`)
}

func TestFaultsOfOurs(t *testing.T) {
	b := newBench(t, nil)
	key := "Authorization: Bearer " + b.keys.add(secret.FamilyLive, nil, scope.LeadsRead)
	for _, path := range []string{"/api/v1/pets/13", "/api/v1/pets/14"} {
		w := b.call("GET", path, "", key)
		b.want(w, 500, `{"error":{"code":"INTERNAL_ERROR","message":"Internal error","request_id":"`+
			w.Header().Get("X-Request-Id")+`"}}`)
	}
	if strings.Contains(b.log.String(), "patient 13") {
		t.Error("a panic's text is in the log")
	}
	if !strings.Contains(b.log.String(), "disk on fire") {
		t.Error("the cause is not in the log")
	}
	b.want(b.call("GET", "/api/v1/pets/1", "", key), 200, "")
	if st := b.s.Stats(); st.InFlight != 0 || len(st.Routes) != 1 || st.Routes[0].Status[500] != 2 ||
		st.Routes[0].Status[200] != 1 {
		t.Errorf("stats %+v", st)
	}
	proof.Row(t, "R14", "a panic injected in handler, writer, dispatcher: process lives, others served, job retried",
		"handler: 500 in the envelope with its request id, nobody's data in the log, the next request is served")
}

// TestTooLargeIsHeard: a client that sends too much reads the 413, not a broken connection.
func TestTooLargeIsHeard(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	key := b.keys.add(secret.FamilyLive, nil, scope.LeadsWrite)
	srv := httptest.NewServer(b.s)
	defer srv.Close()
	r, _ := http.NewRequest("POST", srv.URL+"/api/v1/pets/a",
		io.MultiReader(strings.NewReader(`{"pet_name":"`), strings.NewReader(strings.Repeat("x", 3<<20))))
	r.Header.Set("Authorization", "Bearer "+key)
	resp, err := srv.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != 413 || !strings.Contains(string(body), "1024 KiB") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

func TestTableIsRefused(t *testing.T) {
	t.Parallel()
	ok := Row{Method: "GET", Path: "/x", Scope: scope.LeadsRead, Tag: "X", ID: "x", Summary: "X", Status: 200,
		Op: Drop(func(context.Context, act.Caller, wire.None) error { return nil })}
	bad := struct {
		CamelCase string `json:"camelCase"`
	}{}
	for name, change := range map[string]func(*Row){
		"no scope":      func(r *Row) { r.Scope = scope.None },
		"public, scope": func(r *Row) { r.Public = true },
		"no status":     func(r *Row) { r.Status = 0 },
		"path twice":    func(r *Row) { r.Path = "/health" },
		"bad name": func(r *Row) {
			use := func(context.Context, act.Caller, wire.None) (int, error) { return 0, nil }
			r.Op = Op(use, func(int) struct{ BadName } { panic(bad) })
		},
	} {
		row := ok
		change(&row)
		if _, err := New(engine.New(&keyring{}, engine.Options{}),
			Options{More: []Group{{Name: "pets", Rows: []Row{row}}}}); err == nil {
			t.Errorf("%s: the table is accepted", name)
		}
	}
	if _, err := New(engine.New(&keyring{}, engine.Options{}),
		Options{More: []Group{{Name: "pets", Rows: []Row{ok}}}}); err != nil {
		t.Error(err)
	}
}

type BadName struct {
	CamelCase string `json:"camel_1x"`
}
