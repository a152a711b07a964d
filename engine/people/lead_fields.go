package people

import (
	"slices"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/phone"
	"qualifybase/engine/text"
)

// leadFields are the fields of a lead. The other headings of their columns are what
// the address books and customer systems that people export from call them, in the
// languages their users have.
var leadFields = act.Fields[Lead, LeadDraft]{
	act.FieldOf("external_id", act.Line(text.MaxText),
		func(l *Lead, d *LeadDraft) (*string, **string) { return &l.ExternalID, &d.ExternalID }).
		Named("leadid contactid recordid externalid externeid kundennummer customerid"),
	act.FieldOf("source", leadSource(),
		func(l *Lead, d *LeadDraft) (*string, **string) { return &l.Source, &d.Source }).
		Named("leadsource quelle herkunft origin origen"),
	act.FieldOf("name", act.Line(text.MaxName),
		func(l *Lead, d *LeadDraft) (*string, **string) { return &l.Name, &d.Name }).
		Named(wholeNameHeadings).Applied(applyName),
	act.FieldOf("first_name", act.Line(text.MaxName),
		func(l *Lead, d *LeadDraft) (*string, **string) { return &l.FirstName, &d.FirstName }).
		Named(givenNameHeadings + " rufname").Applied(nil), // with the name
	act.FieldOf("last_name", act.Line(text.MaxName),
		func(l *Lead, d *LeadDraft) (*string, **string) { return &l.LastName, &d.LastName }).
		Named(familyNameHeadings).Applied(nil),
	act.FieldOf("email", act.Email(),
		func(l *Lead, d *LeadDraft) (*string, **string) { return &l.Email, &d.Email }).
		Named(emailHeadings).Several().Applied(applyEmail),
	leadPhone(),
	act.FieldOf("status", act.OneOf("Must be "+text.Or(LeadStatuses), LeadStatuses...),
		func(l *Lead, d *LeadDraft) (*LeadStatus, **LeadStatus) { return &l.Status, &d.Status }).
		Named(statusHeadings),
	act.FieldOf("notes", act.Lines(),
		func(l *Lead, d *LeadDraft) (*string, **string) { return &l.Notes, &d.Notes }).
		Named(notesHeadings),
	act.FieldOf("tags", tagsRule(),
		func(l *Lead, d *LeadDraft) (*[]string, **[]string) { return &l.Tags, &d.Tags }).
		Named("tag labels label schlagworte etiketten"),
	act.FieldOf("metadata", objectRule(),
		func(l *Lead, d *LeadDraft) (*map[string]any, **map[string]any) { return &l.Metadata, &d.Metadata }),
	act.FieldOf("consent", objectRule(),
		func(l *Lead, d *LeadDraft) (*map[string]any, **map[string]any) { return &l.Consent, &d.Consent }),
	act.Shown[LeadDraft]("id", func(l *Lead) string { return l.ID }),
	act.Shown[LeadDraft]("patient_id", func(l *Lead) string { return act.IDCell(l.PatientID) }),
	act.Shown[LeadDraft]("created_at", func(l *Lead) string { return calendar.UTC(l.CreatedAt) }),
	act.Shown[LeadDraft]("updated_at", func(l *Lead) string { return calendar.UTC(l.UpdatedAt) }),
}

// leadColumns are the same in the order of the columns of a file.
var leadColumns = leadFields.First("external_id", "source", "name", "first_name", "last_name", "email", "phone",
	"status", "tags")

// Other headings that files of leads and of patients share.
const (
	wholeNameHeadings = "fullname displayname contactname leadname kontakt nomcomplet nombrecompleto " +
		"vollstandigername adsoyad"
	givenNameHeadings  = "firstname givenname forename vorname prenom nombre voornaam imie ad"
	familyNameHeadings = "lastname surname familyname nachname familienname zuname nom nomdefamille apellido " +
		"apellidos cognome achternaam nazwisko soyad"
	emailHeadings = "emailaddress email1 email1value mail emailadresse mailadresse adresseemail courriel correo " +
		"correoelectronico eposta"
	phoneHeadings = "phonenumber telephone tel mobile mobilephone cell cellphone primaryphone businessphone " +
		"homephone phone1 phone1value telefon telefonnummer mobil mobilnummer mobiltelefon handy handynummer " +
		"rufnummer festnetz telefono movil portable telefoon"
	statusHeadings = "leadstatus stage estado statut"
	notesHeadings  = "note comment comments message notiz notizen bemerkung bemerkungen anmerkung anmerkungen " +
		"kommentar nachricht"
)

// leadSource is a line of text that is never empty.
func leadSource() act.Rule[string] {
	r := act.Line(text.MaxText)
	r.Apply = func(x *act.Edit, field string, at, sent *string) {
		if sent == nil {
			return
		}
		if *at = text.Clean(&x.Faults, field, *sent, text.MaxText); *at == "" {
			*at = DefaultLeadSource
		}
	}
	return r
}

// applyEmail sets the address and its key.
func applyEmail(x *act.Edit, l *Lead, d *LeadDraft) {
	if d.Email != nil {
		l.Email, l.EmailKey = text.CleanEmail(&x.Faults, "email", *d.Email)
	}
}

// leadPhone is the number as typed, with its key: the number that is dialled from
// the clinic's country. A lead whose phone is sent again has another key if the
// clinic has moved, and is changed by that.
func leadPhone() act.Field[Lead, LeadDraft] {
	f := act.FieldOf("phone", act.Line(text.MaxName),
		func(l *Lead, d *LeadDraft) (*string, **string) { return &l.Phone, &d.Phone }).
		Named(phoneHeadings).Several()
	f.Apply = func(x *act.Edit, l *Lead, d *LeadDraft) {
		if d.Phone != nil {
			l.Phone = text.Clean(&x.Faults, "phone", *d.Phone, text.MaxName)
			l.PhoneKey = phone.Clean(&x.Faults, "phone", l.Phone, x.HomeCountry)
		}
	}
	f.Same = func(a, b *Lead) bool { return a.Phone == b.Phone && a.PhoneKey == b.PhoneKey }
	return f
}

// tagsRule is a list of tags, which is never nil.
func tagsRule() act.Rule[[]string] {
	return act.Rule[[]string]{
		Apply: func(x *act.Edit, field string, at, sent *[]string) {
			switch {
			case sent != nil:
				*at = text.CleanTags(&x.Faults, field, *sent)
			case *at == nil:
				*at = []string{}
			}
		},
		Same:  slices.Equal[[]string],
		Read:  readTags,
		Write: writeTags,
	}
}

// objectRule is a JSON object, which is never nil.
func objectRule() act.Rule[map[string]any] {
	return act.Rule[map[string]any]{
		Apply: func(x *act.Edit, field string, at, sent *map[string]any) {
			switch {
			case sent != nil:
				*at = cleanObject(&x.Faults, field, *sent)
			case *at == nil:
				*at = map[string]any{}
			}
		},
		Same:  sameObject,
		Read:  readObject,
		Write: writeObject,
	}
}
