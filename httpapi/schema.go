package httpapi

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"qualifybase/engine/calendar"
	"qualifybase/engine/flat"
	"qualifybase/httpapi/wire"
)

const schemas = "#/components/schemas/"

// Lists of this API are never null. It is said once: huma keeps it for the whole
// process, and servers may be made at the same time.
func init() { huma.DefaultArrayNullable = false }

// newRegistry holds the schemas of all wire structs, by the name of their type.
func newRegistry() huma.Registry {
	return huma.NewMapRegistry(schemas, func(t reflect.Type, hint string) string {
		return strings.TrimSuffix(huma.DefaultSchemaNamer(t, hint), "Wire")
	})
}

// dress adds to the schemas what Go's types say and huma does not: formats of our
// times and dates, the words of enumerations, null where a reply may hold one. It
// refuses a name that does not come back from camelCase (contract.md §1).
func dress(r huma.Registry) error {
	for name, s := range r.Map() {
		t := r.TypeFromRef(schemas + name)
		if t == nil || t.Kind() != reflect.Struct {
			continue
		}
		for _, f := range reflect.VisibleFields(t) {
			tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			prop := s.Properties[tag]
			if f.Anonymous || prop == nil {
				continue
			}
			if back := fromFlat(flat.Name(tag)); back != tag {
				return fmt.Errorf("httpapi: field %s of %s comes back from camelCase as %q", tag, name, back)
			}
			s.Properties[tag] = dressField(prop, f, strings.Contains(options, "omitempty"))
		}
	}
	return nil
}

func dressField(prop *huma.Schema, f reflect.StructField, mayLack bool) *huma.Schema {
	t := f.Type
	pointer := t.Kind() == reflect.Pointer
	if pointer {
		t = t.Elem()
	}
	switch t {
	case reflect.TypeFor[wire.Instant]():
		prop.Format = "date-time"
	case reflect.TypeFor[calendar.Date]():
		prop.Format = "date"
	}
	if _, stated := f.Tag.Lookup("enum"); !stated { // a tag names other words, or none
		for _, word := range wordsOf(t) {
			prop.Enum = append(prop.Enum, word)
		}
	}
	if pointer && !mayLack {
		if prop.Ref != "" {
			return &huma.Schema{AnyOf: []*huma.Schema{prop, {Type: "null"}}, Description: prop.Description}
		}
		prop.Nullable = true
		if len(prop.Enum) > 0 {
			prop.Enum = append(slices.Clip(prop.Enum), nil)
		}
	}
	return prop
}

// wordsOf are the words of a type that is an enumeration of the engine.
func wordsOf(t reflect.Type) []string {
	if list, ok := reflect.Zero(t).Interface().(interface{ Words() []string }); ok {
		return list.Words()
	}
	return nil
}
