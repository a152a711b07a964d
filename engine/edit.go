package engine

import (
	"slices"
	"strings"
)

// edit applies a draft to a row: it gathers the faults of all fields and the wire
// names of those whose value changed, which is what the audit may hold of them.
type edit struct {
	Faults
	changed []string
}

// put sets a field that was found good.
func put[T comparable](x *edit, field string, at *T, v T) {
	if *at != v {
		*at = v
		x.changed = append(x.changed, field)
	}
}

// must is a line of text that no row is without.
func (x *edit) must(field string, at, sent *string, limit int) {
	switch {
	case sent != nil:
		put(x, field, at, Require(&x.Faults, field, *sent, limit))
	case *at == "":
		x.Add(field, "Required")
	}
}

// text is a line of text that may be empty.
func (x *edit) text(field string, at, sent *string, limit int) {
	if sent != nil {
		put(x, field, at, Clean(&x.Faults, field, *sent, limit))
	}
}

// number is a whole number from lo to hi.
func (x *edit) number(field string, at, sent *int, lo, hi int) {
	switch {
	case sent == nil:
	case *sent < lo || *sent > hi:
		x.Add(field, "Must be %d to %d", lo, hi)
	default:
		put(x, field, at, *sent)
	}
}

// flag is yes or no.
func (x *edit) flag(field string, at, sent *bool) {
	if sent != nil {
		put(x, field, at, *sent)
	}
}

// zone is an IANA time zone; empty clears it where that is allowed.
func (x *edit) zone(field string, at, sent *string, optional bool) {
	switch {
	case sent == nil && (*at != "" || optional):
	case sent == nil || *sent == "" && !optional:
		x.Add(field, "Required")
	case *sent == "":
		put(x, field, at, "")
	default:
		if _, err := LoadZone(*sent); err != nil {
			x.Add(field, "Must be an IANA time zone like Europe/Berlin")
			return
		}
		put(x, field, at, *sent)
	}
}

// country is a code of ISO 3166-1 in either case, kept in capitals.
func (x *edit) country(field string, at, sent *string, optional bool) {
	switch {
	case sent == nil && (*at != "" || optional):
	case sent == nil || *sent == "" && !optional:
		x.Add(field, "Required")
	case *sent == "":
		put(x, field, at, "")
	case !ValidCountry(strings.ToUpper(*sent)):
		x.Add(field, "Must be a country of ISO 3166-1 in two letters, like DE")
	default:
		put(x, field, at, strings.ToUpper(*sent))
	}
}

// phone is a number that can be dialled from the clinic's country, kept as typed.
func (x *edit) phone(field string, at, sent *string, country string) {
	if sent == nil {
		return
	}
	typed := Clean(&x.Faults, field, *sent, MaxName)
	if typed != "" && CleanPhone(&x.Faults, field, typed, country) == "" {
		return
	}
	put(x, field, at, typed)
}

// ids is a list of other rows of the clinic, each named once. An id of another
// clinic is refused in the words of one that does not exist.
func (x *edit) ids(field, what string, at *[]int64, sent *[]int64, known func(int64) bool) {
	if sent == nil {
		return
	}
	if len(*sent) > MaxNamed {
		x.Add(field, "At most %d; there are %d", MaxNamed, len(*sent))
		return
	}
	for i, id := range *sent {
		switch {
		case !known(id):
			x.Add(indexed(field, i), "No such %s", what)
		case slices.Contains((*sent)[:i], id):
			x.Add(indexed(field, i), "Named before; name each %s once", what)
		}
	}
	if !slices.Equal(*at, *sent) {
		*at = slices.Clone(*sent)
		x.changed = append(x.changed, field)
	}
}

// MaxNamed is how many locations, services or providers one row may name.
const MaxNamed = 200

// checkVersion compares an If-Match with a row's version (contract.md §1); nil is "not sent".
func checkVersion(sent *int64, current int64) error {
	if sent == nil || *sent == current {
		return nil
	}
	return Fail(PreconditionFailed, "This was changed meanwhile: its version is %d, If-Match names %d. Read it again", current, *sent)
}

// done ends an edit: all faults at once, or the stamp of a new version, or, when
// nothing changed, quiet: then the row stays as it is.
func (w *Act) Finish(x *edit, m *Meta, id int64) (write bool, err error) {
	if err := x.Err(); err != nil {
		return false, err
	}
	if id != 0 {
		w.EntityID = idText(id)
	}
	if w.Fields = x.changed; len(x.changed) == 0 {
		w.Quiet = true
		return false, nil
	}
	return true, w.Stamp(m)
}

// notes is text of several lines that may be empty.
func (x *edit) notes(field string, at, sent *string) {
	if sent != nil {
		put(x, field, at, CleanNotes(&x.Faults, field, *sent, MaxNotes))
	}
}
