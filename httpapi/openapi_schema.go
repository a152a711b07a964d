package httpapi

import (
	"encoding/json"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"qualifybase/engine/flat"
)

// schemaJSON is a schema as plain maps.
func schemaJSON(s *huma.Schema) object {
	text, err := json.Marshal(s)
	out := object{}
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		panic(err) // made from our own structs
	}
	return out
}

// either is a schema in each of the forms.
func (s *Server) either(x object, forms []form) object {
	var list []object
	for _, f := range forms {
		y := x
		if f == flatForm {
			y = flatSchema(x).(object)
		}
		list = append(list, y)
	}
	if len(list) == 1 {
		return list[0]
	}
	return object{"anyOf": list}
}

// schemas are the components, each form under names of its own.
func (s *Server) schemas(forms []form) object {
	out := object{}
	for name, x := range s.registry.Map() {
		plain := schemaJSON(x)
		if slices.Contains(forms, standardForm) && name != "FlatFault" {
			out[name] = plain
		}
		if slices.Contains(forms, flatForm) && name != "Fault" && name != "FaultBody" {
			out[name+"Flat"] = flatSchema(plain)
		}
	}
	return out
}

// flatSchema renames what the flat form spells differently.
func flatSchema(x any) any {
	switch x := x.(type) {
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = flatSchema(x[i])
		}
		return out
	case []object:
		out := make([]object, len(x))
		for i := range x {
			out[i] = flatSchema(x[i]).(object)
		}
		return out
	case object:
		out := object{}
		for key, v := range x {
			switch key {
			case "properties":
				props := object{}
				for name, p := range v.(object) {
					props[flat.Name(name)] = flatSchema(p)
				}
				v = props
			case "required":
				v = flatNames(v)
			case "$ref":
				v = v.(string) + "Flat"
			case "examples", "default", "enum":
			default:
				v = flatSchema(v)
			}
			out[key] = v
		}
		return out
	}
	return x
}

func flatNames(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	out := make([]any, len(list))
	for i, name := range list {
		out[i] = flat.Name(name.(string))
	}
	return out
}
