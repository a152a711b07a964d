package act

import (
	"slices"
	"strings"

	"qualifybase/engine/calendar"
	"qualifybase/engine/fault"
	"qualifybase/engine/phone"
	"qualifybase/engine/text"
)

// Edit applies a draft to a row: it gathers the faults of all fields and the wire
// names of those whose value changed, which is what the audit may hold of them.
type Edit struct {
	fault.Faults
	Changed []string

	HomeCountry string        // of the clinic: how phone numbers are read
	Today       calendar.Date // at the clinic
	Now         int64         // UTC seconds
}

// Put sets a field that was found good.
func Put[T comparable](x *Edit, field string, at *T, v T) {
	if *at != v {
		*at = v
		x.Changed = append(x.Changed, field)
	}
}

// Must is a line of text that no row is without.
func (x *Edit) Must(field string, at, sent *string, limit int) {
	switch {
	case sent != nil:
		Put(x, field, at, text.Require(&x.Faults, field, *sent, limit))
	case *at == "":
		x.Add(field, "Required")
	}
}

// Text is a line of text that may be empty.
func (x *Edit) Text(field string, at, sent *string, limit int) {
	if sent != nil {
		Put(x, field, at, text.Clean(&x.Faults, field, *sent, limit))
	}
}

// Number is a whole number from lo to hi.
func (x *Edit) Number(field string, at, sent *int, lo, hi int) {
	switch {
	case sent == nil:
	case *sent < lo || *sent > hi:
		x.Add(field, "Must be %d to %d", lo, hi)
	default:
		Put(x, field, at, *sent)
	}
}

// Flag is yes or no.
func (x *Edit) Flag(field string, at, sent *bool) {
	if sent != nil {
		Put(x, field, at, *sent)
	}
}

// Zone is an IANA time zone; empty clears it where that is allowed.
func (x *Edit) Zone(field string, at, sent *string, optional bool) {
	switch {
	case sent == nil && (*at != "" || optional):
	case sent == nil || *sent == "" && !optional:
		x.Add(field, "Required")
	case *sent == "":
		Put(x, field, at, "")
	default:
		if _, err := calendar.LoadZone(*sent); err != nil {
			x.Add(field, "Must be an IANA time zone like Europe/Berlin")
			return
		}
		Put(x, field, at, *sent)
	}
}

// Country is a code of ISO 3166-1 in either case, kept in capitals.
func (x *Edit) Country(field string, at, sent *string, optional bool) {
	switch {
	case sent == nil && (*at != "" || optional):
	case sent == nil || *sent == "" && !optional:
		x.Add(field, "Required")
	case *sent == "":
		Put(x, field, at, "")
	case !phone.ValidCountry(strings.ToUpper(*sent)):
		x.Add(field, "Must be a country of ISO 3166-1 in two letters, like DE")
	default:
		Put(x, field, at, strings.ToUpper(*sent))
	}
}

// Phone is a number that can be dialled from the clinic's country, kept as typed.
func (x *Edit) Phone(field string, at, sent *string, country string) {
	if sent == nil {
		return
	}
	typed := text.Clean(&x.Faults, field, *sent, text.MaxName)
	if typed != "" && phone.Clean(&x.Faults, field, typed, country) == "" {
		return
	}
	Put(x, field, at, typed)
}

// IDs is a list of other rows of the clinic, each named once. An id of another
// clinic is refused in the words of one that does not exist.
func (x *Edit) IDs(field, what string, at *[]int64, sent *[]int64, known func(int64) bool) {
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
			x.Add(fault.Indexed(field, i), "No such %s", what)
		case slices.Contains((*sent)[:i], id):
			x.Add(fault.Indexed(field, i), "Named twice; name each %s once", what)
		}
	}
	if !slices.Equal(*at, *sent) {
		*at = slices.Clone(*sent)
		x.Changed = append(x.Changed, field)
	}
}

// MaxNamed is how many locations, services or providers one row may name.
const MaxNamed = 200

// CheckVersion compares an If-Match with a row's version (contract.md §1); nil is "not sent".
func CheckVersion(sent *int64, current int64) error {
	if sent == nil || *sent == current {
		return nil
	}
	return fault.Fail(fault.PreconditionFailed,
		"This was changed in the meantime: its version is %d, and If-Match names %d. Read it again", current, *sent)
}

// Finish ends an edit. It gives all faults at once, or stamps the row with a new
// version and reports that it must be written. When nothing changed the act is quiet
// and the row stays as it is.
func (w *Act) Finish(x *Edit, m *Meta, id int64) (write bool, err error) {
	if err := x.Err(); err != nil {
		return false, err
	}
	if id != 0 {
		w.EntityID = IDText(id)
	}
	if w.Fields = x.Changed; len(x.Changed) == 0 {
		w.Quiet = true
		return false, nil
	}
	return true, w.Stamp(m)
}

// Notes is text of several lines that may be empty.
func (x *Edit) Notes(field string, at, sent *string) {
	if sent != nil {
		Put(x, field, at, text.CleanNotes(&x.Faults, field, *sent, text.MaxNotes))
	}
}
