package httpapi

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"qualifybase/engine/flat"
	"qualifybase/httpapi/wire"
)

// Document is the API's description, made from the route table once and kept
// compressed: for both wire forms together, and for each alone, which is easier
// on client generators.
type Document struct {
	all, standard, flat func() *file
}

type object = map[string]any

func newDocument(s *Server) *Document {
	build := func(forms ...form) func() *file {
		return sync.OnceValue(func() *file {
			text, err := json.Marshal(s.describe(forms))
			if err != nil {
				panic(err) // maps of our own making
			}
			return newFile("application/json; charset=utf-8", text)
		})
	}
	return &Document{build(standardForm, flatForm), build(standardForm), build(flatForm)}
}

// OpenAPI is the document of both forms as JSON, for `qb openapi`.
func (s *Server) OpenAPI() []byte { return s.document.all().text() }

// describe builds the document in the order of the route table.
func (s *Server) describe(forms []form) object {
	paths := object{}
	var tags []object
	seen := map[string]bool{}
	for _, rt := range s.routes {
		if !strings.HasPrefix(rt.pattern, Base) {
			continue
		}
		at := docPath(rt.Path)
		item, ok := paths[at].(object)
		if !ok {
			item = object{}
			paths[at] = item
		}
		item[strings.ToLower(rt.Method)] = s.operation(rt, forms)
		if !seen[rt.Tag] {
			seen[rt.Tag] = true
			tags = append(tags, object{"name": rt.Tag})
		}
	}
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title": "QualifyBase API", "version": s.o.Version, "description": intro,
			"license": object{"name": "MIT", "identifier": "MIT"},
		},
		"servers":  []object{{"url": s.o.PublicURL + Base}},
		"tags":     tags,
		"paths":    paths,
		"webhooks": s.webhooks(forms),
		"components": object{
			"schemas":  s.schemas(forms),
			"examples": s.examples(forms),
			"headers":  docHeaders,
			"responses": object{"MethodNotAllowed": object{
				"description": "METHOD_NOT_ALLOWED, from every path for a method that it does not list",
				"headers": object{"X-Request-Id": object{"$ref": "#/components/headers/X-Request-Id"},
					"Allow": object{"$ref": "#/components/headers/Allow"}},
				"content": object{"application/json": object{"schema": faultSchema(forms)}},
			}},
			"securitySchemes": object{
				"bearer": object{"type": "http", "scheme": "bearer",
					"description": "Standard form: qbk_live_, qbk_test_, qual_sk_, qual_scope_, qual_pk_ keys and " +
						"session JWTs"},
				"apiKey": object{"type": "apiKey", "in": "header", "name": "X-API-Key",
					"description": "Flat form: kv_ keys"},
			},
		},
	}
}

const intro = "The front office of a clinic: leads, open slots, bookings, patients, webhooks.\n\n" +
	"**One API, two wire forms.** The header that carries the key decides: `Authorization: Bearer …` gives " +
	"snake_case names in a `data` envelope; `X-API-Key: kv_…` gives camelCase names without an envelope. " +
	"Schemas whose name ends in *Flat* are of the second form; `?form=standard` or `?form=flat` gives this " +
	"document for one form alone.\n\n" +
	"Times are RFC 3339, in UTC on output. Unknown fields are refused by name. A method that a path does not list " +
	"is answered 405 with an `Allow` header (`#/components/responses/MethodNotAllowed`). Send an " +
	"`Idempotency-Key` with POST and PATCH to retry safely."

// docPath turns /leads/:id into /leads/{id}.
func docPath(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if name, ok := strings.CutPrefix(p, ":"); ok {
			parts[i] = "{" + name + "}"
		}
	}
	return strings.Join(parts, "/")
}

