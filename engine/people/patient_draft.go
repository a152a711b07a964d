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

// ContactPreferences lists the ways in which a patient may want to be reached; empty
// is none said.
var ContactPreferences = []string{"email", "sms", "phone", "post", "none"}

var earliestBirth = calendar.NewDate(1850, time.January, 1)

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
		f.Add(field, "Must not be in the future")
	case birth < earliestBirth:
		f.Add(field, "Must not be before %s", earliestBirth)
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

// consentsRule changes the consents that were sent; a time that was not sent is now.
func consentsRule() act.Rule[Consents] {
	return act.Rule[Consents]{
		Apply: func(x *act.Edit, field string, at, sent *Consents) {
			if sent != nil {
				applyConsent(x, field+".email_reminders", &at.EmailReminders, sent.EmailReminders)
				applyConsent(x, field+".sms_reminders", &at.SMSReminders, sent.SMSReminders)
				applyConsent(x, field+".marketing", &at.Marketing, sent.Marketing)
			}
		},
		Same: func(a, b Consents) bool {
			return sameConsent(a.EmailReminders, b.EmailReminders) && sameConsent(a.SMSReminders, b.SMSReminders) &&
				sameConsent(a.Marketing, b.Marketing)
		},
		Write: func(c Consents) string {
			said := map[string]any{}
			for name, c := range map[string]*Consent{"email_reminders": c.EmailReminders,
				"sms_reminders": c.SMSReminders, "marketing": c.Marketing} {
				if c != nil {
					said[name] = map[string]any{"granted": c.Granted, "at": calendar.UTC(c.At), "source": c.Source}
				}
			}
			return writeObject(said)
		},
	}
}

func applyConsent(x *act.Edit, field string, at **Consent, sent *Consent) {
	if sent == nil {
		return
	}
	consent := *sent
	consent.Source = text.Clean(&x.Faults, field+".source", consent.Source, text.MaxText)
	if was := *at; consent.At == 0 && was != nil && was.Granted == consent.Granted && was.Source == consent.Source {
		return // said again, not anew
	}
	switch {
	case consent.At == 0:
		consent.At = x.Now
	case consent.At > x.Now:
		x.Add(field+".at", "Must not be in the future")
	}
	*at = &consent
}

func sameConsent(a, b *Consent) bool { return a == b || a != nil && b != nil && *a == *b }
