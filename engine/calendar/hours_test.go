package calendar

import (
	"reflect"
	"strings"
	"testing"

	"qualifybase/engine/fault"

	"pgregory.net/rapid"
)

func hours(t testing.TB, s string) Week {
	t.Helper()
	w, err := ParseHours(s)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return w
}

func TestParseHours(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Mon-Fri 09:00-12:00,13:00-17:00; Sat 09:00-12:00": "Mon-Fri 09:00-12:00,13:00-17:00; Sat 09:00-12:00",
		"mon–fri  09:00–17:00 ;":                           "Mon-Fri 09:00-17:00",
		"Monday - Friday 09:00 - 12:00, 13:00 - 17:00":     "Mon-Fri 09:00-12:00,13:00-17:00",
		"Mon,Wed 08:00-09:00\nTue 10:00-11:00":             "Mon 08:00-09:00; Tue 10:00-11:00; Wed 08:00-09:00",
		"Fri-Mon 22:00-06:00":                              "Mon 22:00-06:00; Fri-Sun 22:00-06:00",
		"Mon-Sun 00:00-24:00":                              "Mon-Sun 00:00-24:00",
		"Sat,Sun 10:00-12:00":                              "Sat,Sun 10:00-12:00",
		"Mon 09:00-10:00; Mon 11:00-12:00":                 "Mon 09:00-10:00,11:00-12:00",
		"Mon-Fri 09:00-17:00; Sat-Sun closed":              "Mon-Fri 09:00-17:00",
		"closed":                                           "closed",
	} {
		if got := hours(t, text).String(); got != want {
			t.Errorf("%q = %q, want %q", text, got, want)
		}
	}
	for text, says := range map[string]string{
		"":                                "no hours given",
		" ; ":                             "no hours given",
		"Mon 25:00-26:00":                 `"25:00" is not a time of day`,
		"Mon 09:60-10:00":                 `"09:60" is not a time of day`,
		"Mon 24:30-10:00":                 `"24:30" is not a time of day`,
		"Mon 24:00-10:00":                 "starts at 24:00",
		"Mon 9-17":                        `"9-17" is not a time range: write 09:00-17:00`,
		"Mon 9:00-17:00":                  `write 09:00-17:00`,
		"Mon 09:00":                       `"09:00" is not a time range`,
		"Mon":                             `"Mon" has no times`,
		"09:00-17:00":                     "must start with its days",
		"Foo 09:00-17:00":                 `"Foo" is not a day`,
		"Mon-Xyz 09:00-17:00":             `"Xyz" is not a day`,
		"Mon 09:00-12:00 Tue 09:00-12:00": "put a semicolon",
		"Mon 09:00-12:00-13:00":           `"12:00-13:00" is not a time`,
		"Mon 09.00-12.00":                 `write 09:00-12:00`,
	} {
		if w, err := ParseHours(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q = %s, %v; want an error with %q", text, w, err, says)
		}
	}
}

var anyWindow = rapid.Custom(func(t *rapid.T) Window {
	return Window{rapid.IntRange(0, 1439).Draw(t, "from"), rapid.IntRange(0, 1440).Draw(t, "to")}
})

var anyWeek = rapid.Custom(func(t *rapid.T) (w Week) {
	for i := range w {
		list := rapid.SliceOfNDistinct(anyWindow, 0, 3, rapid.ID).Draw(t, DayKeys[i])
		if len(list) > 0 {
			w[i] = list
		}
	}
	return w
})

func TestWeekRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := anyWeek.Draw(t, "week")
		if back, err := ParseHours(w.String()); err != nil || !reflect.DeepEqual(back, w) {
			t.Fatalf("%q came back as %v, %v", w, back, err)
		}
		var f fault.Faults
		if w.Validate(&f, "weekly"); f.Err() != nil {
			t.Fatal(f)
		}
	})
}

func TestParseWindow(t *testing.T) {
	t.Parallel()
	for from, to := range map[string]string{"00:00": "24:00", "22:00": "06:00", "09:00": "09:00"} {
		w, err := ParseWindow(from, to)
		if err != nil || ClockText(w.From) != from || ClockText(w.To) != to {
			t.Errorf("%s to %s is %v, %v", from, to, w, err)
		}
	}
	for _, c := range [][3]string{
		{"9", "12:00", `"9" is not a time`}, {"09:00", "", `"" is not a time`}, {"24:00", "01:00", "starts at 24:00"},
	} {
		if w, err := ParseWindow(c[0], c[1]); err == nil || !strings.Contains(err.Error(), c[2]) {
			t.Errorf("%s to %s is %v, %v; want %q", c[0], c[1], w, err, c[2])
		}
	}
}

func TestScheduleValidate(t *testing.T) {
	t.Parallel()
	var s Schedule
	s.Weekly[1] = []Window{{540, 720}, {1440, 60}}
	s.Breaks[0] = []Window{{60, 1441}}
	s.Overrides = []Override{
		{Date: 20570}, {Date: 20570, Windows: []Window{{-1, 0}}},
		{Date: MaxDate + 1, Reason: strings.Repeat("ä", 501)},
	}
	var f fault.Faults
	s.Validate(&f, "schedule")
	want := []string{"schedule.weekly.mon[1]", "schedule.breaks.sun[0]", "schedule.overrides[1].date",
		"schedule.overrides[1].windows[0]", "schedule.overrides[2].date", "schedule.overrides[2].reason"}
	var got []string
	for _, d := range f {
		got = append(got, d.Field)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("faults of %q\nwant      %q", got, want)
	}
	f = nil
	s = Schedule{Weekly: Week{1: make([]Window, MaxWindows+1)}}
	if s.Validate(&f, ""); len(f) != 1 || f[0].Field != "weekly.mon" {
		t.Error(f)
	}
	if (Schedule{}).IsZero() != true || (Schedule{Overrides: []Override{{}}}).IsZero() {
		t.Error("IsZero")
	}
}

func FuzzParseHours(f *testing.F) {
	f.Add("Mon-Fri 09:00-12:00,13:00-17:00; Sat 09:00-12:00")
	f.Add("Fri-Mon 22:00-06:00")
	f.Add("closed; 25:00")
	f.Fuzz(func(t *testing.T, s string) {
		w, err := ParseHours(s)
		if err != nil {
			return
		}
		var faults fault.Faults
		if w.Validate(&faults, "w"); faults != nil && len(s) < 24*12 {
			t.Fatalf("%q was read with faults: %v", s, faults)
		}
		if back, err := ParseHours(w.String()); err != nil || !reflect.DeepEqual(back, w) {
			t.Fatalf("%q → %q → %v, %v", s, w, back, err)
		}
	})
}
