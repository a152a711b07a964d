package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"qualifybase/engine"
	"qualifybase/engine/access"
	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
	"qualifybase/engine/flat"
	"qualifybase/engine/scope"
	"qualifybase/engine/secret"
	"qualifybase/store"
	"qualifybase/store/storetest"
)

// world is the API over a real database: two clinics, a key of each form with
// every scope that its family may hold, and a clock that tests move.
type world struct {
	testing.TB
	s     *Server
	e     *engine.Engine
	db    *store.Store
	log   *bytes.Buffer
	now   time.Time
	ann   act.Caller // the shell of the first clinic
	bob   act.Caller // of the second
	live  string     // headers: a key of the first clinic in each form
	kv    string
	other string // a key of the second clinic
	free  bool   // write requests in the flat form and read replies back from it
	all   string // a kv_ key that holds every scope, which none can be given
}

// monday is an hour before the clinic opens: Monday 2026-04-27 06:00 UTC, 08:00 in Berlin.
var monday = time.Date(2026, 4, 27, 6, 0, 0, 0, time.UTC)

func newWorld(t *testing.T) *world {
	t.Helper()
	return newFuzzWorld(t)
}

func newFuzzWorld(t testing.TB) *world {
	t.Helper()
	w := &world{TB: t, now: monday, log: &bytes.Buffer{}, db: storetest.Open(t)}
	sealer, err := secret.NewSealer(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	w.e = engine.New(w.db, engine.Options{Now: func() time.Time { return w.now }, Sealer: sealer,
		CheckURL: func(url string) error {
			if !strings.HasPrefix(url, "https://") { // webhook.Policy is tested where it lives
				return fault.Fail(fault.Invalid, "").On("url", "must begin with https://")
			}
			return nil
		}})
	if w.s, err = newServer(w.e, Options{AllowHTTP: true, FailuresPerMinute: 1 << 20,
		Log: slog.New(slog.NewTextHandler(w.log, nil))}); err != nil {
		t.Fatal(err)
	}
	w.ann, w.bob = w.clinic("Berlin Dental", "Europe/Berlin"), w.clinic("Lisbon Dental", "Europe/Lisbon")
	w.live = "Authorization: Bearer " + w.key(w.ann, secret.FamilyLive, access.MostScopes(secret.FamilyLive).Names()...)
	w.kv = "X-API-Key: " + w.key(w.ann, secret.FamilyKlinivo, access.MostScopes(secret.FamilyKlinivo).Names()...)
	w.other = "Authorization: Bearer " + w.key(w.bob, secret.FamilyLive, access.MostScopes(secret.FamilyLive).Names()...)
	w.all = "X-API-Key: " + w.key(w.ann, secret.FamilyKlinivo, "patients:read")
	w.widen(w.all)
	return w
}

// widen gives a key every scope, past the rules of its family: the flat form of
// every route must be right, whoever may reach it.
func (w *world) widen(header string) {
	w.Helper()
	_, text, _ := strings.Cut(header, ": ")
	secret, _ := secret.Parse(text)
	err := engine.Update(context.Background(), w.db, func(tx engine.Tx) error {
		k, err := tx.KeyByLookup(secret.Family, secret.ID)
		if err != nil {
			return err
		}
		k.Scopes = scope.All.Without(1 << scope.None)
		return tx.UpdateKey(k)
	})
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) clinic(name, zone string) act.Caller {
	w.Helper()
	week, err := calendar.ParseHours("Mon-Fri 09:00-17:00")
	if err != nil {
		w.Fatal(err)
	}
	c, err := w.e.CreateClinic(context.Background(), act.Shell(0, "init"),
		directory.ClinicDraft{Name: name, TimeZone: zone, Country: "DE", Hours: week})
	if err != nil {
		w.Fatal(err)
	}
	return act.Shell(c.N, "test")
}

func (w *world) key(c act.Caller, f secret.Family, scopes ...string) string {
	w.Helper()
	unlimited := 0
	k, err := w.e.CreateKey(context.Background(), c, access.KeyDraft{Name: "test", Family: f, Scopes: scopes,
		RatePerMinute: &unlimited})
	if err != nil {
		w.Fatal(err)
	}
	return k.Secret
}

// reply is what came back.
type reply struct {
	*httptest.ResponseRecorder
	w *world
}

// call sends a request, in the form of its first header, and holds the reply
// against the document.
func (w *world) call(method, target, body string, headers ...string) reply {
	w.Helper()
	r := httptest.NewRequest(method, Base+target, strings.NewReader(body))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	rec := httptest.NewRecorder()
	w.s.ServeHTTP(rec, r)
	describe(w.TB, w.s).check(w.TB, w.s, r.Method, r.URL.Path, rec)
	return reply{rec, w}
}

// as sends a request as the first clinic, in the form that the test runs in, and
// gives the reply in the standard form.
func (w *world) as(method, target, body string, headers ...string) reply {
	w.Helper()
	if !w.free {
		return w.call(method, target, body, append([]string{w.live}, headers...)...)
	}
	path, query, _ := strings.Cut(target, "?")
	for i, pair := range strings.Split(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		path += string("?&"[min(i, 1)]) + flat.Name(name) + "=" + value
	}
	if query == "" {
		path, _, _ = strings.Cut(target, "?")
	}
	r := w.call(method, path, string(flat.Append(nil, []byte(body))), append([]string{w.all}, headers...)...)
	if !strings.HasPrefix(r.Header().Get("Content-Type"), "application/json") {
		return r
	}
	tree, err := parseJSON(r.Body.Bytes(), flatForm)
	if err != nil {
		w.Fatalf("%v in %s", err, r.Body)
	}
	m, _ := tree.(map[string]any)
	if code, ok := m["error"].(string); ok {
		delete(m, "error")
		m["code"] = strings.ToUpper(code)
		tree = map[string]any{"error": m}
	} else if m["pagination"] == nil {
		tree = map[string]any{"data": m}
	}
	r.Body = bytes.NewBuffer(appendCanonical(nil, tree))
	return r
}

// bothForms runs a test in a world of its own for each wire form.
func bothForms(t *testing.T, test func(w *world)) {
	for _, f := range []string{"standard", "flat"} {
		t.Run(f, func(t *testing.T) {
			w := newWorld(t)
			w.free = f == "flat"
			test(w)
		})
	}
}

// has checks the status and one value, given as JSON, at a path.
func (r reply) has(status int, want string, path ...any) reply {
	r.w.Helper()
	if r.Code != status {
		r.w.Fatalf("%d %s, want %d", r.Code, r.Body, status)
	}
	if r.w.free && path[len(path)-1] == "field" {
		want = flat.Name(want)
	}
	if got, err := json.Marshal(r.get(path...)); err != nil || string(got) != want {
		r.w.Errorf("%v is %s, want %s (%v)", path, got, want, err)
	}
	return r
}

// is checks status and that the body holds the text.
func (r reply) is(status int, text string) reply {
	r.w.Helper()
	if r.Code != status || !strings.Contains(r.Body.String(), text) {
		r.w.Fatalf("%d %s\nwant %d … %s", r.Code, r.Body, status, text)
	}
	return r
}

// get finds a value by its path of names and indices: "data", "id".
func (r reply) get(path ...any) any {
	r.w.Helper()
	var v any
	d := json.NewDecoder(bytes.NewReader(r.Body.Bytes()))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		r.w.Fatalf("%v in %s", err, r.Body)
	}
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok || m[p] == nil {
				r.w.Fatalf("no %v in %s", p, r.Body)
			}
			v = m[p]
		case int:
			list, ok := v.([]any)
			if !ok || p >= len(list) {
				r.w.Fatalf("no %v in %s", p, r.Body)
			}
			v = list[p]
		}
	}
	return v
}

