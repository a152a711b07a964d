package httpapi

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"qualifybase/engine/fault"
)

// responses describes the success and every refusal of a row.
func (s *Server) responses(rt *route, forms []form) object {
	good := object{"description": "Success", "headers": goodHeaders(rt)}
	if content := s.content(rt, forms); len(content) > 0 {
		good["content"] = content
	}
	out := object{strconv.Itoa(rt.Status): good}
	if rt.Status == http.StatusCreated && rt.Update {
		out["200"] = good
	}
	if rt.shape.other != "" && rt.shape.out == nil {
		out["304"] = object{"description": "Not changed since the given ETag"}
	}
	byStatus := map[int][]string{}
	for _, k := range rt.refusals() {
		byStatus[Status(k)] = append(byStatus[Status(k)], string(k))
	}
	if rt.Method == http.MethodGet && rt.shape.versed {
		out["304"] = object{"description": "Not changed since the ETag in If-None-Match", "headers": goodHeaders(rt)}
	}
	for status, codes := range byStatus {
		out[strconv.Itoa(status)] = object{
			"description": strings.Join(codes, ", "), "headers": faultHeaders(rt, status),
			"content": object{"application/json": object{"schema": faultSchema(forms)}},
		}
	}
	return out
}

func faultSchema(forms []form) object {
	refs := []object{{"$ref": schemas + "Fault"}, {"$ref": schemas + "FlatFaultFlat"}}
	if len(forms) == 2 {
		return object{"anyOf": refs}
	}
	return refs[forms[0]]
}

func rateHeaders(rt *route) object {
	out := object{"X-Request-Id": object{"$ref": "#/components/headers/X-Request-Id"}}
	if !rt.Public {
		for name := range docHeaders {
			if strings.Contains(name, "RateLimit") {
				out[name] = object{"$ref": "#/components/headers/" + name}
			}
		}
	}
	return out
}

// goodHeaders are those of a success.
func goodHeaders(rt *route) object {
	out := rateHeaders(rt)
	also := func(name string, has bool) {
		if has {
			out[name] = object{"$ref": "#/components/headers/" + name}
		}
	}
	also("ETag", rt.shape.versed)
	also("Location", rt.shape.located && rt.Status == http.StatusCreated)
	also("Idempotent-Replayed", rt.idempotent())
	return out
}

// faultHeaders are those of a refusal.
func faultHeaders(rt *route, status int) object {
	out := rateHeaders(rt)
	name := ""
	switch status {
	case http.StatusUnauthorized:
		name = "WWW-Authenticate"
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		name = "Retry-After"
	case http.StatusNotFound, http.StatusConflict, http.StatusGone, http.StatusUnprocessableEntity:
		if rt.idempotent() { // decided: a retry hears it again
			name = "Idempotent-Replayed"
		}
	}
	if name != "" {
		out[name] = object{"$ref": "#/components/headers/" + name}
	}
	return out
}

// idempotent reports whether the route takes an Idempotency-Key.
func (rt *route) idempotent() bool {
	return rt.Method == http.MethodPost || rt.Method == http.MethodPatch
}

var docHeaders = object{
	"X-Request-Id": header("string", "Name of this request in the log and the audit"),
	"X-RateLimit-Limit": header("integer", "Requests a minute; 0 = without a limit, and then there is no "+
		"RateLimit header"),
	"X-RateLimit-Remaining": header("integer", "Requests left in this window"),
	"X-RateLimit-Reset":     header("integer", "Unix time at which the window ends"),
	"RateLimit-Policy":      header("string", "The same as the draft standard has it"),
	"RateLimit":             header("string", "The same as the draft standard has it"),
	"Retry-After":           header("integer", "Seconds to wait"),
	"WWW-Authenticate":      header("string", "Bearer"),
	"ETag":                  header("string", "The version, for If-Match and If-None-Match"),
	"Allow":                 header("string", "The methods that the path takes"),
	"Location":              header("string", "Path of what was made"),
	"Idempotent-Replayed":   header("string", "true where the first reply to this Idempotency-Key is told again"),
}

