package ical

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestCalendar(t *testing.T) {
	t.Parallel()
	berlin := time.FixedZone("CEST", 2*60*60)
	got := string(Calendar(Event{
		UID:      "01968c1e-2f3a-7b4c-8d5e-6f708192a3b4@clinic.example",
		Sequence: 2,
		Stamp:    time.Date(2026, 4, 26, 12, 0, 5, 999, time.UTC),
		Start:    time.Date(2026, 4, 27, 9, 0, 0, 0, berlin),
		End:      time.Date(2026, 4, 27, 9, 30, 0, 0, berlin),
		Status:   Confirmed,
		Summary:  "Consultation, Dr. Müller; room 1\\2",
		Location: "Praxis am Königsplatz, Königsplatz 1, 80333 München, second floor left 👩‍⚕️\nring twice",
		URL:      "https://clinic.example/a/1?x=1,2;3\r\nX-EVIL:1",
	}))
	want := strings.Join([]string{
		"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//QualifyBase//qb//EN", "CALSCALE:GREGORIAN", "METHOD:PUBLISH",
		"BEGIN:VEVENT",
		"UID:01968c1e-2f3a-7b4c-8d5e-6f708192a3b4@clinic.example",
		"DTSTAMP:20260426T120005Z",
		"SEQUENCE:2",
		"DTSTART:20260427T070000Z",
		"DTEND:20260427T073000Z",
		"STATUS:CONFIRMED",
		`SUMMARY:Consultation\, Dr. Müller\; room 1\\2`,
		`LOCATION:Praxis am Königsplatz\, Königsplatz 1\, 80333 München\, second `,
		" floor left 👩‍⚕️\\nring twice",
		"URL:https://clinic.example/a/1?x=1,2;3X-EVIL:1",
		"END:VEVENT", "END:VCALENDAR", "",
	}, "\r\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// What is absent has no line; a cancelled event still has its UID and times.
func TestCalendarCancelled(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 12, 31, 23, 30, 0, 0, time.UTC)
	got := string(Calendar(Event{UID: "x@y", Sequence: 3, Stamp: at, Start: at, End: at.Add(time.Hour),
		Status: Cancelled}))
	for _, line := range []string{"UID:x@y", "SEQUENCE:3", "STATUS:CANCELLED", "DTSTART:20261231T233000Z",
		"DTEND:20270101T003000Z", "METHOD:PUBLISH"} {
		if strings.Count(got, "\r\n"+line+"\r\n") != 1 {
			t.Errorf("no line %s in\n%s", line, got)
		}
	}
	for _, name := range []string{"SUMMARY", "LOCATION", "DESCRIPTION", "URL"} {
		if strings.Contains(got, name) {
			t.Errorf("an empty %s in\n%s", name, got)
		}
	}
}

func TestFoldLineAtTheEdge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line string
		want string
	}{
		{strings.Repeat("a", 75), strings.Repeat("a", 75) + "\r\n"},
		{strings.Repeat("a", 76), strings.Repeat("a", 75) + "\r\n a\r\n"},
		{strings.Repeat("a", 75+74), strings.Repeat("a", 75) + "\r\n " + strings.Repeat("a", 74) + "\r\n"},
		{strings.Repeat("a", 75+75), strings.Repeat("a", 75) + "\r\n " + strings.Repeat("a", 74) + "\r\n a\r\n"},
		{strings.Repeat("a", 74) + "é", strings.Repeat("a", 74) + "\r\n é\r\n"},
		{strings.Repeat("a", 72) + "👩x", strings.Repeat("a", 72) + "\r\n 👩x\r\n"},
		{"", "\r\n"},
	} {
		if got := string(foldLine(nil, c.line)); got != c.want {
			t.Errorf("%q folds to %q, want %q", c.line, got, c.want)
		}
	}
}

// parseICS reads a calendar the other way: unfold, split, unescape.
func parseICS(t interface{ Fatalf(string, ...any) }, ics string) map[string]string {
	if !utf8.ValidString(ics) || !strings.HasSuffix(ics, "\r\n") {
		t.Fatalf("%q is no calendar", ics)
	}
	for _, line := range strings.Split(strings.TrimSuffix(ics, "\r\n"), "\r\n") {
		if len(line) > 75 || strings.ContainsAny(line, "\r\n\x00\x1b\x7f") || !utf8.ValidString(line) || line == "" {
			t.Fatalf("the line %q in %q", line, ics)
		}
	}
	fields := map[string]string{}
	unescape := strings.NewReplacer(`\\`, `\`, `\;`, ";", `\,`, ",", `\n`, "\n")
	for _, line := range strings.Split(strings.TrimSuffix(strings.ReplaceAll(ics, "\r\n ", ""), "\r\n"), "\r\n") {
		name, value, ok := strings.Cut(line, ":")
		if _, twice := fields[name]; !ok || twice && name != "BEGIN" && name != "END" {
			t.Fatalf("the line %q in %q", line, ics)
		}
		fields[name] = unescape.Replace(value)
	}
	return fields
}

// checkCalendar holds for every text: it comes back, and it cannot add a line.
func checkCalendar(t interface{ Fatalf(string, ...any) }, summary, location string) {
	at := time.Unix(1_777_273_200, 0)
	ics := string(Calendar(Event{UID: "x@y", Stamp: at, Start: at, End: at, Status: Tentative, Summary: summary,
		Location: location, Description: location, URL: summary}))
	fields := parseICS(t, ics)
	for name, text := range map[string]string{"SUMMARY": summary, "LOCATION": location, "DESCRIPTION": location} {
		want := strings.Map(func(r rune) rune {
			if r < ' ' && r != '\n' && r != '\t' || r == 0x7F {
				return -1
			}
			return r
		}, strings.ReplaceAll(strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\r\n", "\n"), "\r", "\n"))
		if fields[name] != want {
			t.Fatalf("%s %q came back as %q", name, text, fields[name])
		}
	}
	for name := range fields {
		if !strings.Contains(" BEGIN VERSION PRODID CALSCALE METHOD UID DTSTAMP SEQUENCE DTSTART DTEND STATUS SUMMARY "+
			"LOCATION DESCRIPTION URL END ", " "+name+" ") {
			t.Fatalf("a line %q in %q", name, ics)
		}
	}
}

func TestCalendarProperties(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.StringMatching("[a-z\\\\;,:\r\n\tüあ👩 ]{0,200}"))
	rapid.Check(t, func(t *rapid.T) { checkCalendar(t, text.Draw(t, "summary"), text.Draw(t, "location")) })
}

func FuzzCalendar(f *testing.F) {
	f.Add("Consultation, Dr. Müller", "Königsplatz 1\r\nEND:VEVENT")
	f.Add(strings.Repeat("あ", 80), "\\n\\\\;\x00\xff")
	f.Fuzz(func(t *testing.T, summary, location string) { checkCalendar(t, summary, location) })
}
