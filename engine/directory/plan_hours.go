package directory

import (
	"time"

	"qualifybase/engine/calendar"
)

// Opening is the effective hours of a provider at a location for a service, each
// of which may be nil for "none": location ∩ provider ∩ service window, where
// set, minus closures (booking.md §4). It is compiled once per plan.
func (p *Plan) Opening(provider *Provider, loc *Location, svc *Service) *calendar.Opening {
	var key openingKey
	if provider != nil {
		key.provider = provider.ID
	}
	if loc != nil {
		key.location = loc.ID
	}
	if svc != nil {
		key.service = svc.ID
	}
	if o, ok := p.openings.Load(key); ok {
		return o.(*calendar.Opening)
	}
	o, _ := p.openings.LoadOrStore(key, p.compileOpening(key, loc)) // of two equal ones, one stays
	return o.(*calendar.Opening)
}

func (p *Plan) compileOpening(key openingKey, loc *Location) *calendar.Opening {
	zone := p.ZoneOf(loc)
	var tables []calendar.Timetable
	for _, s := range [...]*calendar.Schedule{p.hoursOf(loc), p.scheduleOf('p', key.provider),
		p.scheduleOf('s', key.service)} {
		if s != nil {
			tables = append(tables, calendar.Timetable{Schedule: *s, Zone: zone})
		}
	}
	return calendar.NewOpening(zone, p.closuresAt(key.provider, loc, zone), tables...)
}

// hoursOf is the schedule that a place goes by: its own, else that of the clinic
// it lies in, else the tenant's; nil where none of them is set.
func (p *Plan) hoursOf(loc *Location) *calendar.Schedule {
	if loc != nil {
		if s := p.scheduleOf('l', loc.ID); s != nil {
			return s
		}
		if s := p.scheduleOf('l', loc.ParentID); s != nil {
			return s
		}
	}
	return p.schedules[ClinicOwner]
}

// scheduleOf is an owner's own schedule, nil where it is not set.
func (p *Plan) scheduleOf(kind byte, id int64) *calendar.Schedule {
	if id == 0 {
		return nil
	}
	return p.schedules[OwnedBy(kind, id)]
}

// closuresAt gathers whatever shuts a provider at a place, sorted and merged:
// closures of the tenant, of the place, of the clinic it lies in, and the
// provider's time off. Local dates are those of the owner's zone; a provider's
// is the zone of the place (booking.md §3.1).
func (p *Plan) closuresAt(provider int64, loc *Location, zone *time.Location) []calendar.Span {
	list := p.closedSpans(nil, ClinicOwner, p.Zone)
	if loc != nil {
		list = p.closedSpans(list, OwnedBy('l', loc.ID), zone)
		if parent := p.locations[loc.ParentID]; parent != nil {
			list = p.closedSpans(list, OwnedBy('l', parent.ID), p.ZoneOf(parent))
		}
	}
	if provider != 0 {
		list = p.closedSpans(list, OwnedBy('p', provider), zone)
	}
	return calendar.MergeSpans(list)
}

func (p *Plan) closedSpans(list []calendar.Span, owner OwnerRef, zone *time.Location) []calendar.Span {
	for _, c := range p.closures[owner] {
		list = append(list, c.In(zone))
	}
	return list
}
