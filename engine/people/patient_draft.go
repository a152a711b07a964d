package people

import (
	"slices"
	"strings"
	"time"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
	"qualifybase/engine/phone"
	"qualifybase/engine/text"

	"golang.org/x/text/language"
)

// PatientDraft is an unsaved patient: nil is "not sent", empty text takes a value
// away. Phones, identifiers, address and emergency contact replace what was
// there as a whole; of consents only those sent change.
type PatientDraft struct {
	MRN               *string
	GivenName         *string
	FamilyName        *string
	PreferredName     *string
	BirthDate         *string // YYYY-MM-DD
	Sex               *Sex
	Phones            *[]Phone
	Email             *string
	Address           *directory.Address
	Language          *string
	ContactPreference *string
	Consents          *Consents
	EmergencyContact  *EmergencyContact
	Identifiers       *[]Identifier
	AllergiesText     *string
	AdminNotes        *string
	Status            *PatientStatus // active, inactive or deceased
	Restricted        *bool
	AllowDuplicate    bool // of a new patient: also beside a certain match
}

// The bounds of a patient's fields beside those of text.
const (
	MaxPhones      = 10
	MaxIdentifiers = 20
)

var (
	earliestBirth      = calendar.NewDate(1850, time.January, 1)
	sexes              = []Sex{SexMale, SexFemale, SexOther, SexUnknown}
	contactPreferences = []string{"", "email", "sms", "phone", "post", "none"}
)

// apply writes what was sent onto a row, noting faults and the names of what
// changed. today is the clinic's date, country reads phones.
func (d PatientDraft) apply(x *act.Edit, p *Patient, country string, today calendar.Date, now int64) {
	x.Text("mrn", &p.MRN, nonEmpty(d.MRN, p.MRN), text.MaxName)
	x.Must("given_name", &p.GivenName, d.GivenName, text.MaxName)
	x.Must("family_name", &p.FamilyName, d.FamilyName, text.MaxName)
	d.applyFacts(x, p, country, today)
	x.Text("preferred_name", &p.PreferredName, d.PreferredName, text.MaxName)
	if d.Sex != nil {
		if sex := *d.Sex; sex == "" {
			act.Put(x, "sex", &p.Sex, SexUnknown)
		} else if slices.Contains(sexes, sex) {
			act.Put(x, "sex", &p.Sex, sex)
		} else {
			x.Add("sex", "Must be male, female, other or unknown")
		}
	}
	if d.Address != nil {
		act.Put(x, "address", &p.Address, d.Address.Clean(&x.Faults, "address"))
	}
	if d.Language != nil {
		act.Put(x, "language", &p.Language, cleanLanguage(&x.Faults, "language", *d.Language))
	}
	if d.ContactPreference != nil {
		if slices.Contains(contactPreferences, *d.ContactPreference) {
			act.Put(x, "contact_preference", &p.ContactPreference, *d.ContactPreference)
		} else {
			x.Add("contact_preference", "Must be email, sms, phone, post or none")
		}
	}
	d.applyConsents(x, p, now)
	if d.EmergencyContact != nil {
		act.Put(x, "emergency_contact", &p.EmergencyContact, cleanEmergency(&x.Faults, "emergency_contact",
			*d.EmergencyContact, country))
	}
	x.Notes("allergies_text", &p.AllergiesText, d.AllergiesText)
	x.Notes("admin_notes", &p.AdminNotes, d.AdminNotes)
	if d.Status != nil {
		switch *d.Status {
		case PatientActive, PatientInactive, PatientDeceased:
			act.Put(x, "status", &p.Status, *d.Status)
		default:
			x.Add("status", "Must be active, inactive or deceased")
		}
	}
	x.Flag("restricted", &p.Restricted, d.Restricted)
}

// applyFacts are the fields by which a person is recognised, beside the names.
func (d PatientDraft) applyFacts(x *act.Edit, p *Patient, country string, today calendar.Date) {
	if d.BirthDate != nil {
		birth := cleanBirth(&x.Faults, "birth_date", *d.BirthDate, today)
		if (birth == nil) != (p.BirthDate == nil) || birth != nil && *birth != *p.BirthDate {
			p.BirthDate, x.Changed = birth, append(x.Changed, "birth_date")
		}
	}
	if d.Email != nil {
		var email string
		email, p.EmailKey = text.CleanEmail(&x.Faults, "email", *d.Email)
		act.Put(x, "email", &p.Email, email)
	}
	if d.Phones != nil {
		if phones := cleanPhones(&x.Faults, "phones", *d.Phones, country); !slices.Equal(phones, p.Phones) {
			p.Phones, x.Changed = phones, append(x.Changed, "phones")
		}
	}
	if d.Identifiers != nil {
		if ids := cleanIdentifiers(&x.Faults, "identifiers", *d.Identifiers); !slices.Equal(ids, p.Identifiers) {
			p.Identifiers, x.Changed = ids, append(x.Changed, "identifiers")
		}
	}
}

