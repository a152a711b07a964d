package httpapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// said are the values that a field is sent with, in two variants, by resource.field,
// by Schema.field or by its name: where what its schema allows is not enough to
// know. $words are the ids of furnish.
var said = map[string][2]string{
	"colour":                    {`"#0b6b61"`, `"#ffffff"`},
	"contact_preference":        {`"email"`, `"post"`},
	"country":                   {`"FR"`, `"AT"`},
	"email":                     {`"ada@example.com"`, `"ben@example.com"`},
	"birth_date":                {`"1984-02-29"`, `"1990-01-01"`},
	"language":                  {`"de-DE"`, `"fr"`},
	"phone":                     {`"+49 30 1234567"`, `"+49 30 7654321"`},
	"signature_header":          {`"X-First"`, `"X-Second"`},
	"time_zone":                 {`"Europe/Paris"`, `"Asia/Tokyo"`},
	"url":                       {`"https://one.example.com/"`, `"https://two.example.com/"`},
	"location_kind":             {`"room"`, `"virtual"`},
	"provider_id":               {`1`, `$provider`},
	"author_id":                 {`1`, `$provider`},
	"location_id":               {`1`, `$place`},
	"service_id":                {`$service`, `$offer`},
	"patient_id":                {`$ada`, `$ben`},
	"lead_id":                   {`"$lead"`, `"$guest"`},
	"location_ids":              {`[1]`, `[$place,1]`},
	"service_ids":               {`[$service]`, `[$service,$offer]`},
	"provider_ids":              {`[1]`, `[1,$provider]`},
	"appointments.scheduled_at": {`"2026-04-28T08:00:00Z"`, `"2026-04-29T09:00:00Z"`},
	"appointments.local_start":  {`"2026-04-28T10:00:00+02:00"`, `"2026-04-29T11:00:00+02:00"`},
	"appointments.ends_at":      {`"2026-04-28T08:45:00Z"`, `"2026-04-29T09:45:00Z"`},
	"appointments.status":       {`"scheduled"`, `"confirmed"`},
	"rebooked_from":             {`"$cancelled"`, `"$cancelled"`},
	"appointment_id":            {`"$visit"`, `"$call"`},
	"started_at":                {`"2026-04-27T05:00:00Z"`, `"2026-04-27T05:30:00Z"`},
	"Consent.at":                {`"2026-04-01T00:00:00Z"`, `"2026-04-02T00:00:00Z"`},
	"leads.name":                {`"Ada Lovelace"`, `"Ida Byron"`},
	"leads.first_name":          {`"Ada"`, `"Ida"`},
	"leads.last_name":           {`"Lovelace"`, `"Byron"`},
	"locations.kind":            {`"room"`, `"clinic"`},
	"locations.parent_id":       {`1`, `0`}, // which only a room has
	"notes.addendum_to":         {`"$signed"`, `"$signed"`},
	"Phone.number":              {`"030 1234567"`, `"030 7654321"`},
	"Phone.e164":                {`"+49301234567"`, `"+49307654321"`},
	"prescriptions.start_date":  {`"2026-04-28"`, `"2026-05-01"`},
	"prescriptions.end_date":    {`"2026-06-01"`, `"2026-06-02"`},
	"prescriptions.status":      {`"draft"`, `"draft"`},
	"webhooks.events":           {`["lead.created"]`, `["lead.updated","lead.deleted"]`},
}

// way is one way to make and to change a thing. Some fields exclude others: a list
// begins with "but", or names the only fields that are sent. "" is all fields.
type way struct {
	make, change string
	with         map[string][2]string // other values than said has
}

const nothing = "nothing"

