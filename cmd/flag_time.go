package cmd

import "qualifybase/engine/calendar"

// readMoment reads a flag that takes an instant or a date, as the API's parameters do.
func readMoment(flag, text string, to *calendar.Moment) error {
	if text == "" {
		return nil
	}
	if err := to.UnmarshalText([]byte(text)); err != nil {
		return usageError("%s: %w", flag, err)
	}
	return nil
}
