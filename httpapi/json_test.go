package httpapi

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"qualifybase/engine/flat"
)

func TestParseJSONRefusesWhatOthersGuess(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, want string }{
		"data after the value":    {`{} {}`, "data after"},
		"a name twice":            {`{"a":1,"a":2}`, `"a" is given twice`},
		"a name twice, escaped":   {`{"a":1,"\u0061":2}`, "given twice"},
		"a name twice, deep":      {`{"x":[{"a":1,"a":1}]}`, "given twice"},
		"invalid UTF-8":           {"{\"a\":\"\xff\"}", "UTF-8"},
		"half a surrogate":        {`{"a":"\ud83d"}`, "surrogate"},
		"low half first":          {`{"a":"\udc00\ud83d"}`, "surrogate"},
		"too deep":                {strings.Repeat("[", 33) + strings.Repeat("]", 33), "nested"},
		"trailing comma":          {`{"a":1,}`, "must follow the comma"},
		"trailing comma in list":  {`[1,]`, "must follow the comma"},
		"single quotes":           {`{'a':1}`, "double quotes"},
		"leading zero":            {`{"a":01}`, "comma"},
		"plus sign":               {`{"a":+1}`, "not a JSON value"},
		"infinite":                {`{"a":1e999}`, "too large"},
		"NaN":                     {`{"a":NaN}`, "not a JSON value"},
		"comment":                 {`{} // x`, "data after"},
		"control character":       {"{\"a\":\"\n\"}", "control"},
		"cut":                     {`{"a":`, "too early"},
		"cut in string":           {`{"a":"b`, "no closing quote"},
		"unknown escape":          {`{"a":"\x"}`, "escape"},
		"byte order mark":         {"\ufeff{}", "not a JSON value"},
		"word with tail":          {`{"a":truex}`, "comma"},
		"dot without digits":      {`{"a":1.}`, "digits"},
		"exponent without digits": {`{"a":1e}`, "digits"},
	} {
		_, err := parseJSON([]byte(c.body), standardForm)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %s gave %v, want %q", name, c.body, err, c.want)
		}
	}
	if _, err := parseJSON([]byte(strings.Repeat("[", 32)+strings.Repeat("]", 32)), standardForm); err != nil {
		t.Errorf("32 levels are allowed: %v", err)
	}
}

// plainly turns numbers into json.Number, as encoding/json has them.
func plainly(v any) any {
	switch v := v.(type) {
	case number:
		return json.Number(v)
	case map[string]any:
		for k := range v {
			v[k] = plainly(v[k])
		}
	case []any:
		for i := range v {
			v[i] = plainly(v[i])
		}
	}
	return v
}

func FuzzParseJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,-2.5e3,"x\u00e9\ud83d\ude00",null,true]}`, `[]`, ` {"a":{}} `, `"\\\""`,
		`{"a":1,"a":2}`, `-0`, `1E400`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := parseJSON(text, standardForm)
		if err != nil {
			return // stricter than others on purpose; the table test says where
		}
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		var want any
		if err := d.Decode(&want); err != nil {
			t.Fatalf("we accept %q, encoding/json does not: %v", text, err)
		}
		canonical := appendCanonical(nil, got)
		again, err := parseJSON(canonical, standardForm)
		if err != nil || !bytes.Equal(appendCanonical(nil, again), canonical) {
			t.Fatalf("canonical %q of %q does not stand: %v", canonical, text, err)
		}
		if !reflect.DeepEqual(plainly(got), want) {
			t.Fatalf("%q is %#v, encoding/json has %#v", text, got, want)
		}
	})
}

func FuzzParseJSONFlat(f *testing.F) {
	f.Add([]byte(`{"patientId":1,"metadata":{"A_b":{"c_d":1}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		tree, err := parseJSON(text, flatForm)
		if err != nil {
			return
		}
		back := flat.Append(nil, appendCanonical(nil, tree))
		if !json.Valid(back) {
			t.Fatalf("%q became %q", text, back)
		}
	})
}

