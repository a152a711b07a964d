package booking

import (
	"cmp"
	"context"
	"slices"
	"time"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/text"
)

// Preference narrows availability to a part of the local day.
type Preference string

// The parts of the day (contract.md §9), by the local start.
const (
	Morning   Preference = "morning"   // before 12:00
	Afternoon Preference = "afternoon" // 12:00–16:59
	Evening   Preference = "evening"   // from 17:00 on
	AnyTime   Preference = "any"
)

// Preferences lists them.
var Preferences = []Preference{Morning, Afternoon, Evening, AnyTime}

// Words lists the values as text.
func (Preference) Words() []string { return text.Words(Preferences) }

// Valid reports whether the preference is one of ours, or empty.
func (p Preference) Valid() bool { return p == "" || slices.Contains(Preferences, p) }

// admits reports whether the preference wants a start at this local minute of the day.
func (p Preference) matches(minute int) bool {
	switch p {
	case Morning:
		return minute < 12*60
	case Afternoon:
		return minute >= 12*60 && minute < 17*60
	case Evening:
		return minute >= 17*60
	}
	return true
}

// Limits of an availability question (contract.md §9).
const (
	DefaultSlots  = 20
	MaxSlots      = 500
	MaxRangeDays  = 62
	searchSeconds = 14 * 86400 // "first free" goes on in pieces of at most this length
	searchFirst   = 2 * 86400  // its first piece: a short list mostly ends there
)

// AvailabilityQuery asks for open slots; zero fields are defaults.
type AvailabilityQuery struct {
	From, To   calendar.Moment
	Preference Preference
	Limit      int // 0 = DefaultSlots
	Minutes    int // duration; 0 = the service's, else the clinic's default
	ProviderID int64
	LocationID int64
	ServiceID  int64
	Cursor     string
}

var availabilityRead = act.Define("availability.read", scope.AvailabilityRead)

// Availability lists open slots: each is a booking without a person and books
// when it is posted back, unless somebody was faster. Each start is given once,
// with the provider whom assignment would prefer.
//
// Errors: Invalid (range, limit, length), InvalidCursor, NotFound (provider, location, service).
func (e *Engine) Availability(ctx context.Context, c act.Caller, q AvailabilityQuery) (act.List[Slot], error) {
	if err := q.check(); err != nil {
		return act.List[Slot]{}, err
	}
	after, err := q.after(c.Clinic)
	if err != nil {
		return act.List[Slot]{}, err
	}
	return act.Read(ctx, e.Room, c, availabilityRead, func(r Reader) (act.List[Slot], error) {
		d, err := newScheduler(r, c, e.Now().Unix())
		if err != nil {
			return act.List[Slot]{}, err
		}
		defer d.release()
		w, window, err := q.resolve(d)
		if err != nil {
			return act.List[Slot]{}, err
		}
		window.Start = max(window.Start, d.now, after+1)
		list, err := d.open(w, window, q.Preference, q.Limit)
		if list.More {
			list.Next = q.next(c.Clinic, d.now, list.Items[len(list.Items)-1])
		}
		return list, err
	})
}

// check holds the query's own values against their limits.
func (q *AvailabilityQuery) check() error {
	var f fault.Faults
	if !q.Preference.Valid() {
		f.Add("preference", "Must be %s", text.Or(Preferences))
	}
	if q.Limit == 0 {
		q.Limit = DefaultSlots
	}
	if q.Limit < 1 || q.Limit > MaxSlots {
		f.Add("limit", "Must be 1 to %d", MaxSlots)
	}
	if q.Minutes < 0 || q.Minutes > 1439 {
		f.Add("duration", "Must be 1 to 1439 minutes")
	}
	return f.Err()
}

// resolve turns ids and local dates into criteria and a window of starts, cut at
// the horizon.
func (q *AvailabilityQuery) resolve(d *scheduler) (criteria, calendar.Span, error) {
	w, err := d.criteria(q.ProviderID, q.LocationID, q.ServiceID)
	if err != nil {
		return w, calendar.Span{}, err
	}
	zone := d.zoneFor(w)
	if w.length = int64(q.Minutes) * 60; w.length == 0 && w.service == nil {
		w.length = int64(d.plan.Clinic.Settings.DefaultMinutes) * 60
	}
	from := d.now
	if q.From.Set {
		from = q.From.In(zone)
	}
	horizon := calendar.Instant(zone, calendar.LocalDate(zone, d.now)+calendar.Date(d.horizon(w))+1, 0)
	to := horizon
	if q.To.Set {
		to = q.To.In(zone)
		switch {
		case q.nowhere(zone): // dates that the zone never had (booking.md §3.3)
			return w, calendar.Span{Start: from, End: from}, nil
		case to <= from:
			return w, calendar.Span{}, (&fault.Error{Kind: fault.Invalid, Message: "Invalid query parameters"}).On("to",
				"Must be after from")
		case q.From.Set && to-from > MaxRangeDays*86400+3600 || !q.From.Set && to-d.now > MaxRangeDays*86400+3600:
			return w, calendar.Span{}, (&fault.Error{Kind: fault.Invalid, Message: "Invalid query parameters"}).On("to",
				"Must be at most %d days after from", MaxRangeDays)
		}
	}
	return w, calendar.Span{Start: from, End: min(to, horizon)}, nil
}

