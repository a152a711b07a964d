package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"qualifybase/engine/fault"
	"qualifybase/engine/secret"
)

// TestStatuses: every kind that the engine can answer with has a status.
func TestStatuses(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../engine/fault/fault.go")
	if err != nil {
		t.Fatal(err)
	}
	kinds := regexp.MustCompile(`Kind += "([A-Z_]+)"`).FindAllSubmatch(text, -1)
	if len(kinds) < 30 {
		t.Fatalf("found %d kinds", len(kinds))
	}
	for _, k := range kinds {
		if rank(fault.Kind(k[1])) < 0 {
			t.Errorf("%s has no status", k[1])
		}
	}
	if Status("SOMETHING_NEW") != http.StatusInternalServerError {
		t.Error("an unknown kind is not a 500")
	}
}

// TestLimitsAreTrue sends every text one character longer than the document
// allows, and just as long: the schema's numbers must be the engine's.
func TestLimitsAreTrue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := planted(w)
	checked := 0
	for _, rt := range w.s.routes {
		if rt.input.schema == nil {
			continue
		}
		for name, prop := range w.s.resolve(rt.input.schema).Properties {
			if prop.MaxLength == nil || name == "stop_reason" { // read with status stopped alone
				continue
			}
			checked++
			// blames reports whether the field is refused; a state that refuses everything says nothing.
			blames := func(n int) (yes, no bool) {
				body := map[string]any{}
				if rt.Example != "" {
					if err := json.Unmarshal([]byte(rt.Example), &body); err != nil {
						t.Fatal(err)
					}
				}
				if name == "status_reason" || name == "reason" && rt.ID == "editNote" { // said with this state alone
					body["status"] = "entered_in_error"
				}
				body[name] = strings.Repeat("x", n)
				text, _ := json.Marshal(body)
				r := w.call(rt.Method, fill(t, rt, ids), string(text), w.live)
				yes = r.Code == 400 && (strings.Contains(r.Body.String(), `{"field":"`+name+`"`) || name == "reason" &&
					strings.Contains(r.Body.String(), `"cancellation_reason"`))
				return yes, r.Code < 300 || r.Code == 400 && !yes
			}
			if _, taken := blames(*prop.MaxLength + 1); taken {
				t.Errorf("%s %s takes a %s longer than the %d characters of the document", rt.Method, rt.Path, name,
					*prop.MaxLength)
			}
			switch name {
			case "email", "phone", "url", "signature_header", "language": // have a form of their own
				continue
			case "first_name", "last_name": // together they are a name
				continue
			}
			if refused, _ := blames(*prop.MaxLength); refused {
				t.Errorf("%s %s refuses a %s of %d characters", rt.Method, rt.Path, name, *prop.MaxLength)
			}
		}
	}
	if checked < 40 {
		t.Errorf("only %d limits", checked)
	}
}

