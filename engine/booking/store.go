package booking

import (
	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/people"
)

// Reader is what this room asks of a snapshot. Package store implements it.
type Reader interface {
	Clinic(n int64) (directory.Clinic, error) // NotFound
	Clinics() ([]directory.Clinic, error)     // oldest first
	Plan(clinic int64) (*directory.Plan, error)
	Provider(clinic, id int64) (directory.Provider, error)
	Lead(clinic int64, test bool, id string) (people.Lead, error)
	Patient(clinic int64, test bool, id int64) (people.Patient, error)
	// Busy appends the live footprints of a resource that touch the window, in
	// order of their start. Expired holds may be among them.
	Busy(r Resource, test bool, window calendar.Span, dst []Occupied) ([]Occupied, error)
	// BookedOn counts live appointments by local start date: of a provider or, with service > 0, of a service.
	BookedOn(provider, service int64, test bool, day calendar.Date) (int, error)
	// BookedMinutes sums the live minutes of a provider whose start lies in the window.
	BookedMinutes(provider int64, test bool, window calendar.Span) (int64, error)
	// LastProvider is the provider of the person's last completed visit since a time; 0 = none.
	LastProvider(clinic int64, test bool, leadID string, patientID int64, since int64) (int64, error)
	// PersonBusy finds a live appointment of the person that overlaps the span, other than except; "" = none.
	PersonBusy(clinic int64, test bool, leadID string, patientID int64, span calendar.Span, except string) (string, error)
	Appointment(clinic int64, test bool, id string) (Appointment, error)
	Appointments(q AppointmentQuery, after act.Position, limit int) ([]Appointment, error)
	CountAppointments(q AppointmentQuery) (int64, error)
	FirstAppointmentChange(clinic int64, test bool, since int64) (int64, error)
	// OccupancyOf gives the rows of an appointment or a hold.
	OccupancyOf(appointmentID, holdID string) ([]Occupancy, error)
	Hold(clinic int64, test bool, id string) (Hold, error)
	OpenHolds(clinic int64, caller string, now int64) (int, error)
	// AppointmentEvents is what was done to one appointment, oldest first, without
	// refusals and the actions named: who polls it leaves thousands of reads there.
	AppointmentEvents(clinic int64, id string, without []string) ([]act.AuditEntry, error)
	// BegunVisit is the id of the appointment's consultation that was not entered in error; "" = none.
	BegunVisit(clinic int64, appointmentID string) (string, error)
	// SignedUnder reports whether a signed note stands under the appointment's consultation.
	SignedUnder(clinic int64, appointmentID string) (bool, error)
	// Unattended are the scheduled and confirmed appointments behind the position
	// (Number: the start, ID) that started before a time, without check-in and
	// without a consultation, oldest start first.
	Unattended(clinic int64, test bool, after act.Position, before int64, limit int) ([]Appointment, error)
}

// Writer is what this room's acts change in their transaction.
type Writer interface {
	TouchAssigned(provider int64, at int64) error // last automatic assignment; leaves the plan alone
	UpdateLead(l people.Lead) error
	InsertAppointment(a Appointment) error
	UpdateAppointment(a Appointment) error
	InsertOccupancy(o *Occupancy) error // sets Row
	UpdateOccupancy(o Occupancy) error
	DeleteOccupancy(o Occupancy) error
	InsertHold(h Hold) error
	UpdateHold(h Hold) error // its expiry
	DeleteHold(h Hold) error // with its occupancy
	// DeleteExpired deletes the occupancy of expired holds of a resource before it
	// is checked. The hold itself stays for a day, so that its late booking is Gone and not NotFound.
	DeleteExpired(r Resource, test bool, now int64) error
	DropHolds(before int64, limit int) (int, error) // of all clinics, expired before, with their occupancy; how many
}
