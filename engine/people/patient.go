package people

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/text"
)

// PatientStatus says whether a patient's record is in use.
type PatientStatus string

// The states of a patient's record.
const (
	PatientActive   PatientStatus = "active"
	PatientInactive PatientStatus = "inactive"
	PatientMerged   PatientStatus = "merged" // another record stands for this one
	PatientDeceased PatientStatus = "deceased"
)

// PatientStatuses lists them.
var PatientStatuses = []PatientStatus{PatientActive, PatientInactive, PatientMerged, PatientDeceased}

// Words lists the values as text.
func (PatientStatus) Words() []string { return text.Words(PatientStatuses) }

// Sex is the administrative sex (FHIR AdministrativeGender).
type Sex string

// The values of Sex.
const (
	SexMale    Sex = "male"
	SexFemale  Sex = "female"
	SexOther   Sex = "other"
	SexUnknown Sex = "unknown"
)

// Sexes lists them.
var Sexes = []Sex{SexMale, SexFemale, SexOther, SexUnknown}

// Words lists the values as text.
func (Sex) Words() []string { return text.Words(Sexes) }

// Phone is a number as typed and in E.164, with a label ("mobile").
type Phone struct {
	Number string
	E164   string
	Label  string
}

// Identifier is a number that some system gave the person: an insurer, a hospital.
type Identifier struct {
	System string
	Value  string
}

// EmergencyContact is whom to call. The zero one is none.
type EmergencyContact struct {
	Name         string
	Relationship string
	Phone        string
}

// Consent is what the person said, when (UTC seconds), and where it is written.
type Consent struct {
	Granted bool
	At      int64
	Source  string
}

// Consents are what a person can agree to; nil is "never asked".
type Consents struct {
	EmailReminders *Consent
	SMSReminders   *Consent
	Marketing      *Consent
}

// Patient is a person in care (records.md §1; FHIR Patient).
type Patient struct {
	ID                int64
	Clinic            int64
	Test              bool
	MRN               string // unique in the clinic, live and test apart
	GivenName         string
	FamilyName        string
	PreferredName     string
	BirthDate         *calendar.Date
	Sex               Sex
	Phones            []Phone
	Email             string
	EmailKey          string
	Address           directory.Address
	Language          string // BCP 47; "" = not said
	ContactPreference string // "", email, sms, phone, post, none
	Consents          Consents
	EmergencyContact  EmergencyContact
	Identifiers       []Identifier
	AllergiesText     string
	AdminNotes        string
	SourceLeadID      string
	Status            PatientStatus
	MergedInto        int64            // 0 = none
	Filled            map[string]int64 // blanks that merges have filled: whose value it is
	Restricted        bool             // kept, not worked with
	ErasedAt          int64            // 0 = not
	act.Meta
}

// PatientQuery asks for a list of patients; zero fields do not filter. Without a
// status, records that were merged into another are left out, but for a sync.
type PatientQuery struct {
	Clinic       int64
	Test         bool
	Status       PatientStatus
	Q            string
	Starts       []string // of keys (Patient.Keys): what Q looks for; made from it
	UpdatedSince *int64
}

var (
	patientCreate = act.Define("patient.create", scope.PatientsWrite)
	patientUpdate = act.Define("patient.update", scope.PatientsWrite)
	patientRead   = act.Define("patient.read", scope.PatientsRead)
	patientList   = act.Define("patient.list", scope.PatientsRead)
)

// What happens to a patient, as subscribers hear of it.
var (
	patientCreated = act.Change{"patient.created"}
	PatientUpdated = act.Change{"patient.updated"}
	patientMerged  = act.Change{"patient.merged"}
)

// PatientFact is the thin fact of a patient's events.
func PatientFact(p Patient) act.Fact {
	return act.Fact{}.Object("patient", thinPatient(p))
}

func thinPatient(p Patient) act.Fact {
	return act.Fact{}.
		Int("id", p.ID).
		Text("status", string(p.Status)).
		IntIf("merged_into", p.MergedInto).
		Int("version", p.Version).
		Text("created_at", calendar.UTC(p.CreatedAt)).
		Text("updated_at", calendar.UTC(p.UpdatedAt))
}

// Stub is what is shown of a record that was merged: who stands for it, and
// nothing of the person.
func (p Patient) Stub() Patient {
	if p.Status != PatientMerged {
		return p
	}
	return Patient{ID: p.ID, Clinic: p.Clinic, Test: p.Test, MRN: p.MRN, Sex: SexUnknown, Phones: []Phone{},
		Identifiers: []Identifier{},
		Status:      p.Status, MergedInto: p.MergedInto, Meta: p.Meta}
}

