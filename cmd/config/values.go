package config

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration spelled as in "1m30s".
type Duration time.Duration

// UnmarshalText reads Go's spelling of a duration.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

// String is the shortest spelling: 24h, not 24h0m0s.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// MarshalJSON writes the spelling, not nanoseconds.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// Secret is a setting that no output ever shows.
type Secret string

// String tells only whether there is one.
func (s Secret) String() string {
	if s == "" {
		return "unset"
	}
	return "set"
}

// GoString keeps %#v from showing it.
func (s Secret) GoString() string { return s.String() }

// MarshalJSON tells only whether there is one.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// Reveal is the secret itself, for the one place that uses it.
func (s Secret) Reveal() string { return string(s) }

// setting is one key of a Config and the place of its value.
type setting struct {
	key   string // as server.listen
	value reflect.Value
}

// settings lists every key in the order of the struct, tiers by name. The values
// are those of c itself, so that setting one changes c.
func (c *Config) settings() []setting { return fieldsOf("", reflect.ValueOf(c).Elem()) }

func fieldsOf(prefix string, v reflect.Value) []setting {
	var all []setting
	for i := range v.NumField() {
		f, key := v.Field(i), prefix+v.Type().Field(i).Tag.Get("toml")
		switch f.Kind() {
		case reflect.Struct:
			all = append(all, fieldsOf(key+".", f)...)
		case reflect.Map:
			names := f.MapKeys()
			slices.SortFunc(names, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
			for _, name := range names {
				all = append(all, fieldsOf(key+"."+name.String()+".", f.MapIndex(name).Elem())...)
			}
		default:
			all = append(all, setting{key, f})
		}
	}
	return all
}

// envName is the environment variable of the key.
func (s setting) envName() string {
	return "QB_" + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(s.key))
}

// want describes what the setting takes, for a person who gave something else.
func (s setting) want() string {
	switch s.value.Interface().(type) {
	case Duration:
		return `a duration in quotes, such as "30s", "5m" or "12h"`
	case bool:
		return "true or false, without quotes"
	case int:
		return "a whole number, without quotes"
	case []string:
		return `a list of texts, such as ["a", "b"]`
	case []int:
		return "a list of whole numbers, such as [1, 2, 4]"
	}
	return "a text in quotes"
}

// setValue sets the value from a TOML document; false if it is of another type.
func (s setting) setValue(value any) bool {
	switch v := s.value.Addr().Interface().(type) {
	case *Duration:
		text, ok := value.(string)
		return ok && v.UnmarshalText([]byte(text)) == nil
	case *bool:
		b, ok := value.(bool)
		if ok {
			*v = b
		}
		return ok
	case *int:
		n, ok := value.(int64)
		if ok = ok && int64(int(n)) == n; ok {
			*v = int(n)
		}
		return ok
	case *[]string:
		return setList(v, value, func(x any) (string, bool) { t, ok := x.(string); return t, ok })
	case *[]int:
		return setList(v, value, func(x any) (int, bool) { n, ok := x.(int64); return int(n), ok && int64(int(n)) == n })
	}
	text, ok := value.(string)
	if ok {
		s.value.SetString(text)
	}
	return ok
}

// setList sets a list whose items are all of one type.
func setList[T any](into *[]T, value any, item func(any) (T, bool)) bool {
	all, ok := value.([]any)
	list := make([]T, 0, len(all))
	for _, x := range all {
		one, fits := item(x)
		ok = ok && fits
		list = append(list, one)
	}
	if ok {
		*into = list
	}
	return ok
}

// setText sets the value from the environment or a flag, where everything is
// text: lists are split at commas.
func (s setting) setText(text string) error {
	text = strings.TrimSpace(text)
	if u, ok := s.value.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if u.UnmarshalText([]byte(text)) != nil {
			return errors.New("want a duration, such as 30s, 5m or 12h")
		}
		return nil
	}
	switch v := s.value.Addr().Interface().(type) {
	case *bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return errors.New("want true or false")
		}
		*v = b
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return errors.New("want a whole number")
		}
		*v = n
	case *[]string:
		*v = splitList(text)
	case *[]int:
		list := []int{}
		for _, part := range splitList(text) {
			n, err := strconv.Atoi(part)
			if err != nil {
				return errors.New("want whole numbers separated by commas")
			}
			list = append(list, n)
		}
		*v = list
	default:
		s.value.SetString(text)
	}
	return nil
}

func splitList(text string) []string {
	list := []string{}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

// literal spells the value as TOML; a secret only as "set" or "unset".
func (s setting) literal() string {
	switch v := s.value.Interface().(type) {
	case []string:
		quoted := make([]string, len(v))
		for i, text := range v {
			quoted[i] = quote(text)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	case []int:
		return strings.ReplaceAll(fmt.Sprint(v), " ", ", ")
	case bool, int:
		return fmt.Sprint(v)
	default:
		return quote(fmt.Sprint(v))
	}
}

// quote is a TOML basic string. JSON's escapes are a subset of TOML's, but TOML
// also wants DEL escaped.
func quote(text string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(text) // a string always encodes
	return strings.ReplaceAll(strings.TrimSuffix(b.String(), "\n"), "\x7f", `\u007F`)
}
