package engine

import (
	"context"
	"strconv"
	"time"
)

// PatientStatus says whether a patient's record is in use.
type PatientStatus string

// The states of a patient's record.
const (
	PatientActive   PatientStatus = "active"
	PatientInactive PatientStatus = "inactive"
	PatientMerged   PatientStatus = "merged"
	PatientDeceased PatientStatus = "deceased"
)

// Phone is a number as typed and in E.164, with a label ("mobile").
type Phone struct {
	Number string `json:"number" maxLength:"100"`
	E164   string `json:"e164,omitempty"`
	Label  string `json:"label,omitempty" maxLength:"100"`
}

// Patient is a person in care (FHIR Patient).
type Patient struct {
	ID           int64
	Clinic       int64
	Test         bool
	GivenName    string
	FamilyName   string
	NameKey      string // folded "family given"
	BirthDate    *Date
	Email        string
	EmailKey     string
	Phones       []Phone
	PhoneKey     string // E.164 of the first
	SourceLeadID string
	Status       PatientStatus
	Meta
}

// PatientDraft is an unsaved patient: nil is "not sent".
type PatientDraft struct {
	GivenName  *string
	FamilyName *string
	BirthDate  *Date
	Email      *string
	Phones     *[]Phone
}

// PatientQuery asks for a list of patients; zero fields do not filter.
type PatientQuery struct {
	Clinic       int64
	Test         bool
	Status       PatientStatus
	Q            string
	UpdatedSince *int64
}

// The bounds of a patient's fields beside those of text.
var earliestBirth = NewDate(1850, time.January, 1)

// MaxPhones is how many phones a patient may have.
const MaxPhones = 10

// cleaned is the draft as a row. today is the clinic's date, country reads phones.
func (d PatientDraft) cleaned(f *Faults, country string, today Date) Patient {
	p := Patient{Status: PatientActive, Phones: []Phone{}}
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	p.GivenName = Require(f, "given_name", text(d.GivenName), MaxName)
	p.FamilyName = Require(f, "family_name", text(d.FamilyName), MaxName)
	p.NameKey = Fold(p.FamilyName + " " + p.GivenName)
	if d.BirthDate != nil {
		birth := *d.BirthDate
		p.BirthDate = &birth
		if birth > today {
			f.Add("birth_date", "Must not lie in the future")
		} else if birth < earliestBirth {
			f.Add("birth_date", "Must not lie before %s", earliestBirth)
		}
	}
	p.Email, p.EmailKey = CleanEmail(f, "email", text(d.Email))
	if d.Phones != nil {
		p.Phones = cleanPhones(f, "phones", *d.Phones, country)
	}
	if len(p.Phones) > 0 {
		p.PhoneKey = p.Phones[0].E164
	}
	return p
}

// cleanPhones reads a list of phones; E164 is worked out, whatever was sent.
func cleanPhones(f *Faults, field string, phones []Phone, country string) []Phone {
	if len(phones) > MaxPhones {
		f.Add(field, "At most %d phones; there are %d", MaxPhones, len(phones))
		return nil
	}
	kept := []Phone{}
	for i, phone := range phones {
		at := indexed(field, i)
		number := Require(f, at+".number", phone.Number, MaxName)
		label := Clean(f, at+".label", phone.Label, MaxName)
		if number != "" {
			kept = append(kept, Phone{number, CleanPhone(f, at+".number", number, country), label})
		}
	}
	return kept
}

// patientFact is the thin fact of a patient's events.
func patientFact(p Patient) any {
	type fact struct {
		ID        int64         `json:"id"`
		Status    PatientStatus `json:"status"`
		Version   int64         `json:"version"`
		CreatedAt time.Time     `json:"created_at"`
		UpdatedAt time.Time     `json:"updated_at"`
	}
	return map[string]fact{"patient": {p.ID, p.Status, p.Version, time.Unix(p.CreatedAt, 0).UTC(), time.Unix(p.UpdatedAt, 0).UTC()}}
}