// ways are those of the resources for which one is not enough.
var ways = map[string][]way{
	"appointments": {
		{make: "but lead_id hold_id hold_token allow_overlap allow_outside_hours reason",
			change: "but allow_overlap allow_outside_hours reason cancellation_reason"},
		{make: "lead_id scheduled_at ends_at provider_id", change: "status cancellation_reason",
			with: at("28", map[string][2]string{"status": {`"cancelled"`, `"cancelled"`}})},
		{make: "patient_id hold_id hold_token", change: nothing, with: map[string][2]string{
			"hold_id": {`"$hold"`, `"$hold"`}, "hold_token": {`"$token"`, `"$token"`}}},
		{make: "patient_id scheduled_at ends_at provider_id allow_overlap allow_outside_hours reason",
			change: "scheduled_at ends_at allow_overlap allow_outside_hours reason",
			with: at("02", map[string][2]string{ // a Saturday
				"allow_outside_hours": {`true`, `true`}, "allow_overlap": {`true`, `false`}})},
	},
	"consultations": {
		{change: "but status_reason"},
		{make: "patient_id provider_id", change: "status status_reason",
			with: map[string][2]string{"status": {`"entered_in_error"`, `"entered_in_error"`}}},
	},
	"notes": {
		{make: "but addendum_to", change: "but status reason"},
		{make: "plan addendum_to", change: nothing},
		{make: "plan", change: "status reason",
			with: map[string][2]string{"status": {`"entered_in_error"`, `"entered_in_error"`}}},
	},
	"patients": {
		{change: "but restricted"},
		{make: "given_name family_name", change: "restricted", with: map[string][2]string{
			"given_name": {`"Eva"`, `"Eve"`}, "restricted": {`true`, `true`}}},
	},
	"prescriptions": {
		{make: "but end_date stop_reason", change: "but end_date stop_reason"},
		{make: "but duration_days stop_reason", change: "but duration_days stop_reason"},
		{make: "medication dose frequency", change: "status stop_reason",
			with: map[string][2]string{"status": {`"stopped"`, `"stopped"`}}},
	},
}

// at are values for an appointment on another day of May.
func at(day string, with map[string][2]string) map[string][2]string {
	with["scheduled_at"] = [2]string{`"2026-05-` + day + `T08:00:00Z"`, `"2026-05-` + day + `T12:00:00Z"`}
	with["ends_at"] = [2]string{`"2026-05-` + day + `T08:30:00Z"`, `"2026-05-` + day + `T12:30:00Z"`}
	return with
}

// besides are fields that a reply shows under another name, or not at all.
var besides = map[string]string{
	"appointments.allow_overlap":       "override.allow_overlap",
	"appointments.allow_outside_hours": "override.allow_outside_hours",
	"appointments.reason":              "override.reason",
	"appointments.local_start":         "scheduled_at",
	"appointments.hold_id":             "", // used up
	"appointments.hold_token":          "",
	"consultations.status_reason":      "", // reasons are in the audit
	"notes.reason":                     "",
	"patients.allow_duplicate":         "", // about the request
}

// refused are fields that no request to make a thing may have, though its schema does.
var refused = map[string]bool{
	"prescriptions.stop_reason": true, // none begins as stopped
}

// parents are the paths below which some things are made.
var parents = map[string]string{
	"notes":         "/consultations/$open/notes",
	"prescriptions": "/consultations/$open/prescriptions",
}

// TestEveryFieldIsTaken sends every field of every resource that is made and changed
// under an id of its own, those that will be added too, and reads each back.
// A field that the API takes and loses fails here.
func TestEveryFieldIsTaken(t *testing.T) {
	t.Parallel()
	for first := range 2 {
		bothForms(t, func(w *world) {
			x, seen := &sender{world: w, first: first, ids: furnish(w)}, map[string]bool{}
			for _, rt := range w.s.routes {
				name, one := strings.CutSuffix(strings.TrimPrefix(rt.Path, "/"), "/:id")
				if rt.Method == http.MethodGet && one && x.route(http.MethodPost, name) != nil {
					seen[name] = true
					x.resource(name)
				}
			}
			x.resource("clinic")
			for name := range ways {
				if !seen[name] {
					x.Errorf("no routes make and show %s", name)
				}
			}
		})
	}
}

// sender sends the fields of one resource after the other.
type sender struct {
	*world
	first int // the variant that things are made with; they are changed to the other
	ids   map[string]string
}

