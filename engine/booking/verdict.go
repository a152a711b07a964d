package booking

import (
	"qualifybase/engine/calendar"
	"qualifybase/engine/fault"
)

// Verdict is what the rules say about one start: Offered, or the first reason why
// not, in the order of booking.md §1.7.
type Verdict uint8

// The verdicts in their order. The four of closed hours go from the weakest
// reason to the strongest.
const (
	Offered            Verdict = iota
	RefusedLength              // no length, or more than 24 h with its buffers
	RefusedPast                // before now
	RefusedNotice              // sooner than the notice that the service asks for
	RefusedHorizon             // on a date beyond the horizon
	RefusedHours               // outside the weekly hours
	RefusedBreak               // in a weekly break
	RefusedOverride            // the date's own hours say no
	RefusedClosure             // closed by a closure
	RefusedTaken               // the provider or the room is not free
	RefusedProviderCap         // the provider's appointments of that date are full
	RefusedServiceCap          // the service's appointments of that date are full
	RefusedInactive            // all is well, but the provider takes no bookings
)

var verdictTexts = [...]string{
	Offered:            "offered",
	RefusedLength:      "no valid length",
	RefusedPast:        "in the past",
	RefusedNotice:      "too soon: notice",
	RefusedHorizon:     "beyond the horizon",
	RefusedHours:       "closed: hours",
	RefusedBreak:       "closed: break",
	RefusedOverride:    "closed: override",
	RefusedClosure:     "closed: closure",
	RefusedTaken:       "taken",
	RefusedProviderCap: "provider's daily cap reached",
	RefusedServiceCap:  "service's daily cap reached",
	RefusedInactive:    "provider inactive",
}

// String is the reason as --explain prints it.
func (v Verdict) String() string { return verdictTexts[v] }

// closedVerdict is the refusal of closed hours; Offered where they are open.
func closedVerdict(why calendar.Closed) Verdict {
	if why == calendar.IsOpen {
		return Offered
	}
	return RefusedHours + Verdict(why-calendar.OutOfHours)
}

// Kind is the kind of error that the verdict becomes; "" for Offered.
func (v Verdict) Kind() fault.Kind {
	switch v {
	case Offered:
		return ""
	case RefusedLength:
		return fault.Invalid
	case RefusedPast:
		return fault.InThePast
	case RefusedNotice:
		return fault.TooSoon
	case RefusedHorizon:
		return fault.BeyondHorizon
	case RefusedHours, RefusedBreak, RefusedOverride, RefusedClosure:
		return fault.OutsideHours
	case RefusedTaken:
		return fault.SlotTaken
	case RefusedInactive:
		return fault.ProviderInactive
	}
	return fault.CapReached
}

// Closed tells the verdicts about opening hours, which staff may overrule with
// allow_outside_hours (booking.md §1.5).
func (v Verdict) Closed() bool { return v.Kind() == fault.OutsideHours }

// Refusal is the error a caller reads, with the way out by the rules that refused;
// nil for Offered. Who holds a taken time is never part of it.
func (v Verdict) Refusal(r Rules) *fault.Error {
	const field = "scheduled_at"
	switch v {
	case Offered:
		return nil
	case RefusedLength:
		return lengthFault()
	case RefusedPast:
		return fault.Fail(v.Kind(), "That time is in the past").On(field, "must not be before now")
	case RefusedNotice:
		return fault.Fail(v.Kind(), "That time is too soon").On(field, "must be at least %s from now", minutesText(r.Notice))
	case RefusedHorizon:
		return fault.Fail(v.Kind(), "That time is too far ahead").
			On(field, "must be at most %d days from today", r.HorizonDays)
	case RefusedHours:
		return fault.Fail(v.Kind(), "That time is outside opening hours").On(field, "must be inside opening hours")
	case RefusedBreak:
		return fault.Fail(v.Kind(), "That time is in a break").On(field, "must not reach into a break")
	case RefusedOverride:
		return fault.Fail(v.Kind(), "That date has special hours").On(field, "must be inside the hours of that date")
	case RefusedClosure:
		return fault.Fail(v.Kind(), "That time is in a closure").On(field, "must not reach into a closure")
	case RefusedTaken:
		return fault.Fail(v.Kind(), "That time is no longer free").On(field, "choose another time")
	case RefusedProviderCap:
		return fault.Fail(v.Kind(), "That day is full").On(field,
			"choose another day: the provider takes %d appointments a day", r.ProviderCap)
	case RefusedInactive:
		return fault.Fail(v.Kind(), "This provider takes no bookings").On("provider_id",
			"Choose another provider, or leave it out")
	}
	return fault.Fail(v.Kind(), "That day is full").On(field,
		"choose another day: the service takes %d appointments a day", r.ServiceCap)
}
