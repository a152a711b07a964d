package httpapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"qualifybase/engine/flat"
)

func TestDocument(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	for _, form := range []string{"", "?form=standard", "?form=flat"} {
		w := b.call("GET", "/api/v1/openapi.json"+form, "")
		if w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		loader := openapi3.NewLoader()
		doc, err := loader.LoadFromData(w.Body.Bytes())
		if err != nil {
			t.Fatalf("%q: %v", form, err)
		}
		if err := doc.Validate(loader.Context, openapi3.EnableExamplesValidation()); err != nil {
			t.Errorf("%q: %v", form, err)
		}
		var paths, routes []string
		for path, item := range doc.Paths.Map() {
			for method := range item.Operations() {
				paths = append(paths, method+" "+path)
			}
		}
		for _, rt := range b.s.routes {
			if strings.HasPrefix(rt.pattern, Base) {
				routes = append(routes, rt.Method+" "+docPath(rt.Path))
			}
		}
		slices.Sort(paths)
		slices.Sort(routes)
		if !slices.Equal(paths, routes) {
			t.Errorf("the document has %v, the router %v", paths, routes)
		}
		if hook := doc.Extensions["webhooks"]; hook == nil &&
			!strings.Contains(w.Body.String(), `"lead.created":{"post"`) {
			t.Errorf("%q: no webhooks section", form)
		}
		again := b.call("GET", "/api/v1/openapi.json"+form, "", "If-None-Match: "+w.Header().Get("ETag"))
		if again.Code != 304 || again.Body.Len() != 0 {
			t.Errorf("with its ETag: %d, %d bytes", again.Code, again.Body.Len())
		}
	}
	b.want(b.call("GET", "/api/v1/openapi.json?form=xml", ""), 400, `"Must be one of standard, flat"`)
}

// TestDocumentNamesBothForms: a flat schema has camelCase names and no reference to a standard one.
func TestDocumentNamesBothForms(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	var doc struct {
		Components struct{ Schemas map[string]json.RawMessage }
	}
	if err := json.Unmarshal(b.s.OpenAPI(), &doc); err != nil {
		t.Fatal(err)
	}
	flat := string(doc.Components.Schemas["PetBodyFlat"])
	if !strings.Contains(flat, `"petName"`) || strings.Contains(flat, `"pet_name"`) ||
		!strings.Contains(flat, `schemas/PetHomeFlat"`) {
		t.Errorf("PetBodyFlat is %s", flat)
	}
	if std := string(doc.Components.Schemas["PetBody"]); !strings.Contains(std, `"pet_name"`) {
		t.Errorf("PetBody is %s", std)
	}
}

func TestReferencePage(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	page := b.call("GET", "/api/v1/docs", "")
	if page.Code != 200 || !strings.Contains(page.Body.String(), "<rapi-doc") ||
		strings.Contains(page.Body.String(), "http") && strings.Contains(page.Body.String(), "//cdn") {
		t.Errorf("%d %s", page.Code, page.Body)
	}
	if csp := page.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") ||
		!strings.Contains(csp, "script-src 'self'") {
		t.Errorf("policy %q", csp)
	}
	script := b.call("GET", "/api/v1/docs/rapidoc-min.js", "")
	zipped := b.call("GET", "/api/v1/docs/rapidoc-min.js", "", "Accept-Encoding: gzip")
	if script.Code != http.StatusOK || !strings.Contains(script.Body.String(), "rapi-doc") ||
		zipped.Header().Get("Content-Encoding") != "gzip" || zipped.Body.Len()*3 > script.Body.Len() {
		t.Errorf("script: %d, %d bytes plain, %d zipped", script.Code, script.Body.Len(), zipped.Body.Len())
	}
}

// TestDocumentHasEveryEvent: each type of event with an example of its body that
// fits the schema beside it, in both forms.
func TestDocumentHasEveryEvent(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	var doc struct {
		Webhooks map[string]struct {
			Post struct {
				RequestBody struct {
					Content map[string]struct {
						Examples map[string]struct{ Value map[string]any }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(b.s.OpenAPI(), &doc); err != nil {
		t.Fatal(err)
	}
	types := b.s.e.EventTypes()
	if len(doc.Webhooks) != len(types) || len(types) < 15 {
		t.Fatalf("%d webhooks for %d types", len(doc.Webhooks), len(types))
	}
	for _, typ := range types {
		noun, _, _ := strings.Cut(typ.Type, ".")
		for form, names := range map[string][2]string{"standard": {"created_at", noun},
			"flat": {"createdAt", flat.Name(noun)}} {
			body := doc.Webhooks[typ.Type].Post.RequestBody.Content["application/json"].Examples[form].Value
			data, _ := body["data"].(map[string]any)
			thing, _ := data[names[1]].(map[string]any)
			if body["type"] != typ.Type || body[names[0]] == nil || thing["id"] == nil {
				t.Errorf("%s, %s: the example is %v", typ.Type, form, body)
			}
		}
	}
}

// Every success with a body has an example in each form, which TestDocument holds
// against its schema; none is hollow.
func TestDocumentHasEveryReply(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	var doc struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Content map[string]struct {
					Examples map[string]map[string]string
				}
			}
		}
		Components struct {
			Examples map[string]struct{ Value json.RawMessage }
		}
	}
	if err := json.Unmarshal(b.s.OpenAPI(), &doc); err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, rt := range b.s.routes {
		if rt.shape.out == nil || !strings.HasPrefix(rt.pattern, Base) {
			continue
		}
		described := doc.Paths[docPath(rt.Path)][strings.ToLower(rt.Method)]
		content := described.Responses[strconv.Itoa(rt.Status)].Content["application/json"]
		for name, envelope := range map[string]bool{"standard": true, "flat": rt.shape.list} {
			ref := strings.TrimPrefix(content.Examples[name]["$ref"], "#/components/examples/")
			text := string(doc.Components.Examples[ref].Value)
			if len(text) < 20 || strings.HasPrefix(text, `{"data":`) != envelope || name == "flat" &&
				strings.Contains(text, `"created_at"`) {
				t.Errorf("%s %s, %s: %q is %.80s", rt.Method, rt.Path, name, ref, text)
			}
			shown++
		}
	}
	if shown < 100 {
		t.Errorf("%d examples", shown)
	}
	health := string(doc.Components.Examples["HealthFlat"].Value) // as Klinivo prints it
	if !strings.Contains(health, `"permissions":["READ_PATIENTS","READ_APPOINTMENTS"]`) ||
		!strings.Contains(health, `"keyPrefix":"kv_`) {
		t.Errorf("HealthFlat is %s", health)
	}
}