// route is the one that makes or changes things of a resource; nil = none does.
func (x *sender) route(method, resource string) *route {
	for _, rt := range x.s.routes {
		path := rt.Path
		if method == http.MethodPatch {
			path = strings.TrimSuffix(path, "/:id")
		}
		if rt.Method == method && rt.input.schema != nil && path[strings.LastIndex(path, "/")+1:] == resource {
			return rt
		}
	}
	return nil
}

// resource makes and changes a thing in every way, and wants each field to be sent once.
func (x *sender) resource(name string) {
	post, patch := x.route(http.MethodPost, name), x.route(http.MethodPatch, name)
	list := ways[name]
	if list == nil {
		list = []way{{}}
	}
	sent := map[*route]map[string]bool{post: {}, patch: {}}
	for i, y := range list {
		where := fmt.Sprintf("%s, way %d", name, i+1)
		path := "/" + name
		if post != nil {
			body := x.body(post, name, y.make, x.first, y.with, sent[post])
			target := path
			if p := parents[name]; p != "" {
				target = x.fill(p)
			}
			r := x.as("POST", target, body)
			if r.Code != 201 && r.Code != 200 {
				x.Errorf("%s: POST %s: %d %s", where, body, r.Code, r.Body)
				continue
			}
			path += "/" + r.id("data", "id")
			x.shows(where+", made", name, path, body)
		}
		if patch != nil && y.change != nothing {
			body := x.body(patch, name, y.change, 1-x.first, y.with, sent[patch])
			tag := x.as("GET", path, "").Header().Get("ETag")
			if r := x.as("PATCH", path, body, "If-Match: "+tag); r.Code != 200 {
				x.Errorf("%s: PATCH %s: %d %s", where, body, r.Code, r.Body)
				continue
			}
			x.shows(where+", changed", name, path, body)
		}
	}
	for rt, fields := range sent {
		if rt == nil {
			continue
		}
		for field := range x.s.resolve(rt.input.schema).Properties {
			if !fields[field] && !(rt == post && refused[name+"."+field]) {
				x.Errorf("no way sends %s in %s %s", field, rt.Method, rt.Path)
			}
		}
	}
}

// body is a request with the fields that a way names, which are noted as sent.
func (x *sender) body(rt *route, resource, which string, variant int, with map[string][2]string,
	sent map[string]bool) string {
	names, but := strings.CutPrefix(which, "but ")
	listed := strings.Fields(names)
	out := map[string]any{}
	for field, schema := range x.s.resolve(rt.input.schema).Properties {
		if which != "" && slices.Contains(listed, field) == but {
			continue
		}
		sent[field] = true
		if v, ok := with[field]; ok {
			out[field] = json.RawMessage(x.fill(v[variant]))
		} else {
			out[field] = x.value(resource, field, schema, variant)
		}
	}
	text, err := json.Marshal(out)
	if err != nil {
		x.Fatalf("%s: %v in %v", resource, err, out)
	}
	return string(text)
}

// value is what a field is sent with: what was said of it, or what its schema allows.
func (x *sender) value(owner, field string, schema *huma.Schema, variant int) any {
	for _, name := range []string{owner + "." + field, field} {
		if v, ok := said[name]; ok {
			return json.RawMessage(x.fill(v[variant]))
		}
	}
	name := schema.Ref[strings.LastIndex(schema.Ref, "/")+1:]
	schema = x.s.resolve(schema)
	if len(schema.Enum) > 0 {
		return schema.Enum[variant%len(schema.Enum)]
	}
	switch schema.Type {
	case huma.TypeBoolean:
		return variant == 0
	case huma.TypeInteger:
		return 5 + variant
	case huma.TypeNumber:
		return 2.5 + float64(variant)
	case huma.TypeString:
		if schema.Format != "" {
			x.Fatalf("say which %s %s.%s may be", schema.Format, owner, field)
		}
		return fmt.Sprintf("%s %d", field, variant+1)
	case huma.TypeArray:
		return []any{x.value(owner, field+" item", schema.Items, variant)}
	}
	if schema.AdditionalProperties != nil && len(schema.Properties) == 0 {
		return map[string]any{"Own_name": fmt.Sprintf("%s %d", field, variant+1)}
	}
	out := map[string]any{}
	for field, s := range schema.Properties {
		out[field] = x.value(name, field, s, variant)
	}
	return out
}

