package engine

import "context"

// Store is everything the engine ever asks a database. Package store implements
// it on SQLite; the roles below are small so that each file of use cases shows
// what it needs.
type Store interface {
	// Update runs fn inside a write transaction that it may share with other
	// callers (group commit) and returns after the commit. fn's error rolls back
	// fn's effects alone. Once admitted, ctx no longer stops it. The error is fn's,
	// or Busy, ReadOnly or StorageFull when nothing of the group was written.
	Update(ctx context.Context, fn func(Tx) error) error
	// View runs fn on one snapshot, which is never older than the last
	// acknowledged Update.
	View(ctx context.Context, fn func(Reader) error) error
	// Enqueue queues a write that rides the next group commit, without waiting for
	// it: the audit of reads. Close writes what is queued.
	Enqueue(fn func(Tx) error)
}

// Reader answers questions on one snapshot.
type Reader interface {
	ClinicReader
	PlanReader
	DirectoryReader
	LeadReader
	PatientReader
	CalendarReader
	AccessReader
	HistoryReader
	VisitReader
	WebhookReader
}

// Tx is a Reader that also writes.
type Tx interface {
	Reader
	// Savepoint runs fn so that its error undoes fn's effects and nothing else.
	Savepoint(fn func() error) error
	// Counters gives the clinic's running numbers for reading and moving on; the
	// store writes them back with the commit and restores them with a rollback.
	Counters(clinic int64) (*Counters, error)

	ClinicWriter
	DirectoryWriter
	LeadWriter
	PatientWriter
	CalendarWriter
	AccessWriter
	HistoryWriter
	VisitWriter
	WebhookWriter
}

// ClinicReader reads tenants.
type ClinicReader interface {
	Clinic(n int64) (Clinic, error)             // NotFound
	ClinicBySlug(slug string) (Clinic, error)   // NotFound
	Clinics() ([]Clinic, error)                 // oldest first
	ClinicByPublicID(id string) (Clinic, error) // NotFound
}

// ClinicWriter writes tenants.
type ClinicWriter interface {
	// LeapNumbers passes over the next n numbers of patients, providers, locations
	// and services. For a database that was restored.
	LeapNumbers(n int64) error
	InsertClinic(c *Clinic) error // sets N
	UpdateClinic(c Clinic) error
}

// PlanReader gives the compiled plan of a clinic: who works where and when. It
// is kept in memory and refreshed when its tables change.
type PlanReader interface {
	Plan(clinic int64) (*Plan, error)
}

// DirectoryReader reads providers, locations, services and their hours.
type DirectoryReader interface {
	Providers(clinic int64, after Position, limit int) ([]Provider, error) // newest first; limit 0 = all
	Provider(clinic, id int64) (Provider, error)
	Locations(clinic int64, after Position, limit int) ([]Location, error)
	Location(clinic, id int64) (Location, error)
	Services(clinic int64, after Position, limit int) ([]Service, error)
	Service(clinic, id int64) (Service, error)
	CountDirectory(clinic int64, table string) (int64, error) // "providers", "locations", "services"
	Schedules(clinic int64) ([]OwnedSchedule, error)
	Schedule(clinic int64, owner OwnerRef) (OwnedSchedule, error) // NotFound
	Closures(clinic int64, owner OwnerRef) ([]Closure, error)     // owner "" = all; oldest first
	Closure(clinic int64, id string) (Closure, error)
}

// DirectoryWriter writes them. Every write drops the clinic's compiled plan.
type DirectoryWriter interface {
	InsertProvider(p *Provider) error // sets ID
	UpdateProvider(p Provider) error
	TouchAssigned(provider int64, at int64) error // last automatic assignment; leaves the plan alone
	InsertLocation(l *Location) error
	UpdateLocation(l Location) error
	InsertService(s *Service) error
	UpdateService(s Service) error
	PutSchedule(s OwnedSchedule) error // insert or replace
	InsertClosure(c Closure) error
	DeleteClosure(clinic int64, id string) error
}

// LeadReader reads leads.
type LeadReader interface {
	Lead(clinic int64, test bool, id string) (Lead, error)
	Leads(q LeadQuery, after Position, limit int) ([]Lead, error) // newest first, or by change number with UpdatedSince
	CountLeads(q LeadQuery) (int64, error)
	LeadByExternal(clinic int64, test bool, source, externalID string) (Lead, error)
	LeadsByEmail(clinic int64, test bool, emailKey string) ([]Lead, error) // oldest first
	LeadsByPhone(clinic int64, test bool, phoneKey string) ([]Lead, error) // oldest first
	LeadsByName(clinic int64, test bool, nameKey string) ([]Lead, error)   // oldest first
	// FirstLeadChange is the smallest change number of a row updated at or after since, and where a sync starts.
	FirstLeadChange(clinic int64, test bool, since int64) (int64, error)
}

