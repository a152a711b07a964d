package wire

import (
	"encoding/json"
	"testing"

	"qualifybase/engine/calendar"
)

func TestInstant(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`"2026-04-27T09:00:00+02:00"`:     `"2026-04-27T07:00:00Z"`,
		`"2026-04-27T07:00:00Z"`:          `"2026-04-27T07:00:00Z"`,
		`"2026-04-27T07:00:00.000Z"`:      `"2026-04-27T07:00:00Z"`,
		`"2026-04-27T07:00:00.5Z"`:        "must be a whole second",
		`"2026-02-30T07:00:00Z"`:          errNoSuch.Error(),
		`"2026-04-27 07:00:00Z"`:          errInstant.Error(),
		`"2026-04-27T07:00:00"`:           errInstant.Error(),
		`"0000-12-31T23:59:59Z"`:          errInstant.Error(),
		`"9999-12-31T23:59:59-01:00"`:     errInstant.Error(),
		`"tomorrow"`:                      errInstant.Error(),
		`"2026-04-27T07:00:00Z and more"`: errInstant.Error(),
	} {
		var i Instant
		got := ""
		if err := json.Unmarshal([]byte(text), &i); err != nil {
			got = err.Error()
		} else if back, err := json.Marshal(i); err != nil {
			got = err.Error()
		} else {
			got = string(back)
		}
		if got != want {
			t.Errorf("%s becomes %s, want %s", text, got, want)
		}
	}
}

func TestAbsentInstants(t *testing.T) {
	t.Parallel()
	var none *Instant
	if none.Seconds() != 0 || none.Pointer() != nil || At(0) != nil {
		t.Error("an absent time is not absent")
	}
	if some := At(7); some.Seconds() != 7 || *some.Pointer() != 7 {
		t.Errorf("7 becomes %v", some)
	}
}

func TestWhen(t *testing.T) {
	t.Parallel()
	day := calendar.NewDate(2026, 4, 27)
	for text, want := range map[string]When{
		"2026-04-27":                {Set: true, IsDate: true, Date: day},
		"2026-04-27T00:00:10+00:00": {Set: true, Instant: 1777248010},
	} {
		var w When
		if err := w.UnmarshalText([]byte(text)); err != nil || w != want {
			t.Errorf("%s is %+v (%v), want %+v", text, w, err, want)
		}
	}
	for text, want := range map[string]string{
		"2026-02-30":           "there is no date 2026-02-30 in the calendar",
		"2026-04-27T25:00:00Z": errNoSuch.Error(),
		"monday":               "must be a date like 2026-04-27 or a time like 2026-04-27T09:00:00Z",
	} {
		if err := new(When).UnmarshalText([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestEmptyIsNeverNull(t *testing.T) {
	t.Parallel()
	for _, v := range []any{List[int64](nil), Each(nil, Same[int])} {
		if text, err := json.Marshal(v); err != nil || string(text) != "[]" {
			t.Errorf("%s %v", text, err)
		}
	}
	if Opt("") != nil || Opt(0) != nil || *Opt("a") != "a" {
		t.Error("an optional value is absent exactly where it is zero")
	}
}
