package calendar

import (
	"fmt"
	"testing"
	"time"
	_ "time/tzdata" // the binary has it too: no test may depend on the machine's zones
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := LoadZone(name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return z
}

func date(t testing.TB, s string) Date {
	t.Helper()
	d, err := ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// at reads "2026-04-27 09:00" in the zone: the first such instant.
func at(t testing.TB, z *time.Location, s string) int64 {
	t.Helper()
	m, err := parseClock(s[11:])
	if err != nil {
		t.Fatal(err)
	}
	return Instant(z, date(t, s[:10]), m)
}

func TestLoadZone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"} {
		a, err := LoadZone(name)
		if err != nil || a.String() != name {
			t.Errorf("%s: %v, %v", name, a, err)
		}
		if b, _ := LoadZone(name); a != b {
			t.Errorf("%s was loaded twice", name)
		}
	}
	for _, name := range []string{"", "Local", "localtime", "Europe/Nowhere", "../etc/passwd", "/etc/localtime",
		"right/UTC", "posix/UTC", "Europe/Berlin\x00", "UTC+2", "Factory"} {
		if z, err := LoadZone(name); err == nil {
			t.Errorf("%q was loaded as %v", name, z)
		}
	}
}

// The examples of booking.md §3, and the traps behind them: New York 02:30 in
// the gap goes backward with time.Date, Kyiv 03:30 forward.
func TestInstant(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ zone, local, utc string }{
		{"UTC", "2026-04-27 24:00", "2026-04-28T00:00:00Z"},
		{"America/New_York", "2026-04-27 09:00", "2026-04-27T13:00:00Z"},
		{"America/New_York", "2026-03-08 01:59", "2026-03-08T06:59:00Z"},
		{"America/New_York", "2026-03-08 02:00", "2026-03-08T07:00:00Z"}, // gap: the transition
		{"America/New_York", "2026-03-08 02:30", "2026-03-08T07:00:00Z"},
		{"America/New_York", "2026-03-08 03:00", "2026-03-08T07:00:00Z"},
		{"America/New_York", "2026-11-01 01:30", "2026-11-01T05:30:00Z"}, // overlap: the earlier
		{"America/New_York", "2026-11-01 02:00", "2026-11-01T07:00:00Z"},
		{"Europe/Kyiv", "2026-03-29 03:00", "2026-03-29T01:00:00Z"},
		{"Europe/Kyiv", "2026-03-29 03:30", "2026-03-29T01:00:00Z"},
		{"Europe/Kyiv", "2026-03-29 04:00", "2026-03-29T01:00:00Z"},
		{"Europe/Kyiv", "2026-10-25 03:30", "2026-10-25T00:30:00Z"},
		{"Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03T15:30:00Z"}, // half an hour is missing
		{"Australia/Lord_Howe", "2026-10-04 02:30", "2026-10-03T15:30:00Z"},
		{"Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04T14:45:00Z"},
		{"Australia/Lord_Howe", "2026-04-05 02:00", "2026-04-04T15:30:00Z"},
		{"Pacific/Apia", "2011-12-29 24:00", "2011-12-30T10:00:00Z"},
		{"Pacific/Apia", "2011-12-30 00:00", "2011-12-30T10:00:00Z"}, // the date that never was
		{"Pacific/Apia", "2011-12-30 12:00", "2011-12-30T10:00:00Z"},
		{"Pacific/Apia", "2011-12-31 00:00", "2011-12-30T10:00:00Z"},
		{"America/Havana", "2026-11-01 00:00", "2026-11-01T04:00:00Z"}, // midnight comes twice
		{"America/Havana", "2026-03-08 00:00", "2026-03-08T05:00:00Z"}, // midnight is missing
		{"Asia/Kolkata", "2026-04-27 00:00", "2026-04-26T18:30:00Z"},
		{"Europe/Berlin", "2077-03-28 02:30", "2077-03-28T01:00:00Z"}, // behind the last tabulated transition
	} {
		got := time.Unix(at(t, zone(t, c.zone), c.local), 0).UTC().Format(time.RFC3339)
		if got != c.utc {
			t.Errorf("%s %s = %s, want %s", c.zone, c.local, got, c.utc)
		}
	}
}