// LeadWriter writes leads.
type LeadWriter interface {
	InsertLead(l Lead) error
	UpdateLead(l Lead) error
	DeleteLead(clinic int64, id string) error
}

// PatientReader reads patients and what merges them.
type PatientReader interface {
	Patient(clinic int64, test bool, id int64) (Patient, error)
	PatientByMRN(clinic int64, test bool, mrnKey string) (Patient, error) // folded; NotFound
	Patients(q PatientQuery, after Position, limit int) ([]Patient, error)
	CountPatients(q PatientQuery) (int64, error)
	FirstPatientChange(clinic int64, test bool, since int64) (int64, error)
	// PatientsByKeys gives everybody who has one of the keys (Patient.Keys), merged
	// ones too, each once; of a key at most limit rows of this given name and limit others.
	PatientsByKeys(clinic int64, test bool, keys []string, given string, limit int) ([]Patient, error)

	Losers(clinic, survivor int64) ([]Patient, error)     // merged straight into it, in the order of their merges
	OpenMerge(clinic, loser int64) (Merge, error)         // NotFound
	MergesOf(clinic, patient int64) ([]Merge, error)      // as loser or survivor, oldest first
	RowsOfPatient(clinic, id int64) ([]RowRef, error)     // that name the patient, in every table
	RowsOfLead(clinic int64, id string) ([]RowRef, error) // that name the lead and no patient
	OwnedRows(clinic, owner int64) ([]RowRef, error)      // that merges moved away from their owner

	Timeline(q TimelineQuery, after Position, limit int) ([]TimelineEntry, error) // newest first; Position.ID is "kind:id"
	Erasures() ([]Erasure, error)                                                 // of all clinics, oldest first
}

// PatientWriter writes patients. It keeps the index of their keys.
type PatientWriter interface {
	InsertPatient(p *Patient) error // sets ID
	UpdatePatient(p Patient) error
	InsertMerge(m Merge) error
	CloseMerge(clinic int64, id string, at int64, by string) error
	OwnRow(ref RowRef, owner int64) error // notes whose row it was; an older note stands
	DisownRows(clinic, owner int64) error // forgets the notes of an owner
	InsertErasure(clinic int64, g Erasure) error
	DropDrafts(clinic int64, patients []int64) error // unsigned notes and drafted prescriptions
	// PointRow lets a row name another patient and stamps it as a change; a row
	// that is gone is passed over.
	PointRow(clinic int64, ref RowRef, patient, change, at int64, by string) error
}

// CalendarReader reads appointments and what is occupied.
type CalendarReader interface {
	// Busy appends the live footprints of a resource that touch the window, in
	// order of their start. Expired holds may be among them.
	Busy(r Resource, test bool, window Span, dst []Occupied) ([]Occupied, error)
	// BookedOn counts live appointments by local start date: of a provider or, with service > 0, of a service.
	BookedOn(provider, service int64, test bool, day Date) (int, error)
	// BookedMinutes sums the live minutes of a provider whose start lies in the window.
	BookedMinutes(provider int64, test bool, window Span) (int64, error)
	// LastSeen is the provider of the person's last completed visit since a time; 0 = none.
	LastSeen(clinic int64, test bool, leadID string, patientID int64, since int64) (int64, error)
	// PersonBusy finds a live appointment of the person that overlaps the span, other than except; "" = none.
	PersonBusy(clinic int64, test bool, leadID string, patientID int64, span Span, except string) (string, error)

	Appointment(clinic int64, test bool, id string) (Appointment, error)
	Appointments(q AppointmentQuery, after Position, limit int) ([]Appointment, error)
	CountAppointments(q AppointmentQuery) (int64, error)
	FirstAppointmentChange(clinic int64, test bool, since int64) (int64, error)
	// LiveAppointments are the scheduled and confirmed ones from a time on: whom a change of hours may strand.
	LiveAppointments(clinic int64, from int64) ([]Booked, error)
	// OccupancyOf gives the rows of an appointment or a hold.
	OccupancyOf(appointmentID, holdID string) ([]Occupancy, error)
	Hold(clinic int64, test bool, id string) (Hold, error)
	OpenHolds(clinic int64, caller string, now int64) (int, error)
}

