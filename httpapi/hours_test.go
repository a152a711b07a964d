package httpapi

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"qualifybase/engine/calendar"
)

// TestWeekRoundTrips: what a reply says of a week can be sent back as it is.
func TestWeekRoundTrips(t *testing.T) {
	t.Parallel()
	windows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) calendar.Window {
		return calendar.Window{From: rapid.IntRange(0, 1439).Draw(t, "from"), To: rapid.IntRange(0, 1440).Draw(t, "to")}
	}), 0, 3)
	rapid.Check(t, func(t *rapid.T) {
		var want calendar.Week
		for day := range want {
			if list := windows.Draw(t, calendar.DayKeys[day]); len(list) > 0 {
				want[day] = list
			}
		}
		text, err := json.Marshal(weekOf(want))
		if err != nil {
			t.Fatal(err)
		}
		var back Week
		if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back.week(), want) {
			t.Fatalf("%s came back as %v, %v, want %v", text, back, err, want)
		}
	})
}

func TestHoursAreTimesOfADay(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		`{"mon":[{"from":"9","to":"12:00"}]}`:     `"9" is not a time`,
		`{"mon":[{"from":"09:00"}]}`:              `"" is not a time`,
		`{"sun":[{"from":"24:00","to":"12:00"}]}`: `starts at 24:00`,
	} {
		var w Week
		if err := json.Unmarshal([]byte(text), &w); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
	closed := `{"mon":[],"tue":[],"wed":[],"thu":[],"fri":[],"sat":[],"sun":[]}`
	if text, err := json.Marshal(weekOf(calendar.Week{})); err != nil || string(text) != closed {
		t.Errorf("a closed week is %s, %v", text, err)
	}
}