// operation describes one row.
func (s *Server) operation(rt *route, forms []form) object {
	op := object{
		"operationId": rt.ID, "summary": rt.Summary, "tags": []string{rt.Tag},
		"responses": s.responses(rt, forms),
	}
	op["security"], op["description"] = security(rt, forms)
	if params := s.parameters(rt, forms); len(params) > 0 {
		op["parameters"] = params
	}
	if rt.input.schema != nil {
		media := object{"schema": s.either(schemaJSON(rt.input.schema), forms)}
		if rt.Example != "" {
			media["examples"] = examples(rt.Example, forms)
		}
		op["requestBody"] = object{"required": len(s.resolve(rt.input.schema).Required) > 0 ||
			rt.Status == http.StatusCreated || rt.Method == http.MethodPatch || rt.Method == http.MethodPut,
			"content": object{"application/json": media}}
	}
	return op
}

func security(rt *route, forms []form) ([]object, string) {
	doc := rt.Doc
	say := func(text string) {
		if doc != "" {
			doc += "\n\n"
		}
		doc += text
	}
	if rt.Public {
		return []object{}, doc
	}
	scopes := []string{}
	if !rt.Open {
		scopes = append(scopes, rt.Scope.String())
		words := "Needs `" + rt.Scope.String() + "` (`" + rt.Scope.Klinivo() + "`)"
		for _, x := range rt.Also {
			words += " or `" + x.String() + "`"
		}
		say(words + ".")
	}
	var out []object
	for _, f := range forms {
		out = append(out, object{[]string{"bearer", "apiKey"}[f]: scopes})
	}
	return out, doc
}

// resolve follows references.
func (s *Server) resolve(x *huma.Schema) *huma.Schema {
	for x.Ref != "" {
		x = s.registry.SchemaFromRef(x.Ref)
	}
	return x
}

func (s *Server) parameters(rt *route, forms []form) []object {
	var out []object
	for _, p := range rt.input.path {
		out = append(out, object{"name": p.name, "in": "path", "required": true, "schema": s.paramSchema(p)})
	}
	for _, p := range rt.input.query {
		for i, f := range forms {
			name := p.name
			if f == flatForm {
				name = flat.Name(name)
			}
			if i > 0 && name == p.name {
				continue // the same word in both forms
			}
			x := object{"name": name, "in": "query", "schema": s.paramSchema(p)}
			if p.required && len(forms) == 1 {
				x["required"] = true
			}
			if doc := p.field.Tag.Get("doc"); doc != "" {
				x["description"] = doc
			}
			out = append(out, x)
		}
	}
	if rt.input.match != nil {
		out = append(out, object{"name": "If-Match", "in": "header", "schema": object{"type": "string"},
			"description": "The version that was read, as its ETag: \"3\""})
	}
	if rt.Method == http.MethodPost || rt.Method == http.MethodPatch {
		out = append(out, object{"name": "Idempotency-Key", "in": "header",
			"schema":      object{"type": "string", "maxLength": 255},
			"description": "Any unique text: the same request with the same key is done once, for 24 hours"})
	}
	return out
}

func (s *Server) paramSchema(p param) object {
	x := dressField(s.registry.Schema(p.field.Type, false, p.name), p.field, true)
	out := schemaJSON(x)
	delete(out, "format")
	if p.field.Type == reflect.TypeFor[wire.Instant]() || p.field.Type == reflect.TypeFor[*wire.Instant]() {
		out["format"] = "date-time"
	}
	out["type"] = x.Type
	for _, bound := range []string{"minimum", "maximum", "default"} {
		if n, err := strconv.ParseInt(p.field.Tag.Get(bound), 10, 64); err == nil {
			out[bound] = n
		}
	}
	if words := p.field.Tag.Get("enum"); words != "" {
		out["enum"] = strings.Split(words, ",")
	}
	return out
}

func examples(text string, forms []form) object {
	out := object{}
	for _, f := range forms {
		raw := []byte(text)
		if f == flatForm {
			raw = flat.Append(nil, raw)
		}
		out[[]string{"standard", "flat"}[f]] = object{"value": json.RawMessage(raw)}
	}
	return out
}
