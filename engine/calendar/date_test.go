package calendar

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseDate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Date{
		"1970-01-01": 0,
		"1969-12-31": -1,
		"2000-02-29": 11016,
		"2026-04-27": 20570,
		"0001-01-01": MinDate,
		"9999-12-31": MaxDate,
	} {
		if got, err := ParseDate(text); err != nil || got != want {
			t.Errorf("%s = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "2026", "2026-4-27", "26-04-27", "2026-04-27 ", " 2026-04-27", "2026/04/27", "2026-04-27T00:00:00Z",
		"2026-02-29", "1900-02-29", "2026-04-31", "2026-13-01", "2026-00-10", "2026-01-00", "2026-01-32", "0000-01-01",
		"+026-01-01", "-026-01-01", "２026-1-1", "2026-0a-01",
	} {
		if got, err := ParseDate(text); err == nil {
			t.Errorf("%q was read as %s", text, got)
		}
	}
}

func TestDateAgainstTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Date(rapid.Int32Range(int32(MinDate), int32(MaxDate)).Draw(t, "date"))
		want := time.Unix(int64(d)*86400, 0).UTC()
		if d.String() != want.Format(time.DateOnly) || d.Weekday() != want.Weekday() {
			t.Fatalf("%s %s, want %s", d, d.Weekday(), want)
		}
		if back, err := ParseDate(d.String()); err != nil || back != d {
			t.Fatalf("%s came back as %s, %v", d, back, err)
		}
		n := rapid.IntRange(-400, 400).Draw(t, "days")
		if next := want.AddDate(0, 0, n); NewDate(next.Date()) != d.AddDays(n) {
			t.Fatalf("%s + %d days = %s, want %s", d, n, d.AddDays(n), next)
		}
	})
}

func TestDateJSON(t *testing.T) {
	t.Parallel()
	var v struct{ D Date }
	if err := json.Unmarshal([]byte(`{"D":"2026-04-27"}`), &v); err != nil || v.D != 20570 {
		t.Fatal(v, err)
	}
	if b, err := json.Marshal(v); err != nil || string(b) != `{"D":"2026-04-27"}` {
		t.Fatal(string(b), err)
	}
	if _, err := json.Marshal(MaxDate + 1); err == nil {
		t.Error("a year of five digits was written")
	}
	if err := json.Unmarshal([]byte(`{"D":"2026-02-30"}`), &v); err == nil {
		t.Error("an impossible date was read")
	}
}

func FuzzParseDate(f *testing.F) {
	f.Add("2026-04-27")
	f.Add("2026-02-29")
	f.Add("0000-00-00")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDate(s)
		if ref, refErr := time.Parse(time.DateOnly, s); (err == nil) != (refErr == nil && ref.Year() > 0) {
			t.Fatalf("%q: %v, time says %v", s, err, refErr)
		}
		if err == nil && d.String() != s {
			t.Fatalf("%q came back as %s", s, d)
		}
	})
}
