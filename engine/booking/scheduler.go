package booking

import (
	"slices"
	"sync"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
)

// scheduler is one instant of the clinic's plan with its calendar
// behind it. Listing and booking both ask it, so they cannot disagree; only the
// snapshot they stand on differs (booking.md §1.6).
type scheduler struct {
	Reader
	plan   *directory.Plan
	now    int64
	test   bool
	staff  bool        // may book who is not bookable online
	except []int64     // occupancy rows that do not count: the booking's own, or its hold's
	own    Appointment // the one that moves: a day's count leaves it out; zero = none

	busy       map[Resource][]calendar.Span // of busyWindow
	busyWindow calendar.Span
	fault      error           // of a count for the caps
	raw        []Occupied      // working memory, reused
	spans      []calendar.Span // what busy's slices are cut from
}

// schedulers keeps working memory: an availability question is asked far more often
// than anything else.
var schedulers = sync.Pool{New: func() any { return &scheduler{busy: map[Resource][]calendar.Span{}} }}

// criteria is what somebody wants to book: zero ids mean any.
type criteria struct {
	provider *directory.Provider
	location int64
	service  *directory.Service
	length   int64 // seconds
	waiver   *Waiver
}

// newScheduler makes one on a snapshot.
func newScheduler(r Reader, c act.Caller, now int64) (*scheduler, error) {
	plan, err := r.Plan(c.Clinic)
	if err != nil {
		return nil, err
	}
	d := schedulers.Get().(*scheduler)
	*d = scheduler{Reader: r, plan: plan, now: now, test: c.Test, staff: c.May(scope.AppointmentsOverride),
		busy: d.busy, raw: d.raw[:0], spans: d.spans[:0]}
	clear(d.busy)
	return d, nil
}

// release gives the scheduler's memory back; none of its lanes may be used any more.
func (d *scheduler) release() {
	const keep = 1 << 15 // spans: one that listed years is not kept
	if cap(d.spans) > keep || cap(d.raw) > keep {
		return
	}
	d.Reader, d.plan = nil, nil
	schedulers.Put(d)
}

// criteria reads the ids of a request; each unknown one is NotFound.
func (d *scheduler) criteria(provider, location, service int64) (w criteria, err error) {
	if provider != 0 {
		if w.provider = d.plan.Provider(provider); w.provider == nil {
			return w, fault.Absent("provider").On("provider_id", "Must be a provider of this clinic")
		}
	}
	if location != 0 && d.plan.Location(location) == nil {
		return w, fault.Absent("location").On("location_id", "Must be a location of this clinic")
	}
	w.location = location
	if service != 0 {
		if w.service = d.plan.Service(service); w.service == nil {
			return w, fault.Absent("service").On("service_id", "Must be a service of this clinic")
		}
	}
	return w, nil
}

// serviceID is the id of the wanted service, 0 for none.
func (w criteria) serviceID() int64 {
	if w.service == nil {
		return 0
	}
	return w.service.ID
}

// lanes gives every provider at every location that could meet the criteria, with
// the footprints that matter to the window. An inactive provider that was asked
// for is among them: that refusal comes last (booking.md §1.7).
func (d *scheduler) lanes(w criteria, window calendar.Span) ([]*Lane, error) {
	var out []*Lane
	for _, p := range d.plan.Providers {
		if w.provider != nil && p.ID != w.provider.ID || w.provider == nil && !d.bookable(p) || !d.plan.Offers(p, w.service) {
			continue
		}
		for _, l := range d.plan.LocationsFor(p, w.service, w.location) {
			lane, err := d.lane(w, p, l, window)
			if err != nil {
				return nil, err
			}
			out = append(out, lane)
		}
	}
	return out, nil
}

// bookable reports whether the caller can book the provider at all.
func (d *scheduler) bookable(p *directory.Provider) bool {
	return p.Active && (p.BookableOnline || d.staff)
}

