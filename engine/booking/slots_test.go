package booking

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
)

// lane is a lane in the zone with the hours and the horizon of the defaults.
func lane(z *time.Location, hours string, r Rules) *Lane {
	if r.HorizonDays == 0 {
		r.HorizonDays = DefaultHorizonDays
	}
	return &Lane{Opening: calendar.NewOpening(z, nil, calendar.Timetable{Schedule: calendar.Schedule{Weekly: week(hours)},
		Zone: z}), Rules: r}
}

func starts(l *Lane, now int64, window calendar.Span) (list []int64) {
	l.Starts(now, window, func(t int64) bool { list = append(list, t); return true })
	return list
}

func clocks(z *time.Location, list []int64) string {
	var out []string
	for _, t := range list {
		out = append(out, time.Unix(t, 0).In(z).Format("15:04"))
	}
	return strings.Join(out, " ")
}

// Every rule of booking.md §5 about the grid. The clock shows 2026-04-27, a Monday, unless said.
func TestGrid(t *testing.T) {
	t.Parallel()
	const ny = "America/New_York"
	for _, c := range []struct {
		name, zone, hours string
		rules             Rules
		from, to          string // asked about
		busy              string // "HH:MM-HH:MM …" of the date of from
		want              string
	}{
		{"anchored at the start of each interval", ny, "Mon 09:10-10:00,13:05-14:00", Rules{}, "2026-04-27 00:00",
			"2026-04-27 24:00", "",
			"09:10 09:25 13:05 13:20"},
		{"merged first", ny, "Mon 09:10-10:00,10:00-10:45", Rules{}, "2026-04-27 00:00", "2026-04-27 24:00", "",
			"09:10 09:25 09:40 09:55 10:10"},
		{"not by the range", ny, "Mon 09:10-11:00", Rules{Step: 20 * calendar.Minute}, "2026-04-27 09:31", "2026-04-27 10:30",
			"",
			"09:50 10:10"},
		{"the range's end is exclusive", ny, "Mon 09:00-11:00", Rules{}, "2026-04-27 09:15", "2026-04-27 09:45", "",
			"09:15 09:30"},
		{"not by what is busy", ny, "Mon 09:00-11:00", Rules{}, "2026-04-27 00:00", "2026-04-27 24:00", "09:05-09:50",
			"10:00 10:15 10:30"},
		{"a busy end that is a start is free", ny, "Mon 09:00-10:30", Rules{}, "2026-04-27 00:00", "2026-04-27 24:00",
			"09:30-10:00",
			"09:00 10:00"},
		{"buffers keep away", ny, "Mon 09:00-11:00", Rules{Before: 5 * calendar.Minute, After: 10 * calendar.Minute},
			"2026-04-27 00:00", "2026-04-27 24:00",
			"09:45-10:00", "09:00 10:15 10:30"},
		{"buffers may leave the hours", ny, "Mon 09:00-10:00", Rules{Before: 15 * calendar.Minute,
			After: 15 * calendar.Minute}, "2026-04-27 00:00",
			"2026-04-27 24:00", "", "09:00 09:15 09:30"},
		{"unless the clinic says no", ny, "Mon 09:00-10:00", Rules{Before: 10 * calendar.Minute, After: 10 * calendar.Minute,
			BuffersInsideHours: true},
			"2026-04-27 00:00", "2026-04-27 24:00", "", "09:15"},
		{"past midnight in one piece", ny, "Mon 23:00-01:00", Rules{Step: 40 * calendar.Minute}, "2026-04-27 00:00",
			"2026-04-28 24:00", "",
			"23:00 23:40 00:20"},
		{"the same from the next day on", ny, "Mon 23:00-01:00", Rules{Step: 40 * calendar.Minute}, "2026-04-28 00:00",
			"2026-04-28 24:00", "",
			"00:20"},
		{"round the clock: local midnight", ny, "Mon-Sun 00:00-24:00", Rules{Step: 7 * 60 * calendar.Minute},
			"2026-04-28 00:00", "2026-04-29 24:00",
			"", "00:00 07:00 14:00 21:00 00:00 07:00 14:00 21:00"},
		{"an interval keeps its grid for 24 hours", ny, "Mon 09:10-24:00; Tue 00:00-24:00; Wed 00:00-03:00",
			Rules{Step: 5 * 60 * calendar.Minute}, "2026-04-27 00:00", "2026-04-29 24:00", "",
			"09:10 14:10 19:10 00:10 05:10 10:00 15:00 20:00 00:00"},
		{"an autumn night has four starts", ny, "Sun 01:00-02:00", Rules{Step: 30 * calendar.Minute}, "2026-11-01 00:00",
			"2026-11-01 24:00", "",
			"01:00 01:30 01:00 01:30"},
		{"a spring night jumps", ny, "Sun 01:00-04:00", Rules{Step: 30 * calendar.Minute}, "2026-03-08 00:00",
			"2026-03-08 24:00", "",
			"01:00 01:30 03:00 03:30"},
		{"a night of 24½ hours", "Australia/Lord_Howe", "Sun 01:00-02:30", Rules{Step: 30 * calendar.Minute},
			"2026-04-05 00:00", "2026-04-05 24:00",
			"", "01:00 01:30 01:30 02:00"},
		{"clock: full hours", ny, "Mon 09:10-12:00", Rules{Step: 60 * calendar.Minute, Align: directory.AlignClock},
			"2026-04-27 00:00", "2026-04-27 24:00", "",
			"10:00 11:00"},
		{"clock: 45 goes by 15", ny, "Mon 09:10-11:30", Rules{Step: 45 * calendar.Minute, Align: directory.AlignClock},
			"2026-04-27 00:00", "2026-04-27 24:00",
			"", "09:15 10:00 10:45"},
		{"clock: 40 goes by 20", ny, "Mon 09:10-11:30", Rules{Step: 40 * calendar.Minute, Align: directory.AlignClock},
			"2026-04-27 00:00", "2026-04-27 24:00",
			"", "09:20 10:00 10:40"},
		{"clock: 7 stays", ny, "Mon 09:10-10:00", Rules{Step: 7 * calendar.Minute, Align: directory.AlignClock},
			"2026-04-27 00:00", "2026-04-27 24:00", "",
			"09:10 09:17 09:24"},
		{"clock: already round", ny, "Mon 09:00-10:00", Rules{Align: directory.AlignClock}, "2026-04-27 00:00",
			"2026-04-27 24:00", "",
			"09:00 09:15 09:30"},
		{"clock: the Minute is local", "Asia/Kolkata", "Mon 09:10-11:00",
			Rules{Step: 60 * calendar.Minute, Align: directory.AlignClock},
			"2026-04-27 00:00", "2026-04-27 24:00", "", "10:00"},
		{"clock: a shift of half an Hour on the way", "Australia/Lord_Howe", "Sun 01:50-04:00",
			Rules{Step: 60 * calendar.Minute, Align: directory.AlignClock},
			"2026-04-05 00:00", "2026-04-05 24:00", "", "02:00 03:00"},
		{"pack: behind each footprint", ny, "Mon 09:00-12:00", Rules{Step: 60 * calendar.Minute, Align: directory.AlignPack},
			"2026-04-27 00:00",
			"2026-04-27 24:00", "09:35-09:50", "09:00 09:50 10:50"},
		{"pack: with its own buffer", ny, "Mon 09:00-12:00", Rules{Step: 60 * calendar.Minute, Before: 5 * calendar.Minute,
			Align: directory.AlignPack}, "2026-04-27 00:00",
			"2026-04-27 24:00", "09:35-09:50", "09:00 09:55 10:55"},
		{"pack: not by the range", ny, "Mon 09:00-12:00", Rules{Step: 20 * calendar.Minute, Align: directory.AlignPack},
			"2026-04-27 10:00",
			"2026-04-27 10:40", "09:35-09:50", "10:10 10:30"},
		{"pack: touching footprints are one", ny, "Mon 09:00-12:00",
			Rules{Step: 60 * calendar.Minute, Align: directory.AlignPack}, "2026-04-27 00:00",
			"2026-04-27 24:00", "09:00-09:20 09:20-09:50 09:40-09:45", "09:50 10:50"},
		{"pack: a footprint before the hours", ny, "Mon 09:00-12:00",
			Rules{Step: 60 * calendar.Minute, Before: 15 * calendar.Minute, Align: directory.AlignPack},
			"2026-04-27 00:00", "2026-04-27 24:00", "08:30-08:55", "09:10 10:10 11:10"},
		{"nothing fits", ny, "Mon 09:00-09:29", Rules{}, "2026-04-27 00:00", "2026-04-27 24:00", "", ""},
		{"exactly fits", ny, "Mon 09:00-09:30", Rules{}, "2026-04-27 00:00", "2026-04-27 24:00", "", "09:00"},
		{"a day that never was", "Pacific/Apia", "Fri 09:00-17:00", Rules{}, "2011-12-29 00:00", "2011-12-31 24:00", "", ""},
	} {
		z := zone(t, c.zone)
		l := lane(z, c.hours, c.rules)
		for text := range strings.FieldsSeq(c.busy) {
			from, to, _ := strings.Cut(text, "-")
			l.Busy = append(l.Busy, calendar.Span{Start: at(t, z, c.from[:11]+from), End: at(t, z, c.from[:11]+to)})
		}
		window := calendar.Span{Start: at(t, z, c.from), End: at(t, z, c.to)}
		list := starts(l, window.Start-30*calendar.Day, window)
		if got := clocks(z, list); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		var explained []int64
		l.Explain(window.Start-30*calendar.Day, window, func(start int64, v Verdict) bool {
			if v == Offered {
				explained = append(explained, start)
			}
			return true
		})
		if !slices.Equal(explained, list) {
			t.Errorf("%s: explained %s", c.name, clocks(z, explained))
		}
	}
}

