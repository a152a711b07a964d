package calendar

import (
	"errors"
	"strings"
	"time"
)

// Moment is an instant, or a local date that stands for its first instant in a
// zone that is known later (booking.md §3.5). The zero Moment is absent.
type Moment struct {
	Set    bool
	IsDate bool
	Date   Date  // meaningless unless IsDate
	At     int64 // UTC seconds; 0 with IsDate
}

// At is the moment of an instant in UTC seconds.
func At(unix int64) Moment { return Moment{Set: true, At: unix} }

// StartOf is the moment at which a date begins.
func StartOf(d Date) Moment { return Moment{Set: true, IsDate: true, Date: d} }

// In is the moment in UTC seconds, with its date in the zone; an absent one is 0.
func (m Moment) In(zone *time.Location) int64 {
	if m.IsDate {
		return Instant(zone, m.Date, 0)
	}
	return m.At
}

// UnmarshalText reads what ParseDate or ParseInstant reads.
func (m *Moment) UnmarshalText(b []byte) error {
	s := string(b)
	d, err := ParseDate(s)
	if err == nil {
		*m = StartOf(d)
		return nil
	}
	if !errors.Is(err, errNoDate) { // it looks like a date
		return err
	}
	unix, err := ParseInstant(s)
	switch {
	case errors.Is(err, errNoTime):
		return err
	case err != nil:
		return errors.New("must be a date like 2026-04-27 or a time like 2026-04-27T09:00:00Z")
	}
	*m = At(unix)
	return nil
}

var errInstant = errors.New("must be a time with its offset, like 2026-04-27T09:00:00Z")

// errNoTime is for what looks like a time and is none: 2026-02-30, 25:00.
var errNoTime = errors.New("there is no such date or time in the calendar")

// ParseInstant reads RFC 3339 with years 0001 to 9999 as UTC seconds. Fractions of
// a second are refused unless they are zero: nothing here is kept finer than a second.
func ParseInstant(s string) (int64, error) {
	t, err := time.Parse(time.RFC3339, s)
	if e, ok := errors.AsType[*time.ParseError](err); ok && strings.HasSuffix(e.Message, "out of range") {
		return 0, errNoTime
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
