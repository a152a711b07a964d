package wire

import (
	"errors"
	"strings"
	"time"

	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
)

// Instant is a time on the wire: RFC 3339 with offset or Z on input, UTC with Z
// on output; UTC seconds inside (contract.md §1).
type Instant int64

var errInstant = errors.New("must be a time with its offset, like 2026-04-27T09:00:00Z")

// errNoSuch is for what looks like a time and is none: 2026-02-30, 25:00.
var errNoSuch = errors.New("there is no such date or time in the calendar")

// ParseInstant reads RFC 3339 with years 0001 to 9999. Fractions of a second are
// refused unless they are zero: nothing here is kept finer than a second.
func ParseInstant(s string) (int64, error) {
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
	n, err := ParseInstant(string(b))
	*i = Instant(n)
	return err
}

// MarshalText writes UTC: 2026-04-27T07:00:00Z.
func (i Instant) MarshalText() ([]byte, error) {
	return AppendInstant(make([]byte, 0, len("2006-01-02T15:04:05Z")), int64(i)), nil
}

// AppendInstant writes an instant in UTC, without quotes.
func AppendInstant(b []byte, unix int64) []byte {
	return time.Unix(unix, 0).UTC().AppendFormat(b, time.RFC3339) // in UTC the offset is Z
}

// At is an optional time of a reply: 0 is an absence, and nil.
func At(unix int64) *Instant {
	if unix == 0 {
		return nil
	}
	i := Instant(unix)
	return &i
}

// Seconds is an optional time of a request in Unix seconds; absent is 0.
func (i *Instant) Seconds() int64 {
	if i == nil {
		return 0
	}
	return int64(*i)
}

// Pointer is an optional time of a request in Unix seconds; absent is nil.
func (i *Instant) Pointer() *int64 { return (*int64)(i) }

// When is a parameter that takes an instant or a date, which means the date's
// first instant in a zone that the engine knows (booking.md §3.5).
type When struct {
	Set     bool
	IsDate  bool
	Date    calendar.Date
	Instant int64
}

// UnmarshalText reads either.
func (w *When) UnmarshalText(b []byte) error {
	s := string(b)
	d, err := calendar.ParseDate(s)
	switch {
	case err == nil:
		*w = When{Set: true, IsDate: true, Date: d}
		return nil
	case strings.HasPrefix(err.Error(), "there is no date"):
		return err
	}
	n, err := ParseInstant(s)
	switch {
	case err == errNoSuch:
		return err
	case err != nil:
		return errors.New("must be a date like 2026-04-27 or a time like 2026-04-27T09:00:00Z")
	}
	*w = When{Set: true, Instant: n}
	return nil
}

// Moment is the parameter for the engine, which knows the zone of a date.
func (w When) Moment() booking.Moment {
	m := booking.Moment{At: w.Instant, Set: w.Set}
	if w.IsDate {
		m.Date = &w.Date
	}
	return m
}
