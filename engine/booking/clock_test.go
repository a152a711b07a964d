package booking

import (
	"testing"
	"time"
	_ "time/tzdata" // the binary has it too: no test may depend on the machine's zones

	"qualifybase/engine/calendar"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := calendar.LoadZone(name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return z
}

func date(t testing.TB, s string) calendar.Date {
	t.Helper()
	d, err := calendar.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// at reads "2026-04-27 09:00" in the zone: the first such instant. 24:00 is the next midnight.
func at(t testing.TB, z *time.Location, s string) int64 {
	t.Helper()
	hour, minute := int(s[11]-'0')*10+int(s[12]-'0'), int(s[14]-'0')*10+int(s[15]-'0')
	return calendar.Instant(z, date(t, s[:10]), hour*60+minute)
}

func week(s string) calendar.Week {
	w, err := calendar.ParseHours(s)
	if err != nil {
		panic(err)
	}
	return w
}

func on(d string, windows ...calendar.Window) calendar.Override {
	v, err := calendar.ParseDate(d)
	if err != nil {
		panic(err)
	}
	return calendar.Override{Date: v, Windows: windows}
}

// sixZones are those whose clocks the tests of slots run on, with the dates on
// which they do something unusual.
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
	return int64(calendar.NewDate(t.Date()))*1440 + int64(t.Hour()*60+t.Minute())
}

// slowInstant watches the clock minute by minute until it reads the wanted time or has jumped over it.
func slowInstant(z *time.Location, d calendar.Date, minute int) int64 {
	want := int64(d)*1440 + int64(minute)
	u := (want - 16*60) * 60
	for wall(z, u) < want {
		u += 60
	}
	return u
}
