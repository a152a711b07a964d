package calendar

import (
	"testing"
	"time"
)

func TestParseInstant(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2026-04-27T09:00:00+02:00":     "2026-04-27T07:00:00Z",
		"2026-04-27T07:00:00Z":          "2026-04-27T07:00:00Z",
		"2026-04-27T07:00:00.000Z":      "2026-04-27T07:00:00Z",
		"2026-04-27T07:00:00.5Z":        "must be a whole second",
		"2026-02-30T07:00:00Z":          errNoTime.Error(),
		"2026-04-27 07:00:00Z":          errInstant.Error(),
		"2026-04-27T07:00:00":           errInstant.Error(),
		"0000-12-31T23:59:59Z":          errInstant.Error(),
		"9999-12-31T23:59:59-01:00":     errInstant.Error(),
		"tomorrow":                      errInstant.Error(),
		"2026-04-27T07:00:00Z and more": errInstant.Error(),
	} {
		unix, err := ParseInstant(text)
		got := UTC(unix)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s becomes %s, want %s", text, got, want)
		}
	}
}

func TestMoment(t *testing.T) {
	t.Parallel()
	day := NewDate(2026, 4, 27)
	berlin, err := LoadZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]struct {
		Moment
		utc, there int64
	}{
		"2026-04-27":                {StartOf(day), 1777248000, 1777240800},
		"2026-04-27T00:00:10+00:00": {At(1777248010), 1777248010, 1777248010},
	} {
		var m Moment
		if err := m.UnmarshalText([]byte(text)); err != nil || m != want.Moment {
			t.Errorf("%s is %+v (%v), want %+v", text, m, err, want.Moment)
		}
		if utc, there := m.In(time.UTC), m.In(berlin); utc != want.utc || there != want.there {
			t.Errorf("%s is %d in UTC and %d in Berlin, want %d and %d", text, utc, there, want.utc, want.there)
		}
	}
	if at := (Moment{}).In(berlin); at != 0 {
		t.Errorf("the absent moment is %d", at)
	}
	for text, want := range map[string]string{
		"2026-02-30":           "there is no date 2026-02-30 in the calendar",
		"2026-04-27T25:00:00Z": errNoTime.Error(),
		"monday":               "must be a date like 2026-04-27 or a time like 2026-04-27T09:00:00Z",
		"26-04-2027":           "must be a date like 2026-04-27 or a time like 2026-04-27T09:00:00Z",
	} {
		if err := new(Moment).UnmarshalText([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
