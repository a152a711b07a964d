package httpapi

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"qualifybase/engine/flat"
)

// maxDepth is how deep a body may nest (contract.md §8).
const maxDepth = 32

// number is a JSON number as it was written, so that no digit of an id is lost.
type number string

// parser reads one JSON value strictly. encoding/json forgives what the contract
// must answer with 400: a second value, a name given twice, broken UTF-8; and it
// reads names in any case. Objects become map[string]any, lists []any, the rest
// string, number, bool and nil.
type parser struct {
	text  []byte
	at    int
	depth int
	form  form
	data  int // > 0 inside metadata and the like, whose names are the caller's own
}

// syntaxError says what is wrong with a body, and where.
type syntaxError struct {
	what string
	at   int // bytes from the beginning
}

func (e *syntaxError) Error() string { return fmt.Sprintf("%s (at byte %d)", e.what, e.at+1) }

// parseJSON reads a body as it came in the given wire form; the names of the
// result are those of the standard form.
func parseJSON(text []byte, f form) (any, error) {
	if !utf8.Valid(text) {
		at := 0
		for at < len(text) {
			r, n := utf8.DecodeRune(text[at:])
			if r == utf8.RuneError && n == 1 {
				break
			}
			at += n
		}
		return nil, &syntaxError{"the body is not valid UTF-8", at}
	}
	p := parser{text: text, form: f}
	p.space()
	v, err := p.value()
	if err != nil {
		return nil, err
	}
	p.space()
	if p.at < len(text) {
		return nil, p.fault("there is data after the JSON value")
	}
	return v, nil
}

func (p *parser) fault(what string) error { return &syntaxError{what, p.at} }