// TestHostileBodies: whatever is sent, the answer is a 4xx in the envelope, and
// memory does not grow with it.
func TestHostileBodies(t *testing.T) {
	w := newWorld(t)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for name, body := range map[string]string{
		"deep lists":       strings.Repeat("[", 500_000),
		"deep objects":     strings.Repeat(`{"a":`, 200_000),
		"many names":       `{` + strings.Repeat(`"x":1,`, 150_000) + `"y":1}`,
		"many other names": manyNames(50_000),
		"huge number":      `{"name":` + strings.Repeat("9", 900_000) + `}`,
		"huge name":        `{"` + strings.Repeat("a", 900_000) + `":1}`,
		"bad UTF-8":        "{\"name\":\"\xc3\x28\"}",
		"NULs":             `{"name":"\u0000\u0000"}`,
		"only zeros":       strings.Repeat("\x00", 1000),
		"two megabytes":    `{"name":"` + strings.Repeat("x", 2<<20) + `"}`,
	} {
		for _, key := range []string{w.live, w.all} {
			r := w.call("POST", "/leads", body, key)
			if r.Code < 400 || r.Code >= 500 || r.Body.Len() > 64<<10 {
				t.Errorf("%s: %d with %d bytes", name, r.Code, r.Body.Len())
			}
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 50<<20 {
		t.Errorf("memory grew by %d MiB", grown>>20)
	}
}

func manyNames(n int) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := range n {
		fmt.Fprintf(&b, `"n%d":%d,`, i, i)
	}
	b.WriteString(`"z":0}`)
	return b.String()
}

// TestRetries: a decided answer is heard again although the world has changed; a
// fault of the request is not kept; one caller's key is no other's.
func TestRetries(t *testing.T) {
	t.Parallel()
	bothForms(t, func(w *world) {
		lead := w.as("POST", "/leads", `{"external_id":"1"}`).id("data", "id")
		body := `{"lead_id":"` + lead + `","scheduled_at":"2026-04-27T09:00:00Z","ends_at":"2026-04-27T09:30:00Z"}`
		other := w.as("POST", "/leads", `{"external_id":"2"}`).id("data", "id")
		first := w.as("POST", "/appointments", body)
		taken := w.as("POST", "/appointments", strings.Replace(body, lead, other, 1), "Idempotency-Key: late").
			has(409, `"SLOT_TAKEN"`, "error", "code")
		w.as("POST", "/appointments/"+first.id("data", "id")+"/cancel", "").is(200, "")
		again := w.as("POST", "/appointments", strings.Replace(body, lead, other, 1), "Idempotency-Key: late")
		if again.Code != 409 || again.Body.String() != taken.Body.String() ||
			again.Header().Get("Idempotent-Replayed") != "true" {
			w.Errorf("the retry hears %d %s", again.Code, again.Body)
		}
		w.call("POST", "/appointments", strings.Replace(body, lead, other, 1),
			"Authorization: Bearer "+w.key(w.ann, secret.FamilyLive), "Idempotency-Key: late").is(201, "")
		w.as("POST", "/leads", `{"name":7}`, "Idempotency-Key: bad").has(400, `"VALIDATION_ERROR"`, "error", "code")
		w.as("POST", "/leads", `{"name":"x"}`, "Idempotency-Key: bad").is(201, "")
		w.as("PATCH", "/leads/"+lead, `{"name":"x"}`, "Idempotency-Key: patch").
			has(200, "3", "data", "version") // 2: it was booked
		if r := w.as("PATCH", "/leads/"+lead, `{"name":"x"}`, "Idempotency-Key: patch").
			has(200, "3", "data", "version"); r.Header().Get("ETag") != `"3"` {
			w.Errorf("replayed headers %v", r.Header())
		}
	})
}

// TestSameKeyAtOnce: many copies of one request under one key do the thing once
// and all hear the same.
func TestSameKeyAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body := `{"name":"Ada"}`
	bodies := make([]string, 32)
	var wg sync.WaitGroup
	for i := range bodies {
		wg.Go(func() {
			r := httptest.NewRequest("POST", Base+"/leads", strings.NewReader(body))
			name, value, _ := strings.Cut(w.live, ": ")
			r.Header.Set(name, value)
			r.Header.Set("Idempotency-Key", "one")
			rec := httptest.NewRecorder()
			w.s.ServeHTTP(rec, r)
			bodies[i] = fmt.Sprint(rec.Code, rec.Body)
		})
	}
	wg.Wait()
	for _, b := range bodies {
		if b != bodies[0] || !strings.HasPrefix(b, "201 ") {
			t.Errorf("%s beside %s", b, bodies[0])
		}
	}
	w.call("GET", "/leads", "", w.live).is(200, `"total_count":1`)
}

// FuzzRequests: no request makes a 5xx, and every reply is JSON of its form.
func FuzzRequests(f *testing.F) {
	f.Add("POST", "/leads", "", `{"name":"Ada"}`, "", false)
	f.Add("GET", "/availability", "from=2026-04-27&limit=3", "", "", true)
	f.Add("PATCH", "/appointments/x", "", `{"status":"cancelled"}`, "k", true)
	f.Add("PUT", "/providers/1/schedule", "", `{"weekly":{"mon":[{"from":"09:00","to":"12:00"}]}}`, "", false)
	f.Add("POST", "/holds", "x=%zz", `{"scheduled_at":"2026-04-27T09:00:00Z","minutes":5}`, `"q"`, true)
	w := newFuzzWorld(f)
	f.Fuzz(func(t *testing.T, method, path, query, body, key string, camel bool) {
		r, err := http.NewRequest(method, "http://x/", strings.NewReader(body))
		if err != nil {
			return
		}
		r.URL.Path, r.URL.RawQuery, r.RemoteAddr = Base+path, query, "127.0.0.1:1"
		name, value, _ := strings.Cut(map[bool]string{false: w.live, true: w.all}[camel], ": ")
		r.Header.Set(name, value)
		if key != "" {
			r.Header["Idempotency-Key"] = []string{key}
		}
		rec := httptest.NewRecorder()
		w.s.ServeHTTP(rec, r)
		if rec.Code >= 500 {
			t.Fatalf("%s %s?%s %s → %d %s", method, path, query, body, rec.Code, rec.Body)
		}
		if strings.HasPrefix(rec.Header().Get("Content-Type"), "application/json") && rec.Header().Get("Etag") == "" {
			if _, err := parseJSON(rec.Body.Bytes(), standardForm); err != nil {
				t.Fatalf("%s %s → %s: %v", method, path, rec.Body, err)
			}
		}
	})
}
