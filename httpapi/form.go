package httpapi

import (
	"strings"

	"qualifybase/engine/fault"
	"qualifybase/engine/flat"
	"qualifybase/engine/scope"
)

// form is how replies and requests are spelled. The channel of the credential
// decides it before authentication, so that even a 401 has the right shape
// (contract.md §1). There is one set of wire structs, in the standard form; the
// flat form is a codec over bytes, not a second API.
type form uint8

const (
	standardForm form = iota // snake_case names, {"data": …} envelopes, {"error": {…}}
	flatForm                 // camelCase names, no envelope, {"error": "code", …}
)

// unknownName marks a name of the flat form that no standard name stands behind, so
// that it is refused as unknown and still reported as it was sent.
const unknownName = "\x00"

// fromFlat is the reverse of flat.Name. In the flat form a snake_case name is not a
// second spelling but an unknown field.
func fromFlat(name string) string {
	upper := false
	for i := range len(name) {
		switch c := name[i]; {
		case c == '_':
			return unknownName + name
		case c >= 'A' && c <= 'Z':
			upper = true
		}
	}
	if !upper {
		return name
	}
	b := make([]byte, 0, len(name)+4)
	for i := range len(name) {
		c := name[i]
		if c >= 'A' && c <= 'Z' {
			b = append(b, '_', c-'A'+'a')
			continue
		}
		b = append(b, c)
	}
	if back := string(b); flat.Name(back) == name {
		return back
	}
	return unknownName + name
}

// field spells the path of a faulty field, "consent.marketing[2].granted_at", in
// the form: every part up to the first that holds the caller's own names.
func (f form) field(path string) string {
	if f == standardForm {
		return path
	}
	parts := strings.Split(path, ".")
	for i, part := range parts {
		if own, ok := strings.CutPrefix(part, unknownName); ok {
			parts[i] = own
			continue
		}
		parts[i] = flat.Name(part)
		if name, _, _ := strings.Cut(part, "["); flat.IsData(name) {
			break
		}
	}
	return strings.Join(parts, ".")
}

// scope spells a right.
func (f form) scope(s scope.Scope) string {
	if f == flatForm {
		return s.Klinivo()
	}
	return s.String()
}

// code spells a kind of refusal.
func (f form) code(k fault.Kind) string {
	if f == flatForm {
		return strings.ToLower(string(k))
	}
	return string(k)
}
