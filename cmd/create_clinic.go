package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
)

// What a clinic is like when nobody says otherwise.
const (
	usualName    = "My clinic"
	usualHours   = "Mon-Fri 09:00-17:00"
	usualCountry = "US"
)

// clinicOptions are what `qb init` and `qb clinics create` ask of a new clinic, as text.
type clinicOptions struct {
	name, slug, timezone, country, hours string
	given                                map[string]bool // the flags that were set
}

// addClinicOptions gives a verb the flags that `qb init` and `qb clinics create` share.
func addClinicOptions(c *cobra.Command, o *clinicOptions) {
	c.Flags().StringVar(&o.timezone, "timezone", "", "IANA `ZONE`, such as Europe/Berlin")
	c.Flags().StringVar(&o.country, "country", "", "two-letter `CODE`; phone numbers without + are read as dialled there")
	c.Flags().StringVar(&o.hours, "hours", "", `opening hours, such as "Mon-Fri 09:00-12:00,13:00-17:00"`)
}

// assumption is a value that nobody gave, and why it is this one.
type assumption struct{ flag, value, why string }

func (a assumption) String() string { return fmt.Sprintf("--%s: %s (%s)", a.flag, a.value, a.why) }

// assume fills what was not given; the order matters, for the country follows the zone.
func (o *clinicOptions) assume(env func(string) (string, bool)) (list []assumption) {
	fill := func(flag string, to *string, usual func() (string, string)) {
		if o.given[flag] {
			return
		}
		value, why := usual()
		*to = value
		list = append(list, assumption{flag, value, why})
	}
	fill("name", &o.name, func() (string, string) { return usualName, "the default" })
	fill("timezone", &o.timezone, func() (string, string) { return systemZone(env) })
	fill("country", &o.country, func() (string, string) { return guessCountry(o.timezone, env) })
	fill("hours", &o.hours, func() (string, string) { return usualHours, "the default" })
	return list
}

// draft is the new clinic as the engine takes it. What is wrong is named by its flag.
func (o *clinicOptions) draft() (directory.ClinicDraft, error) {
	d := directory.ClinicDraft{Name: o.name, Slug: o.slug, TimeZone: o.timezone, Country: strings.ToUpper(o.country)}
	week, err := calendar.ParseHours(o.hours)
	if err != nil {
		return d, usageError("--hours: %w", err)
	}
	d.Hours = week
	return d, asFlags(d.Check(), clinicOptionFlags)
}

// noteFullDays notes windows that begin when they end: they are 24 hours long
// (booking.md §4), which is seldom what a typing mistake meant.
func (o *clinicOptions) noteFullDays(w io.Writer) {
	week, err := calendar.ParseHours(o.hours)
	if err != nil {
		return
	}
	told := map[calendar.Window]bool{}
	for _, day := range week {
		for _, win := range day {
			if win.From == win.To && !told[win] {
				told[win] = true
				fmt.Fprintf(w, "note: %s is 24 hours, until the same time of the next day\n", win)
			}
		}
	}
}

// clinicOptionFlags are the flags behind the fields of a new clinic.
var clinicOptionFlags = map[string]string{"time_zone": "--timezone"}

// askMissing puts the questions that the flags left open to a person, with the
// assumptions as default answers.
func (o *clinicOptions) askMissing(p *prompt, env func(string) (string, bool)) error {
	for _, q := range []struct {
		flag, question string
		to             *string
	}{
		{"name", "Name of the clinic", &o.name},
		{"timezone", "Time zone (IANA)", &o.timezone},
		{"country", "Country (two letters; reads phone numbers without +)", &o.country},
		{"hours", "Opening hours", &o.hours},
	} {
		if o.given[q.flag] {
			continue
		}
		o.assume(env)
		answer, err := p.ask(q.question, *q.to, func(text string) error {
			try := *o
			try.set(q.flag, text)
			return try.faultOf(q.flag)
		})
		if err != nil {
			return err
		}
		o.set(q.flag, answer)
		o.given[q.flag] = true
	}
	return nil
}

func (o *clinicOptions) set(flag, text string) {
	switch flag {
	case "name":
		o.name = text
	case "timezone":
		o.timezone = text
	case "country":
		o.country = text
	case "hours":
		o.hours = text
	}
}

// faultOf is what is wrong with one flag's value, others aside.
func (o *clinicOptions) faultOf(flag string) error {
	_, err := o.draft()
	if e, ok := errors.AsType[*fault.Error](err); ok {
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

// createClinic makes the clinic that the options describe.
func (o *clinicOptions) createClinic(ctx context.Context, e *engine.Engine, verb string) (directory.Clinic, error) {
	d, err := o.draft()
	if err != nil {
		return directory.Clinic{}, err
	}
	c, err := e.CreateClinic(ctx, act.Shell(0, verb), d)
	return c, asFlags(err, clinicOptionFlags)
}
