// Package calendar holds dates, instants, spans and opening hours, and what a zone
// makes of them. Times are UTC seconds; it knows no database.
package calendar

import (
	"errors"
	"fmt"
	"time"
)

// Date is a calendar date without a zone: the number of days since 1970-01-01 in
// the proleptic Gregorian calendar. As text and JSON it is YYYY-MM-DD
// (contract.md §1). Arithmetic on it never meets a daylight-saving rule.
type Date int32

// The dates that four-digit years can spell.
const (
	MinDate Date = -719162 // 0001-01-01
	MaxDate Date = 2932896 // 9999-12-31
)

// NewDate is the date of a year, month and day; a day beyond the month's end
// runs on into the next month, as with time.Date.
func NewDate(year int, month time.Month, day int) Date {
	return Date(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

var errNoDate = errors.New("must be a date like 2026-04-27")

// ParseDate reads YYYY-MM-DD and nothing else: no spaces, no shorter forms, no
// date that the calendar does not have. The error says how it should look.
func ParseDate(s string) (Date, error) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return 0, errNoDate
	}
	var n [3]int
	for i, part := range [3]string{s[:4], s[5:7], s[8:]} {
		for _, c := range []byte(part) {
			if c < '0' || c > '9' {
				return 0, errNoDate
			}
			n[i] = n[i]*10 + int(c-'0')
		}
	}
	d := NewDate(n[0], time.Month(n[1]), n[2])
	if y, m, day := d.Civil(); n[0] < 1 || y != n[0] || int(m) != n[1] || day != n[2] {
		return 0, fmt.Errorf("there is no date %s in the calendar", s)
	}
	return d, nil
}

// Civil is the date's year, month and day.
func (d Date) Civil() (year int, month time.Month, day int) {
	return time.Unix(int64(d)*86400, 0).UTC().Date()
}

// String is YYYY-MM-DD.
func (d Date) String() string {
	return time.Unix(int64(d)*86400, 0).UTC().Format(time.DateOnly)
}

// Weekday of the date; 1970-01-01 was a Thursday.
func (d Date) Weekday() time.Weekday {
	return time.Weekday(((int(d)+4)%7 + 7) % 7)
}

// AddDays is the date n days later, or earlier when n is negative.
func (d Date) AddDays(n int) Date { return d + Date(n) }

// MarshalText writes YYYY-MM-DD; it refuses a date that four digits of a year cannot spell.
func (d Date) MarshalText() ([]byte, error) {
	if d < MinDate || d > MaxDate {
		return nil, fmt.Errorf("date %d is outside 0001-01-01 to 9999-12-31", int32(d))
	}
	return []byte(d.String()), nil
}

// UnmarshalText reads what ParseDate reads.
func (d *Date) UnmarshalText(b []byte) error {
	v, err := ParseDate(string(b))
	if err != nil {
		return err
	}
	*d = v
	return nil
}
