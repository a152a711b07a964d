package people

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
	"qualifybase/engine/table"
	"qualifybase/engine/text"
)

// patientFieldNames are the columns that an import of patients understands, as the
// wire names them where it has one cell for them; an export writes the same.
var patientFieldNames = strings.Fields(`mrn given_name family_name preferred_name birth_date sex phones email address_line1 address_line2
	postal_code city region country language contact_preference emergency_contact_name emergency_contact_relationship
	emergency_contact_phone identifiers allergies_text admin_notes status`)

// patientAliases are other headings of these columns, folded and without anything
// but letters and digits; those of a lead's names, e-mail and phone count, too.
var patientAliases = map[string]string{
	"patientid": "mrn", "patientno": "mrn", "patientnumber": "mrn", "chartnumber": "mrn", "recordnumber": "mrn",
	"fileno": "mrn", "medicalrecordnumber": "mrn",
	"patientennummer": "mrn", "patientennr": "mrn", "patnr": "mrn", "aktennummer": "mrn", "karteinummer": "mrn",
	"numerodossier": "mrn", "historiaclinica": "mrn",
	"dob": "birth_date", "dateofbirth": "birth_date", "birthday": "birth_date", "birthdate": "birth_date",
	"geburtsdatum": "birth_date", "gebdatum": "birth_date",
	"geburtstag": "birth_date", "geboren": "birth_date", "gebdat": "birth_date", "datedenaissance": "birth_date",
	"fechadenacimiento": "birth_date", "geboortedatum": "birth_date",
	"gender": "sex", "geschlecht": "sex", "sexe": "sex", "sexo": "sex", "geslacht": "sex",
	"nickname": "preferred_name", "rufname": "preferred_name", "knownas": "preferred_name", "preferred": "preferred_name",
	"street": "address_line1", "address": "address_line1", "addressline": "address_line1", "address1": "address_line1",
	"strasse": "address_line1", "adresse": "address_line1",
	"anschrift": "address_line1", "rue": "address_line1", "calle": "address_line1", "direccion": "address_line1",
	"address2": "address_line2", "adresszusatz": "address_line2",
	"zip": "postal_code", "zipcode": "postal_code", "postcode": "postal_code", "plz": "postal_code",
	"postleitzahl": "postal_code", "codepostal": "postal_code", "codigopostal": "postal_code",
	"town": "city", "ort": "city", "stadt": "city", "wohnort": "city", "ville": "city", "ciudad": "city", "plaats": "city",
	"state": "region", "province": "region", "bundesland": "region", "land": "country", "pays": "country",
	"pais": "country", "countrycode": "country",
	"sprache": "language", "langue": "language", "idioma": "language", "lang": "language",
	"allergies": "allergies_text", "allergy": "allergies_text", "allergien": "allergies_text",
	"allergie": "allergies_text", "alergias": "allergies_text",
	"emergencycontact": "emergency_contact_name", "notfallkontakt": "emergency_contact_name",
	"emergencyphone": "emergency_contact_phone",
	"notfallnummer":  "emergency_contact_phone", "notfalltelefon": "emergency_contact_phone",
	"insurance": "identifiers", "versichertennummer": "identifiers",
}

// mapPatientColumns takes each heading for a field. Of columns that mean the same
// the first with something in it counts, but for phones, which add up.
func mapPatientColumns(header []string) ([]table.Column, error) {
	columns := make([]table.Column, len(header))
	has := map[string]bool{}
	for i, text := range header {
		columns[i] = table.Column{Header: text, Field: patientColumn(text)}
		has[columns[i].Field] = true
	}
	if !has["mrn"] && !has["name"] && !(has["given_name"] && has["family_name"]) {
		return columns,
			table.BadFile("Has no column that says who a patient is; the first line must name given_name and " +
				"family_name, or name, or mrn")
	}
	return columns, table.Unambiguous(columns, patientFieldNames...)
}

func patientColumn(header string) string {
	plain := text.Fold(header)
	if name := strings.NewReplacer(" ", "_", "-", "_").Replace(plain); slices.Contains(patientFieldNames, name) {
		return name
	}
	plain = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, plain)
	if field, ok := patientAliases[plain]; ok {
		return field
	}
	switch field := leadColumn(header); field {
	case "first_name":
		return "given_name"
	case "last_name":
		return "family_name"
	case "phone":
		return "phones"
	case "notes":
		return "admin_notes"
	case "name", "email", "status":
		return field
	}
	return ""
}

// patientCells is a row of an import: the fields that it has something in.
type patientCells struct {
	PatientDraft
	address   directory.Address
	emergency EmergencyContact
}

