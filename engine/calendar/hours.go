package calendar

import (
	"fmt"
	"time"

	"qualifybase/engine/fault"
)

// Window is a stretch of wall-clock time in minutes since midnight. From is
// 00:00–23:59, To is 00:00–24:00; a To that is not after From lies on the next
// calendar day, and the window belongs to the day it starts on (booking.md §4).
type Window struct{ From, To int }

// Minutes is the window's length by the clock on the wall: 1 to 1440.
func (w Window) Minutes() int {
	if w.To <= w.From {
		return w.To + 1440 - w.From
	}
	return w.To - w.From
}

// String is HH:MM-HH:MM.
func (w Window) String() string { return ClockText(w.From) + "-" + ClockText(w.To) }

func (w Window) fault() string {
	switch {
	case w.From < 0 || w.From >= 1440:
		return "must start between 00:00 and 23:59"
	case w.To < 0 || w.To > 1440:
		return "must end between 00:00 and 24:00"
	}
	return ""
}

// Week holds the windows of every weekday, indexed by time.Weekday; a day without any
// is closed.
type Week [7][]Window

var (
	weekOrder = [7]time.Weekday{1, 2, 3, 4, 5, 6, 0} // as people write it: Monday first
	DayKeys   = [7]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
)

// IsZero tells a week without any window.
func (w Week) IsZero() bool {
	for _, day := range w {
		if len(day) > 0 {
			return false
		}
	}
	return true
}

// Limits of a schedule: more than anybody needs, few enough to resolve quickly.
const (
	MaxWindows   = 24   // per day
	MaxOverrides = 1000 // per schedule
)

// Validate records the faults of every window under field, as "weekly.mon[2].from".
func (w Week) Validate(f *fault.Faults, field string) {
	for _, day := range weekOrder {
		validateWindows(f, field+"."+DayKeys[day], w[day])
	}
}

func validateWindows(f *fault.Faults, field string, list []Window) {
	if len(list) > MaxWindows {
		f.Add(field, "must have at most %d windows", MaxWindows)
	}
	for i, w := range list {
		if msg := w.fault(); msg != "" {
			f.Add(fmt.Sprintf("%s[%d]", field, i), "%s", msg)
		}
	}
}

// Override replaces the weekly hours of one date, 00:00–24:00, weekly breaks and
// the night tail of the day before included. No windows = closed (booking.md §4).
type Override struct {
	Date    Date
	Windows []Window
	Reason  string
}

// Schedule is what a location, provider or service says about its hours, as
// wall-clock rules; the zone is its owner's (booking.md §3, §4).
type Schedule struct {
	Weekly    Week
	Breaks    Week
	Overrides []Override
}

// IsZero tells a schedule that was never set: it limits nothing, whereas one with
// an override but no weekly hours is open on that date only.
func (s Schedule) IsZero() bool {
	return s.Weekly.IsZero() && s.Breaks.IsZero() && len(s.Overrides) == 0
}

// Validate records every fault under field ("schedule"), which may be empty.
func (s Schedule) Validate(f *fault.Faults, field string) {
	if field != "" {
		field += "."
	}
	s.Weekly.Validate(f, field+"weekly")
	s.Breaks.Validate(f, field+"breaks")
	if len(s.Overrides) > MaxOverrides {
		f.Add(field+"overrides", "must have at most %d entries", MaxOverrides)
	}
	seen := make(map[Date]bool, len(s.Overrides))
	for i, o := range s.Overrides {
		at := fmt.Sprintf("%soverrides[%d]", field, i)
		if o.Date < MinDate || o.Date > MaxDate {
			f.Add(at+".date", "must be a date like 2026-04-27")
		}
		if seen[o.Date] {
			f.Add(at+".date", "%s has an override already: put all windows of a date into one", o.Date)
		}
		seen[o.Date] = true
		validateWindows(f, at+".windows", o.Windows)
		if len([]rune(o.Reason)) > 500 {
			f.Add(at+".reason", "must be at most 500 characters")
		}
	}
}
