package engine

import (
	"context"
	"fmt"
	"strconv"
	"time"
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

// Sex is the administrative sex (FHIR AdministrativeGender).
type Sex string

// The values of Sex.
const (
	SexMale    Sex = "male"
	SexFemale  Sex = "female"
	SexOther   Sex = "other"
	SexUnknown Sex = "unknown"
)

// Phone is a number as typed and in E.164, with a label ("mobile").
type Phone struct {
	Number string `json:"number" maxLength:"100"`
	E164   string `json:"e164,omitempty"`
	Label  string `json:"label,omitempty" maxLength:"100"`
}

// Identifier is a number that some system gave the person: an insurer, a hospital.
type Identifier struct {
	System string `json:"system" maxLength:"500"`
	Value  string `json:"value" maxLength:"500"`
}

// EmergencyContact is whom to call. The zero one is none.
type EmergencyContact struct {
	Name         string `json:"name,omitempty" maxLength:"100"`
	Relationship string `json:"relationship,omitempty" maxLength:"100"`
	Phone        string `json:"phone,omitempty" maxLength:"100"`
}

// Consent is what the person said, when (UTC seconds), and where it is written.
type Consent struct {
	Granted bool   `json:"granted"`
	At      int64  `json:"at"`
	Source  string `json:"source,omitempty"`
}

// Consents are what a person can agree to; nil is "never asked".
type Consents struct {
	EmailReminders *Consent `json:"email_reminders,omitempty"`
	SMSReminders   *Consent `json:"sms_reminders,omitempty"`
	Marketing      *Consent `json:"marketing,omitempty"`
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
	BirthDate         *Date
	Sex               Sex
	Phones            []Phone
	Email             string
	EmailKey          string
	Address           Address
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
	Meta
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
	patientCreate = Action{"patient.create", PatientsWrite}
	patientUpdate = Action{"patient.update", PatientsWrite}
	patientRead   = Action{"patient.read", PatientsRead}
	patientList   = Action{"patient.list", PatientsRead}
)

// What happens to a patient, as subscribers hear of it.
var (
	patientCreated = Change{"patient.created"}
	patientUpdated = Change{"patient.updated"}
	patientMerged  = Change{"patient.merged"}
)

// patientFact is the thin fact of a patient's events.
func patientFact(p Patient) any {
	return map[string]patientThin{"patient": thinPatient(p)}
}

type patientThin struct {
	ID         int64         `json:"id"`
	Status     PatientStatus `json:"status"`
	MergedInto int64         `json:"merged_into,omitempty"`
	Version    int64         `json:"version"`
	CreatedAt  time.Time     `json:"created_at"`
	UpdatedAt  time.Time     `json:"updated_at"`
}

func thinPatient(p Patient) patientThin {
	return patientThin{p.ID, p.Status, p.MergedInto, p.Version, time.Unix(p.CreatedAt, 0).UTC(), time.Unix(p.UpdatedAt, 0).UTC()}
}

// stub is what is shown of a record that was merged: who stands for it, and
// nothing of the person.
func (p Patient) stub() Patient {
	if p.Status != PatientMerged {
		return p
	}
	return Patient{ID: p.ID, Clinic: p.Clinic, Test: p.Test, MRN: p.MRN, Sex: SexUnknown, Phones: []Phone{}, Identifiers: []Identifier{},
		Status: p.Status, MergedInto: p.MergedInto, Meta: p.Meta}
}

// usable refuses what may not be worked with: a stub, an erased or a restricted record.
func (p Patient) usable() error { return p.usableAs("patient_id") }

// usableAs is usable for a patient whom the request names in that field.
func (p Patient) usableAs(field string) error {
	switch {
	case p.Status == PatientMerged:
		return Fail(Conflict, "The patient was merged into another").On(field, "Use patient %d", p.MergedInto)
	case p.ErasedAt != 0:
		return Fail(Gone, "The patient was erased")
	case p.Restricted:
		return Fail(Conflict, "The patient's record is restricted").On("restricted", "Lift the restriction first: send false")
	}
	return nil
}

// CreatePatient makes a patient's record (records.md §1). The MRN is made when
// none is sent. Needs patients:write.
//
// Errors: Invalid (every fault at once); Conflict for an MRN that exists, and,
// with candidates, when the person is certainly on file (records.md §4), unless
// the draft allows duplicates.
func (e *Engine) CreatePatient(ctx context.Context, c Caller, d PatientDraft) (Patient, error) {
	return act(ctx, e, c, patientCreate, func(w *Act) (Patient, error) {
		p, changed, err := w.newPatient(d)
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

// newPatient is the draft as a row that is not yet written, with the names of its fields.
func (w *Act) newPatient(d PatientDraft) (Patient, []string, error) {
	home, today, err := w.homeToday()
	if err != nil {
		return Patient{}, nil, err
	}
	p := blankPatient()
	p.Clinic, p.Test, p.Filled = w.Caller.Clinic, w.Caller.Test, map[string]int64{}
	var x edit
	d.apply(&x, &p, home.Country, today, w.Now)
	return p, x.changed, x.Err()
}

// blankPatient has every field empty, as merges and erasing see it.
func blankPatient() Patient {
	return Patient{Sex: SexUnknown, Phones: []Phone{}, Identifiers: []Identifier{}, Status: PatientActive}
}

// homeToday is the clinic and the date there.
func (w *Act) homeToday() (Clinic, Date, error) {
	home, err := w.Clinic(w.Caller.Clinic)
	if err != nil {
		return home, 0, err
	}
	today, err := home.today(w.Now)
	return home, today, err
}

// savePatient writes a patient and tells of it.
func (w *Act) savePatient(p *Patient, what Change) error {
	if err := w.writePatient(p); err != nil {
		return err
	}
	return w.Emit(what, patientFact(*p))
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
		other, err := w.PatientByMRN(p.Clinic, p.Test, Fold(p.MRN))
		switch {
		case KindOf(err) == NotFound:
			return nil
		case err == nil && other.ID != p.ID:
			return Fail(Conflict, "Another patient has this MRN").On("mrn", "Must be new, or leave it out to have one made")
		}
		return err
	}
	heads, err := w.Counters(p.Clinic)
	if err != nil {
		return err
	}
	for {
		heads.MRN++
		p.MRN = fmt.Sprintf("P-%05d", heads.MRN)
		_, err := w.PatientByMRN(p.Clinic, p.Test, Fold(p.MRN))
		if KindOf(err) == NotFound {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// aboutPatient tells audit and idempotency whose record was acted on.
func (w *Act) aboutPatient(id int64) {
	w.EntityID, w.PatientID, w.Subject = idText(id), id, patientSubject(id)
}

// patientSubject is the person in a kept reply, so that erasing finds it.
func patientSubject(id int64) string { return "patient:" + idText(id) }

// UpdatePatient changes the fields that were sent; version is If-Match. A field
// that a merge had filled is the patient's own from then on. Needs patients:write.
//
// Errors: NotFound, PreconditionFailed, Invalid (every fault at once), Conflict
// (the MRN of another; a merged record; a restricted one, unless the draft lifts
// the restriction), Gone (erased).
func (e *Engine) UpdatePatient(ctx context.Context, c Caller, id int64, version *int64, d PatientDraft) (Patient, error) {
	return act(ctx, e, c, patientUpdate, func(w *Act) (Patient, error) {
		w.aboutPatient(id)
		p, err := w.Patient(c.Clinic, c.Test, id)
		if err != nil {
			return Patient{}, err
		}
		if err := checkVersion(version, p.Version); err != nil {
			return Patient{}, err
		}
		if lifts := d.Restricted != nil && !*d.Restricted; !lifts || p.ErasedAt != 0 || p.Status == PatientMerged {
			if err := p.usable(); err != nil {
				return Patient{}, err
			}
		}
		return w.alterPatient(p, d)
	})
}

// alterPatient applies a draft to a stored patient and saves what differs.
func (w *Act) alterPatient(p Patient, d PatientDraft) (Patient, error) {
	home, today, err := w.homeToday()
	if err != nil {
		return Patient{}, err
	}
	var x edit
	d.apply(&x, &p, home.Country, today, w.Now)
	if err := x.Err(); err != nil {
		return Patient{}, err
	}
	w.Fields = x.changed
	if w.Quiet = len(x.changed) == 0; w.Quiet {
		return p, nil
	}
	for _, field := range x.changed {
		delete(p.Filled, field)
	}
	err = w.savePatient(&p, patientUpdated)
	return p, err
}

// Patient finds a patient of the clinic, test patients for test keys and live
// ones for the others; of a merged one the stub. The read is in the audit under
// the patient. Needs patients:read.
func (e *Engine) Patient(ctx context.Context, c Caller, id int64) (Patient, error) {
	p, err := read(ctx, e, c, patientRead, func(r Reader) (Patient, error) { return r.Patient(c.Clinic, c.Test, id) })
	if err == nil {
		e.AuditRead(c, patientRead, idText(id), id)
	}
	return p.stub(), err
}

// Patients lists patients, newest first, or by change number with UpdatedSince.
// Q is the beginning of a name (given or family first), phone, e-mail or MRN, or
// a whole birth date; it finds nobody whose record is restricted or merged.
// Clinic and Test of the query are the caller's. Needs patients:read.
func (e *Engine) Patients(ctx context.Context, c Caller, q PatientQuery, p Page) (List[Patient], error) {
	q, filters, err := q.cleaned(c)
	if err != nil {
		return List[Patient]{}, err
	}
	list, err := read(ctx, e, c, patientList, func(r Reader) (List[Patient], error) {
		if err := q.dialled(r); err != nil {
			return List[Patient]{}, err
		}
		return listing[Patient]{
			order: orderOf(q.UpdatedSince), filter: FilterOf("patients", q),
			place: func(p Patient) Position { return placed(idText(p.ID), p.Meta) },
			count: func() (int64, error) { return r.CountPatients(q) },
			start: func() (int64, error) { return r.FirstPatientChange(c.Clinic, c.Test, *q.UpdatedSince) },
			rows:  func(after Position, limit int) ([]Patient, error) { return r.Patients(q, after, limit) },
		}.page(p)
	})
	if err == nil {
		e.AuditRead(c, patientList, "", 0, listFields(filters, list.Items, func(p Patient) string { return strconv.FormatInt(p.ID, 10) })...)
	}
	for i := range list.Items {
		list.Items[i] = list.Items[i].stub()
	}
	return list, err
}

func (q PatientQuery) cleaned(c Caller) (PatientQuery, Filters, error) {
	var f Faults
	q.Clinic, q.Test = c.Clinic, c.Test
	switch q.Status {
	case "", PatientActive, PatientInactive, PatientMerged, PatientDeceased:
	default:
		f.Add("status", "Must be active, inactive, merged or deceased")
	}
	q.Q = Clean(&f, "q", q.Q, MaxText)
	if len(f) > 0 {
		return q, nil, &Error{Kind: Invalid, Message: "Invalid query parameters", Details: f}
	}
	var filters Filters
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
