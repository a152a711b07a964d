package calendar

import (
	"errors"
	"strings"
	"sync"
	"time"
)

var zones sync.Map // name → *time.Location, only names that exist

// LoadZone finds an IANA time zone by its name and remembers it. "", "Local" and
// the files of a zone directory that are no zones of a place are refused: a
// clinic's hours must not depend on the machine that the server runs on.
func LoadZone(name string) (*time.Location, error) {
	if z, ok := zones.Load(name); ok {
		return z.(*time.Location), nil
	}
	bad := errors.New("must be an IANA time zone like Europe/Berlin")
	switch name {
	case "", "Local", "localtime", "posixrules", "Factory":
		return nil, bad
	}
	if len(name) > 64 || strings.HasPrefix(name, "right/") || strings.HasPrefix(name, "posix/") {
		return nil, bad
	}
	z, err := time.LoadLocation(name)
	if err != nil {
		return nil, bad
	}
	zones.Store(name, z)
	return z, nil
}

// widestOffset is more than any zone was ever away from UTC, in seconds.
const widestOffset = 16 * 3600

// Instant is the UTC second at which the wall clock of the zone first reads the
// minute of the date, or first jumps over it: the one match, the earlier of two
// (autumn), or the transition itself when the minute does not exist (spring).
// The minute may be 1440, the first instant of the next day. Both ends of a
// date that never existed are the same instant (booking.md §3).
//
// It walks the zone's explicit offsets: time.Date resolves gaps and overlaps
// differently from zone to zone.
func Instant(loc *time.Location, d Date, minute int) int64 {
	wall := int64(d)*86400 + int64(minute)*60
	t := time.Unix(wall-widestOffset, 0).In(loc) // its wall clock reads less than wall
	for {
		_, offset := t.Zone()
		_, end := t.ZoneBounds()
		u := wall - int64(offset)
		if end.IsZero() || u < end.Unix() {
			// Before the bounds begin would mean that the jump at their start
			// went over the minute: the gap ends at that start.
			return max(u, t.Unix())
		}
		t = end
	}
}

// LocalDate is the date that the zone's wall clock shows at the UTC second. Where a
// clock was once set back across midnight after midnight had struck (St. John's
// until 2011), the repeated minutes show the old date; hours, caps and horizon
// count them to the new one, which has begun.
func LocalDate(loc *time.Location, unix int64) Date {
	return Date(FloorDiv(WallSeconds(loc, unix), 86400))
}

// LocalMinute is the minute since midnight, 0 to 1439, that the zone's wall clock
// shows at the UTC second.
func LocalMinute(loc *time.Location, unix int64) int {
	wall := WallSeconds(loc, unix)
	return int(wall-FloorDiv(wall, 86400)*86400) / 60
}

// DaySpan is the span of all instants of the dates first to last, both included:
// a closure of local dates, or a range given as dates (booking.md §3.5, §4).
func DaySpan(loc *time.Location, first, last Date) Span {
	return Span{Instant(loc, first, 0), Instant(loc, last+1, 0)}
}

// WallSeconds is what the wall clock shows, as if it were UTC.
func WallSeconds(loc *time.Location, unix int64) int64 {
	_, offset := time.Unix(unix, 0).In(loc).Zone()
	return unix + int64(offset)
}

// FloorDiv is a/b rounded down, also below zero; b is positive.
func FloorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// Lengths of elapsed time in seconds; a local day may be longer or shorter.
const (
	Minute = 60
	Hour   = 60 * Minute
	Day    = 24 * Hour
)

// UTC is an instant as the wire spells it: RFC 3339 with Z.
func UTC(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.RFC3339) }

// UTCOrNot is an instant of the wire, or nothing for 0.
func UTCOrNot(unix int64) string {
	if unix == 0 {
		return ""
	}
	return UTC(unix)
}