func (p *parser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// peek is the next byte, 0 at the end.
func (p *parser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *parser) value() (any, error) {
	switch c := p.peek(); {
	case c == '{':
		return p.object()
	case c == '[':
		return p.list()
	case c == '"':
		return p.string()
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	case p.word("true"):
		return true, nil
	case p.word("false"):
		return false, nil
	case p.word("null"):
		return nil, nil
	case p.at >= len(p.text):
		return nil, p.fault("the JSON value ends too early")
	}
	return nil, p.fault("this is not a JSON value")
}

// word takes a literal, and reports whether it stands here.
func (p *parser) word(w string) bool {
	if len(p.text)-p.at < len(w) || string(p.text[p.at:p.at+len(w)]) != w {
		return false
	}
	p.at += len(w)
	return true
}

func (p *parser) enter() error {
	if p.depth++; p.depth > maxDepth {
		return p.fault("the JSON value is nested more than " + strconv.Itoa(maxDepth) + " deep")
	}
	p.at++
	p.space()
	return nil
}

func (p *parser) object() (any, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	out := make(map[string]any, 8)
	for first := true; ; first = false {
		if done, err := p.next('}', first); done || err != nil {
			p.depth--
			return out, err
		}
		if p.peek() != '"' {
			return nil, p.fault("a name in double quotes is expected here")
		}
		start := p.at
		name, err := p.string()
		if err != nil {
			return nil, err
		}
		if p.form == flatForm && p.data == 0 {
			name = fromFlat(name)
		}
		if _, twice := out[name]; twice {
			p.at = start
			return nil, p.fault("the name " + strconv.Quote(p.form.field(name)) + " is given twice")
		}
		p.space()
		if p.peek() != ':' {
			return nil, p.fault("a colon must follow the name")
		}
		p.at++
		p.space()
		own := flat.IsData(name)
		if own {
			p.data++
		}
		if out[name], err = p.value(); err != nil {
			return nil, err
		}
		if own {
			p.data--
		}
	}
}

func (p *parser) list() (any, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	out := []any{}
	for first := true; ; first = false {
		if done, err := p.next(']', first); done || err != nil {
			p.depth--
			return out, err
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
}

// next moves to the next element of a list or object; true at its end.
func (p *parser) next(end byte, first bool) (bool, error) {
	p.space()
	switch {
	case p.peek() == end:
		p.at++
		return true, nil
	case first:
		return false, nil
	case p.peek() != ',':
		return false, p.fault("a comma or " + strconv.Quote(string(rune(end))) + " is expected here")
	}
	p.at++
	p.space()
	if p.peek() == end {
		return false, p.fault("a value must follow the comma")
	}
	return false, nil
}

func (p *parser) number() (any, error) {
	start := p.at
	if p.peek() == '-' {
		p.at++
	}
	if p.peek() == '0' {
		p.at++
	} else if p.digits() == 0 {
		return nil, p.fault("this is not a JSON number")
	}
	if p.peek() == '.' {
		p.at++
		if p.digits() == 0 {
			return nil, p.fault("digits must follow the decimal point")
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.at++
		if c := p.peek(); c == '+' || c == '-' {
			p.at++
		}
		if p.digits() == 0 {
			return nil, p.fault("digits must follow the exponent")
		}
	}
	text := string(p.text[start:p.at])
	if f, err := strconv.ParseFloat(text, 64); err != nil || math.IsInf(f, 0) {
		p.at = start
		return nil, p.fault("the number is too large")
	}
	return number(text), nil
}

func (p *parser) digits() int {
	n := 0
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.at++
		n++
	}
	return n
}

func (p *parser) string() (string, error) {
	p.at++
	start := p.at
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == '"':
			p.at++
			return string(p.text[start : p.at-1]), nil
		case c == '\\':
			return p.escaped(append(make([]byte, 0, 64), p.text[start:p.at]...))
		case c < ' ':
			return "", p.fault("a control character must be escaped")
		}
		p.at++
	}
	return "", p.fault("the string has no closing quote")
}

// escaped reads on in a string from its first backslash.
func (p *parser) escaped(out []byte) (string, error) {
	for p.at < len(p.text) {
		c := p.text[p.at]
		switch {
		case c == '"':
			p.at++
			return string(out), nil
		case c < ' ':
			return "", p.fault("a control character must be escaped")
		case c != '\\':
			out = append(out, c)
			p.at++
			continue
		}
		p.at++
		i := slices.Index([]byte(`"\/bfnrt`), p.peek())
		if i >= 0 {
			out = append(out, "\"\\/\b\f\n\r\t"[i])
			p.at++
			continue
		}
		r, err := p.unicode()
		if err != nil {
			return "", err
		}
		out = utf8.AppendRune(out, r)
	}
	return "", p.fault("the string has no closing quote")
}

// unicode reads uHHHH behind a backslash, and the other half of a surrogate pair.
// A half alone is no character: it is refused, not replaced.
func (p *parser) unicode() (rune, error) {
	r, ok := p.hex4()
	if !ok {
		return 0, p.fault("this escape is unknown")
	}
	if !utf16.IsSurrogate(r) {
		return r, nil
	}
	if p.peek() == '\\' {
		p.at++
		if low, ok := p.hex4(); ok {
			if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
				return r, nil
			}
		}
	}
	return 0, p.fault("half of a surrogate pair is not a character")
}

func (p *parser) hex4() (rune, bool) {
	if len(p.text)-p.at < 5 || p.text[p.at] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(p.text[p.at+1:p.at+5]), 16, 16)
	if err != nil {
		return 0, false
	}
	p.at += 5
	return rune(n), true
}

// appendCanonical writes a parsed value with names in order and no space: the
// same for two bodies that say the same, whatever their layout (contract.md §6).
func appendCanonical(b []byte, v any) []byte {
	switch v := v.(type) {
	case map[string]any:
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		b = append(b, '{')
		for i, name := range names {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, name), ':')
			b = appendCanonical(b, v[name])
		}
		return append(b, '}')
	case []any:
		b = append(b, '[')
		for i, x := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendCanonical(b, x)
		}
		return append(b, ']')
	case string:
		return appendString(b, v)
	case number:
		return append(b, v...)
	case bool:
		return strconv.AppendBool(b, v)
	}
	return append(b, "null"...)
}

// appendString writes a JSON string with the fewest escapes.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
