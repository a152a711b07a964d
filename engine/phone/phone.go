// Package phone brings telephone numbers into their international form (E.164).
package phone

import (
	"strings"
	"unicode"

	"qualifybase/engine/fault"
	"qualifybase/engine/text"

	"golang.org/x/text/unicode/norm"
)

// phoneFault is an error whose text is for a Detail; none repeats what was typed.
type phoneFault string

func (f phoneFault) Error() string { return string(f) }

// The faults of a phone number.
const (
	errPhoneEmpty   phoneFault = "Must be a phone number"
	errPhoneLetters phoneFault = "Must be a phone number of digits alone: leave out letters and extensions"
	errPhoneSigns   phoneFault = "Must be one phone number: digits, spaces and + ( ) . - / only"
	errPhonePlus    phoneFault = "Must have its + at the beginning and nowhere else"
	errPhoneCode    phoneFault = "Must begin with the calling code of a country after the + or 00"
	errPhoneZeros   phoneFault = "Must not have several zeros where the area code begins"
	errPhoneShort   phoneFault = "Must be a whole phone number with its area code: at least 7 digits with the " +
		"country's calling code"
	errPhoneArea    phoneFault = "Must be a whole phone number with its area code"
	errPhoneLong    phoneFault = "Must be one phone number of at most 15 digits with the country's calling code"
	errPhoneCountry phoneFault = "Must begin with + and a country's calling code, for the clinic has no country set"
)

// ValidCountry reports whether code is a country of ISO 3166-1, as two capital letters (or XK).
func ValidCountry(code string) bool {
	_, ok := diallings[code]
	return ok
}

// NormalisePhone brings a number as people type it into E.164, "+493012345678".
// Numbers without + or international prefix are read as dialled inside country
// (ISO 3166-1, two letters; the clinic's). It knows calling codes and prefixes,
// not every plan of every operator: the result can be dialled if what was typed
// could be. An error's text names the way out and never the number
// (CONTRIBUTING.md "Validation has two owners").
func NormalisePhone(typed, country string) (e164 string, err error) {
	t, err := readTyped(typed)
	if err != nil {
		return "", err
	}
	d, at, ok := t.international(country)
	if !ok {
		return "", errPhoneCode
	}
	if at == 0 { // a national number
		if d.code == "" {
			return "", errPhoneCountry
		}
		return d.national(t.digits)
	}
	if end := t.groups[at]; d.dropsGroup(t.digits[at:max(at, end)]) { // "+44 (0)20"
		at = end
	}
	return d.finish(d.withoutTrunk(t.digits[at:]))
}

// Clean is NormalisePhone for a draft: empty is no fault, any error is one of the field.
func Clean(f *fault.Faults, field, typed, country string) (e164 string) {
	if strings.TrimSpace(typed) == "" {
		return ""
	}
	e164, err := NormalisePhone(typed, country)
	if err != nil {
		f.Add(field, "%s", err.Error())
	}
	return e164
}

// typedPhone is a number as it was typed, without its decoration.
type typedPhone struct {
	plus   bool
	digits string
	groups map[int]int // digits in round brackets: index of the first → index behind the last
}

func readTyped(typed string) (typedPhone, error) {
	if len(typed) > 4*text.MaxName {
		return typedPhone{}, errPhoneLong
	}
	typed = strings.TrimSpace(norm.NFKC.String(typed)) // full-width digits, odd spaces
	if len(typed) > 4 && strings.EqualFold(typed[:4], "tel:") {
		typed = typed[4:]
	}
	t := typedPhone{groups: map[int]int{}}
	digits, open := []byte{}, -1
	for _, r := range typed {
		switch value, isDigit := digitValue(r); {
		case isDigit:
			digits = append(digits, '0'+value)
		case r == '+' && (t.plus || len(digits) > 0):
			return t, errPhonePlus
		case r == '+':
			t.plus = true
		case r == '(':
			open = len(digits)
		case r == ')':
			if open >= 0 && len(digits) > open {
				t.groups[open] = len(digits)
			}
			open = -1
		case r == '.' || r == '/' || r == '\u2212' || unicode.In(r, unicode.Pd, unicode.Z, unicode.Cf) || r == '\t':
		case unicode.IsLetter(r) || r == '#' || r == ';' || r == '=':
			return t, errPhoneLetters
		default:
			return t, errPhoneSigns
		}
	}
	t.digits = string(digits)
	if t.digits == "" {
		return t, errPhoneEmpty
	}
	return t, nil
}