// A footprint may be 24 hours long: it counts wherever it ends in the way.
func TestLongFootprints(t *testing.T) {
	t.Parallel()
	z := zone(t, "America/New_York")
	l := lane(z, "Mon-Sun 00:00-24:00", Rules{Step: 60 * calendar.Minute, Before: 15 * calendar.Minute})
	l.Busy = []calendar.Span{{Start: at(t, z, "2026-04-26 09:50"), End: at(t, z, "2026-04-27 09:50")}}
	ask := calendar.Span{Start: at(t, z, "2026-04-27 09:55"), End: at(t, z, "2026-04-27 12:00")}
	if got := clocks(z, starts(l, ask.Start-calendar.Day, ask)); got != "11:00" {
		t.Errorf("behind it: %s", got)
	}
	l = lane(z, "Sun 08:00-24:00; Mon 00:00-08:00", Rules{Step: 7 * 60 * calendar.Minute, Align: directory.AlignPack})
	l.Busy = []calendar.Span{{Start: at(t, z, "2026-04-25 10:00"), End: at(t, z, "2026-04-26 09:00")}}
	ask = calendar.Span{Start: at(t, z, "2026-04-27 00:00"), End: at(t, z, "2026-04-27 08:00")}
	if got := clocks(z, starts(l, ask.Start-calendar.Day, ask)); got != "06:00" {
		t.Errorf("packed behind it, long ago: %s", got)
	}
}

