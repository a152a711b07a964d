package httpapi_test

import (
	"bytes"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/access"
	"qualifybase/engine/act"
	"qualifybase/engine/directory"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/scope"
	"qualifybase/engine/secret"
	"qualifybase/engine/text"
	"qualifybase/httpapi"
)

// stage is where a transcript plays: the standard clinic behind the HTTP server
// of a program that runs.
type stage struct {
	testing.TB
	*enginetest.Clinic
	api  *httpapi.Server
	site *httptest.Server
	said *names
	log  bytes.Buffer
}

// newStage opens the clinic, where Ada goes first in assignment, then Ben. These names are known from the start:
//
//	$live       a qbk_live_ key with every scope that its family may hold
//	$test       the same of a test key
//	$owner      a qual_sk_ key with every scope that its family may hold
//	$kv         a kv_ key with the seven permissions of Klinivo
//	$other      a key as $live, of another clinic
//	$clinic     the id of the clinic
//	$live_prefix and so on, the visible part of a key
//	$long_text  65,537 letters, and $body a text of 1 MiB
//
// "with sessions" adds ada@praxis.example, who works at the front desk and signs in
// with the password "correct horse battery", and a server that takes sessions.
//
// In the flat form $live is a kv_ key with the same scopes.
func newStage(t *testing.T, with []string, flat bool) *stage {
	t.Helper()
	w := &stage{TB: t, Clinic: enginetest.New(t), said: newNames()}
	// Without times: at noon "12:00" would be found in a log that says nothing of the body.
	timeless := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}
	o := httpapi.Options{AllowHTTP: true, Log: slog.New(slog.NewTextHandler(&w.log, timeless))}
	if slices.Contains(with, "sessions") {
		o.JWT = httpapi.JWT{Secret: bytes.Repeat([]byte("k"), httpapi.MinJWTSecret), TTL: time.Hour}
		_, err := w.Engine.CreateUser(t.Context(), w.Shell, access.UserDraft{
			Email: "ada@praxis.example", Name: "Ada", Role: act.FrontDesk, Password: "correct horse battery",
		})
		enginetest.Must(t, err)
	}
	for i, p := range []directory.Provider{w.Ada, w.Ben, w.Cleo} { // or a hash would choose among equals
		_, err := w.Engine.UpdateProvider(t.Context(), w.Shell, p.ID, nil, directory.ProviderDraft{Priority: new(i + 1)})
		enginetest.Must(t, err)
	}
	var err error
	o.More = httpapi.Further(w.Engine)
	w.api, err = httpapi.New(w.Engine, o)
	enginetest.Must(t, err)
	w.site = httptest.NewServer(w.api)
	t.Cleanup(w.site.Close) // where a step fails
	rival, _ := w.Rival(t)
	if flat {
		w.key("live", w.Shell, secret.FamilyKlinivo)
		w.widen("live", access.MostScopes(secret.FamilyLive))
	} else {
		w.key("live", w.Shell, secret.FamilyLive)
	}
	w.key("test", w.Shell, secret.FamilyTest)
	w.key("owner", w.Shell, secret.FamilySecret)
	w.key("kv", w.Shell, secret.FamilyKlinivo)
	w.key("other", rival, secret.FamilyLive)
	w.said.add("clinic", w.Row.ID)
	w.said.add("long_text", strings.Repeat("x", text.MaxSOAP+1))
	w.said.add("body", strings.Repeat("x", 1<<20))
	w.Since(t)
	return w
}

// key makes a key and names it.
func (w *stage) key(name string, c act.Caller, f secret.Family) {
	w.Helper()
	draft := access.KeyDraft{Name: "transcript", Family: f, Scopes: access.MostScopes(f).Names()}
	k, err := w.Engine.CreateKey(w.Context(), c, draft)
	enginetest.Must(w, err)
	w.said.add(name, k.Secret)
	w.said.add(name+"_prefix", k.Prefix())
}

// widen gives a key scopes past the rules of its family: the flat form of every
// route must be right, whoever may reach it.
func (w *stage) widen(name string, scopes scope.Set) {
	w.Helper()
	secret, _ := secret.Parse(w.said.values[name])
	w.Write(w, func(tx engine.Tx) error {
		k, err := tx.KeyByLookup(secret.Family, secret.ID)
		if err != nil {
			return err
		}
		k.Scopes = scopes
		return tx.UpdateKey(k)
	})
}

