package people

import (
	"qualifybase/engine/act"
	"qualifybase/engine/directory"
)

// Reader is what this room asks of a snapshot. Package store implements it.
type Reader interface {
	Clinic(n int64) (directory.Clinic, error) // NotFound
	Lead(clinic int64, test bool, id string) (Lead, error)
	// newest first, or by change number with UpdatedSince
	Leads(q LeadQuery, after act.Position, limit int) ([]Lead, error)
	CountLeads(q LeadQuery) (int64, error)
	LeadByExternal(clinic int64, test bool, source, externalID string) (Lead, error)
	LeadsByEmail(clinic int64, test bool, emailKey string) ([]Lead, error) // oldest first
	LeadsByPhone(clinic int64, test bool, phoneKey string) ([]Lead, error) // oldest first
	LeadsByName(clinic int64, test bool, nameKey string) ([]Lead, error)   // oldest first
	// FirstLeadChange is the smallest change number of a row updated at or after since, and where a sync starts.
	FirstLeadChange(clinic int64, test bool, since int64) (int64, error)
	Patient(clinic int64, test bool, id int64) (Patient, error)
	PatientByMRN(clinic int64, test bool, mrnKey string) (Patient, error) // folded; NotFound
	Patients(q PatientQuery, after act.Position, limit int) ([]Patient, error)
	CountPatients(q PatientQuery) (int64, error)
	FirstPatientChange(clinic int64, test bool, since int64) (int64, error)
	// PatientsByKeys gives everybody who has one of the keys (Patient.Keys), merged
	// ones too, each once; of a key at most limit rows of this given name and limit others.
	PatientsByKeys(clinic int64, test bool, keys []string, given string, limit int) ([]Patient, error)
	// merged straight into it, in the order of their merges
	Losers(clinic, survivor int64) ([]Patient, error)
	OpenMerge(clinic, loser int64) (Merge, error) // NotFound
	// that name the patient, in every table
	RowsOfPatient(clinic, id int64) ([]RowRef, error)
	RowsOfLead(clinic int64, id string) ([]RowRef, error) // that name the lead and no patient
	// that merges moved away from their owner
	OwnedRows(clinic, owner int64) ([]RowRef, error)
	// newest first; Position.ID is "kind:id"
	Timeline(q TimelineQuery, after act.Position, limit int) ([]TimelineEntry, error)
}

// Writer is what this room's acts change in their transaction.
type Writer interface {
	InsertLead(l Lead) error
	UpdateLead(l Lead) error
	InsertPatient(p *Patient) error // sets ID
	UpdatePatient(p Patient) error
	InsertMerge(m Merge) error
	CloseMerge(clinic int64, id string, at int64, by string) error
	OwnRow(ref RowRef, owner int64) error // notes whose row it was; an older note stands
	DisownRows(clinic, owner int64) error // forgets the notes of an owner
	// PointRow lets a row name another patient and stamps it as a change; a row
	// that is gone is passed over.
	PointRow(clinic int64, ref RowRef, patient, change, at int64, by string) error
}