// Notice and horizon, both inclusive, look at the start (booking.md §§2, 5).
func TestNoticeAndHorizon(t *testing.T) {
	t.Parallel()
	z := zone(t, "America/New_York")
	l := lane(z, "Mon-Sun 09:00-10:00", Rules{Notice: 60 * calendar.Minute, HorizonDays: 1, Before: 30 * calendar.Minute})
	ask := calendar.DaySpan(z, date(t, "2026-04-26"), date(t, "2026-04-30"))
	for now, want := range map[string]string{
		"2026-04-27 08:00": "09:00 09:15 09:30 09:00 09:15 09:30", // start = now + notice is allowed
		"2026-04-27 08:01": "09:15 09:30 09:00 09:15 09:30",
		"2026-04-27 23:59": "09:00 09:15 09:30", // tomorrow is tomorrow, however late it is
		"2026-04-28 00:00": "09:00 09:15 09:30 09:00 09:15 09:30",
	} {
		if got := clocks(z, starts(l, at(t, z, now), ask)); got != want {
			t.Errorf("now %s: %s, want %s", now, got, want)
		}
	}
	if got := starts(lane(z, "Mon-Sun 00:00-24:00", Rules{HorizonDays: -1}), ask.Start, ask); len(got) > 0 {
		t.Error("a horizon before today offers", len(got))
	}
}