// play sends a step's request and tells what came of it.
func (w *stage) play(s *step) outcome {
	w.Helper()
	if s.at != "" {
		at, err := time.Parse(time.RFC3339, s.at)
		if err != nil {
			w.Fatalf("step %q: %v", s.title, err)
		}
		w.Clock.Set(at)
	}
	target, body := w.said.fill(w, s, s.target), w.said.fill(w, s, s.body)
	r, err := http.NewRequest(s.method, w.site.URL+target, strings.NewReader(body))
	if err != nil {
		w.Fatalf("step %q: %v", s.title, err)
	}
	for _, h := range s.headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, w.said.fill(w, s, value))
	}
	reply, err := (&http.Transport{DisableCompression: true}).RoundTrip(r)
	if err != nil {
		w.Fatalf("step %q: %v", s.title, err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		w.Fatalf("step %q: %v", s.title, err)
	}
	rec := httptest.NewRecorder()
	maps.Copy(rec.Header(), reply.Header)
	rec.WriteHeader(reply.StatusCode)
	rec.Body.Write(text)
	if r.URL.Path != httpapi.Base+"/openapi.json" { // which does not describe itself
		httpapi.CheckReply(w, w.api, s.method, r.URL.Path, rec)
	}

	got := outcome{status: reply.Status}
	got.body = w.body(s, reply.Header.Get("Content-Type"), string(text))
	got.headers = w.headersOf(reply.Header, s.want.headers)
	left := w.Since(w)
	got.events = left.Events
	for _, row := range left.Audit {
		got.audit = append(got.audit, w.said.replace(row, "unsaved")) // the id of what was rolled back
	}
	return got
}

// close ends the server and checks that its log says neither secrets nor what
// requests said.
func (w *stage) close(steps []*step) {
	w.Helper()
	w.site.Close() // when it has logged its last request
	told := func(what, text string) {
		if len(text) > 4 && strings.Contains(w.log.String(), text) {
			w.Errorf("the log says %s %q", what, text)
		}
	}
	var walk func(*tree)
	walk = func(v *tree) {
		text := strings.Trim(v.text, `"`)
		family := strings.HasSuffix(text, "_") // of a key, whose visible part the log names
		if text != v.text && !strings.HasPrefix(text, "$") && !family {
			told("what was sent,", text)
		}
		for _, item := range v.items {
			walk(item)
		}
	}
	for _, s := range steps {
		if sent, err := parseTree(s.body); err == nil {
			walk(sent)
		}
	}
	for name, value := range w.said.values {
		if name = strings.TrimRight(name, "0123456789"); slices.Contains(secrets, name) {
			told("the secret $"+name+",", value)
		}
	}
}

// secrets are the names of what no log may say.
var secrets = []string{"live", "test", "owner", "kv", "other", "api_key", "token", "secret"}

// body is the reply's body as it stands in a transcript.
func (w *stage) body(s *step, kind, text string) string {
	if !strings.HasPrefix(kind, "application/json") {
		return sameLines(w.said.replace(strings.ReplaceAll(text, "\r\n", "\n"), ""), s.want.body)
	}
	v, err := parseTree(text)
	if err != nil {
		w.Errorf("step %q: the reply is no JSON: %v", s.title, err)
		return text
	}
	w.said.learn(v, nounOf(s.target))
	if want, err := parseTree(s.want.body); err == nil {
		v = v.like(want)
	}
	return v.String()
}

// sameLines is the text with those lines left out that the expectation leaves out.
func sameLines(text, want string) string {
	text = strings.TrimSpace(text)
	if !slices.Contains(strings.Split(want, "\n"), "...") {
		return text
	}
	rest := strings.Split(text, "\n")
	for _, line := range strings.Split(want, "\n") {
		if line == "..." {
			continue
		}
		at := slices.Index(rest, line)
		if at < 0 {
			return text
		}
		rest = rest[at+1:]
	}
	return want
}

// nounOf is what the last collection of a path holds: /leads/1/convert → lead.
func nounOf(target string) string {
	path, _, _ := strings.Cut(strings.TrimPrefix(target, httpapi.Base), "?")
	noun := "id"
	for part := range strings.SplitSeq(path, "/") {
		switch {
		case part == "time-off":
			noun = "time_off"
		case part == "deliveries", part == "test":
			noun = "delivery"
		case strings.HasSuffix(part, "s") && !strings.HasPrefix(part, "$"):
			noun = strings.TrimPrefix(strings.TrimSuffix(part, "s"), "api-")
		}
	}
	return noun
}
