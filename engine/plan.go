package engine

import "time"

// Plan is a clinic's directory, compiled: who works where and when, which
// service may be had of whom. It is immutable once compiled, so that any number
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
	schedules map[OwnerRef]*Schedule
	closures  map[OwnerRef][]Closure
}

// CompilePlan makes the plan of a clinic from its rows.
func CompilePlan(c Clinic, providers []Provider, locations []Location, services []Service,
	schedules []OwnedSchedule, closures []Closure) (*Plan, error) {
	zone, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		return nil, err
	}
	p := &Plan{
		Clinic: c, Zone: zone,
		providers: map[int64]*Provider{}, locations: map[int64]*Location{}, services: map[int64]*Service{},
		schedules: map[OwnerRef]*Schedule{}, closures: map[OwnerRef][]Closure{},
	}
	for i := range providers {
		p.Providers = append(p.Providers, &providers[i])
		p.providers[providers[i].ID] = &providers[i]
	}
	for i := range locations {
		p.Locations = append(p.Locations, &locations[i])
		p.locations[locations[i].ID] = &locations[i]
	}
	for i := range services {
		p.Services = append(p.Services, &services[i])
		p.services[services[i].ID] = &services[i]
	}
	for i := range schedules {
		p.schedules[schedules[i].Owner] = &schedules[i].Schedule
	}
	for _, x := range closures {
		p.closures[x.Owner] = append(p.closures[x.Owner], x)
	}
	return p, nil
}