// Caps count by the local date of the start (booking.md §5).
func TestCaps(t *testing.T) {
	t.Parallel()
	z := zone(t, "America/New_York")
	l := lane(z, "Mon-Sun 20:00-22:00", Rules{Step: 60 * calendar.Minute, ProviderCap: 3, ServiceCap: 2})
	asked := map[calendar.Date]int{}
	counts := map[calendar.Date][2]int{
		date(t, "2026-04-27"): {3, 0}, date(t, "2026-04-28"): {2, 2}, date(t, "2026-04-29"): {2, 1},
	}
	l.Booked = func(d calendar.Date) (int, int) { asked[d]++; return counts[d][0], counts[d][1] }
	ask := calendar.DaySpan(z, date(t, "2026-04-27"), date(t, "2026-04-29"))
	got := starts(l, ask.Start, ask)
	if clocks(z, got) != "20:00 21:00" || calendar.LocalDate(z, got[0]) != date(t, "2026-04-29") {
		t.Errorf("%v", got)
	}
	for d, n := range asked {
		if n > 1 {
			t.Errorf("%s was asked about %d times", d, n)
		}
	}
	for when, want := range map[string]Verdict{"2026-04-27 20:00": RefusedProviderCap,
		"2026-04-28 21:30": RefusedServiceCap, "2026-04-29 20:10": Offered} {
		start := at(t, z, when)
		if v := l.Judge(ask.Start, start, start+30*calendar.Minute); v != want {
			t.Errorf("%s: %s, want %s", when, v, want)
		}
	}
}