// CalendarWriter writes them. The triggers of schema.sql check every occupancy
// row a second time: their refusal is a SlotTaken error.
type CalendarWriter interface {
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

// AccessReader reads keys, users and kept replies.
type AccessReader interface {
	KeyByLookup(f Family, keyID string) (Key, error) // of any clinic; NotFound
	Key(clinic int64, id string) (Key, error)
	Keys(clinic int64, after Position, limit int) ([]Key, error) // newest first; limit 0 = all
	CountKeys(clinic int64) (int64, error)
	PublicOrigins(now int64) ([]string, error) // of all live public keys: the preflight's answer
	User(id string) (User, error)              // of any clinic
	UsersByEmail(emailKey string) ([]User, error)
	Users(clinic int64) ([]User, error)
	StoredReply(clinic int64, caller, key string, since int64) (fingerprint string, r Reply, found bool, err error)
}

// AccessWriter writes them.
type AccessWriter interface {
	InsertKey(k Key) error
	UpdateKey(k Key) error
	TouchKey(id string, at int64) error // last_used_at
	InsertUser(u User) error
	UpdateUser(u User) error
	StoreReply(clinic int64, caller, key, fingerprint, subject string, r Reply, now int64) error
	DropReplies(before int64, limit int) (int, error) // older ones; how many
	BlankReplies(clinic int64, subject string) error  // empties the bodies that tell of a person
}

// HistoryReader reads events and the audit.
type HistoryReader interface {
	Events(clinic int64, test bool, afterSeq int64, typ string, limit int) ([]Event, error) // oldest first
	// AppointmentEvents is what was done to one appointment, oldest first, without
	// refusals and the actions named: who polls it leaves thousands of reads there.
	AppointmentEvents(clinic int64, id string, without []string) ([]AuditEntry, error)
	Audit(q AuditQuery, after Position, limit int) ([]AuditEntry, error) // newest first
	CountAudit(q AuditQuery) (int64, error)
	// AuditAbout gives the rows about patients, and those of lists that showed one
	// of the things listed, as "patient/7"; oldest first.
	AuditAbout(clinic int64, patients []int64, listed map[string]bool) ([]AuditEntry, error)
	Reasons(clinic int64, patients []int64) (map[string]string, error)  // free-text reasons, by ref
	AuditChain(clinic, afterSeq int64, limit int) ([]AuditEntry, error) // oldest first, for verifying
}

// HistoryWriter writes them.
type HistoryWriter interface {
	InsertEvent(ev Event) error
	InsertAudit(a AuditEntry) error
	InsertReason(ref string, clinic, patient int64, reason string) error
	// DropReasons deletes the reasons of acts on patients and on appointments.
	DropReasons(clinic int64, patients []int64, appointments []string) error
}

// VisitReader reads consultations, notes and prescriptions. Lists are newest
// first; limit 0 = all.
type VisitReader interface {
	Consultation(clinic int64, test bool, id string) (Consultation, error)
	Consultations(q ConsultationQuery, after Position, limit int) ([]Consultation, error)
	CountConsultations(q ConsultationQuery) (int64, error)
	Note(clinic int64, test bool, id string) (Note, error)           // its current version
	NoteVersions(clinic int64, test bool, id string) ([]Note, error) // oldest first
	Notes(q NoteQuery, after Position, limit int) ([]Note, error)    // each in its current version
	CountNotes(q NoteQuery) (int64, error)
	// BegunVisit is the id of the appointment's consultation that was not entered in error; "" = none.
	BegunVisit(clinic int64, appointmentID string) (string, error)
	// SignedUnder tells whether a signed note stands under the appointment's consultation.
	SignedUnder(clinic int64, appointmentID string) (bool, error)
	Prescription(clinic int64, test bool, id string) (Prescription, error)
	Prescriptions(q PrescriptionQuery, after Position, limit int) ([]Prescription, error)
	CountPrescriptions(q PrescriptionQuery) (int64, error)
	// Unattended are the scheduled and confirmed appointments behind the position
	// (Number: the start, ID) that started before a time, without check-in and
	// without a consultation, oldest start first.
	Unattended(clinic int64, test bool, after Position, before int64, limit int) ([]Appointment, error)
}

// VisitWriter writes them. The triggers of schema.sql hold what is signed, issued
// or over.
type VisitWriter interface {
	InsertConsultation(v Consultation) error
	UpdateConsultation(v Consultation) error
	InsertNote(n Note) error // a version
	UpdateNote(n Note) error // a draft
	InsertPrescription(p Prescription) error
	UpdatePrescription(p Prescription) error
}
