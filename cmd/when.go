package cmd

import (
	"time"

	"qualifybase/engine"
	"qualifybase/httpapi"
)

// readWhen reads a flag that takes an instant or a date, as the API's parameters do.
func readWhen(flag, text string, to *httpapi.When) error {
	if text == "" {
		return nil
	}
	if err := to.UnmarshalText([]byte(text)); err != nil {
		return misuse("%s: %w", flag, err)
	}
	return nil
}

// momentOf is what the engine takes, which knows the zone that a date is meant in.
func momentOf(w httpapi.When) engine.Moment {
	m := engine.Moment{At: w.Instant, Set: w.Set}
	if w.IsDate {
		m.Date = &w.Date
	}
	return m
}

// inZone is the UTC second of an instant or of a date's beginning; absent is 0.
func inZone(w httpapi.When, zone *time.Location) int64 {
	if w.IsDate {
		return engine.Instant(zone, w.Date, 0)
	}
	return w.Instant
}
