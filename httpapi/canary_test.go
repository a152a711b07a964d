package httpapi

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"qualifybase/engine/act"
)

// TestCanaries plants a name in every text of every route's body, in every query
// parameter and id, one at a time and all at once. No refusal says it again, no
// header, no log line at any level, no figure of the metrics and no thin event
// holds it (proof.md §3).
func TestCanaries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var err error
	if w.s, err = newServer(w.e, Options{AllowHTTP: true, FailuresPerMinute: 1 << 20,
		Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}); err != nil {
		t.Fatal(err)
	}
	hook := w.call("POST", "/webhooks", `{"url":"https://crm.example.com/","events":["*"]}`, w.live).id("data", "id")
	ids := planted(w)
	refused, calls := 0, 0
	tryOut := func(rt *route, path, body string) {
		t.Helper()
		calls++
		r := w.call(rt.Method, path, body, w.live)
		if r.Code >= 400 {
			refused++
			if strings.Contains(r.Body.String(), canary) {
				t.Errorf("%s %s %s: %d %s", rt.Method, path, body, r.Code, r.Body)
			}
		}
		if h := fmt.Sprint(r.Header()); strings.Contains(h, canary) {
			t.Errorf("%s %s %s: %s", rt.Method, path, body, h)
		}
	}
	for _, rt := range w.s.routes {
		if !strings.HasPrefix(rt.pattern, Base) || rt.Public && rt.Example == "" || rt.Method == http.MethodDelete {
			continue
		}
		path := fill(t, rt, ids)
		for _, body := range plantings(t, rt.Example) {
			tryOut(rt, path, body)
		}
		for _, name := range []string{"q", "limit", "cursor", "from", "to", "status", "source", "provider_id",
			"updated_since", "preference", "nonsense", "key", "api_key"} {
			tryOut(rt, path+"?"+url.Values{name: {canary}}.Encode(), rt.Example)
		}
		if strings.Contains(rt.Path, ":id") {
			tryOut(rt, strings.TrimPrefix(strings.Replace(rt.pattern, ":id", canary, 1), Base), rt.Example)
		}
	}
	if refused < 500 || refused == calls {
		t.Errorf("%d of %d calls were refused: the canaries were not let fly", refused, calls)
	}
	if at := strings.Index(w.log.String(), canary); at >= 0 {
		t.Errorf("the log: …%s", w.log.String()[max(0, at-200):at+20])
	}
	if text := fmt.Sprintf("%+v", w.s.Stats()); strings.Contains(text, canary) {
		t.Error("the metrics hold it")
	}
	list, err := w.e.Events(t.Context(), w.ann, 0, "", act.Page{Limit: 200})
	if err != nil || len(list.Items) < 10 {
		t.Fatalf("%d events, %v", len(list.Items), err)
	}
	for _, ev := range list.Items {
		if text := fmt.Sprintf("%+v", ev); strings.Contains(text, canary) {
			t.Errorf("event %s", text)
		}
	}
	if text := w.call("GET", "/webhooks/"+hook+"/deliveries?limit=200", "",
		w.live).Body.String(); strings.Contains(text, canary) {
		t.Errorf("a delivery of a thin webhook: %s", text)
	}
}

// plantings are an example with the canary in place of each of its texts in turn,
// beside each, and in all of them.
func plantings(t *testing.T, example string) (list []string) {
	t.Helper()
	if example == "" {
		return nil
	}
	var body any
	if err := json.Unmarshal([]byte(example), &body); err != nil {
		t.Fatal(err)
	}
	say := func() {
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(text))
	}
	var all []func(string)
	var walk func(v any, set func(any))
	walk = func(v any, set func(any)) {
		switch x := v.(type) {
		case map[string]any:
			for name := range x {
				walk(x[name], func(v any) { x[name] = v })
			}
		case []any:
			for i := range x {
				walk(x[i], func(v any) { x[i] = v })
			}
		default:
			for _, text := range []any{canary, fmt.Sprint(v, " ", canary), canary + "@"} {
				set(text)
				say()
			}
			set(v)
			all = append(all, func(text string) { set(text) })
		}
	}
	walk(body, func(v any) { body = v })
	for _, set := range all {
		set(canary)
	}
	say()
	return list
}