// CreatePatient makes a patient's record (records.md §1). Needs patients:write.
func (e *Engine) CreatePatient(ctx context.Context, c Caller, d PatientDraft) (Patient, error) {
	return act(ctx, e, c, deed{"patient.create", PatientsWrite}, func(w *work) (Patient, error) {
		home, err := w.Clinic(c.Clinic)
		if err != nil {
			return Patient{}, err
		}
		today, err := home.today(w.now)
		if err != nil {
			return Patient{}, err
		}
		var f Faults
		p := d.cleaned(&f, home.Country, today)
		if err := f.Err(); err != nil {
			return Patient{}, err
		}
		p.Clinic, p.Test = c.Clinic, c.Test
		if err := w.changed(&p.Meta); err != nil {
			return Patient{}, err
		}
		if err := w.InsertPatient(&p); err != nil {
			return Patient{}, err
		}
		id := strconv.FormatInt(p.ID, 10)
		w.entityID, w.patient, w.subject, w.fields = id, p.ID, "patient:"+id, p.filled()
		return p, w.happened(patientCreated, patientFact(p))
	})
}

// today is the date in the clinic's zone.
func (c Clinic) today(now int64) (Date, error) {
	zone, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		return 0, err
	}
	y, m, d := time.Unix(now, 0).In(zone).Date()
	return NewDate(y, m, d), nil
}

// filled names the fields that hold something.
func (p Patient) filled() []string {
	out := asked{"given_name", "family_name"}
	out.by("birth_date", p.BirthDate != nil)
	out.by("email", p.Email != "")
	out.by("phones", len(p.Phones) > 0)
	return out
}

// Patient finds a patient of the clinic, test patients for test keys and live
// ones for the others. The read is in the audit under the patient. Needs
// patients:read.
func (e *Engine) Patient(ctx context.Context, c Caller, id int64) (Patient, error) {
	d := deed{"patient.read", PatientsRead}
	p, err := read(ctx, e, c, d, func(r Reader) (Patient, error) { return r.Patient(c.Clinic, c.Test, id) })
	if err == nil {
		e.seen(c, d, strconv.FormatInt(id, 10), id)
	}
	return p, err
}

// Patients lists patients, newest first, or by change number with UpdatedSince.
// Q is the beginning of a name ("family given"), phone or e-mail, or a whole birth
// date. Clinic and Test of the query are the caller's. Needs patients:read.
func (e *Engine) Patients(ctx context.Context, c Caller, q PatientQuery, p Page) (List[Patient], error) {
	d := deed{"patient.list", PatientsRead}
	q, filters, err := q.cleaned(c)
	if err != nil {
		return List[Patient]{}, err
	}
	list, err := read(ctx, e, c, d, func(r Reader) (List[Patient], error) {
		home, err := r.Clinic(c.Clinic)
		if err != nil {
			return List[Patient]{}, err
		}
		if _, err := ParseDate(q.Q); err != nil { // a birth date is no phone
			q.Q = phoneStart(q.Q, home.Country)
		}
		return listing[Patient]{
			order: orderOf(q.UpdatedSince), filter: FilterOf("patients", q),
			place: func(p Patient) Position { return placed(strconv.FormatInt(p.ID, 10), p.Meta) },
			count: func() (int64, error) { return r.CountPatients(q) },
			start: func() (int64, error) { return r.FirstPatientChange(c.Clinic, c.Test, *q.UpdatedSince) },
			rows:  func(after Position, limit int) ([]Patient, error) { return r.Patients(q, after, limit) },
		}.page(p)
	})
	if err == nil {
		e.seen(c, d, "", 0, listFields(filters, list.Items, func(p Patient) string { return strconv.FormatInt(p.ID, 10) })...)
	}
	return list, err
}

func (q PatientQuery) cleaned(c Caller) (PatientQuery, asked, error) {
	var f Faults
	q.Clinic, q.Test = c.Clinic, c.Test
	switch q.Status {
	case "", PatientActive, PatientInactive, PatientMerged, PatientDeceased:
	default:
		f.Add("status", "Must be active, inactive, merged or deceased")
	}
	q.Q = Fold(Clean(&f, "q", q.Q, MaxText))
	if len(f) > 0 {
		return q, nil, &Error{Kind: Invalid, Message: "Invalid query parameters", Details: f}
	}
	var filters asked
	filters.by("status", q.Status != "")
	filters.by("q", q.Q != "")
	filters.by("updated_since", q.UpdatedSince != nil)
	return q, filters, nil
}
