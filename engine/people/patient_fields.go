package people

import (
	"fmt"
	"slices"
	"strings"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
	"qualifybase/engine/table"
	"qualifybase/engine/text"
)

// patientFields are the fields of a patient. The other headings of their columns are
// what practice systems call them, in the languages of their users.
var patientFields = act.Fields[Patient, PatientDraft]{
	act.FieldOf("mrn", mrnRule(),
		func(p *Patient, d *PatientDraft) (*string, **string) { return &p.MRN, &d.MRN }).
		Named("patientid patientno patientnumber chartnumber recordnumber fileno medicalrecordnumber patientennummer " +
			"patientennr patnr aktennummer karteinummer numerodossier historiaclinica").Several(),
	act.FieldOf("given_name", act.Required(text.MaxName),
		func(p *Patient, d *PatientDraft) (*string, **string) { return &p.GivenName, &d.GivenName }).
		Named(givenNameHeadings).Several(),
	familyName(),
	act.FieldOf("preferred_name", act.Line(text.MaxName),
		func(p *Patient, d *PatientDraft) (*string, **string) { return &p.PreferredName, &d.PreferredName }).
		Named("nickname rufname knownas preferred").Several(),
	birthDate(),
	act.FieldOf("sex", sexRule(),
		func(p *Patient, d *PatientDraft) (*Sex, **Sex) { return &p.Sex, &d.Sex }).
		Named("gender geschlecht sexe sexo geslacht").Several(),
	phones(),
	act.FieldOf("email", act.Email(),
		func(p *Patient, d *PatientDraft) (*string, **string) { return &p.Email, &d.Email }).
		Named(emailHeadings).Several().
		Applied(func(x *act.Edit, p *Patient, d *PatientDraft) {
			if d.Email != nil {
				p.Email, p.EmailKey = text.CleanEmail(&x.Faults, "email", *d.Email)
			}
		}).
		Copied(func(to, from *Patient) { to.Email, to.EmailKey = from.Email, from.EmailKey }),
	act.FieldOf("address", act.Cleaned(func(x *act.Edit, field string, a directory.Address) directory.Address {
		return a.Clean(&x.Faults, field)
	}), func(p *Patient, d *PatientDraft) (*directory.Address, **directory.Address) {
		return &p.Address, &d.Address
	}).
		In(
			addressPart("address_line1", func(a *directory.Address) *string { return &a.Line1 },
				"street address addressline address1 strasse adresse anschrift rue calle direccion"),
			addressPart("address_line2", func(a *directory.Address) *string { return &a.Line2 }, "address2 adresszusatz"),
			addressPart("postal_code", func(a *directory.Address) *string { return &a.PostalCode },
				"zip zipcode postcode plz postleitzahl codepostal codigopostal"),
			addressPart("city", func(a *directory.Address) *string { return &a.City },
				"town ort stadt wohnort ville ciudad plaats"),
			addressPart("region", func(a *directory.Address) *string { return &a.Region }, "state province bundesland"),
			addressPart("country", func(a *directory.Address) *string { return &a.Country }, "land pays pais countrycode"),
		),
	act.FieldOf("language", asTyped(act.Cleaned(func(x *act.Edit, field, tag string) string {
		return cleanLanguage(&x.Faults, field, tag)
	})), func(p *Patient, d *PatientDraft) (*string, **string) { return &p.Language, &d.Language }).
		Named("sprache langue idioma lang").Several(),
	act.FieldOf("contact_preference",
		asTyped(act.OneOf("Must be "+text.Or(ContactPreferences), append([]string{""}, ContactPreferences...)...)),
		func(p *Patient, d *PatientDraft) (*string, **string) {
			return &p.ContactPreference, &d.ContactPreference
		}).
		Several(),
	act.FieldOf("consents", consentsRule(),
		func(p *Patient, d *PatientDraft) (*Consents, **Consents) { return &p.Consents, &d.Consents }),
	act.FieldOf("emergency_contact",
		act.Cleaned(func(x *act.Edit, field string, e EmergencyContact) EmergencyContact {
			return cleanEmergency(&x.Faults, field, e, x.HomeCountry)
		}),
		func(p *Patient, d *PatientDraft) (*EmergencyContact, **EmergencyContact) {
			return &p.EmergencyContact, &d.EmergencyContact
		}).
		In(
			emergencyPart("emergency_contact_name", func(e *EmergencyContact) *string { return &e.Name },
				"emergencycontact notfallkontakt"),
			emergencyPart("emergency_contact_relationship", func(e *EmergencyContact) *string { return &e.Relationship }, ""),
			emergencyPart("emergency_contact_phone", func(e *EmergencyContact) *string { return &e.Phone },
				"emergencyphone notfallnummer notfalltelefon"),
		),
	act.FieldOf("identifiers", identifiersRule(),
		func(p *Patient, d *PatientDraft) (*[]Identifier, **[]Identifier) {
			return &p.Identifiers, &d.Identifiers
		}).
		Named("insurance versichertennummer").Several().
		Copied(func(to, from *Patient) { to.Identifiers = slices.Clone(from.Identifiers) }),
	act.FieldOf("allergies_text", act.Lines(),
		func(p *Patient, d *PatientDraft) (*string, **string) { return &p.AllergiesText, &d.AllergiesText }).
		Named("allergies allergy allergien allergie alergias").Several(),
	act.FieldOf("admin_notes", act.Lines(),
		func(p *Patient, d *PatientDraft) (*string, **string) { return &p.AdminNotes, &d.AdminNotes }).
		Named("notes " + notesHeadings).Several(),
	act.FieldOf("status",
		act.OneOf("Must be active, inactive or deceased", PatientActive, PatientInactive, PatientDeceased),
		func(p *Patient, d *PatientDraft) (*PatientStatus, **PatientStatus) { return &p.Status, &d.Status }).
		Named(statusHeadings).Several(),
	act.Shown[PatientDraft]("id", func(p *Patient) string { return act.IDText(p.ID) }),
	act.Shown[PatientDraft]("source_lead_id", func(p *Patient) string { return p.SourceLeadID }),
	act.FieldOf("restricted", restrictedRule(),
		func(p *Patient, d *PatientDraft) (*bool, **bool) { return &p.Restricted, &d.Restricted }),
	act.Shown[PatientDraft]("created_at", func(p *Patient) string { return calendar.UTC(p.CreatedAt) }),
	act.Shown[PatientDraft]("updated_at", func(p *Patient) string { return calendar.UTC(p.UpdatedAt) }),
}