// id is a string or number in the body, as text.
func (r reply) id(path ...any) string {
	r.w.Helper()
	switch v := r.get(path...).(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	default:
		r.w.Fatalf("%v is %T", path, v)
		return ""
	}
}

// events are the types of what happened in the first clinic, oldest first.
func (w *world) events() []string {
	w.Helper()
	list, err := w.e.Events(context.Background(), w.ann, 0, "", act.Page{Limit: 200})
	if err != nil {
		w.Fatal(err)
	}
	var out []string
	for _, ev := range list.Items {
		out = append(out, ev.Type)
	}
	return out
}

// contract holds replies against the document: each schema is compiled once.
type contract struct {
	compiler *jsonschema.Compiler
	mu       sync.Mutex
	schemas  map[string]*jsonschema.Schema
	doc      map[string]any
}

var (
	contracts   sync.Mutex
	theContract *contract
)

// describe reads the core's document once for all tests.
func describe(t testing.TB, s *Server) *contract {
	t.Helper()
	contracts.Lock()
	defer contracts.Unlock()
	if theContract != nil {
		return theContract
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(s.OpenAPI()))
	if err != nil {
		t.Fatal(err)
	}
	c := &contract{compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}, doc: doc.(map[string]any)}
	c.compiler.AssertFormat()
	if err := c.compiler.AddResource("mem:///doc", doc); err != nil {
		t.Fatal(err)
	}
	theContract = c
	return c
}

