package cmd

import (
	"bufio"
	"strings"
	"testing"

	"qualifybase/engine/calendar"
	"qualifybase/engine/phone"
)

// environment is a lookup for tests.
func environment(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, p := range pairs {
			if k, v, _ := strings.Cut(p, "="); k == name {
				return v, true
			}
		}
		return "", false
	}
}

func TestCountryOfEveryZone(t *testing.T) {
	n := 0
	country := ""
	for word := range strings.FieldsSeq(zoneCountries) {
		if len(word) == 2 {
			country = word
			if !phone.ValidCountry(word) {
				t.Errorf("%s is no country to the engine", word)
			}
			continue
		}
		n++
		if got := countryOfZone(word); got != country {
			t.Errorf("%s lies in %q, want %s", word, got, country)
		}
		if _, err := calendar.LoadZone(word); err != nil {
			t.Errorf("%s: %v", word, err)
		}
	}
	if n < 400 {
		t.Errorf("only %d zones", n)
	}
	for _, none := range []string{"", "UTC", "Mars/Olympus", "DE"} {
		if got := countryOfZone(none); got != "" {
			t.Errorf("%q lies in %s", none, got)
		}
	}
}

func TestAssume(t *testing.T) {
	for _, c := range []struct {
		name  string
		given clinicOptions
		env   []string
		want  clinicOptions
	}{
		{"nothing given", clinicOptions{}, []string{"TZ=Europe/Berlin"},
			clinicOptions{name: usualName, timezone: "Europe/Berlin", country: "DE", hours: usualHours}},
		{"the country follows the zone that was given",
			clinicOptions{timezone: "Asia/Tokyo", given: map[string]bool{"timezone": true}},
			[]string{"TZ=Europe/Berlin", "LANG=de_DE.UTF-8"},
			clinicOptions{name: usualName, timezone: "Asia/Tokyo", country: "JP", hours: usualHours}},
		{"a colon before the zone", clinicOptions{}, []string{"TZ=:America/Chicago"},
			clinicOptions{name: usualName, timezone: "America/Chicago", country: "US", hours: usualHours}},
		{"a locale with an at", clinicOptions{}, []string{"TZ=UTC", "LC_ALL=ca_ES@valencia"},
			clinicOptions{name: usualName, timezone: "UTC", country: "ES", hours: usualHours}},
		{"no locale", clinicOptions{}, []string{"TZ=UTC", "LANG=POSIX"},
			clinicOptions{name: usualName, timezone: "UTC", country: usualCountry, hours: usualHours}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := c.given
			f.assume(environment(c.env...))
			if f.name != c.want.name || f.timezone != c.want.timezone || f.country != c.want.country || f.hours != c.want.hours {
				t.Errorf("assumed %+v, want %+v", f, c.want)
			}
			if _, err := f.draft(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAskForAClinic(t *testing.T) {
	answers := "Praxis am Park\nBerlin\nEurope/Berlin\n\n9-17\nMon-Thu 08:00-12:00\n"
	var shown strings.Builder
	f := clinicOptions{name: "", given: map[string]bool{}}
	p := &prompt{bufio.NewReader(strings.NewReader(answers)), &shown}
	if err := f.askMissing(p, environment("TZ=UTC")); err != nil {
		t.Fatal(err, shown.String())
	}
	if f.name != "Praxis am Park" || f.timezone != "Europe/Berlin" || f.country != "DE" ||
		f.hours != "Mon-Thu 08:00-12:00" {
		t.Errorf("%+v", f)
	}
	for _, want := range []string{
		"Name of the clinic [My clinic]: ", "Time zone (IANA) [UTC]: ", "  Must be an IANA time zone", "[DE]: ",
		"Opening hours [Mon-Fri 09:00-17:00]: ", `  "9-17" must start with its days`,
	} {
		if !strings.Contains(shown.String(), want) {
			t.Errorf("%q was not shown:\n%s", want, &shown)
		}
	}
	if f.assume(environment()) != nil {
		t.Error("something is assumed after everything was asked")
	}
}

func TestAskOnlyWhatIsMissing(t *testing.T) {
	var shown strings.Builder
	f := clinicOptions{name: "A", timezone: "Europe/Vienna", hours: usualHours,
		given: map[string]bool{"name": true, "timezone": true, "hours": true}}
	if err := f.askMissing(&prompt{bufio.NewReader(strings.NewReader("\n")), &shown}, environment()); err != nil {
		t.Fatal(err)
	}
	if f.country != "AT" || strings.Count(shown.String(), "]: ") != 1 {
		t.Errorf("country %s; shown %q", f.country, &shown)
	}
}