// patientFacts are the fields by which a person is recognised, beside the names.
var patientFacts = patientFields.Only("birth_date", "email", "phones", "identifiers")

// patientEdits are the fields in the order in which faults and changes are told.
var patientEdits = patientFields.First("mrn", "given_name", "family_name", "birth_date", "email", "phones",
	"identifiers")

// mrnRule is a line of text that is not taken away.
func mrnRule() act.Rule[string] {
	r := act.Line(text.MaxName)
	clean := r.Apply
	r.Apply = func(x *act.Edit, field string, at, sent *string) {
		if sent == nil || strings.TrimSpace(*sent) != "" || *at == "" {
			clean(x, field, at, sent)
		}
	}
	return r
}

// familyName has the column of whole names beside its own: it counts where a row has
// neither part.
func familyName() act.Field[Patient, PatientDraft] {
	f := act.FieldOf("family_name", act.Required(text.MaxName),
		func(p *Patient, d *PatientDraft) (*string, **string) { return &p.FamilyName, &d.FamilyName }).
		Named(familyNameHeadings).Several()
	f.Columns = append(f.Columns, act.Column[Patient, PatientDraft]{
		Heading: table.Heading{Name: "name", Aliases: wholeNameHeadings},
		Read: func(_ *fault.Faults, _ *Patient, d *PatientDraft, cell table.Cell) {
			if d.GivenName == nil && d.FamilyName == nil {
				given, family := splitName(cell.Text)
				d.GivenName, d.FamilyName = &given, &family
			}
		},
	})
	return f
}

// birthDate is sent as text and kept as a date.
func birthDate() act.Field[Patient, PatientDraft] {
	return act.Field[Patient, PatientDraft]{
		Name: "birth_date",
		Apply: func(x *act.Edit, p *Patient, d *PatientDraft) {
			if d.BirthDate != nil {
				p.BirthDate = cleanBirth(&x.Faults, "birth_date", *d.BirthDate, x.Today)
			}
		},
		Same: func(a, b *Patient) bool {
			return a.BirthDate == b.BirthDate || a.BirthDate != nil && b.BirthDate != nil && *a.BirthDate == *b.BirthDate
		},
		Copy: func(to, from *Patient) { to.BirthDate = from.BirthDate },
		Columns: []act.Column[Patient, PatientDraft]{{
			Heading: table.Heading{Name: "birth_date", Several: true,
				Aliases: "dob dateofbirth birthday birthdate geburtsdatum gebdatum geburtstag geboren gebdat " +
					"datedenaissance fechadenacimiento geboortedatum"},
			Read: func(f *fault.Faults, _ *Patient, d *PatientDraft, cell table.Cell) {
				d.BirthDate = birthOfCell(f, cell.Text)
			},
			Write: func(p *Patient) string {
				if p.BirthDate == nil {
					return ""
				}
				return p.BirthDate.String()
			},
		}},
	}
}

// sexRule is one of the sexes; empty is unknown.
func sexRule() act.Rule[Sex] {
	r := act.OneOf("Must be "+text.Or(Sexes), Sexes...)
	oneOf := r.Apply
	r.Apply = func(x *act.Edit, field string, at, sent *Sex) {
		if sent != nil && *sent == "" {
			*at = SexUnknown
			return
		}
		oneOf(x, field, at, sent)
	}
	r.Read = func(f *fault.Faults, field, cell string) *Sex {
		sex, ok := sexWords[text.Fold(cell)]
		if !ok {
			f.Add(field, "Must be male, female, other or unknown")
		}
		return &sex
	}
	return r
}

