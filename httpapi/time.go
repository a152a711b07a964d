package httpapi

import (
	"errors"
	"strings"
	"time"

	"qualifybase/engine"
)

// Instant is a time on the wire: RFC 3339 with offset or Z on input, UTC with Z
// on output; UTC seconds inside (contract.md §1).
type Instant int64

var errInstant = errors.New("must be a time with its offset, like 2026-04-27T09:00:00Z")

// errNoSuch is for what looks like a time and is none: 2026-02-30, 25:00.
var errNoSuch = errors.New("there is no such date or time in the calendar")

// parseInstant reads RFC 3339 with years 0001 to 9999. Fractions of a second are
// refused unless they are zero: nothing here is kept finer than a second.
func parseInstant(s string) (int64, error) {
	t, err := time.Parse(time.RFC3339, s)
	if e, ok := errors.AsType[*time.ParseError](err); ok && strings.HasSuffix(e.Message, "out of range") {
		return 0, errNoSuch
	}
	if err != nil || len(s) < 20 || s[10] != 'T' {
		return 0, errInstant
	}
	if t.Nanosecond() != 0 {
		return 0, errors.New("must be a whole second")
	}
	if y := t.UTC().Year(); y < 1 || y > 9999 {
		return 0, errInstant
	}
	return t.Unix(), nil
}

// UnmarshalText reads RFC 3339.
func (i *Instant) UnmarshalText(b []byte) error {
	n, err := parseInstant(string(b))
	*i = Instant(n)
	return err
}

// MarshalText writes UTC: 2026-04-27T07:00:00Z.
func (i Instant) MarshalText() ([]byte, error) {
	return appendInstant(make([]byte, 0, len("2006-01-02T15:04:05Z")), int64(i)), nil
}

func appendInstant(b []byte, unix int64) []byte {
	return time.Unix(unix, 0).UTC().AppendFormat(b, time.RFC3339) // in UTC the offset is Z
}

// at is an optional time of a reply: 0 is an absence.
func at(unix int64) *Instant {
	if unix == 0 {
		return nil
	}
	i := Instant(unix)
	return &i
}

// seconds is an optional time of a request; absent is 0.
func (i *Instant) seconds() int64 {
	if i == nil {
		return 0
	}
	return int64(*i)
}

// pointer is the time for a draft.
func (i *Instant) pointer() *int64 { return (*int64)(i) }

// When is a parameter that takes an instant or a date, which means the date's
// first instant in a zone that the engine knows (booking.md §3.5).
type When struct {
	Set     bool
	IsDate  bool
	Date    engine.Date
	Instant int64
}

// UnmarshalText reads either.
func (w *When) UnmarshalText(b []byte) error {
	s := string(b)
	d, err := engine.ParseDate(s)
	switch {
	case err == nil:
		*w = When{Set: true, IsDate: true, Date: d}
		return nil
	case strings.HasPrefix(err.Error(), "there is no date"):
		return err
	}
	n, err := parseInstant(s)
	switch {
	case err == errNoSuch:
		return err
	case err != nil:
		return errors.New("must be a date like 2026-04-27 or a time like 2026-04-27T09:00:00Z")
	}
	*w = When{Set: true, Instant: n}
	return nil
}

// zone is an IANA zone; UTC where the name is unknown.
func zone(name string) *time.Location {
	z, err := engine.LoadZone(name)
	if err != nil {
		return time.UTC
	}
	return z
}

// opt is an optional text of a reply: "" is an absence.
func opt[T ~string | ~int64 | ~int](v T) *T {
	var none T
	if v == none {
		return nil
	}
	return &v
}

// list is a list of a reply: never null.
func list[T any](v []T) []T {
	if v == nil {
		return []T{}
	}
	return v
}

func unix(sec int64) time.Time { return time.Unix(sec, 0) }