// sixZones are those whose clocks the tests of hours and slots run on, with the
// dates on which they do something unusual.
var sixZones = map[string][]string{
	"America/New_York":    {"2026-03-08", "2026-11-01", "2026-04-27"},
	"Europe/Kyiv":         {"2026-03-29", "2026-10-25"},
	"Australia/Lord_Howe": {"2026-04-05", "2026-10-04"},
	"Pacific/Apia":        {"2011-12-30", "2012-04-01"},
	"America/Havana":      {"2026-03-08", "2026-11-01"},
	"America/Sao_Paulo":   {"2018-11-04", "2018-02-18", "2026-04-27"},
	"Asia/Kolkata":        {"2026-04-27"},
	"America/St_Johns":    {"2009-11-01", "2009-03-08"}, // changed at one minute past midnight
}

// wall is the naive reading of a clock: its date and minute as one number.
func wall(z *time.Location, unix int64) int64 {
	t := time.Unix(unix, 0).In(z)
	return int64(NewDate(t.Date()))*1440 + int64(t.Hour()*60+t.Minute())
}

// slowInstant watches the clock minute by minute until it reads the wanted time or has jumped over it.
func slowInstant(z *time.Location, d Date, minute int) int64 {
	want := int64(d)*1440 + int64(minute)
	u := (want - 16*60) * 60
	for wall(z, u) < want {
		u += 60
	}
	return u
}

func TestInstantAgainstTheClock(t *testing.T) {
	t.Parallel()
	for name, days := range sixZones {
		z := zone(t, name)
		for _, day := range days {
			for d := date(t, day) - 1; d <= date(t, day)+1; d++ {
				for m := 0; m <= 2880; m += 15 {
					if got, want := Instant(z, d, m), slowInstant(z, d, m); got != want {
						t.Errorf("%s %s +%d min = %d, want %d", name, d, m, got, want)
					}
				}
			}
		}
	}
}

func TestLocalDateAndMinute(t *testing.T) {
	t.Parallel()
	for name, days := range sixZones {
		z := zone(t, name)
		for _, day := range days {
			mid := Instant(z, date(t, day), 0)
			for u := mid - Day; u < mid+2*Day; u += 300 {
				w := wall(z, u)
				if d, m := LocalDate(z, u), LocalMinute(z, u); int64(d) != w/1440 || int64(m) != w%1440 {
					t.Fatalf("%s %d: %s %d", name, u, d, m)
				}
			}
		}
	}
	if d := LocalDate(time.UTC, -1); d != -1 || LocalMinute(time.UTC, -1) != 1439 {
		t.Error("before 1970", d)
	}
}

func TestDaySpan(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		zone, first, last string
		hours             float64
	}{
		{"America/New_York", "2026-04-27", "2026-04-27", 24},
		{"America/New_York", "2026-03-08", "2026-03-08", 23},
		{"America/New_York", "2026-11-01", "2026-11-01", 25},
		{"Australia/Lord_Howe", "2026-10-04", "2026-10-04", 23.5},
		{"Australia/Lord_Howe", "2026-04-05", "2026-04-05", 24.5},
		{"Pacific/Apia", "2011-12-30", "2011-12-30", 0},
		{"Pacific/Apia", "2011-12-29", "2011-12-31", 48},
	} {
		z := zone(t, c.zone)
		s := DaySpan(z, date(t, c.first), date(t, c.last))
		if got := float64(s.Len()) / 3600; got != c.hours {
			t.Errorf("%v: %v hours", c, got)
		}
	}
}

func ExampleInstant() {
	z, _ := LoadZone("Europe/Kyiv")
	d, _ := ParseDate("2026-03-29")
	fmt.Println(time.Unix(Instant(z, d, 3*60+30), 0).In(z)) // 03:30 does not exist
	// Output: 2026-03-29 04:00:00 +0300 EEST
}
