package cmd

import (
	"strings"
	"testing"
	"time"

	"qualifybase/engine/calendar"
)

func TestParsePeriod(t *testing.T) {
	for _, c := range []struct {
		text  string
		want  time.Duration
		fault string
	}{
		{"90d", 90 * 24 * time.Hour, ""}, {"2w", 14 * 24 * time.Hour, ""}, {"12h", 12 * time.Hour, ""},
		{"30m", 30 * time.Minute, ""},
		{"0h", 0, ""}, {"36500d", 36500 * 24 * time.Hour, ""},
		{"", 0, "want a time"}, {"d", 0, "want a time"}, {"90", 0, "want a time"}, {"-1d", 0, "want a time"},
		{"1.5d", 0, "want a time"},
		{"1y", 0, "want a time"}, {"1d12h", 0, "want a time"}, {"+1d", 0, "want a time"}, {"９d", 0, "want a time"},
		{"40000d", 0, "hundred years"}, {"99999999999999999999d", 0, "hundred years"},
		{"9223372036854775807w", 0, "hundred years"},
	} {
		got, err := parsePeriod(c.text)
		if got != c.want || (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("parsePeriod(%q) = %v, %v", c.text, got, err)
		}
	}
}

func TestParseEnd(t *testing.T) {
	now := time.Date(2026, 4, 27, 12, 0, 0, 0, time.UTC)
	berlin, err := calendar.LoadZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"90d": "2026-07-26T12:00:00Z", "1h": "2026-04-27T13:00:00Z", "2026-12-31": "2026-12-31T23:00:00Z",
		"2026-07-28": "2026-07-28T22:00:00Z",
	} {
		if got, err := parseEnd(text, now, berlin); err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("parseEnd(%q) = %v, %v; want %s", text, got, err, want)
		}
	}
	if _, err := parseEnd("2026-02-30", now, berlin); err == nil || !strings.Contains(err.Error(), "or a date") {
		t.Error("a date that does not exist is an end")
	}
}

func FuzzParsePeriod(f *testing.F) {
	for _, s := range []string{"90d", "2w", "12h", "30m", "", "0d", "-1d", "9999999999999999999w"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		period, err := parsePeriod(text)
		if err == nil && (period < 0 || period > 100*366*24*time.Hour || period%time.Minute != 0) {
			t.Errorf("parsePeriod(%q) = %v", text, period)
		}
		if err != nil && period != 0 {
			t.Errorf("parsePeriod(%q) = %v with %v", text, period, err)
		}
	})
}