// The order of booking.md §1.7: the first reason that holds is the one that is told.
func TestVerdictsInOrder(t *testing.T) {
	t.Parallel()
	z := zone(t, "Europe/Berlin")
	s := calendar.Schedule{Weekly: week("Mon-Fri 09:00-17:00"), Breaks: week("Mon-Fri 12:00-13:00"),
		Overrides: []calendar.Override{on("2026-04-29")}}
	closed := calendar.DaySpan(z, date(t, "2026-04-30"), date(t, "2026-04-30"))
	l := &Lane{
		Opening: calendar.NewOpening(z, []calendar.Span{closed}, calendar.Timetable{Schedule: s, Zone: z}),
		Rules: Rules{Notice: 120 * calendar.Minute, HorizonDays: 7, Before: 10 * calendar.Minute,
			After: 10 * calendar.Minute, ProviderCap: 1},
		Busy: []calendar.Span{{Start: at(t, z, "2026-04-27 11:00"), End: at(t, z, "2026-04-27 12:15")}},
		Booked: func(d calendar.Date) (int, int) {
			if d == 20570 || d == 20574 {
				return 1, 0
			}
			return 0, 0
		},
	}
	now := at(t, z, "2026-04-27 08:30")
	for _, c := range []struct {
		start  string
		length int64
		want   Verdict
		kind   fault.Kind
		says   string
	}{
		{"2026-04-27 08:00", 0, RefusedLength, fault.Invalid, "ends_at: Must be after"},
		{"2026-04-28 09:00", -30, RefusedLength, fault.Invalid, "ends_at"},
		{"2026-04-28 09:00", 24*60 - 19, RefusedLength, fault.Invalid, "at most 24 hours"},
		{"2026-04-27 08:29", 30, RefusedPast, fault.InThePast, "in the past"},
		{"2026-04-27 08:30", 30, RefusedNotice, fault.TooSoon, "at least 2 hours from now"}, // also closed
		{"2026-04-27 10:29", 30, RefusedNotice, fault.TooSoon, "scheduled_at"},
		{"2026-05-09 03:00", 30, RefusedHorizon, fault.BeyondHorizon, "at most 7 days"}, // a Saturday night
		{"2026-05-05 09:00", 30, RefusedHorizon, fault.BeyondHorizon, "too far ahead"},
		{"2026-05-04 16:30", 30, Offered, "", ""},
		{"2026-05-04 16:31", 30, RefusedHours, fault.OutsideHours, "outside opening hours"},
		{"2026-05-02 10:00", 30, RefusedHours, fault.OutsideHours, "opening hours"},
		{"2026-04-27 11:45", 30, RefusedBreak, fault.OutsideHours, "break"}, // also taken, also full
		{"2026-04-28 12:30", 30, RefusedBreak, fault.OutsideHours, "break"},
		{"2026-04-29 10:00", 30, RefusedOverride, fault.OutsideHours, "hours of that date"},
		{"2026-04-30 10:00", 30, RefusedClosure, fault.OutsideHours, "closure"},
		{"2026-04-27 10:30", 30, RefusedTaken, fault.SlotTaken, "no longer free"}, // the buffer behind it; also full
		{"2026-04-27 13:00", 30, RefusedProviderCap, fault.CapReached, "takes 1 appointments a day"},
		{"2026-05-01 09:00", 30, RefusedProviderCap, fault.CapReached, "day is full"},
		{"2026-04-28 09:07", 23, Offered, "", ""}, // off the grid, another length: advice only
	} {
		start := at(t, z, c.start)
		v := l.Judge(now, start, start+c.length*calendar.Minute)
		if v != c.want || v.Kind() != c.kind {
			t.Errorf("%s +%d: %s (%s), want %s", c.start, c.length, v, v.Kind(), c.want)
		}
		switch err := v.Refusal(l.Rules); {
		case v == Offered:
			if err != nil {
				t.Errorf("%s: %v", c.start, err)
			}
		case err.Kind != c.kind || !strings.Contains(err.Error(), c.says) || len(err.Details) != 1:
			t.Errorf("%s: %v, want %q", c.start, err, c.says)
		}
	}
}

func TestVerdictTexts(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for v := Offered; v <= RefusedInactive; v++ {
		if s := v.String(); s == "" || seen[s] {
			t.Errorf("verdict %d says %q", v, s)
		} else {
			seen[s] = true
		}
		if v.Closed() != strings.HasPrefix(v.String(), "closed") {
			t.Errorf("%s: Closed = %v", v, v.Closed())
		}
	}
}

