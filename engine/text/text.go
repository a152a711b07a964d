// Package text cleans, measures and folds what people type.
package text

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"qualifybase/engine/fault"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// The limits of text for every face; the schema documents the same numbers and
// a test compares the two (CONTRIBUTING.md "Validation has two owners"). Text
// is counted in characters (code points), the others as their lines say.
const (
	MaxName     = 100
	MaxTitle    = 200
	MaxText     = 500
	MaxNotes    = 4_000
	MaxEmail    = 254      // also in bytes: RFC 5321 §4.5.3.1
	MaxSOAP     = 64 << 10 // bytes, each of the four parts
	MaxMetadata = 16 << 10 // bytes of JSON
	MaxTags     = 50       // tags of one row, each at most MaxName
)

// Fold brings text into the form that searches and duplicate checks compare:
// NFKC, case folded, marks stripped, spaces collapsed (records.md §4). Marks
// that make another letter stay (kana voicing, Indic and Thai vowel signs), for
// a fold may join spellings of a name but never two names. Folding twice
// changes nothing.
func Fold(s string) string {
	if isASCII(s) {
		return strings.Join(strings.Fields(strings.ToLower(s)), " ")
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	for range 4 { // stripping can bring new letters together; two rounds are the most seen
		folded := foldOnce(s)
		if folded == s {
			break
		}
		s = folded
	}
	return s
}

func foldOnce(s string) string {
	s = cases.Fold().String(norm.NFKD.String(s))
	s = strings.Map(func(r rune) rune {
		if strippable(r) {
			return -1
		}
		return r
	}, norm.NFKD.String(s))
	return strings.Join(strings.Fields(norm.NFKC.String(s)), " ")
}

// strippable tells accents and points (by their canonical combining class) and
// characters without any shape.
func strippable(r rune) bool {
	if r < 0x300 {
		return r == 0xAD || r < ' ' && !unicode.IsSpace(r)
	}
	if unicode.In(r, unicode.Cf, unicode.Me, unicode.Variation_Selector) {
		return true
	}
	if !unicode.Is(unicode.Mn, r) {
		return false
	}
	class := norm.NFD.PropertiesString(string(r)).CCC()
	return class == 1 || class >= 10 && class <= 36 || class >= 200
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf || s[i] < ' ' && s[i] != '\t' && s[i] != '\n' && s[i] != '\r' {
			return false
		}
	}
	return true
}

// Clean validates one line of text, such as a name or a title, and returns it
// without the spaces around it, in NFC. Right-to-left scripts and emoji are
// kept. Text longer than limit characters, invalid UTF-8, control characters,
// line breaks and text without a visible character are faults of the field, and
// the result is "". Empty text is no fault: see Require.
func Clean(f *fault.Faults, field, s string, limit int) string {
	return cleanText(f, field, s, limit, false)
}

// CleanNotes is Clean for text of several lines: tabs and line breaks are kept,
// the latter as \n.
func CleanNotes(f *fault.Faults, field, s string, limit int) string {
	return cleanText(f, field, strings.ReplaceAll(s, "\r\n", "\n"), limit, true)
}

// CleanSOAP is CleanNotes for one part of a SOAP note: at most MaxSOAP bytes.
func CleanSOAP(f *fault.Faults, field, s string) string {
	s = CleanNotes(f, field, s, MaxSOAP)
	if len(s) > MaxSOAP {
		f.Add(field, "Must be at most %d bytes; it has %d", MaxSOAP, len(s))
		return ""
	}
	return s
}

// Require is Clean for text that must not be empty.
func Require(f *fault.Faults, field, s string, limit int) string {
	if strings.TrimSpace(s) == "" {
		f.Add(field, "Required")
		return ""
	}
	return Clean(f, field, s, limit)
}

// CleanTags cleans tags, drops those that fold to one before, and keeps the order.
func CleanTags(f *fault.Faults, field string, tags []string) []string {
	if len(tags) > MaxTags {
		f.Add(field, "At most %d tags; there are %d", MaxTags, len(tags))
		return nil
	}
	kept, seen := []string{}, map[string]bool{}
	for _, tag := range tags {
		tag = Require(f, field, tag, MaxName)
		if key := Fold(tag); !seen[key] {
			seen[key] = true
			kept = append(kept, tag)
		}
	}
	return kept
}