// patientOfCells reads a row; an empty cell is "not sent".
func patientOfCells(f *fault.Faults, columns []table.Column, cells []string) (out patientCells) {
	get := map[string]string{}
	var phones []Phone
	for i, cell := range cells {
		cell, field := strings.TrimSpace(cell), columns[i].Field
		switch {
		case cell == "" || field == "":
		case field == "phones":
			phones = append(phones, phonesOfCell(cell, columns[i].Header)...)
		case get[field] == "":
			get[field] = cell
		}
	}
	if whole := get["name"]; whole != "" && get["given_name"] == "" && get["family_name"] == "" {
		get["given_name"], get["family_name"] = splitName(whole)
	}
	for field, at := range map[string]**string{
		"mrn": &out.MRN, "given_name": &out.GivenName, "family_name": &out.FamilyName, "preferred_name": &out.PreferredName,
		"email":    &out.Email,
		"language": &out.Language, "contact_preference": &out.ContactPreference, "allergies_text": &out.AllergiesText,
		"admin_notes": &out.AdminNotes,
	} {
		if v := get[field]; v != "" {
			*at = &v
		}
	}
	if len(phones) > 0 {
		out.Phones = &phones
	}
	if text := get["birth_date"]; text != "" {
		out.BirthDate = birthOfCell(f, text)
	}
	if value := get["sex"]; value != "" {
		sex, ok := sexWords[text.Fold(value)]
		if !ok {
			f.Add("sex", "Must be male, female, other or unknown")
		}
		out.Sex = &sex
	}
	if value := get["status"]; value != "" {
		status := PatientStatus(text.Fold(value))
		out.Status = &status
	}
	if text := get["identifiers"]; text != "" {
		out.Identifiers = identifiersOfCell(text)
	}
	out.address = directory.Address{Line1: get["address_line1"], Line2: get["address_line2"], City: get["city"],
		Region: get["region"], PostalCode: get["postal_code"], Country: get["country"]}
	out.emergency = EmergencyContact{get["emergency_contact_name"], get["emergency_contact_relationship"],
		get["emergency_contact_phone"]}
	return out
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

const betweenPhones = ";|\n"

// phonesOfCell reads "mobile: 0171 1234567; 030 1234567". A number alone is called
// by its column, unless that is called as any column of phones is.
func phonesOfCell(cell, header string) (out []Phone) {
	usual := strings.ToLower(header)
	if slices.Contains([]string{"phones", "phone", "telefon", "telefonnummer", "phone number", "tel"}, usual) {
		usual = ""
	}
	for part := range strings.FieldsFuncSeq(cell, func(r rune) bool { return strings.ContainsRune(betweenPhones, r) }) {
		label, number, labelled := strings.Cut(part, ":")
		if !labelled {
			label, number = usual, part
		}
		if number = strings.TrimSpace(number); number != "" {
			out = append(out, Phone{Number: number, Label: strings.TrimSpace(label)})
		}
	}
	return out
}

// cellOfPhones writes what phonesOfCell reads.
func cellOfPhones(phones []Phone) string {
	clean := strings.NewReplacer(";", ",", "|", ",", ":", " ")
	parts := make([]string, len(phones))
	for i, p := range phones {
		if parts[i] = p.Number; p.Label != "" {
			parts[i] = clean.Replace(p.Label) + ": " + p.Number
		}
	}
	return strings.Join(parts, "; ")
}

// identifiersOfCell reads "insurer: A 123; hospital: 7"; a value alone is of the
// insurer.
func identifiersOfCell(cell string) *[]Identifier {
	out := []Identifier{}
	for part := range strings.SplitSeq(cell, ";") {
		system, value, named := cutLast(part, ": ")
		if !named {
			system, value = "insurer", part
		}
		if value = strings.TrimSpace(value); value != "" {
			out = append(out, Identifier{strings.TrimSpace(system), value})
		}
	}
	return &out
}

// cutLast cuts at the last separator: a system may be a URL.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// patientExtras are the columns that an export has and an import passes over.
var patientExtras = []string{"consents", "id", "source_lead_id", "restricted", "created_at", "updated_at"}

// patientRow is a patient as a row of an export.
func patientRow(p Patient) []string {
	birth := ""
	if p.BirthDate != nil {
		birth = p.BirthDate.String()
	}
	ids := make([]string, len(p.Identifiers))
	for i, id := range p.Identifiers {
		ids[i] = id.System + ": " + id.Value
	}
	consents := map[string]any{}
	for name, c := range map[string]*Consent{"email_reminders": p.Consents.EmailReminders,
		"sms_reminders": p.Consents.SMSReminders, "marketing": p.Consents.Marketing} {
		if c != nil {
			consents[name] = map[string]any{"granted": c.Granted, "at": calendar.UTC(c.At), "source": c.Source}
		}
	}
	restricted := ""
	if p.Restricted {
		restricted = "true"
	}
	return []string{
		p.MRN, p.GivenName, p.FamilyName, p.PreferredName, birth, string(p.Sex), cellOfPhones(p.Phones), p.Email,
		p.Address.Line1, p.Address.Line2,
		p.Address.PostalCode, p.Address.City, p.Address.Region, p.Address.Country, p.Language, p.ContactPreference,
		p.EmergencyContact.Name,
		p.EmergencyContact.Relationship, p.EmergencyContact.Phone, strings.Join(ids, "; "), p.AllergiesText, p.AdminNotes,
		string(p.Status),
		cellOfObject(consents), act.IDText(p.ID), p.SourceLeadID, restricted, calendar.UTC(p.CreatedAt),
		calendar.UTC(p.UpdatedAt),
	}
}
