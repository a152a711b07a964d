package cmd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"qualifybase/engine"
)

// What a clinic is like when nobody says otherwise.
const (
	usualName    = "My clinic"
	usualHours   = "Mon-Fri 09:00-17:00"
	usualCountry = "US"
)

// founding is what `qb init` and `qb clinics create` ask of a new clinic, as text.
type founding struct {
	name, slug, timezone, country, hours string
	given                                map[string]bool // the flags that were set
}

// assumption is a value that nobody gave, and why it is this one.
type assumption struct{ flag, value, why string }

func (a assumption) String() string { return fmt.Sprintf("--%s: %s (%s)", a.flag, a.value, a.why) }

// assume fills what was not given; the order matters, for the country follows the zone.
func (f *founding) assume(env func(string) (string, bool)) (list []assumption) {
	fill := func(flag string, to *string, usual func() (string, string)) {
		if f.given[flag] {
			return
		}
		value, why := usual()
		*to = value
		list = append(list, assumption{flag, value, why})
	}
	fill("name", &f.name, func() (string, string) { return usualName, "the default" })
	fill("timezone", &f.timezone, func() (string, string) { return systemZone(env) })
	fill("country", &f.country, func() (string, string) { return guessCountry(f.timezone, env) })
	fill("hours", &f.hours, func() (string, string) { return usualHours, "the default" })
	return list
}

// draft is the founding as the engine takes it. What is wrong is named by its flag.
func (f *founding) draft() (engine.ClinicDraft, error) {
	d := engine.ClinicDraft{Name: f.name, Slug: f.slug, TimeZone: f.timezone, Country: strings.ToUpper(f.country)}
	week, err := engine.ParseHours(f.hours)
	if err != nil {
		return d, misuse("--hours: %w", err)
	}
	d.Hours = week
	return d, asFlags(d.Check(), foundingFlags)
}

// roundTheClock notes windows that begin when they end: they are 24 hours long
// (booking.md §4), which is seldom what a typing mistake meant.
func (f *founding) roundTheClock(w io.Writer) {
	week, err := engine.ParseHours(f.hours)
	if err != nil {
		return
	}
	told := map[engine.Window]bool{}
	for _, day := range week {
		for _, win := range day {
			if win.From == win.To && !told[win] {
				told[win] = true
				fmt.Fprintf(w, "note: %s is 24 hours, until the same time of the next day\n", win)
			}
		}
	}
}

var foundingFlags = map[string]string{"time_zone": "--timezone"}

// ask puts the questions that the flags left open to a person, with the
// assumptions as default answers.
func (f *founding) ask(p *prompt, env func(string) (string, bool)) error {
	for _, q := range []struct {
		flag, question string
		to             *string
	}{
		{"name", "Name of the clinic", &f.name},
		{"timezone", "Time zone (IANA)", &f.timezone},
		{"country", "Country (two letters; reads phone numbers without +)", &f.country},
		{"hours", "Opening hours", &f.hours},
	} {
		if f.given[q.flag] {
			continue
		}
		f.assume(env)
		answer, err := p.ask(q.question, *q.to, func(text string) error {
			try := *f
			try.set(q.flag, text)
			return try.faultOf(q.flag)
		})
		if err != nil {
			return err
		}
		f.set(q.flag, answer)
		f.given[q.flag] = true
	}
	return nil
}

func (f *founding) set(flag, text string) {
	switch flag {
	case "name":
		f.name = text
	case "timezone":
		f.timezone = text
	case "country":
		f.country = text
	case "hours":
		f.hours = text
	}
}

// faultOf is what is wrong with one flag's value, others aside.
func (f *founding) faultOf(flag string) error {
	_, err := f.draft()
	if e, ok := errors.AsType[*engine.Error](err); ok {
		for _, d := range e.Details {
			if d.Field == "--"+flag {
				return errors.New(d.Message)
			}
		}
		return nil
	}
	if err != nil && flag == "hours" {
		return errors.New(strings.TrimPrefix(err.Error(), "--hours: "))
	}
	return nil
}

// systemZone is the IANA name of this machine's zone, else UTC.
func systemZone(env func(string) (string, bool)) (zone, why string) {
	known := func(name string) bool { _, err := engine.LoadZone(name); return err == nil }
	if tz, ok := env("TZ"); ok && known(strings.TrimPrefix(tz, ":")) {
		return strings.TrimPrefix(tz, ":"), "from TZ"
	}
	if target, err := filepath.EvalSymlinks("/etc/localtime"); err == nil {
		if _, name, ok := strings.Cut(target, "zoneinfo/"); ok && known(name) {
			return strings.ReplaceAll(name, "Etc/UTC", "UTC"), "this machine's"
		}
	}
	if text, err := os.ReadFile("/etc/timezone"); err == nil {
		if name := strings.TrimSpace(string(text)); known(name) {
			return name, "this machine's"
		}
	}
	return "UTC", "this machine's zone has no name"
}

// guessCountry takes the country of the zone, else of the locale.
func guessCountry(zone string, env func(string) (string, bool)) (country, why string) {
	if c := countryOfZone(zone); c != "" {
		return c, "the country of " + zone
	}
	for _, name := range []string{"LC_ALL", "LC_TELEPHONE", "LANG"} {
		text, _ := env(name)
		text, _, _ = strings.Cut(text, ".")
		_, region, _ := strings.Cut(text, "_")
		region, _, _ = strings.Cut(region, "@")
		if engine.ValidCountry(region) {
			return region, "from " + name
		}
	}
	return usualCountry, "the default; it reads phone numbers without +"
}
