package people

import (
	"slices"
	"strings"
	"unicode/utf8"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/phone"
	"qualifybase/engine/text"
)

// The kinds of keys by which a patient is found. The letter is part of the key, so
// that one index serves searches and duplicates (schema.sql, patient_keys).
const (
	keyName       = "n:"
	keyMRN        = "m:"
	keyEmail      = "e:"
	keyPhone      = "p:"
	keyIdentifier = "i:"
	keyBirth      = "b:" // birth date and family name
)

// Keys are all keys of the patient, each once, sorted, and the folded given name
// that stands beside them. An erased patient has none. The store keeps its index
// equal to them with every write.
func (p Patient) Keys() (keys []string, given string) {
	if p.ErasedAt != 0 {
		return nil, ""
	}
	given = text.Fold(p.GivenName)
	family := text.Fold(p.FamilyName)
	keys = append(p.blocking(), keyMRN+text.Fold(p.MRN), keyName+family+" "+given, keyName+given+" "+family)
	if preferred := text.Fold(p.PreferredName); preferred != "" {
		keys = append(keys, keyName+preferred+" "+family)
	}
	slices.Sort(keys)
	return slices.Compact(keys), given
}

// blocking are the keys of which duplicates have one in common (records.md §4).
func (p Patient) blocking() (keys []string) {
	for _, id := range p.Identifiers {
		keys = append(keys, identifierKey(id))
	}
	if p.EmailKey != "" {
		keys = append(keys, keyEmail+p.EmailKey)
	}
	for _, phone := range p.Phones {
		if phone.E164 != "" {
			keys = append(keys, keyPhone+phone.E164)
		}
	}
	if family := text.Fold(p.FamilyName); p.BirthDate != nil && family != "" {
		keys = append(keys, keyBirth+p.BirthDate.String()+" "+family)
	}
	return keys
}

// identifierKey compares identifiers by what they say, not by how they are spaced.
func identifierKey(id Identifier) string {
	return keyIdentifier + text.Fold(id.System) + "\x1f" + strings.ReplaceAll(text.Fold(id.Value), " ", "")
}

// searchStarts are the beginnings of keys that a search text means.
func searchStarts(q, country string) []string {
	if _, err := calendar.ParseDate(q); err == nil {
		return []string{keyBirth + q + " "}
	}
	folded := text.Fold(q)
	starts := []string{keyName + folded, keyMRN + folded, keyEmail + text.EmailKey(q)}
	if family, given, ok := strings.Cut(q, ","); ok { // as lists print it: "Byron, Ada"
		starts = append(starts, keyName+text.Fold(family)+" "+text.Fold(given))
	}
	if phone := phone.Start(folded, country); strings.HasPrefix(phone, "+") {
		starts = append(starts, keyPhone+phone)
	}
	return starts
}

// shared tells what two records have in common.
type shared struct {
	identifier, email, phone, birth, family, given, initial bool
}

func compare(a, b Patient) (s shared) {
	s.identifier = slices.ContainsFunc(a.Identifiers, func(x Identifier) bool {
		return slices.ContainsFunc(b.Identifiers, func(y Identifier) bool { return identifierKey(x) == identifierKey(y) })
	})
	s.email = a.EmailKey != "" && a.EmailKey == b.EmailKey
	s.phone = slices.ContainsFunc(a.Phones, func(x Phone) bool {
		return x.E164 != "" && slices.ContainsFunc(b.Phones, func(y Phone) bool { return x.E164 == y.E164 })
	})
	s.birth = a.BirthDate != nil && b.BirthDate != nil && *a.BirthDate == *b.BirthDate
	s.family = a.FamilyName != "" && text.Fold(a.FamilyName) == text.Fold(b.FamilyName)
	x, y := text.Fold(a.GivenName), text.Fold(b.GivenName)
	s.given = x != "" && x == y
	first, _ := utf8.DecodeRuneInString(x)
	other, _ := utf8.DecodeRuneInString(y)
	s.initial = x != "" && y != "" && first == other
	return s
}

// names are the wire names of what is shared.
func (s shared) names() []string {
	names := act.Filters{}
	names.Add("identifiers", s.identifier)
	names.Add("birth_date", s.birth)
	names.Add("family_name", s.family)
	names.Add("given_name", s.given)
	names.Add("phones", s.phone)
	names.Add("email", s.email)
	return names
}