func TestCanonicalIgnoresLayoutOnly(t *testing.T) {
	t.Parallel()
	same := []string{`{"a":1,"b":[true,null]}`, ` { "b" : [ true , null ] , "a" : 1 } `,
		"{\"\\u0061\":1,\n\"b\":[true,null]}"}
	first := ""
	for i, s := range same {
		tree, err := parseJSON([]byte(s), standardForm)
		if err != nil {
			t.Fatal(err)
		}
		got := string(appendCanonical(nil, tree))
		if i == 0 {
			first = got
		}
		if got != first {
			t.Errorf("%s: %s, want %s", s, got, first)
		}
	}
	for _, s := range []string{`{"a":1,"b":[null,true]}`, `{"a":"1","b":[true,null]}`, `{"a":1}`} {
		tree, _ := parseJSON([]byte(s), standardForm)
		if string(appendCanonical(nil, tree)) == first {
			t.Errorf("%s must differ from %s", s, first)
		}
	}
}

// TestFlatRoundTrip: what the flat form writes it reads back as it was, whatever
// names callers use inside their own data.
func TestFlatRoundTrip(t *testing.T) {
	name := rapid.StringMatching(`[a-z][a-z0-9]{0,4}(_[a-z][a-z0-9]{0,4}){0,3}`)
	var value *rapid.Generator[any]
	object := func(names *rapid.Generator[string], deep int) *rapid.Generator[any] {
		return rapid.Custom(func(t *rapid.T) any {
			m := map[string]any{}
			for range rapid.IntRange(0, 3).Draw(t, "n") {
				m[names.Draw(t, "name")] = value.Draw(t, "value")
			}
			if deep > 0 && rapid.Bool().Draw(t, "own") {
				m["metadata"] = map[string]any{rapid.String().Draw(t, "own name"): map[string]any{"b_c": "x",
					"dE": "y"}}
			}
			return m
		})
	}
	value = rapid.OneOf(
		rapid.Map(rapid.String(), func(s string) any { return s }),
		rapid.Map(rapid.Int64(), func(n int64) any { return n }),
		rapid.Just[any](nil), rapid.Just[any](true),
		rapid.Just[any]([]any{map[string]any{"x_y": "a\"b:\\"}, "q_r"}),
	)
	rapid.Check(t, func(t *rapid.T) {
		before, err := json.Marshal(object(name, 1).Draw(t, "body"))
		if err != nil {
			t.Fatal(err)
		}
		tree, err := parseJSON(before, standardForm)
		if err != nil {
			t.Fatal(err)
		}
		wire := flat.Append(nil, before)
		back, err := parseJSON(wire, flatForm)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(tree, back) {
			t.Fatalf("%s went out as %s and came back as %v", before, wire, back)
		}
	})
}

func TestFlatNames(t *testing.T) {
	t.Parallel()
	for std, camel := range map[string]string{
		"provider_id": "providerId", "id": "id", "line1": "line1", "no_show_sweep": "noShowSweep", "e164": "e164",
	} {
		if got := flat.Name(std); got != camel {
			t.Errorf("engine.FlatName(%q) = %q, want %q", std, got, camel)
		}
		if got := fromFlat(camel); got != std {
			t.Errorf("fromFlat(%q) = %q, want %q", camel, got, std)
		}
	}
	for _, name := range []string{"provider_id", "providerID", "_a", "a_"} {
		if got := fromFlat(name); got == "provider_id" || got == "a" {
			t.Errorf("%q must be unknown in the flat form, is %q", name, got)
		}
		if got := flatForm.field(fromFlat(name)); name != "providerID" && got != name {
			t.Errorf("%q is reported as %q", name, got)
		}
	}
	if got := flatForm.field("phones[0].country_code"); got != "phones[0].countryCode" {
		t.Error(got)
	}
	if got := flatForm.field("metadata.own_name.more_own"); got != "metadata.own_name.more_own" {
		t.Error(got)
	}
}

func TestFlatScopes(t *testing.T) {
	t.Parallel()
	got := string(flat.Append(nil, []byte(`{"key_prefix":"kv_x","permissions":["patients:read","keys:manage"],`+
		`"metadata":{"scopes":["patients:read"]}}`)))
	want := `{"keyPrefix":"kv_x","permissions":["READ_PATIENTS","KEYS_MANAGE"],"metadata":{"scopes":["patients:read"]}}`
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func BenchmarkParseJSON(b *testing.B) {
	body := []byte(`{"lead_id":"0196c1f0-0000-7000-8000-000000000000","scheduled_at":"2026-04-26T09:00:00Z",` +
		`"ends_at":"2026-04-26T09:30:00Z","title":"Consultation"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseJSON(body, standardForm); err != nil {
			b.Fatal(err)
		}
	}
}