// Usable refuses what may not be worked with: a stub, an erased or a restricted record.
func (p Patient) Usable() error { return p.usableAs("patient_id") }

// usableAs is usable for a patient whom the request names in that field.
func (p Patient) usableAs(field string) error {
	switch {
	case p.Status == PatientMerged:
		return fault.Fail(fault.Conflict, "The patient was merged into another").On(field, "Use patient %d", p.MergedInto)
	case p.ErasedAt != 0:
		return fault.Fail(fault.Gone, "The patient was erased")
	case p.Restricted:
		return fault.Fail(fault.Conflict, "The patient's record is restricted").On("restricted",
			"Lift the restriction first: send false")
	}
	return nil
}

// CreatePatient makes a patient's record (records.md §1). The MRN is made when
// none is sent. Needs patients:write.
//
// Errors: Invalid (every fault at once); Conflict for an MRN that exists, and,
// with candidates, when the person is certainly on file (records.md §4), unless
// the draft allows duplicates.
func (e *Engine) CreatePatient(ctx context.Context, c act.Caller, d PatientDraft) (Patient, error) {
	return act.Do(ctx, e.Room, c, patientCreate, func(w *Act) (Patient, error) {
		x, err := w.newEdit()
		if err != nil {
			return Patient{}, err
		}
		p, changed, err := w.newPatient(x, d)
		if err != nil {
			return Patient{}, err
		}
		if !d.AllowDuplicate {
			if err := w.noDouble(p); err != nil {
				return Patient{}, err
			}
		}
		if err := w.savePatient(&p, patientCreated); err != nil {
			return Patient{}, err
		}
		w.aboutPatient(p.ID)
		w.Fields = changed
		return p, nil
	})
}

// newPatient is the draft as a row that is not yet written, with the names of its
// fields. The faults of x come before those of the draft.
func (w *Act) newPatient(x act.Edit, d PatientDraft) (Patient, []string, error) {
	p := BlankPatient()
	p.Clinic, p.Test, p.Filled = w.Caller.Clinic, w.Caller.Test, map[string]int64{}
	patientEdits.Apply(&x, &p, &d)
	return p, x.Changed, x.Err()
}

// BlankPatient has every field empty, as merges and erasing see it.
func BlankPatient() Patient {
	return Patient{Sex: SexUnknown, Phones: []Phone{}, Identifiers: []Identifier{}, Status: PatientActive}
}

// savePatient writes a patient and tells of it.
func (w *Act) savePatient(p *Patient, what act.Change) error {
	if err := w.writePatient(p); err != nil {
		return err
	}
	w.Emit(what, PatientFact(*p))
	return nil
}

// writePatient gives a new row its MRN, stamps and writes.
func (w *Act) writePatient(p *Patient) error {
	if err := w.ownMRN(p); err != nil {
		return err
	}
	isNew := p.Version == 0
	if err := w.Stamp(&p.Meta); err != nil {
		return err
	}
	if isNew {
		return w.InsertPatient(p)
	}
	return w.UpdatePatient(*p)
}

