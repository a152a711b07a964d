package wire

import (
	"encoding/json"
	"testing"
)

// What an instant may look like is tested beside calendar.ParseInstant.
func TestInstant(t *testing.T) {
	t.Parallel()
	const noTime = "there is no such date or time in the calendar"
	for text, want := range map[string]string{
		`"2026-04-27T09:00:00+02:00"`: `"2026-04-27T07:00:00Z"`,
		`"2026-04-27T07:00:00.000Z"`:  `"2026-04-27T07:00:00Z"`,
		`"2026-02-30T07:00:00Z"`:      noTime,
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