// phones are replaced as a whole by a draft; a row of a file adds those that the
// patient does not have.
func phones() act.Field[Patient, PatientDraft] {
	f := act.FieldOf("phones", act.CleanedList(func(x *act.Edit, field string, sent []Phone) []Phone {
		return cleanPhones(&x.Faults, field, sent, x.HomeCountry)
	}), func(p *Patient, d *PatientDraft) (*[]Phone, **[]Phone) { return &p.Phones, &d.Phones })
	f.Copy = func(to, from *Patient) { to.Phones = slices.Clone(from.Phones) }
	return f.In(act.Column[Patient, PatientDraft]{
		Heading: table.Heading{Name: "phones", Aliases: "phone " + phoneHeadings, Several: true}, AddsUp: true,
		Read: func(_ *fault.Faults, base *Patient, d *PatientDraft, cell table.Cell) {
			sent := phonesOfCell(cell.Text, cell.Header)
			if len(sent) == 0 {
				return
			}
			if d.Phones == nil {
				all := slices.Clone(base.Phones)
				d.Phones = &all
			}
			for _, phone := range sent {
				if len(base.Phones) == 0 || !knownPhone(*d.Phones, phone) {
					*d.Phones = append(*d.Phones, phone)
				}
			}
		},
		Write: func(p *Patient) string { return writePhones(p.Phones) },
	})
}

// addressPart is the column of a part of the address; the other parts stay.
func addressPart(name string, at func(*directory.Address) *string,
	aliases string) act.Column[Patient, PatientDraft] {
	return act.Column[Patient, PatientDraft]{
		Heading: table.Heading{Name: name, Aliases: aliases, Several: true},
		Read: func(_ *fault.Faults, base *Patient, d *PatientDraft, cell table.Cell) {
			readPart(&d.Address, base.Address, at, cell.Text)
		},
		Write: func(p *Patient) string { return *at(&p.Address) },
	}
}

// emergencyPart is the column of a part of the emergency contact.
func emergencyPart(name string, at func(*EmergencyContact) *string,
	aliases string) act.Column[Patient, PatientDraft] {
	return act.Column[Patient, PatientDraft]{
		Heading: table.Heading{Name: name, Aliases: aliases, Several: true},
		Read: func(_ *fault.Faults, base *Patient, d *PatientDraft, cell table.Cell) {
			readPart(&d.EmergencyContact, base.EmergencyContact, at, cell.Text)
		},
		Write: func(p *Patient) string { return *at(&p.EmergencyContact) },
	}
}

// readPart changes a part of a value that is sent as a whole, if it says something else.
func readPart[T any](sent **T, base T, at func(*T) *string, cell string) {
	if *sent != nil {
		base = **sent
	}
	if part := at(&base); *part != cell {
		*part = cell
		*sent = &base
	}
}

// asTyped lets a rule of text read and write a cell as it is.
func asTyped(r act.Rule[string]) act.Rule[string] {
	r.Read = func(_ *fault.Faults, _, cell string) *string { return &cell }
	r.Write = func(v string) string { return v }
	return r
}

// identifiersRule is a list of identifiers.
func identifiersRule() act.Rule[[]Identifier] {
	r := act.CleanedList(func(x *act.Edit, field string, sent []Identifier) []Identifier {
		return cleanIdentifiers(&x.Faults, field, sent)
	})
	r.Read = func(_ *fault.Faults, _, cell string) *[]Identifier { return identifiersOfCell(cell) }
	r.Write = func(ids []Identifier) string {
		out := make([]string, len(ids))
		for i, id := range ids {
			out[i] = id.System + ": " + id.Value
		}
		return strings.Join(out, "; ")
	}
	return r
}

// restrictedRule is a flag that an export shows.
func restrictedRule() act.Rule[bool] {
	r := act.Flag()
	r.Write = func(restricted bool) string {
		if restricted {
			return "true"
		}
		return ""
	}
	return r
}

// sexWords are what files say.
var sexWords = map[string]Sex{
	"male": SexMale, "m": SexMale, "man": SexMale, "mannlich": SexMale, "maennlich": SexMale, "masculin": SexMale,
	"homme": SexMale, "hombre": SexMale, "masculino": SexMale,
	"female": SexFemale, "f": SexFemale, "w": SexFemale, "woman": SexFemale, "weiblich": SexFemale, "feminin": SexFemale,
	"femme": SexFemale, "mujer": SexFemale, "femenino": SexFemale,
	"other": SexOther, "o": SexOther, "d": SexOther, "x": SexOther, "divers": SexOther, "diverse": SexOther,
	"unknown": SexUnknown, "u": SexUnknown, "unbekannt": SexUnknown,
}

// birthOfCell reads 1980-02-29 and 29.2.1980. A date with slashes is read one way
// here and another way there, so it is refused.
func birthOfCell(f *fault.Faults, text string) *string {
	var day, month, year int
	if n, err := fmt.Sscanf(text, "%d.%d.%d", &day, &month, &year); err == nil && n == 3 && year >= 1000 {
		text = fmt.Sprintf("%04d-%02d-%02d", year, month, day)
	}
	if strings.Contains(text, "/") {
		f.Add("birth_date", "Must be a date like 1980-02-29 or 29.2.1980")
		return nil
	}
	return &text
}
