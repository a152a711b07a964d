package calendar

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// text spells spans in the zone: "Mon 09:00-12:00", with the offset's hours where two
// wall-clock readings would look alike.
func text(z *time.Location, list []Span) string {
	var out []string
	for _, s := range list {
		a, b := time.Unix(s.Start, 0).In(z), time.Unix(s.End, 0).In(z)
		out = append(out, fmt.Sprintf("%s-%s=%s", a.Format("Mon 15:04"), b.Format("15:04"), b.Sub(a)))
	}
	return strings.Join(out, " ")
}

func week(s string) (w Week) {
	w, err := ParseHours(s)
	if err != nil {
		panic(err)
	}
	return w
}

func on(d string, windows ...Window) Override {
	v, err := ParseDate(d)
	if err != nil {
		panic(err)
	}
	return Override{Date: v, Windows: windows}
}

// Every rule of booking.md §§3–4. 2026-04-27 is a Monday.
func TestEffectiveHours(t *testing.T) {
	t.Parallel()
	const ny, apia, howe = "America/New_York", "Pacific/Apia", "Australia/Lord_Howe"
	for _, c := range []struct {
		name, zone, from, to string
		tables               []Schedule
		want                 string
	}{
		{"two windows", ny, "2026-04-27", "2026-04-27", []Schedule{{Weekly: week("Mon 09:00-12:00,13:00-17:00")}},
			"Mon 09:00-12:00=3h0m0s Mon 13:00-17:00=4h0m0s"},
		{"touching and overlapping ones merge", ny, "2026-04-27", "2026-04-27",
			[]Schedule{{Weekly: week("Mon 09:00-12:00,12:00-13:00,12:30-14:00")}}, "Mon 09:00-14:00=5h0m0s"},
		{"across midnight", ny, "2026-04-27", "2026-04-28", []Schedule{{Weekly: week("Mon 22:00-24:00; Tue 00:00-06:00")}},
			"Mon 22:00-06:00=8h0m0s"},
		{"past midnight belongs to its weekday", ny, "2026-04-27", "2026-04-29",
			[]Schedule{{Weekly: week("Mon 22:00-06:00")}},
			"Mon 22:00-06:00=8h0m0s"},
		{"24 hours from nine to nine", ny, "2026-04-27", "2026-04-28", []Schedule{{Weekly: week("Mon 09:00-09:00")}},
			"Mon 09:00-09:00=24h0m0s"},
		{"a day of 23 hours", ny, "2026-03-08", "2026-03-08", []Schedule{{Weekly: week("Sun 00:00-24:00")}},
			"Sun 00:00-00:00=23h0m0s"},
		{"a day of 25 hours", ny, "2026-11-01", "2026-11-01", []Schedule{{Weekly: week("Sun 00:00-24:00")}},
			"Sun 00:00-00:00=25h0m0s"},
		{"empty in the gap", ny, "2026-03-08", "2026-03-08", []Schedule{{Weekly: week("Sun 02:00-03:00")}}, ""},
		{"from the first 01:30", ny, "2026-11-01", "2026-11-01", []Schedule{{Weekly: week("Sun 01:30-02:30")}},
			"Sun 01:30-02:30=2h0m0s"},
		{"half an hour less", howe, "2026-10-04", "2026-10-04", []Schedule{{Weekly: week("Sun 01:00-04:00")}},
			"Sun 01:00-04:00=2h30m0s"},
		{"half an hour more", howe, "2026-04-05", "2026-04-05", []Schedule{{Weekly: week("Sun 01:00-04:00")}},
			"Sun 01:00-04:00=3h30m0s"},
		{"a Friday that never was", apia, "2011-12-29", "2011-12-31", []Schedule{{Weekly: week("Fri 09:00-17:00")}}, ""},
		{"its neighbours were", apia, "2011-12-29", "2011-12-31", []Schedule{{Weekly: week("Mon-Sun 09:00-17:00")}},
			"Thu 09:00-17:00=8h0m0s Sat 09:00-17:00=8h0m0s"},
		{"a night into it ends at its midnight", apia, "2011-12-29", "2011-12-31",
			[]Schedule{{Weekly: week("Thu 22:00-06:00")}},
			"Thu 22:00-00:00=2h0m0s"},
		{"a break", ny, "2026-04-27", "2026-04-27",
			[]Schedule{{Weekly: week("Mon 09:00-17:00"), Breaks: week("Mon 12:00-13:00")}},
			"Mon 09:00-12:00=3h0m0s Mon 13:00-17:00=4h0m0s"},
		{"a break in the night tail", ny, "2026-04-27", "2026-04-28",
			[]Schedule{{Weekly: week("Mon 22:00-06:00"), Breaks: week("Tue 02:00-03:00")}},
			"Mon 22:00-02:00=4h0m0s Tue 03:00-06:00=3h0m0s"},
		{"a break past midnight", ny, "2026-04-27", "2026-04-28",
			[]Schedule{{Weekly: week("Mon 22:00-06:00"), Breaks: week("Mon 23:30-00:30")}},
			"Mon 22:00-23:30=1h30m0s Tue 00:30-06:00=5h30m0s"},
		{"an override replaces hours and breaks", ny, "2026-04-27", "2026-04-27",
			[]Schedule{{Weekly: week("Mon 09:00-17:00"), Breaks: week("Mon 12:00-13:00"),
				Overrides: []Override{on("2026-04-27", Window{600, 840})}}}, "Mon 10:00-14:00=4h0m0s"},
		{"an empty override closes", ny, "2026-04-27", "2026-04-28",
			[]Schedule{{Weekly: week("Mon,Tue 09:00-17:00"), Overrides: []Override{on("2026-04-27")}}},
			"Tue 09:00-17:00=8h0m0s"},
		{"an override cuts the night tail of the day before", ny, "2026-04-27", "2026-04-28",
			[]Schedule{{Weekly: week("Mon 22:00-06:00"), Overrides: []Override{on("2026-04-28")}}},
			"Mon 22:00-00:00=2h0m0s"},
		{"its own tail runs on", ny, "2026-04-27", "2026-04-28",
			[]Schedule{{Overrides: []Override{on("2026-04-27", Window{1320, 360})}}}, "Mon 22:00-06:00=8h0m0s"},
		{"unless the next date is overridden too", ny, "2026-04-27", "2026-04-28",
			[]Schedule{{Overrides: []Override{on("2026-04-27", Window{1320, 360}), on("2026-04-28", Window{300, 420})}}},
			"Mon 22:00-00:00=2h0m0s Tue 05:00-07:00=2h0m0s"},
		{"a break of the day before ends at an override", ny, "2026-04-27", "2026-04-28",
			[]Schedule{{Breaks: week("Mon 23:00-01:00"), Overrides: []Override{on("2026-04-28", Window{0, 120})}}},
			"Tue 00:00-02:00=2h0m0s"},
		{"location and provider", ny, "2026-04-27", "2026-04-27",
			[]Schedule{{Weekly: week("Mon 08:00-18:00")}, {Weekly: week("Mon 07:00-12:00,13:00-20:00")}},
			"Mon 08:00-12:00=4h0m0s Mon 13:00-18:00=5h0m0s"},
		{"an override of one is no window of the other", ny, "2026-04-26", "2026-04-27",
			[]Schedule{{Weekly: week("Mon 08:00-18:00")}, {Overrides: []Override{on("2026-04-26", Window{0, 1440})}}}, ""},
		{"never set limits nothing", ny, "2026-04-27", "2026-04-27", nil, "Mon 00:00-00:00=24h0m0s"},
	} {
		z := zone(t, c.zone)
		var tables []Timetable
		for _, s := range c.tables {
			tables = append(tables, Timetable{s, z})
		}
		o := NewOpening(z, nil, tables...)
		span := DaySpan(z, date(t, c.from), date(t, c.to))
		if got := text(z, o.Open(span)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		var kept []Span
		for d := date(t, c.from); d <= date(t, c.to); d++ {
			for _, p := range o.Day(d).Pieces {
				kept = append(kept, p.Span)
			}
		}
		if got := text(z, MergeSpans(kept)); got != c.want {
			t.Errorf("%s: kept dates say %q, want %q", c.name, got, c.want)
		}
	}
}

func TestZonesMeet(t *testing.T) {
	t.Parallel()
	berlin, ny := zone(t, "Europe/Berlin"), zone(t, "America/New_York")
	all := week("Mon-Sun 09:00-17:00")
	o := NewOpening(berlin, nil, Timetable{Schedule{Weekly: all}, berlin}, Timetable{Schedule{Weekly: all}, ny})
	got := text(berlin, o.Open(DaySpan(berlin, date(t, "2026-04-27"), date(t, "2026-04-27"))))
	if got != "Mon 15:00-17:00=2h0m0s" {
		t.Error(got)
	}
}

// Precedence of booking.md §4: closure > override > weekly; a break is the weaker rule of a week.
func TestWhy(t *testing.T) {
	t.Parallel()
	z := zone(t, "Europe/Berlin")
	loc := Schedule{Weekly: week("Mon-Fri 08:00-18:00"), Overrides: []Override{on("2026-04-29", Window{600, 720})}}
	pro := Schedule{Weekly: week("Mon-Fri 09:00-17:00; Mon 22:00-06:00"), Breaks: week("Mon-Fri 12:00-13:00")}
	closed := Span{at(t, z, "2026-04-30 10:00"), at(t, z, "2026-04-30 14:00")}
	o := NewOpening(z, []Span{closed, closed}, Timetable{loc, z}, Timetable{pro, z})
	for when, want := range map[string]Closed{
		"2026-04-27 09:00": IsOpen,
		"2026-04-27 08:59": OutOfHours,
		"2026-04-27 16:59": IsOpen,
		"2026-04-27 17:00": OutOfHours,
		"2026-04-27 12:00": InBreak,
		"2026-04-27 13:00": IsOpen,
		"2026-04-26 10:00": OutOfHours,
		"2026-04-29 10:00": IsOpen,
		"2026-04-29 09:30": ByOverrideHours, // the location's own hours of that date
		"2026-04-29 12:30": ByOverrideHours, // stronger than the provider's break
		"2026-04-29 23:00": ByOverrideHours,
		"2026-04-30 09:59": IsOpen,
		"2026-04-30 10:00": ByClosure,
		"2026-04-30 12:30": ByClosure, // stronger than the break
		"2026-04-30 14:00": IsOpen,
	} {
		if got := o.Why(at(t, z, when)); got != want {
			t.Errorf("%s: %d, want %d", when, got, want)
		}
	}
}

// Where the clock is set back over midnight, the date that has begun owns what is repeated.
func TestWhyAfterMidnightStruckTwice(t *testing.T) {
	t.Parallel()
	z := zone(t, "America/St_Johns") // 2009-11-01 00:01 became 2009-10-31 23:01
	s := Schedule{Weekly: week("Mon-Sun 09:00-17:00"), Overrides: []Override{on("2009-11-01")}}
	o := NewOpening(z, nil, Timetable{s, z})
	midnight := at(t, z, "2009-11-01 00:00")
	for after, want := range map[int64]Closed{-60: OutOfHours, 0: ByOverrideHours, 1800: ByOverrideHours} {
		if got := o.Why(midnight + after); got != want {
			t.Errorf("%d seconds after midnight: %d, want %d", after, got, want)
		}
	}
}

// A date is resolved by whoever asks first, and far dates share places in memory.
func TestOpeningIsShared(t *testing.T) {
	t.Parallel()
	z := zone(t, "Europe/Berlin")
	o := NewOpening(z, nil, Timetable{Schedule{Weekly: week("Mon-Fri 09:00-17:00")}, z})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 3000 {
				d := Date(20000 + (i*37+g*11)%3000)
				day := o.Day(d)
				if w := d.Weekday(); day.Date != d || (len(day.Pieces) == 1) != (w > 0 && w < 6) {
					t.Errorf("%s: %v", d, day)
				}
			}
		})
	}
	wg.Wait()
}

// Changing what an opening was made from changes nothing.
func TestOpeningKeepsItsOwn(t *testing.T) {
	t.Parallel()
	s := Schedule{Weekly: week("Mon 09:00-17:00")}
	closures := []Span{{0, 10}}
	o := NewOpening(time.UTC, closures, Timetable{s, time.UTC})
	s.Weekly[1][0].From = 0
	closures[0].End = 1 << 40
	if got := text(time.UTC, o.Open(DaySpan(time.UTC, 20570, 20570))); got != "Mon 09:00-17:00=8h0m0s" {
		t.Error(got)
	}
}
