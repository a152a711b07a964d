package httpapi

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// param is one parameter.
type param struct {
	name     string // snake_case
	index    []int
	required bool
	set      func(reflect.Value, string) error
	field    reflect.StructField
}

// valueFault is a refusal of one value, in words for the caller.
type valueFault string

func (f valueFault) Error() string { return string(f) }

// setter makes the function that reads a parameter's text into its field.
func setter(f reflect.StructField) (func(reflect.Value, string) error, error) {
	if f.Tag.Get("header") == "If-Match" {
		return setVersion, nil
	}
	t := f.Type
	pointer := t.Kind() == reflect.Pointer
	if pointer {
		t = t.Elem()
	}
	set, err := scalar(f, t)
	if err != nil || !pointer {
		return set, err
	}
	return func(v reflect.Value, s string) error {
		v.Set(reflect.New(t))
		return set(v.Elem(), s)
	}, nil
}

func scalar(f reflect.StructField, t reflect.Type) (func(reflect.Value, string) error, error) {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return func(v reflect.Value, s string) error {
			return v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s))
		}, nil
	}
	switch t.Kind() {
	case reflect.String:
		words := wordsOf(t)
		if tag := f.Tag.Get("enum"); tag != "" {
			words = strings.Split(tag, ",")
		}
		if len(words) == 0 {
			return func(v reflect.Value, s string) error { v.SetString(s); return nil }, nil
		}
		refusal := valueFault("must be one of " + strings.Join(words, ", "))
		return func(v reflect.Value, s string) error {
			if !slices.Contains(words, s) {
				return refusal
			}
			v.SetString(s)
			return nil
		}, nil
	case reflect.Int, reflect.Int64:
		low, high := bound(f, "minimum", -1<<63), bound(f, "maximum", 1<<63-1)
		return func(v reflect.Value, s string) error {
			n, err := strconv.ParseInt(s, 10, 64)
			switch {
			case err != nil || s[0] == '+':
				return valueFault("must be a whole number")
			case (n < low || n > high) && f.Tag.Get("maximum") == "":
				return valueFault(fmt.Sprintf("must be at least %d", low))
			case n < low || n > high:
				return valueFault(fmt.Sprintf("must be %d to %d", low, high))
			}
			v.SetInt(n)
			return nil
		}, nil
	case reflect.Bool:
		return func(v reflect.Value, s string) error {
			if s != "true" && s != "false" {
				return valueFault("must be true or false")
			}
			v.SetBool(s == "true")
			return nil
		}, nil
	}
	return nil, fmt.Errorf("field %s: no parameter can be a %v", f.Name, t)
}

func bound(f reflect.StructField, tag string, none int64) int64 {
	if n, err := strconv.ParseInt(f.Tag.Get(tag), 10, 64); err == nil {
		return n
	}
	return none
}

// setVersion reads If-Match into a *int64: * matches anything (nil); what is no
// version of ours matches nothing (-1).
func setVersion(v reflect.Value, s string) error {
	if s = strings.TrimSpace(s); s == "*" || s == "" {
		return nil
	}
	n, err := strconv.ParseInt(strings.Trim(strings.TrimPrefix(s, "W/"), `"`), 10, 64)
	if err != nil || n < 0 {
		n = -1
	}
	v.Set(reflect.ValueOf(&n))
	return nil
}
