package people

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"qualifybase/engine/fault"
	"qualifybase/engine/phone"
	"qualifybase/engine/text"
)

// DefaultLeadSource is the source of a lead whose sender names none.
const DefaultLeadSource = "api"

// leadFields is a cleaned LeadDraft: nil is "not sent".
type leadFields struct {
	externalID, source        *string
	name, firstName, lastName *string
	email, emailKey           *string
	phone, phoneKey           *string
	status                    *LeadStatus
	notes                     *string
	tags                      *[]string
	metadata, consent         *map[string]any

	Usual string // the source of a sender who names none
}

// origin is the source that the sender's external_id belongs to.
func (n leadFields) origin() string {
	source := n.Usual
	set(&source, n.source)
	return source
}

// Cleaned checks every field of the draft by itself; country reads phones.
func (d LeadDraft) Cleaned(f *fault.Faults, country string) leadFields {
	line := func(field string, s *string, limit int) *string {
		if s == nil {
			return nil
		}
		clean := text.Clean(f, field, *s, limit)
		return &clean
	}
	out := leadFields{
		Usual:      DefaultLeadSource,
		externalID: line("external_id", d.ExternalID, text.MaxText),
		source:     line("source", d.Source, text.MaxText),
		name:       line("name", d.Name, text.MaxName),
		firstName:  line("first_name", d.FirstName, text.MaxName),
		lastName:   line("last_name", d.LastName, text.MaxName),
		status:     d.Status,
		metadata:   cleanObject(f, "metadata", d.Metadata),
		consent:    cleanObject(f, "consent", d.Consent),
	}
	if out.source != nil && *out.source == "" {
		*out.source = DefaultLeadSource
	}
	if d.Email != nil {
		email, key := text.CleanEmail(f, "email", *d.Email)
		out.email, out.emailKey = &email, &key
	}
	if d.Phone != nil {
		given, before := text.Clean(f, "phone", *d.Phone, text.MaxName), len(*f)
		key := phone.Clean(f, "phone", given, country)
		if len(*f) == before {
			out.phone, out.phoneKey = &given, &key
		}
	}
	if d.Status != nil && !d.Status.Valid() {
		f.Add("status", "Must be one of %s", leadStatusNames())
	}
	if d.Notes != nil {
		notes := text.CleanNotes(f, "notes", *d.Notes, text.MaxNotes)
		out.notes = &notes
	}
	if d.Tags != nil {
		tags := text.CleanTags(f, "tags", *d.Tags)
		out.tags = &tags
	}
	return out
}

func leadStatusNames() string {
	names := make([]string, len(LeadStatuses))
	for i, s := range LeadStatuses {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}

// cleanObject bounds a JSON object by its size as text.
func cleanObject(f *fault.Faults, field string, object *map[string]any) *map[string]any {
	if object == nil {
		return nil
	}
	value, err := plainJSON(*object)
	switch {
	case err != nil:
		f.Add(field, "Must be a JSON object")
	case len(value) > text.MaxMetadata:
		f.Add(field, "Must be at most %d bytes of JSON; it has %d", text.MaxMetadata, len(value))
	case len(*object) == 0:
		return &map[string]any{}
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

// apply writes the fields that were sent onto a lead.
func (n leadFields) apply(l *Lead) {
	set(&l.ExternalID, n.externalID)
	set(&l.Source, n.source)
	n.applyName(l)
	set(&l.Email, n.email)
	set(&l.EmailKey, n.emailKey)
	set(&l.Phone, n.phone)
	set(&l.PhoneKey, n.phoneKey)
	set(&l.Status, n.status)
	set(&l.Notes, n.notes)
	set(&l.Tags, n.tags)
	set(&l.Metadata, n.metadata)
	set(&l.Consent, n.consent)
	if l.Tags == nil {
		l.Tags = []string{}
	}
	if l.Metadata == nil {
		l.Metadata = map[string]any{}
	}
	if l.Consent == nil {
		l.Consent = map[string]any{}
	}
}

func set[T any](field *T, sent *T) {
	if sent != nil {
		*field = *sent
	}
}

// applyName keeps the whole name and its parts together: whichever was sent
// makes the other.
func (n leadFields) applyName(l *Lead) {
	name, first, last := n.name, n.firstName, n.lastName
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

// leadChanges names the fields in which two states of a lead differ.
func leadChanges(a, b Lead) []string {
	var out []string
	for _, x := range []struct {
		field string
		same  bool
	}{
		{"external_id", a.ExternalID == b.ExternalID}, {"source", a.Source == b.Source},
		{"name", a.Name == b.Name}, {"first_name", a.FirstName == b.FirstName}, {"last_name", a.LastName == b.LastName},
		{"email", a.Email == b.Email}, {"phone", a.Phone == b.Phone && a.PhoneKey == b.PhoneKey},
		{"status", a.Status == b.Status}, {"notes", a.Notes == b.Notes}, {"tags", slices.Equal(a.Tags, b.Tags)},
		{"metadata", sameObject(a.Metadata, b.Metadata)}, {"consent", sameObject(a.Consent, b.Consent)},
	} {
		if !x.same {
			out = append(out, x.field)
		}
	}
	return out
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