// What --explain prints: every candidate of the day with its reason, closed times in ticks.
func TestExplain(t *testing.T) {
	t.Parallel()
	z := zone(t, "Europe/Berlin")
	s := calendar.Schedule{Weekly: week("Mon 09:00-14:00"), Breaks: week("Mon 11:00-12:00")}
	l := &Lane{Opening: calendar.NewOpening(z, nil, calendar.Timetable{Schedule: s, Zone: z}),
		Rules: Rules{Step: 60 * calendar.Minute, Length: 60 * calendar.Minute, Notice: 60 * calendar.Minute, HorizonDays: 9},
		Busy:  []calendar.Span{{Start: at(t, z, "2026-04-27 12:30"), End: at(t, z, "2026-04-27 12:40")}}}
	var got []string
	ask := calendar.Span{Start: at(t, z, "2026-04-27 07:30"), End: at(t, z, "2026-04-27 16:00")}
	l.Explain(at(t, z, "2026-04-27 08:30"), ask, func(start int64, v Verdict) bool {
		got = append(got, clocks(z, []int64{start})+" "+v.String())
		return true
	})
	want := []string{"08:00 in the past", "09:00 too soon: notice", "10:00 offered", "11:00 closed: break", "12:00 taken",
		"13:00 offered", "14:00 closed: hours", "15:00 closed: hours"}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

func TestMergeLanes(t *testing.T) {
	t.Parallel()
	z := zone(t, "Europe/Berlin")
	a, b, c := lane(z, "Mon 09:00-10:00", Rules{}), lane(z, "Mon 09:10-10:00", Rules{Step: 10 * calendar.Minute}), lane(z,
		"Tue 09:00-10:00", Rules{})
	a.ProviderID, b.ProviderID, c.ProviderID = 1, 2, 3
	ask := calendar.DaySpan(z, date(t, "2026-04-27"), date(t, "2026-04-28"))
	run := func(limit, stop int) (got []string) {
		MergeLanes([]*Lane{a, b, c}, ask.Start, ask, limit, func(start int64, eligible []*Lane) bool {
			s := clocks(z, []int64{start})
			for _, l := range eligible {
				s += fmt.Sprint(" ", l.ProviderID)
			}
			got = append(got, s)
			return len(got) != stop
		})
		return got
	}
	want := []string{"09:00 1", "09:10 2", "09:15 1", "09:20 2", "09:30 1 2", "09:00 3", "09:15 3", "09:30 3"}
	if got := run(0, 0); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := run(5, 0); !slices.Equal(got, want[:5]) {
		t.Errorf("limit: %q", got)
	}
	if got := run(0, 2); !slices.Equal(got, want[:2]) {
		t.Errorf("stopped: %q", got)
	}
	MergeLanes(nil, 0, ask, 0, func(int64, []*Lane) bool { t.Error("no lanes offer nothing"); return false })
}

// Three alternatives that do not overlap one another, the nearest first (booking.md §1.7).
func TestNearest(t *testing.T) {
	t.Parallel()
	z := zone(t, "Europe/Berlin")
	l := lane(z, "Mon 09:00-12:00", Rules{})
	l.Busy = []calendar.Span{{Start: at(t, z, "2026-04-27 10:00"), End: at(t, z, "2026-04-27 10:30")}}
	ask := calendar.DaySpan(z, date(t, "2026-04-20"), date(t, "2026-05-04"))
	near := func(when string, n int) string {
		var list []int64
		for _, o := range Nearest([]*Lane{l}, ask.Start, ask, at(t, z, when), n) {
			if o.Lane != l || o.End != o.Start+30*calendar.Minute {
				t.Errorf("%v", o)
			}
			list = append(list, o.Start)
		}
		return clocks(z, list)
	}
	for when, want := range map[string]string{
		"2026-04-27 10:00": "09:30 10:30 09:00",
		"2026-04-27 10:15": "10:30 09:30 11:00",
		"2026-04-27 09:00": "09:00 09:30 10:30",
		"2026-04-27 23:00": "11:30 11:00 10:30",
		"2026-05-04 23:00": "11:30 11:00 10:30",
		"2026-04-19 23:00": "09:00 09:30 10:00",
	} {
		if got := near(when, 3); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
	if got := near("2026-04-27 10:00", 0); got != "" {
		t.Error(got)
	}
}

// An expired hold is free at once for readers (booking.md §6).
func TestLiveSpans(t *testing.T) {
	t.Parallel()
	list := []Occupied{{Span: calendar.Span{Start: 1, End: 2}}, {Span: calendar.Span{Start: 3, End: 4}, ExpiresAt: 100},
		{Span: calendar.Span{Start: 5, End: 6}, ExpiresAt: 101}}
	if got := LiveSpans(nil, list, 100); !slices.Equal(got, []calendar.Span{{Start: 1, End: 2}, {Start: 5, End: 6}}) {
		t.Error(got)
	}
}
