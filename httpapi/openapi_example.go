package httpapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"qualifybase/engine/flat"
	"qualifybase/engine/scope"
)

// coreSamples are the values that examples of replies show, by the name of a field
// or of Schema.field; every other field shows the plainest value that its schema
// allows. A field that a reply may lack is shown if it stands here by its schema.
var coreSamples = map[string]any{
	"action": "appointment.book", "active": true, "bookable_online": true, "enabled": true, "continuity": true,
	"late_cancel_hours": 24, "request_id": SampleID, "assigned_because": "least booked: 120 min vs 180",
	"birth_date": "1984-02-29", "city": "Berlin", "colour": "#0b6b61", "country": "DE",
	"credentials": "MD", "default_minutes": 30, "description": "CRM of the front desk",
	"display_name":     "Dr. Ida Muster",
	"duration_minutes": 30, "email": "ada@example.com", "ends_at": "2027-04-26T07:30:00Z",
	"entity": "appointment", "entity_id": SampleID, "event_id": "evt_" + SampleID,
	"events":     []any{"appointment.created"},
	"expires_at": nil, "external_id": "crm-1042", "family_name": "Beispiel", "fields": []any{"status"},
	"first_name": "Ada",
	"from":       "09:00", "given_name": "Ada", "hash": strings.Repeat("9f", 32), "has_more": false,
	"horizon_days": 365, "ip": "203.0.113.7", "key_prefix": "qbk_live_8fJ2kQ0a", "label": "mobile",
	"language": "de-DE", "last_name": "Beispiel", "last_status": 200, "lead_id": SampleID, "line1": "Lindenstr. 1",
	"local_start": "2027-04-26T09:00:00+02:00", "location_id": 1, "max_in_flight": 1, "mrn": "P-1001",
	"name": "Ada Beispiel", "next_cursor": nil, "number": "030 1234567", "patient_id": 1,
	"e164": "+49301234567", "phone": "+49 30 1234567", "postal_code": "10969",
	"prev_hash": strings.Repeat("3c", 32), "provider_id": 1, "provider_ids": []any{1}, "reason": "Follow-up",
	"role": "front_desk", "scheduled_at": "2027-04-26T07:00:00Z", "scopes": []any{"patients:read", "appointments:read"},
	"seq": 41, "service_ids": []any{1}, "location_ids": []any{1}, "signature_header": "X-QualifyBase-Signature",
	"slug":   "praxis-lindenhof",
	"source": "website", "specialty": "General practice", "step_minutes": 15,
	"system": "http://hl7.org/fhir/sid/icd-10", "tags": []any{"recall"}, "time_zone": "Europe/Berlin",
	"title": "Consultation", "to": "12:30", "token": "…", "total_count": 1, "type": "appointment.created",
	"url":               "https://crm.example.com/hooks/clinic",
	"Identifier.system": "urn:insurer", "Identifier.value": "A123456789",
	"EmergencyContact.name": "Ben Beispiel", "EmergencyContact.relationship": "brother",
	"Location.name": "Praxis Lindenhof", "Service.name": "Consultation", "Clinic.name": "Praxis Lindenhof",
	"Key.name":    "website",
	"Actor.label": "qbk_live_8fJ2kQ0a", "Actor.id": SampleID, "Hold.expires_at": "2027-04-26T06:05:00Z",
	"Session.expires_at":   "2027-04-26T18:00:00Z",
	"Delivery.last_status": 200, "Health.permissions": []any{"patients:read", "appointments:read"},
	"Health.organization_id": SampleID,
	"PatientMatch.matched":   []any{"birth_date", "family_name", "email"},
	"Event.id":               "evt_" + SampleID, "Key.allowed_origins": []any{}, "Lead.patient_id": nil,
	"Week.mon": included, "Week.tue": included, "Week.wed": included, "Week.thu": included, "Week.fri": included,
	"Schedule.stranded": included, "Closure.stranded": included,
}

// allSamples are those of the core and of all groups. A name means the same
// everywhere, so that none may be given twice.
func allSamples(groups []Group) (map[string]any, error) {
	out := maps.Clone(coreSamples)
	for _, g := range groups {
		for name, v := range g.Samples {
			if _, twice := out[name]; twice {
				return nil, fmt.Errorf("httpapi: the group %q gives the sample %q, which there is already", g.Name,
					name)
			}
			out[name] = v
		}
	}
	return out, nil
}

// included says that a field which may be missing is part of the example.
var included = new(struct{})

// SampleID is the id that examples show.
const (
	SampleID   = "0196750c-6b40-7c1e-9d2a-5b3f8e1c7a90"
	sampleTime = "2027-04-26T07:00:00Z"
)

