package httpapi

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"qualifybase/engine/calendar"
	"qualifybase/engine/fault"
)

// checker compares a parsed body with the schema of its wire struct: types,
// unknown and missing names, and the few formats that the struct itself needs.
// Lengths, ranges and rules are the engine's (CONTRIBUTING.md "Validation has two
// owners"). huma has a Validate of its own; this one is here because a missing
// field must be reported under its own name, a null must count as an absence, and
// names chosen by a caller (with dots in them) must not disturb the paths.
type checker struct {
	registry huma.Registry
	faults   fault.Faults
}

// spot is where in the body a value stands.
type spot struct {
	up    *spot
	name  string
	index int // in a list, when name is ""
}

func (s *spot) path() string {
	if s == nil {
		return ""
	}
	up := s.up.path()
	switch {
	case s.name == "":
		return up + "[" + strconv.Itoa(s.index) + "]"
	case up == "":
		return s.name
	}
	return up + "." + s.name
}

func (c *checker) add(s *spot, format string, args ...any) {
	c.faults.Add(s.path(), format, args...)
}

func (c *checker) check(s *huma.Schema, v any, here *spot) {
	for s.Ref != "" {
		s = c.registry.SchemaFromRef(s.Ref)
	}
	switch s.Type {
	case huma.TypeObject:
		if m, ok := v.(map[string]any); ok {
			c.object(s, m, here)
		} else {
			c.add(here, "must be an object")
		}
	case huma.TypeArray:
		list, ok := v.([]any)
		if !ok {
			c.add(here, "must be a list")
			return
		}
		for i, x := range list {
			c.element(s.Items, x, &spot{up: here, index: i})
		}
	case huma.TypeString:
		if text, ok := v.(string); !ok {
			c.add(here, "must be a string")
		} else {
			c.text(s, text, here)
		}
	case huma.TypeBoolean:
		if _, ok := v.(bool); !ok {
			c.add(here, "must be true or false")
		}
	case huma.TypeInteger:
		n, ok := v.(number)
		if !ok {
			c.add(here, "must be a whole number")
		} else if _, err := strconv.ParseInt(string(n), 10, intSize(s)); err != nil {
			c.add(here, "must be a whole number")
		}
	case huma.TypeNumber:
		if _, ok := v.(number); !ok {
			c.add(here, "must be a number")
		}
	}
}

func intSize(s *huma.Schema) int {
	if s.Format == "int32" {
		return 32
	}
	return 64
}

// element checks an element of a list, where a null is no absence.
func (c *checker) element(s *huma.Schema, v any, here *spot) {
	if v == nil && s.Type+s.Ref != "" {
		c.add(here, "must not be null")
		return
	}
	c.check(s, v, here)
}

// unknown reports whether the body's schema lacks the name.
func (c *checker) unknown(s *huma.Schema, name string) bool {
	for s.Ref != "" {
		s = c.registry.SchemaFromRef(s.Ref)
	}
	_, known := s.Properties[name]
	return !known
}

func (c *checker) object(s *huma.Schema, m map[string]any, here *spot) {
	for _, name := range s.Required {
		if m[name] == nil {
			c.add(&spot{up: here, name: name}, "Required")
		}
	}
	more, open := s.AdditionalProperties.(*huma.Schema)
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		at := &spot{up: here, name: name}
		switch prop, known := s.Properties[name]; {
		case !known && open:
			if more != nil {
				c.check(more, m[name], at)
			}
		case !known:
			c.add(at, "Unknown field")
		case m[name] != nil: // a null is an absence
			c.check(prop, m[name], at)
		}
	}
}

func (c *checker) text(s *huma.Schema, text string, here *spot) {
	switch s.Format {
	case "date-time":
		if _, err := calendar.ParseInstant(text); err != nil {
			c.add(here, "%s", err)
		}
	case "date":
		if _, err := calendar.ParseDate(text); err != nil {
			c.add(here, "%s", err)
		}
	}
	if len(s.Enum) > 0 && !slices.ContainsFunc(s.Enum, func(x any) bool { return fmt.Sprint(x) == text }) {
		words := make([]string, len(s.Enum))
		for i, x := range s.Enum {
			words[i] = fmt.Sprint(x)
		}
		c.add(here, "must be one of %s", strings.Join(words, ", "))
	}
}