func (c *contract) check(t testing.TB, s *Server, method, path string, r *httptest.ResponseRecorder) {
	t.Helper()
	pattern := ""
	h, ps, _ := s.router.Lookup(method, path)
	if h == nil {
		return
	}
	pattern = strings.TrimPrefix(path, Base)
	for _, p := range slices.Backward(ps) {
		if i := strings.LastIndex(pattern, "/"+p.Value); i >= 0 {
			pattern = pattern[:i+1] + "{" + p.Key + "}" + pattern[i+1+len(p.Value):]
		}
	}
	op, ok := dig(c.doc, "paths", pattern, strings.ToLower(method)).(map[string]any)
	if !ok {
		t.Errorf("the document lacks %s %s", method, pattern)
		return
	}
	code := strings.TrimSpace(r.Result().Status[:3])
	if dig(op, "responses", code) == nil {
		t.Errorf("the document lacks %s of %s %s: %s", code, method, pattern, r.Body)
		return
	}
	for _, name := range []string{"ETag", "Location", "Idempotent-Replayed", "Retry-After", "WWW-Authenticate",
		"X-Request-Id", "X-RateLimit-Limit", "RateLimit"} {
		if r.Header().Get(name) != "" && dig(op, "responses", code, "headers", name) == nil {
			t.Errorf("the document lacks the header %s in %s of %s %s", name, code, method, pattern)
		}
	}
	kind, _, _ := strings.Cut(r.Header().Get("Content-Type"), ";")
	if r.Body.Len() == 0 && kind == "" {
		return
	}
	if dig(op, "responses", code, "content", kind) == nil {
		t.Errorf("the document lacks %s of %s %s as %s", code, method, pattern, kind)
		return
	}
	if kind != "application/json" {
		return
	}
	at := "mem:///doc#/paths/" + strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(pattern) +
		"/" + strings.ToLower(method) + "/responses/" + code + "/content/application~1json/schema"
	c.mu.Lock()
	schema, err := c.schemas[at], error(nil)
	if schema == nil {
		schema, err = c.compiler.Compile(at)
		c.schemas[at] = schema
	}
	c.mu.Unlock()
	if err != nil {
		t.Errorf("%s: %v", at, err)
		return
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(r.Body.Bytes()))
	if err != nil {
		t.Errorf("%s %s: %v in %s", method, pattern, err, r.Body)
		return
	}
	if err := schema.Validate(v); err != nil {
		t.Errorf("%s %s → %s is not what the document says: %v\n%s", method, pattern, code, err, r.Body)
	}
}

func dig(v any, path ...string) any {
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	return v
}
