package directory

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"qualifybase/engine/calendar"
)

// Plan is a clinic's directory, compiled: who works where and when, which
// service may be had of whom. It never changes once compiled, so that any number
// of readers share it; package store keeps one in memory per clinic and drops
// it when one of its tables changes.
type Plan struct {
	Clinic    Clinic
	Zone      *time.Location // the clinic's
	Providers []*Provider    // oldest first
	Locations []*Location
	Services  []*Service

	providers map[int64]*Provider
	locations map[int64]*Location
	services  map[int64]*Service
	zones     map[int64]*time.Location        // of every location
	schedules map[OwnerRef]*calendar.Schedule // only those that limit something
	closures  map[OwnerRef][]Closure

	openings sync.Map // openingKey → *Opening, compiled when first asked for
}

// openingKey names a place to book: 0 is "none".
type openingKey struct{ provider, location, service int64 }

// CompilePlan makes the plan of a clinic from its rows. It keeps the slices. An
// error means a row that the use cases would never have written.
func CompilePlan(c Clinic, providers []Provider, locations []Location, services []Service,
	schedules []OwnedSchedule, closures []Closure) (*Plan, error) {
	p := &Plan{
		Clinic: c, zones: map[int64]*time.Location{},
		schedules: map[OwnerRef]*calendar.Schedule{}, closures: map[OwnerRef][]Closure{},
	}
	var err error
	if p.Zone, err = calendar.LoadZone(c.TimeZone); err != nil {
		return nil, fmt.Errorf("clinic %d: time zone %q %w", c.N, c.TimeZone, err)
	}
	p.Providers, p.providers = compileRows(providers, func(x *Provider) int64 { return x.ID })
	p.Locations, p.locations = compileRows(locations, func(x *Location) int64 { return x.ID })
	p.Services, p.services = compileRows(services, func(x *Service) int64 { return x.ID })
	for _, l := range p.Locations {
		if p.zones[l.ID], err = p.compileZone(l); err != nil {
			return nil, fmt.Errorf("location %d: time zone %q %w", l.ID, l.TimeZone, err)
		}
	}
	for i := range schedules {
		if !schedules[i].Schedule.IsZero() {
			p.schedules[schedules[i].Owner] = &schedules[i].Schedule
		}
	}
	for _, x := range closures {
		p.closures[x.Owner] = append(p.closures[x.Owner], x)
	}
	return p, nil
}

// compileRows indexes rows and puts the oldest first, which is the order of their ids.
func compileRows[T any](rows []T, id func(*T) int64) ([]*T, map[int64]*T) {
	list, byID := make([]*T, 0, len(rows)), make(map[int64]*T, len(rows))
	for i := range rows {
		list = append(list, &rows[i])
		byID[id(&rows[i])] = &rows[i]
	}
	slices.SortFunc(list, func(a, b *T) int { return int(id(a) - id(b)) })
	return list, byID
}

// compileZone is a location's own zone, else that of the clinic it lies in, else the tenant's.
func (p *Plan) compileZone(l *Location) (*time.Location, error) {
	if l.TimeZone != "" {
		return calendar.LoadZone(l.TimeZone)
	}
	if parent := p.locations[l.ParentID]; parent != nil && parent.TimeZone != "" {
		return calendar.LoadZone(parent.TimeZone)
	}
	return p.Zone, nil
}

// Provider finds a provider, active or not; nil if the clinic has none of that id.
func (p *Plan) Provider(id int64) *Provider { return p.providers[id] }

// Location finds a location, active or not; nil if the clinic has none of that id.
func (p *Plan) Location(id int64) *Location { return p.locations[id] }

// Service finds a service, active or not; nil if the clinic has none of that id.
func (p *Plan) Service(id int64) *Service { return p.services[id] }

// ZoneOf is the zone of a location's wall clock: its own, else that of the clinic
// it lies in, else the tenant's, which is also the answer for nil.
func (p *Plan) ZoneOf(loc *Location) *time.Location {
	if loc != nil {
		if zone := p.zones[loc.ID]; zone != nil {
			return zone
		}
	}
	return p.Zone
}

// Offers reports whether the service may be had of the provider: a service that
// names no provider is offered by all, an inactive one by nobody. A nil service
// (a booking by duration alone) is offered by all. Whether the provider is
// active, or bookable online, is the caller's question: that refusal has its own
// place in the order (booking.md §1.7).
func (p *Plan) Offers(provider *Provider, svc *Service) bool {
	if svc == nil {
		return true
	}
	return svc.Active && (len(svc.ProviderIDs) == 0 || slices.Contains(svc.ProviderIDs, provider.ID))
}

// LocationsFor lists where the provider can give the service, in order of
// preference; a nil service needs no kind of place. Without a kind these are the
// provider's active locations of the kind that stands first; with one, the provider's active locations of
// that kind, where for "room" the rooms inside the provider's clinics count too,
// after those that the provider names. asked > 0 leaves that one alone, if it is the
// provider's or a room inside one of them; for a service that needs a room,
// asking for a clinic leaves the rooms in it.
func (p *Plan) LocationsFor(provider *Provider, svc *Service, asked int64) []*Location {
	var kind LocationKind
	if svc != nil {
		kind = svc.LocationKind
	}
	places := p.placesOf(provider)
	var out []*Location
	for _, l := range places {
		if (kind == "" || l.Kind == kind) && (asked <= 0 || l.ID == asked || kind == AtRoom && l.ParentID == asked) {
			out = append(out, l)
		}
	}
	if kind == "" && asked <= 0 && len(out) > 0 { // who works at two clinics is offered at both
		out = slices.DeleteFunc(out, func(l *Location) bool { return l.Kind != places[0].Kind })
	}
	return out
}

// placesOf is every active place the provider may use: the named ones in order of
// preference, then the rooms inside them, oldest first. A room of a clinic that
// was deactivated is not in use either.
func (p *Plan) placesOf(provider *Provider) []*Location {
	inUse := func(l *Location) bool {
		parent := p.locations[l.ParentID]
		return l.Active && (parent == nil || parent.Active)
	}
	var places []*Location
	for _, id := range provider.LocationIDs {
		if l := p.locations[id]; l != nil && inUse(l) {
			places = append(places, l)
		}
	}
	for _, l := range p.Locations {
		if l.Kind == AtRoom && l.ParentID != 0 && inUse(l) &&
			slices.Contains(provider.LocationIDs, l.ParentID) && !slices.Contains(provider.LocationIDs, l.ID) {
			places = append(places, l)
		}
	}
	return places
}
