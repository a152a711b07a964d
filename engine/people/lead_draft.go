package people

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/text"
)

// DefaultLeadSource is the source of a lead whose sender names none.
const DefaultLeadSource = "api"

// cleanObject bounds a JSON object by its size as text.
func cleanObject(f *fault.Faults, field string, object map[string]any) map[string]any {
	value, err := plainJSON(object)
	switch {
	case err != nil:
		f.Add(field, "Must be a JSON object")
	case len(value) > text.MaxMetadata:
		f.Add(field, "Must be at most %d bytes of JSON; it has %d", text.MaxMetadata, len(value))
	case len(object) == 0:
		return map[string]any{}
	}
	return object
}

// plainJSON is JSON with its keys in order and without HTML escapes.
func plainJSON(v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

func set[T any](field *T, sent *T) {
	if sent != nil {
		*field = *sent
	}
}

// applyName keeps the whole name and its parts together: whichever was sent
// makes the other.
func applyName(x *act.Edit, l *Lead, d *LeadDraft) {
	line := func(field string, sent *string) *string {
		if sent == nil {
			return nil
		}
		clean := text.Clean(&x.Faults, field, *sent, text.MaxName)
		return &clean
	}
	name, first, last := line("name", d.Name), line("first_name", d.FirstName), line("last_name", d.LastName)
	if blank(first) && blank(last) {
		if name == nil && (first == nil && last == nil) {
			return
		}
		if name != nil { // the parts come from it, also where a form sends them empty
			if l.Name != *name {
				l.FirstName, l.LastName = splitName(*name)
			}
			first, last = nil, nil
		}
	}
	set(&l.FirstName, first)
	set(&l.LastName, last)
	if blank(name) && (first != nil || last != nil) {
		l.Name = joinName(l.FirstName, l.LastName)
	} else {
		set(&l.Name, name)
	}
	l.NameKey = nameKey(l.Name, l.FirstName, l.LastName)
}

func blank(s *string) bool { return s == nil || *s == "" }

// nameKey folds "Anna Schmidt" and "Schmidt, Anna" into one.
func nameKey(name, first, last string) string {
	if strings.Contains(name, ",") && first != "" && last != "" {
		name = joinName(first, last)
	}
	return text.Fold(name)
}

func joinName(first, last string) string { return strings.TrimSpace(first + " " + last) }

// splitName takes "Schmidt, Anna" at its comma and "Anna Maria Schmidt" before
// its last word; a single word is a first name.
func splitName(name string) (first, last string) {
	if before, after, found := strings.Cut(name, ","); found && !strings.Contains(after, ",") {
		before, after = strings.TrimSpace(before), strings.TrimSpace(after)
		if before != "" && after != "" {
			return after, before
		}
	}
	words := strings.Fields(name)
	if len(words) < 2 {
		return strings.TrimSpace(name), ""
	}
	return strings.Join(words[:len(words)-1], " "), words[len(words)-1]
}

// faults are those of the lead as a whole.
func (l Lead) faults() error {
	var f fault.Faults
	if l.Name == "" && l.Email == "" && l.Phone == "" && l.ExternalID == "" {
		f.Add("name", "Required: at least one of name, email, phone, external_id")
	}
	if n := utf8.RuneCountInString(l.Name); n > text.MaxName {
		f.Add("last_name", "First and last name must have at most %d characters together; they have %d", text.MaxName-1, n-1)
	}
	return f.Err()
}

// sameObject compares by JSON text, for a number may be a float64 here and a
// json.Number there.
func sameObject(a, b map[string]any) bool {
	if len(a) == 0 && len(b) == 0 {
		return true
	}
	x, err1 := plainJSON(a)
	y, err2 := plainJSON(b)
	return err1 == nil && err2 == nil && x == y
}
