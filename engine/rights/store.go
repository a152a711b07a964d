package rights

import (
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/directory"
	"qualifybase/engine/people"
	"qualifybase/engine/record"
)

// Reader is what this room asks of a snapshot. Package store implements it.
type Reader interface {
	Losers(clinic, survivor int64) ([]people.Patient, error) // merged straight into it, in the order of their merges
	Clinic(n int64) (directory.Clinic, error)                // NotFound
	ClinicByPublicID(id string) (directory.Clinic, error)    // NotFound
	Lead(clinic int64, test bool, id string) (people.Lead, error)
	Patient(clinic int64, test bool, id int64) (people.Patient, error)
	MergesOf(clinic, patient int64) ([]people.Merge, error)  // as loser or survivor, oldest first
	RowsOfPatient(clinic, id int64) ([]people.RowRef, error) // that name the patient, in every table
	Erasures() ([]Erasure, error)                            // of all clinics, oldest first
	Appointment(clinic int64, test bool, id string) (booking.Appointment, error)
	Appointments(q booking.AppointmentQuery, after act.Position, limit int) ([]booking.Appointment, error)
	// AuditAbout gives the rows about patients, and those of lists that showed one
	// of the things listed, as "patient/7"; oldest first.
	AuditAbout(clinic int64, patients []int64, listed map[string]bool) ([]act.AuditEntry, error)
	Reasons(clinic int64, patients []int64) (map[string]string, error) // free-text reasons, by ref
	Consultation(clinic int64, test bool, id string) (record.Consultation, error)
	Consultations(q record.ConsultationQuery, after act.Position, limit int) ([]record.Consultation, error)
	NoteVersions(clinic int64, test bool, id string) ([]record.Note, error)         // oldest first
	Notes(q record.NoteQuery, after act.Position, limit int) ([]record.Note, error) // each in its current version
	Prescriptions(q record.PrescriptionQuery, after act.Position, limit int) ([]record.Prescription, error)
}

// Writer is what this room's acts change in their transaction.
type Writer interface {
	// BlankDeliveries empties the bodies that tell of a person ("lead:…", "patient:7")
	// and the answers to them, and cancels those that wait; how many.
	BlankDeliveries(clinic int64, subject string, at int64) (int, error)
	DeleteLead(clinic int64, id string) error
	UpdatePatient(p people.Patient) error
	InsertErasure(clinic int64, g Erasure) error
	DropDrafts(clinic int64, patients []int64) error // unsigned notes and drafted prescriptions
	UpdateAppointment(a booking.Appointment) error
	BlankReplies(clinic int64, subject string) error // empties the bodies that tell of a person
	// DropReasons deletes the reasons of acts on patients and on appointments.
	DropReasons(clinic int64, patients []int64, appointments []string) error
}