// nowhere reports whether from and to are different dates with nothing between them,
// because the zone skipped what lies there.
func (q *AvailabilityQuery) nowhere(zone *time.Location) bool {
	a, b := q.From, q.To
	return a.IsDate && b.IsDate && a.Date < b.Date && a.In(zone) == b.In(zone)
}

// zoneFor is the zone in which the query's dates are meant: the asked location's
// or provider's, else the clinic's.
func (d *scheduler) zoneFor(w criteria) *time.Location {
	if l := d.plan.Location(w.location); l != nil {
		return d.plan.ZoneOf(l)
	}
	if w.provider != nil {
		if places := d.plan.LocationsFor(w.provider, w.service, 0); len(places) > 0 {
			return d.plan.ZoneOf(places[0])
		}
	}
	return d.plan.Zone
}

// horizon in days, for the criteria.
func (d *scheduler) horizon(w criteria) int {
	if w.service != nil && w.service.HorizonDays >= 0 {
		return w.service.HorizonDays
	}
	return d.plan.Clinic.Settings.HorizonDays
}

// open walks the window in pieces until limit starts are found.
func (d *scheduler) open(w criteria, window calendar.Span, part Preference, limit int) (act.List[Slot], error) {
	out := act.List[Slot]{Items: make([]Slot, 0, min(limit, 64))}
	length := int64(searchFirst)
	for piece := (calendar.Span{Start: window.Start, End: min(window.End, window.Start+length)}); !piece.Empty(); {
		lanes, err := d.lanes(w, piece)
		if err != nil {
			return out, err
		}
		lanes = d.preferred(d.active(lanes))
		if len(lanes) == 0 {
			break
		}
		MergeLanes(lanes, d.now, piece, 0, func(start int64, eligible []*Lane) bool {
			if part != "" && part != AnyTime && !part.matches(calendar.LocalMinute(eligible[0].Zone(), start)) {
				return true
			}
			if len(out.Items) == limit {
				out.More = true
				return false
			}
			out.Items = append(out.Items, d.slot(eligible[0], start))
			return true
		})
		if d.fault != nil {
			return out, d.fault
		}
		if out.More {
			break
		}
		length = min(3*length, searchSeconds)
		piece = calendar.Span{Start: piece.End, End: min(window.End, piece.End+length)}
	}
	return out, nil
}

// active leaves out the providers that nobody can book.
func (d *scheduler) active(lanes []*Lane) []*Lane {
	keep := lanes[:0]
	for _, l := range lanes {
		if d.bookable(d.plan.Provider(l.ProviderID)) {
			keep = append(keep, l)
		}
	}
	return keep
}

// preferred sorts lanes as assignment would look at them, by what the listing
// already knows: priority, then the fewest occupied minutes per weight.
func (d *scheduler) preferred(lanes []*Lane) []*Lane {
	if len(lanes) < 2 {
		return lanes
	}
	load := make(map[int64]int64, len(lanes)) // summed once: the comparison asks again and again
	for _, l := range lanes {
		if _, ok := load[l.ProviderID]; !ok {
			load[l.ProviderID] = d.occupiedSeconds(l.ProviderID)
		}
	}
	slices.SortStableFunc(lanes, func(a, b *Lane) int {
		p, q := d.plan.Provider(a.ProviderID), d.plan.Provider(b.ProviderID)
		return cmp.Or(cmp.Compare(p.Priority, q.Priority),
			cmp.Compare(load[p.ID]*int64(q.Weight), load[q.ID]*int64(p.Weight)))
	})
	return lanes
}

// occupiedSeconds is how long the provider is taken around the window asked last.
func (d *scheduler) occupiedSeconds(provider int64) (sum int64) {
	for _, s := range d.busy[ProviderResource(provider)] {
		sum += s.Len()
	}
	return sum
}

// Candidate is a start with the verdict on it, for `qb availability --explain` (booking.md §10).
type Candidate struct {
	Slot
	Verdict Verdict
}

// Explain gives every candidate start of every lane in the range, offered or with
// the first reason why not, as of now (UTC seconds; 0 = the clock's). Where no lane
// meets the criteria it is refused as a booking would be: an empty list tells no reason.
//
// Errors: Invalid (range, limit, length), NotFound (provider, location, service), ProviderInactive.
func (e *Engine) Explain(ctx context.Context, c act.Caller, q AvailabilityQuery, now int64) ([]Candidate, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	return act.Read(ctx, e.Room, c, availabilityRead, func(r Reader) ([]Candidate, error) {
		if now == 0 {
			now = e.Now().Unix()
		}
		d, err := newScheduler(r, c, now)
		if err != nil {
			return nil, err
		}
		defer d.release()
		d.staff = true
		w, window, err := q.resolve(d)
		if err != nil {
			return nil, err
		}
		if q.To.Set { // also what lies beyond the horizon: that is an answer here, as is the past
			window.End = q.To.In(d.zoneFor(w))
		} else {
			window.End = min(window.End, window.Start+MaxRangeDays*86400)
		}
		lanes, err := d.lanes(w, window)
		if err == nil && len(lanes) == 0 {
			err = noProvider()
		}
		var out []Candidate
		for _, l := range lanes {
			active := d.bookable(d.plan.Provider(l.ProviderID))
			l.Explain(now, window, func(start int64, v Verdict) bool {
				if v == Offered && !active {
					v = RefusedInactive // the last reason, as at booking (booking.md §1.7)
				}
				out = append(out, Candidate{d.slot(l, start), v})
				return true
			})
		}
		return out, cmp.Or(err, d.fault)
	})
}
