package cmd

import (
	"time"

	"qualifybase/engine/calendar"
	"qualifybase/httpapi/wire"
)

// readWhen reads a flag that takes an instant or a date, as the API's parameters do.
func readWhen(flag, text string, to *wire.When) error {
	if text == "" {
		return nil
	}
	if err := to.UnmarshalText([]byte(text)); err != nil {
		return usageError("%s: %w", flag, err)
	}
	return nil
}

// inZone is the UTC second of an instant or of a date's beginning; absent is 0.
func inZone(w wire.When, zone *time.Location) int64 {
	if w.IsDate {
		return calendar.Instant(zone, w.Date, 0)
	}
	return w.Instant
}
