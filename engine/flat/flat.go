// Package flat spells names of the standard form in camelCase and rewrites replies and
// webhook bodies so.
package flat

import (
	"bytes"
	"strings"

	"qualifybase/engine/scope"
)

// The flat form's names (contract.md §1): a codec over bytes, used for replies by
// the HTTP face and for the bodies of webhooks made with a kv_ key, so that one
// thing has one name in both.

// IsData tells the names whose value is the caller's own: the names inside stay as they are.
func IsData(name string) bool {
	switch name {
	case "metadata", "answers", "hidden", "consent":
		return true
	}
	return false
}

// isScopes tells the lists whose words are scopes, which each form spells its own way (contract.md §3).
func isScopes(name string) bool { return name == "scopes" || name == "permissions" }

// Name spells a standard name in camelCase: provider_id → providerId.
func Name(name string) string {
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

// Append rewrites JSON of the standard form, as an encoder wrote it (valid,
// without spaces), into the flat form: names change, values do not, but for the
// words in lists of scopes.
func Append(dst, src []byte) []byte {
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
		dst = append(dst, Name(name)...)
		dst = append(dst, '"', ':')
		i = end + 1
		switch {
		case IsData(name):
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
		if s, ok := scope.Parse(string(bytes.Trim(word, `"`))); ok {
			dst = append(append(append(dst, '"'), s.Klinivo()...), '"')
		} else {
			dst = append(dst, word...)
		}
		list = list[end:]
	}
	return dst
}
