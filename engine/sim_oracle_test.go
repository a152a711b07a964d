package engine_test

import (
	"slices"
	"time"

	"qualifybase/engine/booking"
	"qualifybase/engine/fault"
)

// oracle is the calendar as a child would keep it: a list of visits, a list of
// holds, and the rules of booking.md looked up one after the other. It shares no
// code with the engine.
type oracle struct {
	now    time.Time
	zone   *time.Location
	hours  map[int64]func(time.Weekday) [][2]int // provider → windows of the day, in minutes
	visits []*simVisit
	holds  []*simHold
}

type simVisit struct {
	id         string
	provider   int64
	lead       string
	start, end time.Time
	before     time.Duration // buffers
	after      time.Duration
	status     booking.Status
}

type simHold struct {
	id, token  string
	provider   int64
	service    simService
	start, end time.Time
	expires    time.Time
}

// simService is what the simulation books.
type simService struct {
	id            int64
	length        time.Duration
	before, after time.Duration
}

// verdict says what booking these times must answer, in the order of booking.md
// §1.7; lead "" is a hold, and skip one visit or hold that makes room for itself.
func (o *oracle) verdict(provider int64, lead string, start time.Time, s simService, skip any) fault.Kind {
	end := start.Add(s.length)
	switch {
	case start.Before(o.now):
		return fault.InThePast
	case o.days(start) > o.days(o.now)+365:
		return fault.BeyondHorizon
	case !o.open(provider, start, end):
		return fault.OutsideHours
	case o.taken(provider, start.Add(-s.before), end.Add(s.after), skip):
		return fault.SlotTaken
	case lead != "" && o.personBusy(lead, start, end, skip):
		return fault.PatientOverlap
	}
	return ""
}

// days counts local dates.
func (o *oracle) days(at time.Time) int {
	y, m, d := at.In(o.zone).Date()
	return int(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

func (o *oracle) open(provider int64, start, end time.Time) bool {
	local := start.In(o.zone)
	for _, w := range o.hours[provider](local.Weekday()) {
		y, m, d := local.Date()
		from := time.Date(y, m, d, w[0]/60, w[0]%60, 0, 0, o.zone)
		to := time.Date(y, m, d, w[1]/60, w[1]%60, 0, 0, o.zone)
		if !start.Before(from) && !end.After(to) {
			return true
		}
	}
	return false
}

func (v *simVisit) live() bool {
	return v.status == booking.Scheduled || v.status == booking.Confirmed || v.status == booking.Completed
}

func (o *oracle) taken(provider int64, from, to time.Time, skip any) bool {
	for _, v := range o.visits {
		if v != skip && v.live() && v.provider == provider && v.start.Add(-v.before).Before(to) &&
			from.Before(v.end.Add(v.after)) {
			return true
		}
	}
	for _, h := range o.holds {
		if h != skip && h.provider == provider && h.expires.After(o.now) &&
			h.start.Add(-h.service.before).Before(to) && from.Before(h.end.Add(h.service.after)) {
			return true
		}
	}
	return false
}

func (o *oracle) personBusy(lead string, from, to time.Time, skip any) bool {
	return slices.ContainsFunc(o.visits, func(v *simVisit) bool {
		return v != skip && v.live() && v.lead == lead && v.start.Before(to) && from.Before(v.end)
	})
}

// offers are the starts that a list of the day must show.
func (o *oracle) offers(provider int64, s simService, day time.Time) []int64 {
	var out []int64
	y, m, d := day.In(o.zone).Date()
	for _, w := range o.hours[provider](time.Date(y, m, d, 12, 0, 0, 0, o.zone).Weekday()) {
		for at := time.Date(y, m, d, w[0]/60, w[0]%60, 0, 0, o.zone); ; at = at.Add(15 * time.Minute) {
			if at.Add(s.length).After(time.Date(y, m, d, w[1]/60, w[1]%60, 0, 0, o.zone)) {
				break
			}
			if o.verdict(provider, "", at, s, nil) == "" {
				out = append(out, at.Unix())
			}
		}
	}
	return out
}

// transit says what a verb must answer and makes it so.
func (o *oracle) transit(v *simVisit, to booking.Status) fault.Kind {
	if v.status == to {
		return ""
	}
	may := v.status == booking.Scheduled || v.status == booking.Confirmed
	switch to {
	case booking.Confirmed:
		may = v.status == booking.Scheduled && v.start.Add(15*time.Minute).After(o.now)
	case booking.Cancelled:
		may = may && o.now.Before(v.end)
	case booking.Completed:
		may = may && !o.now.Before(v.start.Add(-30*time.Minute))
	case booking.NoShow:
		may = may && !o.now.Before(v.start.Add(15*time.Minute))
	}
	if !may {
		return fault.InvalidTransition
	}
	v.status = to
	return ""
}