// nonEmpty is the text sent, unless it is empty and there is one already.
func nonEmpty(sent *string, current string) *string {
	if sent != nil && strings.TrimSpace(*sent) == "" && current != "" {
		return nil
	}
	return sent
}

// cleanBirth reads a birth date; empty is none.
func cleanBirth(f *fault.Faults, field, text string, today calendar.Date) *calendar.Date {
	if text = strings.TrimSpace(text); text == "" {
		return nil
	}
	birth, err := calendar.ParseDate(text)
	switch {
	case err != nil && len(text) == len("2006-01-02") && text[4] == '-':
		f.Add(field, "Must be a date that the calendar has, like 1980-02-29")
	case err != nil:
		f.Add(field, "Must be a date like 1980-02-29")
	case birth > today:
		f.Add(field, "Must not lie in the future")
	case birth < earliestBirth:
		f.Add(field, "Must not lie before %s", earliestBirth)
	default:
		return &birth
	}
	return nil
}

// cleanPhones reads a list of phones; E164 is worked out, whatever was sent. A
// number that is named twice is kept once.
func cleanPhones(f *fault.Faults, field string, phones []Phone, country string) []Phone {
	kept := []Phone{}
	if len(phones) > MaxPhones {
		f.Add(field, "At most %d phones; there are %d", MaxPhones, len(phones))
		return kept
	}
	for i, given := range phones {
		at := fault.Indexed(field, i)
		number := text.Require(f, at+".number", given.Number, text.MaxName)
		label := text.Clean(f, at+".label", given.Label, text.MaxName)
		e164 := phone.Clean(f, at+".number", number, country)
		if number != "" && !slices.ContainsFunc(kept, func(p Phone) bool { return p.E164 == e164 && e164 != "" }) {
			kept = append(kept, Phone{number, e164, label})
		}
	}
	return kept
}

// cleanIdentifiers reads a list of identifiers; one that is named twice is kept once.
func cleanIdentifiers(f *fault.Faults, field string, ids []Identifier) []Identifier {
	kept := []Identifier{}
	if len(ids) > MaxIdentifiers {
		f.Add(field, "At most %d identifiers; there are %d", MaxIdentifiers, len(ids))
		return kept
	}
	for i, id := range ids {
		at := fault.Indexed(field, i)
		id = Identifier{text.Require(f, at+".system", id.System, text.MaxText),
			text.Require(f, at+".value", id.Value, text.MaxText)}
		if !slices.Contains(kept, id) {
			kept = append(kept, id)
		}
	}
	return kept
}

func cleanEmergency(f *fault.Faults, field string, e EmergencyContact, country string) EmergencyContact {
	e = EmergencyContact{
		Name: text.Clean(f, field+".name", e.Name, text.MaxName), Relationship: text.Clean(f, field+".relationship",
			e.Relationship, text.MaxName),
		Phone: text.Clean(f, field+".phone", e.Phone, text.MaxName),
	}
	phone.Clean(f, field+".phone", e.Phone, country)
	return e
}

// cleanLanguage reads a tag of BCP 47 and gives its usual spelling.
func cleanLanguage(f *fault.Faults, field, tag string) string {
	if tag = strings.TrimSpace(tag); tag == "" {
		return ""
	}
	parsed, err := language.Parse(tag)
	if err != nil || len(tag) > text.MaxName || parsed == language.Und {
		f.Add(field, "Must be a language of BCP 47, like de or pt-BR")
		return ""
	}
	return parsed.String()
}

// applyConsents changes the consents that were sent; a time that was not sent is now.
func (d PatientDraft) applyConsents(x *act.Edit, p *Patient, now int64) {
	if d.Consents == nil {
		return
	}
	changed := false
	for _, s := range []struct {
		field    string
		at, sent **Consent
	}{
		{"email_reminders", &p.Consents.EmailReminders, &d.Consents.EmailReminders},
		{"sms_reminders", &p.Consents.SMSReminders, &d.Consents.SMSReminders},
		{"marketing", &p.Consents.Marketing, &d.Consents.Marketing},
	} {
		if *s.sent == nil {
			continue
		}
		consent, field := **s.sent, "consents."+s.field
		consent.Source = text.Clean(&x.Faults, field+".source", consent.Source, text.MaxText)
		if was := *s.at; consent.At == 0 && was != nil && was.Granted == consent.Granted && was.Source == consent.Source {
			continue // said again, not anew
		}
		switch {
		case consent.At == 0:
			consent.At = now
		case consent.At > now:
			x.Add(field+".at", "Must not lie in the future")
		}
		changed = changed || *s.at == nil || **s.at != consent
		*s.at = &consent
	}
	if changed {
		x.Changed = append(x.Changed, "consents")
	}
}