// ownMRN makes the MRN of a patient who has none, "P-00042", passing over numbers
// that somebody brought along; one that was sent must be new.
func (w *Act) ownMRN(p *Patient) error {
	if p.MRN != "" {
		other, err := w.PatientByMRN(p.Clinic, p.Test, text.Fold(p.MRN))
		switch {
		case fault.KindOf(err) == fault.NotFound:
			return nil
		case err == nil && other.ID != p.ID:
			return fault.Fail(fault.Conflict, "Another patient has this MRN").On("mrn",
				"Must be new, or leave it out to have one made")
		}
		return err
	}
	counters, err := w.Counters(p.Clinic)
	if err != nil {
		return err
	}
	for {
		counters.MRN++
		p.MRN = fmt.Sprintf("P-%05d", counters.MRN)
		_, err := w.PatientByMRN(p.Clinic, p.Test, text.Fold(p.MRN))
		if fault.KindOf(err) == fault.NotFound {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// aboutPatient tells audit and idempotency whose record was acted on.
func (w *Act) aboutPatient(id int64) {
	w.EntityID, w.PatientID, w.Subject = act.IDText(id), id, PatientSubject(id)
}

// PatientSubject is the person in a kept reply, so that erasing finds it.
func PatientSubject(id int64) string { return "patient:" + act.IDText(id) }

// UpdatePatient changes the fields that were sent; version is If-Match. A field
// that a merge had filled is the patient's own from then on. Needs patients:write.
//
// Errors: NotFound, PreconditionFailed, Invalid (every fault at once), Conflict
// (the MRN of another; a merged record; a restricted one, unless the draft lifts
// the restriction), Gone (erased).
func (e *Engine) UpdatePatient(ctx context.Context, c act.Caller, id int64, version *int64, d PatientDraft) (Patient,
	error) {
	return act.Do(ctx, e.Room, c, patientUpdate, func(w *Act) (Patient, error) {
		w.aboutPatient(id)
		p, err := w.Patient(c.Clinic, c.Test, id)
		if err != nil {
			return Patient{}, err
		}
		if err := act.CheckVersion(version, p.Version); err != nil {
			return Patient{}, err
		}
		if lifts := d.Restricted != nil && !*d.Restricted; !lifts || p.ErasedAt != 0 || p.Status == PatientMerged {
			if err := p.Usable(); err != nil {
				return Patient{}, err
			}
		}
		x, err := w.newEdit()
		if err != nil {
			return Patient{}, err
		}
		return w.alterPatient(x, p, d)
	})
}

// alterPatient applies a draft to a stored patient and saves what differs.
func (w *Act) alterPatient(x act.Edit, p Patient, d PatientDraft) (Patient, error) {
	patientEdits.Apply(&x, &p, &d)
	if err := x.Err(); err != nil {
		return Patient{}, err
	}
	w.Fields = x.Changed
	if w.Quiet = len(x.Changed) == 0; w.Quiet {
		return p, nil
	}
	for _, field := range x.Changed {
		delete(p.Filled, field)
	}
	err := w.savePatient(&p, PatientUpdated)
	return p, err
}

// Patient finds a patient of the clinic, test patients for test keys and live
// ones for the others; of a merged one the stub. The read is in the audit under
// the patient. Needs patients:read.
func (e *Engine) Patient(ctx context.Context, c act.Caller, id int64) (Patient, error) {
	p, err := act.Read(ctx, e.Room, c, patientRead, func(r Reader) (Patient, error) {
		return r.Patient(c.Clinic, c.Test, id)
	})
	if err == nil {
		e.AuditRead(c, patientRead, act.IDText(id), id)
	}
	return p.Stub(), err
}

// Patients lists patients, newest first, or by change number with UpdatedSince.
// Q is the beginning of a name (given or family first), phone, e-mail or MRN, or
// a whole birth date; it finds nobody whose record is restricted or merged.
// Clinic and Test of the query are the caller's. Needs patients:read.
func (e *Engine) Patients(ctx context.Context, c act.Caller, q PatientQuery, p act.Page) (act.List[Patient], error) {
	q, filters, err := q.cleaned(c)
	if err != nil {
		return act.List[Patient]{}, err
	}
	list, err := act.Read(ctx, e.Room, c, patientList, func(r Reader) (act.List[Patient], error) {
		if err := q.dialled(r); err != nil {
			return act.List[Patient]{}, err
		}
		return act.Listing[Patient]{
			Order: act.OrderOf(q.UpdatedSince), Filter: act.FilterOf("patients", q),
			Place: func(p Patient) act.Position { return act.Placed(act.IDText(p.ID), p.Meta) },
			Count: func() (int64, error) { return r.CountPatients(q) },
			Start: func() (int64, error) { return r.FirstPatientChange(c.Clinic, c.Test, *q.UpdatedSince) },
			Rows:  func(after act.Position, limit int) ([]Patient, error) { return r.Patients(q, after, limit) },
		}.Page(p)
	})
	if err == nil {
		e.AuditRead(c, patientList, "", 0, act.ListFields(filters, list.Items,
			func(p Patient) string { return strconv.FormatInt(p.ID, 10) })...)
	}
	for i := range list.Items {
		list.Items[i] = list.Items[i].Stub()
	}
	return list, err
}

func (q PatientQuery) cleaned(c act.Caller) (PatientQuery, act.Filters, error) {
	var f fault.Faults
	q.Clinic, q.Test = c.Clinic, c.Test
	if q.Status != "" && !slices.Contains(PatientStatuses, q.Status) {
		f.Add("status", "Must be %s", text.Or(PatientStatuses))
	}
	q.Q = text.Clean(&f, "q", q.Q, text.MaxText)
	if len(f) > 0 {
		return q, nil, &fault.Error{Kind: fault.Invalid, Message: "Invalid query parameters", Details: f}
	}
	var filters act.Filters
	filters.Add("status", q.Status != "")
	filters.Add("q", q.Q != "")
	filters.Add("updated_since", q.UpdatedSince != nil)
	return q, filters, nil
}

// dialled reads Q: phone numbers as people type them in the clinic's country.
func (q *PatientQuery) dialled(r Reader) error {
	home, err := r.Clinic(q.Clinic)
	if err == nil && q.Q != "" {
		q.Starts = searchStarts(q.Q, home.Country)
	}
	return err
}
