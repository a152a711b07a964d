package enginetest

import (
	"reflect"
	"slices"
	"testing"
)

// Fill sets every field of a draft, given by its address, to a value that is not
// zero: the one that given has under the field's name, else one made of the word and
// the name, so that two words fill two drafts that differ. A field that is added to
// the draft is filled, or the test says that it needs a value.
func Fill(t testing.TB, draft any, word string, given map[string]any) {
	t.Helper()
	v := reflect.ValueOf(draft).Elem()
	for _, f := range fieldsOf(v.Type()) {
		value, ok := given[f.Name]
		if !ok {
			value = sampleOf(f, word)
		}
		if value == nil {
			t.Fatalf("%s.%s needs a value to be tested with", v.Type(), f.Name)
		}
		set(v.FieldByIndex(f.Index), reflect.ValueOf(value))
	}
	for name := range given {
		if _, ok := v.Type().FieldByName(name); !ok {
			t.Fatalf("%s has no field %s", v.Type(), name)
		}
	}
}

// Alone is a copy of a draft with one of its fields; the others are zero.
func Alone[T any](draft T, field string) (one T) {
	reflect.ValueOf(&one).Elem().FieldByName(field).Set(reflect.ValueOf(draft).FieldByName(field))
	return one
}

// FieldNames are the names of the fields of a struct, those of what it embeds too.
func FieldNames(of any) (names []string) {
	for _, f := range fieldsOf(reflect.TypeOf(of)) {
		names = append(names, f.Name)
	}
	return names
}

// Has checks that a row has in every field that a draft sends what was sent. want
// has the values that a row keeps in another form than they are sent in.
func Has(t testing.TB, row, draft any, want map[string]any) {
	t.Helper()
	d, r := reflect.ValueOf(draft), reflect.ValueOf(row)
	for _, f := range fieldsOf(d.Type()) {
		sent := d.FieldByIndex(f.Index)
		if sent.IsZero() {
			continue
		}
		expected, ok := want[f.Name]
		if !ok {
			expected = reflect.Indirect(sent).Interface()
		}
		got := r.FieldByName(f.Name)
		if !got.IsValid() {
			t.Errorf("%s has no %s", r.Type(), f.Name)
			continue
		}
		if got = reflect.Indirect(got); !got.IsValid() || !reflect.DeepEqual(got.Interface(), expected) {
			t.Errorf("%s is %v, want %v", f.Name, got, expected)
		}
	}
}

func fieldsOf(t reflect.Type) []reflect.StructField {
	return slices.DeleteFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool { return f.Anonymous })
}

// sampleOf is a value of the field's type, nil where one cannot be thought of.
func sampleOf(f reflect.StructField, word string) any {
	of, text := f.Type, word+" "+f.Name
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	switch {
	case of.Kind() == reflect.String:
		return text
	case of.Kind() == reflect.Bool:
		return true
	case of.Kind() == reflect.Int, of.Kind() == reflect.Int64:
		return len(text)
	case of == reflect.TypeFor[[]string]():
		return []string{text, "tag"}
	case of == reflect.TypeFor[map[string]any]():
		return map[string]any{"of": text}
	}
	return nil
}

// set sets a field, or what a pointer of it points to.
func set(field, value reflect.Value) {
	if field.Kind() != reflect.Pointer || value.Type() == field.Type() {
		field.Set(value.Convert(field.Type()))
		return
	}
	at := reflect.New(field.Type().Elem())
	at.Elem().Set(value.Convert(field.Type().Elem()))
	field.Set(at)
}
