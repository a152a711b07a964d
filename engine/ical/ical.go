// Package ical writes appointments as iCalendar (RFC 5545).
package ical

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Status is the STATUS of a calendar event (RFC 5545 §3.8.1.11).
type Status string

// The three that an event may have.
const (
	Tentative Status = "TENTATIVE"
	Confirmed Status = "CONFIRMED"
	Cancelled Status = "CANCELLED"
)

// Event is an appointment as a calendar shows it. Texts may hold anything;
// empty ones are left out. The summary is seen on lock screens and by whoever
// shares the calendar: put no reason for the visit there.
type Event struct {
	UID         string // the same for every version, "<appointment id>@<host>"
	Sequence    int64  // grows when the time changes, so that calendars take the newer one
	Stamp       time.Time
	Start, End  time.Time
	Status      Status
	Summary     string
	Location    string
	Description string
	URL         string
}

// Calendar is a VCALENDAR with one VEVENT, to be published (METHOD:PUBLISH), in
// the bytes of RFC 5545: CRLF line ends, at most 75 octets a line, times in UTC.
// A cancelled event is published too, under its UID with a higher sequence, and
// takes the old one out of the calendar.
func Calendar(ev Event) []byte {
	var b []byte
	for _, line := range []struct{ name, value string }{
		{"BEGIN", "VCALENDAR"},
		{"VERSION", "2.0"},
		{"PRODID", "-//QualifyBase//qb//EN"},
		{"CALSCALE", "GREGORIAN"},
		{"METHOD", "PUBLISH"},
		{"BEGIN", "VEVENT"},
		{"UID", icsText(ev.UID)},
		{"DTSTAMP", icsTime(ev.Stamp)},
		{"SEQUENCE", strconv.FormatInt(ev.Sequence, 10)},
		{"DTSTART", icsTime(ev.Start)},
		{"DTEND", icsTime(ev.End)},
		{"STATUS", icsText(string(ev.Status))},
		{"SUMMARY", icsText(ev.Summary)},
		{"LOCATION", icsText(ev.Location)},
		{"DESCRIPTION", icsText(ev.Description)},
		{"URL", icsLine(ev.URL)},
		{"END", "VEVENT"},
		{"END", "VCALENDAR"},
	} {
		if line.value != "" {
			b = foldLine(b, line.name+":"+line.value)
		}
	}
	return b
}

func icsTime(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

// icsText escapes a TEXT value (RFC 5545 §3.3.11). Line breaks of every kind
// become \n; control characters, which the grammar forbids, go.
func icsText(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(s, "\uFFFD"))
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\\' || r == ';' || r == ',':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' && r != '\t' || r == 0x7F:
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// icsLine is a value without escapes, such as a URI, held to its one line.
func icsLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7F {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}

// foldLine appends a content line, broken before every 76th octet by CRLF and a
// space (RFC 5545 §3.1), never inside a character.
func foldLine(b []byte, line string) []byte {
	const most = 75
	for room := most; len(line) > room; room = most - 1 { // the space counts
		cut := room
		for !utf8.RuneStart(line[cut]) {
			cut--
		}
		b = append(append(b, line[:cut]...), "\r\n "...)
		line = line[cut:]
	}
	return append(append(b, line...), "\r\n"...)
}