// digitValue reads a decimal digit of any script: Unicode keeps each script's ten in a row.
func digitValue(r rune) (byte, bool) {
	if r < unicode.MaxASCII {
		return byte(r - '0'), '0' <= r && r <= '9'
	}
	for _, block := range unicode.Nd.R16 {
		if rune(block.Lo) <= r && r <= rune(block.Hi) {
			return byte((r - rune(block.Lo)) % 10), true
		}
	}
	return 0, false
}

// international finds the plan that the number belongs to and where its national
// part begins. 0 means that it has no international prefix: the plan is the
// country's, empty if there is none. Not ok means a prefix without a calling code.
func (t typedPhone) international(country string) (d dialling, at int, ok bool) {
	home := diallings[country]
	if t.plus {
		return diallingAt(t.digits, 0)
	}
	// A country's own prefix goes before the general 00, which some write anyway.
	for prefix := range strings.SplitSeq(home.abroad+",00", ",") {
		if prefix == "" || !strings.HasPrefix(t.digits, prefix) {
			continue
		}
		if d, at, ok = diallingAt(t.digits, len(prefix)); ok {
			return d, at, true
		}
	}
	return home, 0, !strings.HasPrefix(t.digits, "00")
}

// diallingAt reads a calling code; no code begins another.
func diallingAt(digits string, from int) (d dialling, behind int, ok bool) {
	for end := from + 1; end <= min(from+3, len(digits)); end++ {
		if d, ok = diallingOf[digits[from:end]]; ok {
			return d, end, true
		}
	}
	return dialling{}, 0, false
}

// national reads a number dialled inside the country.
func (d dialling) national(digits string) (string, error) {
	rest := d.withoutTrunk(digits)
	if d.length > 0 && len(rest) != d.length {
		if len(rest) > d.length {
			return "", errPhoneLong
		}
		return "", errPhoneArea
	}
	return d.finish(rest)
}

// dropsGroup tells the "(0)" that nobody dials from abroad from brackets around an area code.
func (d dialling) dropsGroup(group string) bool {
	if group == "" || group == "0" {
		return group != "" && !d.zero
	}
	for trunk := range strings.SplitSeq(d.trunk, ",") {
		if group == trunk {
			return true
		}
	}
	return false
}

func (d dialling) withoutTrunk(digits string) string {
	for trunk := range strings.SplitSeq(d.trunk, ",") {
		rest, found := strings.CutPrefix(digits, trunk)
		if trunk != "" && found && (d.length == 0 || len(rest) == d.length) {
			return rest
		}
	}
	return digits
}

func (d dialling) finish(national string) (string, error) {
	switch n := len(d.code) + len(national); {
	case n < 7:
		return "", errPhoneShort
	case n > 15:
		return "", errPhoneLong
	case d.trunk != "" && national[0] == '0':
		return "", errPhoneZeros
	}
	return "+" + d.code + national, nil
}

// Start reads a search text that is the beginning of a phone number as
// people type it in the country and gives the beginning of its E.164 form;
// any other text comes back as it is.
func Start(q, country string) string {
	digits, plus := []byte{}, false
	for i, r := range q {
		switch {
		case r >= '0' && r <= '9':
			digits = append(digits, byte(r))
		case r == '+' && i == 0:
			plus = true
		case !strings.ContainsRune(" ()-./", r):
			return q
		}
	}
	if len(digits) < 3 {
		return q
	}
	d, at, ok := typedPhone{plus: plus, digits: string(digits), groups: map[int]int{}}.international(country)
	switch {
	case !ok || at == 0 && d.code == "":
		return q
	case at == 0:
		return "+" + d.code + d.withoutTrunk(string(digits))
	}
	return "+" + d.code + string(digits[at:])
}
