package directory

import (
	"qualifybase/engine/act"
)

// Reader is what this room asks of a snapshot. Package store implements it.
type Reader interface {
	Schedules(clinic int64) ([]OwnedSchedule, error)
	Clinic(n int64) (Clinic, error)           // NotFound
	ClinicBySlug(slug string) (Clinic, error) // NotFound
	Clinics() ([]Clinic, error)               // oldest first
	Plan(clinic int64) (*Plan, error)
	Providers(clinic int64, after act.Position, limit int) ([]Provider, error) // newest first; limit 0 = all
	Provider(clinic, id int64) (Provider, error)
	Locations(clinic int64, after act.Position, limit int) ([]Location, error)
	Location(clinic, id int64) (Location, error)
	Services(clinic int64, after act.Position, limit int) ([]Service, error)
	Service(clinic, id int64) (Service, error)
	CountDirectory(clinic int64, table string) (int64, error)     // "providers", "locations", "services"
	Schedule(clinic int64, owner OwnerRef) (OwnedSchedule, error) // NotFound
	Closures(clinic int64, owner OwnerRef) ([]Closure, error)     // owner "" = all; oldest first
	Closure(clinic int64, id string) (Closure, error)
	// LiveAppointments are the scheduled and confirmed ones from a time on: whom a change of hours may strand.
	LiveAppointments(clinic int64, from int64) ([]Booked, error)
}

// Writer is what this room's acts change in their transaction.
type Writer interface {
	InsertClinic(c *Clinic) error // sets N
	UpdateClinic(c Clinic) error
	InsertProvider(p *Provider) error // sets ID
	UpdateProvider(p Provider) error
	InsertLocation(l *Location) error
	UpdateLocation(l Location) error
	InsertService(s *Service) error
	UpdateService(s Service) error
	PutSchedule(s OwnedSchedule) error // insert or replace
	InsertClosure(c Closure) error
	DeleteClosure(clinic int64, id string) error
}
