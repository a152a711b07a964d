package httpapi

import (
	"bytes"
	"strings"

	"qualifybase/engine"
)

// form is how replies and requests are spelled. The channel of the credential
// decides it before authentication, so that even a 401 has the right shape
// (contract.md §1). There is one set of wire structs, in the standard form; the
// flat form is a codec over bytes, not a second API.
type form uint8

const (
	standard form = iota // snake_case names, {"data": …} envelopes, {"error": {…}}
	flat                 // camelCase names, no envelope, {"error": "code", …}
)

// isData tells the names whose value is the caller's own: the names inside stay as they are.
func isData(name string) bool {
	switch name {
	case "metadata", "answers", "hidden", "consent":
		return true
	}
	return false
}

// isScopes tells the lists whose words are scopes, which each form spells its own way (contract.md §3).
func isScopes(name string) bool { return name == "scopes" || name == "permissions" }

// toFlat spells a standard name in camelCase: provider_id → providerId.
func toFlat(name string) string {
	if strings.IndexByte(name, '_') < 0 {
		return name
	}
	b := make([]byte, 0, len(name))
	for i := 0; i < len(name); i++ {
		if name[i] == '_' && i+1 < len(name) && name[i+1] >= 'a' && name[i+1] <= 'z' {
			i++
			b = append(b, name[i]-'a'+'A')
			continue
		}
		b = append(b, name[i])
	}
	return string(b)
}

// foreign marks a name of the flat form that no standard name stands behind, so
// that it is refused as unknown and still reported as it was sent.
const foreign = "\x00"

// fromFlat is the reverse of toFlat. In the flat form a snake_case name is not a
// second spelling but an unknown field.
func fromFlat(name string) string {
	upper := false
	for i := range len(name) {
		switch c := name[i]; {
		case c == '_':
			return foreign + name
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
	if back := string(b); toFlat(back) == name {
		return back
	}
	return foreign + name
}

// field spells the path of a faulty field, "consent.marketing[2].granted_at", in
// the form: every part up to the first that holds the caller's own names.
func (f form) field(path string) string {
	if f == standard {
		return path
	}
	parts := strings.Split(path, ".")
	for i, part := range parts {
		if own, ok := strings.CutPrefix(part, foreign); ok {
			parts[i] = own
			continue
		}
		parts[i] = toFlat(part)
		if name, _, _ := strings.Cut(part, "["); isData(name) {
			break
		}
	}
	return strings.Join(parts, ".")
}

// scope spells a right.
func (f form) scope(s engine.Scope) string {
	if f == flat {
		return s.Klinivo()
	}
	return s.String()
}

// code spells a kind of refusal.
func (f form) code(k engine.Kind) string {
	if f == flat {
		return strings.ToLower(string(k))
	}
	return string(k)
}

// appendFlat rewrites JSON of the standard form, as our own encoder wrote it
// (valid, without spaces), into the flat form: names change, values do not, but
// for the words in lists of scopes.
func appendFlat(dst, src []byte) []byte {
	for i := 0; i < len(src); {
		if src[i] != '"' {
			dst = append(dst, src[i])
			i++
			continue
		}
		end := stringEnd(src, i)
		if end >= len(src) || src[end] != ':' {
			dst = append(dst, src[i:end]...)
			i = end
			continue
		}
		name := string(src[i+1 : end-1])
		dst = append(dst, '"')
		dst = append(dst, toFlat(name)...)
		dst = append(dst, '"', ':')
		i = end + 1
		switch {
		case isData(name):
			end = valueEnd(src, i)
			dst = append(dst, src[i:end]...)
			i = end
		case isScopes(name):
			end = valueEnd(src, i)
			dst = appendScopes(dst, src[i:end])
			i = end
		}
	}
	return dst
}

// stringEnd is the place behind the string that begins at i.
func stringEnd(src []byte, i int) int {
	for i++; i < len(src); i++ {
		switch src[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(src)
}

// valueEnd is the place behind the value that begins at i.
func valueEnd(src []byte, i int) int {
	depth := 0
	for i < len(src) {
		switch src[i] {
		case '"':
			i = stringEnd(src, i)
			if depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return len(src)
}

// appendScopes writes a list of scopes in Klinivo's spelling.
func appendScopes(dst, list []byte) []byte {
	for len(list) > 0 {
		if list[0] != '"' {
			dst = append(dst, list[0])
			list = list[1:]
			continue
		}
		end := stringEnd(list, 0)
		word := list[:end]
		if s, ok := engine.ParseScope(string(bytes.Trim(word, `"`))); ok {
			dst = append(append(append(dst, '"'), s.Klinivo()...), '"')
		} else {
			dst = append(dst, word...)
		}
		list = list[end:]
	}
	return dst
}
