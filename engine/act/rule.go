package act

import (
	"slices"
	"strings"

	"qualifybase/engine/fault"
	"qualifybase/engine/text"
)

func equal[T comparable](a, b T) bool { return a == b }

// textRule is a rule of text, of which a cell holds just what it is.
func textRule(apply func(x *Edit, field string, at, sent *string)) Rule[string] {
	return Rule[string]{Apply: apply, Same: equal[string],
		Read:  func(_ *fault.Faults, _, cell string) *string { return &cell },
		Write: func(v string) string { return v }}
}

// Line is a line of text that may be empty.
func Line(limit int) Rule[string] {
	return textRule(func(x *Edit, field string, at, sent *string) { x.Text(field, at, sent, limit) })
}

// Required is a line of text that no row is without.
func Required(limit int) Rule[string] {
	return textRule(func(x *Edit, field string, at, sent *string) { x.Must(field, at, sent, limit) })
}

// Lines is text of several lines that may be empty.
func Lines() Rule[string] { return textRule((*Edit).Notes) }

// Phone is a number that can be dialled from the clinic's country, kept as typed.
func Phone() Rule[string] {
	return textRule(func(x *Edit, field string, at, sent *string) { x.Phone(field, at, sent, x.HomeCountry) })
}

// Email is one address, or none.
func Email() Rule[string] {
	return textRule(func(x *Edit, field string, at, sent *string) {
		if sent != nil {
			email, _ := text.CleanEmail(&x.Faults, field, *sent)
			Put(x, field, at, email)
		}
	})
}

// OneOf is one of the values; the message says what else is a fault. A cell may
// spell it in capitals, with spaces or hyphens.
func OneOf[T ~string](message string, values ...T) Rule[T] {
	return Rule[T]{Same: equal[T],
		Apply: func(x *Edit, field string, at, sent *T) {
			switch {
			case sent == nil:
			case !slices.Contains(values, *sent):
				x.Add(field, "%s", message)
			default:
				Put(x, field, at, *sent)
			}
		},
		Read: func(_ *fault.Faults, _, cell string) *T {
			v := T(strings.NewReplacer(" ", "_", "-", "_").Replace(text.Fold(cell)))
			return &v
		},
		Write: func(v T) string { return string(v) },
	}
}

// Number is a whole number from lo to hi.
func Number(lo, hi int) Rule[int] {
	return Rule[int]{Same: equal[int],
		Apply: func(x *Edit, field string, at, sent *int) { x.Number(field, at, sent, lo, hi) }}
}

// Flag is yes or no.
func Flag() Rule[bool] { return Rule[bool]{Same: equal[bool], Apply: (*Edit).Flag} }

// Zone is an IANA time zone; empty clears it where it is optional.
func Zone(optional bool) Rule[string] {
	return textRule(func(x *Edit, field string, at, sent *string) { x.Zone(field, at, sent, optional) })
}

// Country is a code of ISO 3166-1, kept in capitals; empty clears it where it is optional.
func Country(optional bool) Rule[string] {
	return textRule(func(x *Edit, field string, at, sent *string) { x.Country(field, at, sent, optional) })
}

// Plain is a value that is taken as it was sent.
func Plain[T comparable]() Rule[T] {
	return Rule[T]{Same: equal[T],
		Apply: func(x *Edit, field string, at, sent *T) {
			if sent != nil {
				Put(x, field, at, *sent)
			}
		}}
}

// Cleaned is a value that is cleaned as a whole; clean notes its faults in x.
func Cleaned[T comparable](clean func(x *Edit, field string, sent T) T) Rule[T] {
	return Rule[T]{Same: equal[T],
		Apply: func(x *Edit, field string, at, sent *T) {
			if sent != nil {
				Put(x, field, at, clean(x, field, *sent))
			}
		}}
}

// CleanedList is a list that is cleaned as a whole; clean notes its faults in x.
func CleanedList[T comparable](clean func(x *Edit, field string, sent []T) []T) Rule[[]T] {
	return Rule[[]T]{Same: slices.Equal[[]T],
		Apply: func(x *Edit, field string, at, sent *[]T) {
			if sent != nil {
				*at = clean(x, field, *sent)
			}
		}}
}