func header(kind, doc string) object {
	return object{"schema": object{"type": kind}, "description": doc}
}

// content is what a success holds.
func (s *Server) content(rt *route, forms []form) object {
	out := object{}
	if kind, _, _ := strings.Cut(rt.shape.other, ";"); kind != "" {
		out[kind] = object{}
	}
	if rt.shape.out == nil {
		return out
	}
	one := schemaJSON(s.registry.Schema(rt.shape.out, true, rt.shape.out.Name()))
	var list []object
	for _, f := range forms {
		x := one
		if f == flatForm {
			x = flatSchema(one).(object)
		}
		if rt.shape.list {
			pages := schemas + "Pagination"
			if f == flatForm {
				pages += "Flat"
			}
			x = closed(object{"data": object{"type": "array", "items": x}, "pagination": object{"$ref": pages}})
		} else if f == standardForm {
			x = closed(object{"data": x})
		}
		list = append(list, x)
	}
	schema := list[0]
	if len(list) > 1 {
		schema = object{"anyOf": list}
	}
	out["application/json"] = object{"schema": schema, "examples": s.replyExamples(rt, forms)}
	return out
}

// closed is an object with exactly these fields.
func closed(props object) object {
	return object{"type": "object", "properties": props, "required": slices.Sorted(maps.Keys(props)),
		"additionalProperties": false}
}

// refusals are all kinds that the row can answer with.
func (rt *route) refusals() []fault.Kind {
	out := slices.Clone(rt.Errors)
	if len(rt.input.query) > 0 || rt.input.schema != nil || rt.shape.other == "" {
		out = append(out, fault.Invalid)
	}
	if rt.shape.list {
		out = append(out, fault.InvalidCursor)
	}
	if len(rt.input.path) > 0 || rt.namesThings() {
		out = append(out, fault.NotFound)
	}
	if rt.input.match != nil {
		out = append(out, fault.PreconditionFailed)
	}
	if !rt.Public {
		out = append(out, fault.AmbiguousCredentials, fault.InvalidKey, fault.InvalidToken, fault.Unauthenticated,
			fault.RateLimited, fault.OriginNotAllowed, fault.Busy)
		if !rt.Open {
			out = append(out, fault.Forbidden)
		}
	}
	switch rt.Method {
	case http.MethodPost, http.MethodPatch:
		out = append(out, fault.InvalidIdempotencyKey, fault.KeyReused, fault.Gone)
		fallthrough
	case http.MethodPut:
		out = append(out, fault.InvalidJSON, fault.TooLarge, fault.UnsupportedMedia)
		fallthrough
	case http.MethodDelete:
		out = append(out, fault.ReadOnly, fault.StorageFull)
	}
	out = append(out, fault.HTTPSRequired, fault.Internal)
	slices.SortFunc(out, func(a, b fault.Kind) int { return rank(a) - rank(b) })
	return slices.Compact(out)
}

// namesThings reports whether the body has an id of something that may not be there.
func (rt *route) namesThings() bool {
	if rt.input.schema == nil {
		return false
	}
	x := rt.input.schema
	for x.Ref != "" {
		x = rt.input.registry.SchemaFromRef(x.Ref)
	}
	for name := range x.Properties {
		switch name {
		case "lead_id", "patient_id", "provider_id", "location_id", "service_id", "hold_id", "appointment_id",
			"consultation_id", "location_ids", "service_ids", "provider_ids":
			return true
		}
	}
	return false
}

// rank is the place of a kind in the contract's table.
func rank(k fault.Kind) int {
	return slices.IndexFunc(statuses, func(s struct {
		kind   fault.Kind
		status int
	}) bool {
		return s.kind == k
	})
}
