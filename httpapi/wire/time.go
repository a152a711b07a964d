package wire

import (
	"time"

	"qualifybase/engine/calendar"
)

// Instant is a time on the wire: RFC 3339 with offset or Z on input, UTC with Z
// on output; UTC seconds inside (contract.md §1).
type Instant int64

// UnmarshalText reads RFC 3339.
func (i *Instant) UnmarshalText(b []byte) error {
	n, err := calendar.ParseInstant(string(b))
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
