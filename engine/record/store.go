package record

import (
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/directory"
	"qualifybase/engine/people"
)

// Reader is what this room asks of a snapshot. Package store implements it.
type Reader interface {
	Clinic(n int64) (directory.Clinic, error) // NotFound
	Plan(clinic int64) (*directory.Plan, error)
	Provider(clinic, id int64) (directory.Provider, error)
	Location(clinic, id int64) (directory.Location, error)
	Lead(clinic int64, test bool, id string) (people.Lead, error)
	Patient(clinic int64, test bool, id int64) (people.Patient, error)
	Appointment(clinic int64, test bool, id string) (booking.Appointment, error)
	Consultation(clinic int64, test bool, id string) (Consultation, error)
	Consultations(q ConsultationQuery, after act.Position, limit int) ([]Consultation, error)
	CountConsultations(q ConsultationQuery) (int64, error)
	Note(clinic int64, test bool, id string) (Note, error)            // its current version
	NoteVersions(clinic int64, test bool, id string) ([]Note, error)  // oldest first
	Notes(q NoteQuery, after act.Position, limit int) ([]Note, error) // each in its current version
	CountNotes(q NoteQuery) (int64, error)
	// BegunVisit is the id of the appointment's consultation that was not entered in error; "" = none.
	BegunVisit(clinic int64, appointmentID string) (string, error)
	Prescription(clinic int64, test bool, id string) (Prescription, error)
	Prescriptions(q PrescriptionQuery, after act.Position, limit int) ([]Prescription, error)
	CountPrescriptions(q PrescriptionQuery) (int64, error)
}

// Writer is what this room's acts change in their transaction.
type Writer interface {
	InsertConsultation(v Consultation) error
	UpdateConsultation(v Consultation) error
	InsertNote(n Note) error // a version
	UpdateNote(n Note) error // a draft
	InsertPrescription(p Prescription) error
	UpdatePrescription(p Prescription) error
}