func cleanText(f *fault.Faults, field, s string, limit int, lines bool) string {
	if !utf8.ValidString(s) {
		f.Add(field, "Must be valid UTF-8")
		return ""
	}
	s = strings.TrimSpace(norm.NFC.String(s))
	visible := s == ""
	for _, r := range s {
		switch {
		case lines && (r == '\n' || r == '\t'):
		case r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029':
			f.Add(field, "Must be one line without line breaks")
			return ""
		case unicode.IsControl(r):
			f.Add(field, "Must not contain control characters")
			return ""
		case r == '\u202D' || r == '\u202E':
			// The overrides show text in another order than it has; right-to-left
			// scripts need none.
			f.Add(field, "Must not contain direction overrides (U+202D, U+202E)")
			return ""
		case !unicode.In(r, unicode.M, unicode.Cf, unicode.Z) && r != '\u3164' && r != '\u2800':
			visible = true
		}
	}
	if !visible {
		f.Add(field, "Must contain a visible character")
		return ""
	}
	if n := utf8.RuneCountInString(s); n > limit {
		f.Add(field, "Must be at most %d characters; it has %d", limit, n)
		return ""
	}
	return s
}

// CleanEmail validates an e-mail address and returns it as typed and in the form
// that look-ups compare: lower case (records.md §4). Empty is no fault. What it
// accepts can be written into a mail header as it is: no quoted local parts, no
// comments, no display names.
func CleanEmail(f *fault.Faults, field, s string) (email, key string) {
	s = Clean(f, field, s, MaxEmail)
	if s == "" {
		return "", ""
	}
	if fault := emailFault(s); fault != "" {
		f.Add(field, "%s", fault)
		return "", ""
	}
	return s, EmailKey(s)
}

// EmailKey is the form of an address that look-ups compare.
func EmailKey(email string) string {
	return norm.NFC.String(strings.ToLower(norm.NFC.String(strings.TrimSpace(email))))
}

func emailFault(s string) string {
	at := strings.LastIndexByte(s, '@')
	switch {
	case len(s) > MaxEmail:
		return "Must be an e-mail address of at most 254 bytes"
	case strings.ContainsAny(s, "<>"):
		return "Must be the address alone, without a name or angle brackets"
	case strings.IndexFunc(s, unicode.IsSpace) >= 0:
		return "Must be one e-mail address without spaces"
	case at < 0 || strings.Count(s, "@") != 1:
		return "Must be an e-mail address with exactly one @"
	}
	local, domain := s[:at], s[at+1:]
	switch {
	case local == "" || len(local) > 64:
		return "Must be an e-mail address with 1 to 64 bytes before the @"
	case strings.ContainsAny(local, `"(),:;[\]`) || strings.IndexFunc(local, invisible) >= 0:
		return "Must be an e-mail address without quotes, brackets, commas, colons or invisible characters"
	case local[0] == '.' || local[len(local)-1] == '.' || strings.Contains(local, ".."):
		return "Must be an e-mail address whose dots stand between other characters"
	case !saneDomain(domain):
		return `Must be an e-mail address whose domain looks like "clinic.example"`
	}
	return ""
}

func invisible(r rune) bool { return !unicode.IsGraphic(r) }

// saneDomain wants two or more labels of letters, digits and inner hyphens, the
// last one not of digits alone. Domains beyond ASCII pass as they are.
func saneDomain(domain string) bool {
	labels := strings.Split(domain, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, r := range label {
			if r != '-' && !unicode.In(r, unicode.L, unicode.M, unicode.Nd) {
				return false
			}
		}
	}
	last := labels[len(labels)-1]
	return len(labels) >= 2 && strings.Trim(last, "0123456789") != "" && len(domain) <= 253
}

// plain are the bytes that JSON holds as they are.
var plain = func() (is [256]bool) {
	for c := byte(' '); c <= '~'; c++ {
		is[c] = !strings.ContainsRune(`"\<>&`, rune(c))
	}
	return is
}()

// AppendJSON appends a text as encoding/json writes it, with its escapes for HTML.
func AppendJSON(b []byte, s string) []byte {
	for i := range len(s) {
		if !plain[s[i]] {
			text, _ := json.Marshal(s) // a string always marshals
			return append(b, text...)
		}
	}
	return append(append(append(b, '"'), s...), '"') // most texts are ids, times and words
}