// example is a value that fits the schema; name is the field that holds it.
func (s *Server) example(x *huma.Schema, owner, name string) any {
	known, ok := s.samples[owner+"."+name]
	if !ok {
		known, ok = s.samples[name]
	}
	if ok && known != any(included) && fits(x, known) {
		return known
	}
	if x.Ref != "" {
		return s.exampleOf(strings.TrimPrefix(x.Ref, schemas))
	}
	switch {
	case x.Nullable, slices.ContainsFunc(x.AnyOf, func(y *huma.Schema) bool { return y.Type == "null" }):
		return nil
	case len(x.Enum) > 0:
		return x.Enum[0]
	case len(x.Examples) > 0:
		return x.Examples[0]
	}
	switch x.Type {
	case "string":
		return map[string]string{"uuid": SampleID, "date-time": sampleTime, "date": sampleTime[:10]}[x.Format]
	case "integer", "number":
		if x.Minimum != nil {
			return max(*x.Minimum, 1)
		}
		return 1
	case "boolean":
		return false
	case "array":
		return []any{s.example(x.Items, owner, "")}
	}
	return object{}
}

// fits reports whether a sample is of the schema's type: many things have a status.
func fits(x *huma.Schema, value any) bool {
	switch value.(type) {
	case nil:
		return x.Nullable
	case string:
		return x.Type == "string" && len(x.Enum) == 0 &&
			(x.Format == "" || x.Format == "date" || x.Format == "date-time" || x.Format == "uuid")
	case int:
		return x.Type == "integer" || x.Type == "number"
	case bool:
		return x.Type == "boolean"
	case []any:
		return x.Type == "array" && x.Items.Ref == ""
	}
	return false
}

// exampleOf is an example of a wire struct.
func (s *Server) exampleOf(schema string) any {
	x := s.registry.Map()[schema]
	out := object{}
	for name, p := range x.Properties {
		if _, also := s.samples[schema+"."+name]; also || slices.Contains(x.Required, name) {
			out[name] = s.example(p, schema, name)
		}
	}
	if schema == "Event" {
		out["data"] = s.sampleEvent()
	}
	return out
}

// sampleEvent is what the example of a booking's event holds.
func (s *Server) sampleEvent() any {
	for _, t := range s.e.EventTypes() {
		var body struct{ Data any }
		if t.Type == "appointment.created" && json.Unmarshal(t.Example, &body) == nil {
			return body.Data
		}
	}
	return object{}
}

// replyExamples names the examples of a row's success, in each of the forms.
func (s *Server) replyExamples(rt *route, forms []form) object {
	out := object{}
	for _, f := range forms {
		name := []string{"standard", "flat"}[f]
		out[name] = object{"$ref": "#/components/examples/" + exampleName(rt, f)}
	}
	return out
}

// exampleName is the place of an example among the components.
func exampleName(rt *route, f form) string {
	name := rt.schemaName()
	if rt.shape.list {
		name += "List"
	}
	if f == flatForm {
		name += "Flat"
	}
	return name
}

// examples are the components: one for each kind of reply, whatever the number of
// routes that give it.
func (s *Server) examples(forms []form) object {
	out := object{}
	for _, rt := range s.routes {
		if rt.shape.out == nil || !strings.HasPrefix(rt.pattern, Base) {
			continue
		}
		for _, f := range forms {
			if name := exampleName(rt, f); out[name] == nil {
				out[name] = object{"value": s.replyExample(rt, f)}
			}
		}
	}
	return out
}

func (s *Server) replyExample(rt *route, f form) json.RawMessage {
	one := s.example(s.registry.Schema(rt.shape.out, true, rt.shape.out.Name()), "", "")
	switch {
	case rt.shape.list:
		page := s.exampleOf("Pagination").(object)
		if rt.schemaName() == "Slot" { // computed, so not counted
			page["total_count"] = nil
		}
		one = object{"data": []any{one}, "pagination": page}
	case f == standardForm:
		one = object{"data": one}
	}
	text, err := json.Marshal(one)
	if err != nil {
		panic(err) // values of our own making
	}
	if f == flatForm {
		text = []byte(flatWords.Replace(string(flat.Append(nil, text))))
	}
	return text
}

// flatWords are the samples that callers of the flat form see in another spelling.
var flatWords = strings.NewReplacer("qbk_live_", "kv_",
	scope.PatientsRead.String(), scope.PatientsRead.Klinivo(), scope.AppointmentsRead.String(),
	scope.AppointmentsRead.Klinivo())

// schemaName is the name of the schema of a row's reply.
func (rt *route) schemaName() string {
	t := rt.shape.out
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return strings.TrimSuffix(t.Name(), "Wire")
}