// lane joins hours, rules and footprints of one provider at one location.
func (d *scheduler) lane(w criteria, p *directory.Provider, l *directory.Location, window calendar.Span) (*Lane,
	error) {
	lane := &Lane{
		ProviderID: p.ID, LocationID: l.ID, ServiceID: w.serviceID(), Resources: resourcesOf(p.ID, l),
		Opening: d.plan.Opening(p, l, w.service), Rules: d.rules(w, p),
	}
	if w.waiver != nil && w.waiver.Hours {
		lane.Opening = calendar.NewOpening(d.plan.ZoneOf(l), nil)
		lane.Rules.Notice, lane.Rules.BuffersInsideHours = 0, false
	}
	if w.waiver == nil || !w.waiver.Overlap {
		for _, r := range lane.Resources {
			spans, err := d.occupied(r, window)
			if err != nil {
				return nil, err
			}
			lane.Busy = d.joined(lane.Busy, spans)
		}
	}
	if lane.Rules.ProviderCap > 0 || lane.Rules.ServiceCap > 0 {
		lane.Booked = d.booked(p.ID, w.serviceID())
	}
	return lane, nil
}

// rules merges what the clinic, the service and the provider ask for; the larger
// buffer wins per side (booking.md §2).
func (d *scheduler) rules(w criteria, p *directory.Provider) Rules {
	set := d.plan.Clinic.Settings
	r := Rules{
		Step: int64(set.StepMinutes) * 60, Length: w.length, Notice: int64(set.NoticeMinutes) * 60,
		HorizonDays: set.HorizonDays, BuffersInsideHours: set.BuffersInsideHours, ProviderCap: p.DailyCap,
		Before: int64(p.BufferBefore) * 60, After: int64(p.BufferAfter) * 60,
	}
	s := w.service
	if s == nil {
		return r
	}
	if r.Length == 0 {
		r.Length = int64(s.DurationMinutes) * 60
	}
	if s.Step > 0 {
		r.Step = int64(s.Step) * 60
	}
	if s.MinNotice >= 0 {
		r.Notice = int64(s.MinNotice) * 60
	}
	if s.HorizonDays >= 0 {
		r.HorizonDays = s.HorizonDays
	}
	r.Align, r.ServiceCap = s.Align, s.DailyCap
	r.Before, r.After = max(r.Before, int64(s.BufferBefore)*60), max(r.After, int64(s.BufferAfter)*60)
	return r
}

// occupied is the footprints of a resource around the window: live ones, without
// expired holds and the booking's own rows.
func (d *scheduler) occupied(r Resource, window calendar.Span) ([]calendar.Span, error) {
	if d.busyWindow != window {
		clear(d.busy)
		d.busyWindow = window
	}
	if spans, ok := d.busy[r]; ok {
		return spans, nil
	}
	var err error
	if d.raw, err = d.Busy(r, d.test, calendar.Span{Start: window.Start - Reach, End: window.End + Reach},
		d.raw[:0]); err != nil {
		return nil, err
	}
	first := len(d.spans)
	for _, o := range d.raw {
		if o.ExpiresAt != 0 && o.ExpiresAt <= d.now || slices.Contains(d.except, o.Row) {
			continue
		}
		d.spans = append(d.spans, o.Span)
	}
	spans := d.spans[first:len(d.spans):len(d.spans)]
	d.busy[r] = spans
	return spans, nil
}

// joined is two lists of footprints as one, in order of their start. With two
// lists that are not empty it is new, in the scheduler's memory.
func (d *scheduler) joined(a, b []calendar.Span) []calendar.Span {
	if len(a) == 0 {
		return b
	}
	if len(b) == 0 {
		return a
	}
	first := len(d.spans)
	d.spans = mergeByStart(d.spans, a, b)
	return d.spans[first:len(d.spans):len(d.spans)]
}

// booked counts for the daily caps. A count that fails reads as full, so that no
// cap is exceeded by a fault, and is kept in d.fault: the answer is the fault.
func (d *scheduler) booked(provider, service int64) func(calendar.Date) (int, int) {
	return func(day calendar.Date) (byProvider, byService int) {
		byProvider, err := d.BookedOn(provider, 0, d.test, day)
		if err == nil && service != 0 {
			byService, err = d.BookedOn(0, service, d.test, day)
		}
		if d.own.Status.Live() && d.own.LocalDate == day {
			if d.own.ProviderID == provider {
				byProvider--
			}
			if service != 0 && d.own.ServiceID == service {
				byService--
			}
		}
		if err != nil {
			const full = 1 << 30
			d.fault = err
			return full, full
		}
		return byProvider, byService
	}
}

// slot is a start of a lane as callers see it.
func (d *scheduler) slot(l *Lane, start int64) Slot {
	return Slot{
		StartsAt: start, EndsAt: start + l.Rules.Length, Zone: l.Zone().String(),
		ProviderID: l.ProviderID, LocationID: l.LocationID, ServiceID: l.ServiceID,
	}
}