// fill puts ids in the place of $words.
func (x *sender) fill(text string) string {
	for _, word := range slices.Backward(slices.Sorted(maps.Keys(x.ids))) {
		text = strings.ReplaceAll(text, "$"+word, x.ids[word])
	}
	return text
}

// shows wants every field of a body in what GET answers.
func (x *sender) shows(where, resource, path, body string) {
	x.Helper()
	got, ok := x.as("GET", path, "").is(200, "").get("data").(map[string]any)
	var sent map[string]any
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&sent); err != nil || !ok {
		x.Fatalf("%s: %v", where, err)
	}
	for field, want := range sent {
		shown := field
		if as, ok := besides[resource+"."+field]; ok {
			shown = as
		}
		if shown == "" {
			continue
		}
		if v := dig(got, strings.Split(shown, ".")...); !same(v, want) {
			x.Errorf("%s: %s was sent as %v, and GET shows %v", where, field, want, v)
		}
	}
}

// same reports whether a reply shows a value that was sent. It may tell more of an
// object, shows instants in UTC, and nothing as null.
func same(got, sent any) bool {
	switch sent := sent.(type) {
	case map[string]any:
		m, _ := got.(map[string]any)
		for name, v := range sent {
			if !same(m[name], v) {
				return false
			}
		}
		return m != nil
	case []any:
		list, _ := got.([]any)
		return slices.EqualFunc(list, sent, same)
	case string:
		a, err := time.Parse(time.RFC3339, sent)
		if text, _ := got.(string); err == nil {
			b, err := time.Parse(time.RFC3339, text)
			return err == nil && a.Equal(b)
		}
	}
	if got == nil {
		return sent == nil || sent == "" || sent == false || sent == json.Number("0")
	}
	return got == sent
}

// furnish makes what the fields refer to, and says its ids.
func furnish(w *world) map[string]string {
	ids := map[string]string{}
	add := func(word, path, body string) reply {
		r := w.call("POST", path, (&sender{ids: ids}).fill(body), w.live).is(201, "")
		ids[word] = r.id("data", "id")
		return r
	}
	add("place", "/locations", `{"name":"Branch"}`)
	add("provider", "/providers", `{"display_name":"Dr. Second","location_ids":[1,$place]}`)
	add("service", "/services", `{"name":"Check","duration_minutes":45}`)
	add("offer", "/services", `{"name":"Care","duration_minutes":45}`)
	add("ada", "/patients", `{"given_name":"Ada","family_name":"First"}`)
	add("ben", "/patients", `{"given_name":"Ben","family_name":"Second"}`)
	add("lead", "/leads", `{"name":"Cleo Third"}`)
	add("guest", "/leads", `{"name":"Dan Fourth"}`)
	const booked = `"scheduled_at":"2026-04-27T07:00:00Z","ends_at":"2026-04-27T07:30:00Z"}`
	add("visit", "/appointments", `{"patient_id":$ada,"provider_id":1,"location_id":1,`+booked)
	add("call", "/appointments", `{"patient_id":$ben,"provider_id":$provider,"location_id":$place,`+booked)
	add("cancelled", "/appointments",
		`{"patient_id":$ben,"scheduled_at":"2026-04-30T07:00:00Z","ends_at":"2026-04-30T07:30:00Z"}`)
	w.call("POST", "/appointments/"+ids["cancelled"]+"/cancel", `{}`, w.live).is(200, "")
	add("open", "/consultations", `{"patient_id":$ada,"provider_id":1}`)
	add("signed", (&sender{ids: ids}).fill("/consultations/$open/notes"), `{"plan":"Rest"}`)
	w.call("POST", "/notes/"+ids["signed"]+"/sign", "", w.live).is(200, "")
	w.now = w.now.Add(40 * time.Minute) // the visit may begin
	ids["token"] = add("hold", "/holds", `{"provider_id":1,"scheduled_at":"2026-05-04T08:00:00Z","minutes":15,`+
		`"ends_at":"2026-05-04T08:30:00Z"}`).id("data", "token")
	return ids
}
