package people

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"qualifybase/engine/fault"
	"qualifybase/engine/table"
	"qualifybase/engine/text"
)

// leadFieldNames are the columns that an import understands, as the wire names
// them; an export writes the same.
var leadFieldNames = []string{"external_id", "source", "name", "first_name", "last_name", "email", "phone",
	"status", "tags", "notes", "metadata", "consent"}

// leadAliases are other headings of these columns, folded and without anything
// but letters and digits: what the address books and customer systems that
// people export from call them, in the languages their users have.
var leadAliases = map[string]string{
	"leadid": "external_id", "contactid": "external_id", "recordid": "external_id", "externalid": "external_id",
	"externeid": "external_id", "kundennummer": "external_id", "customerid": "external_id",
	"leadsource": "source", "quelle": "source", "herkunft": "source", "origin": "source", "origen": "source",
	"fullname": "name", "displayname": "name", "contactname": "name", "leadname": "name", "kontakt": "name",
	"nomcomplet":     "name",
	"nombrecompleto": "name", "vollstandigername": "name", "adsoyad": "name",
	"firstname": "first_name", "givenname": "first_name", "forename": "first_name", "vorname": "first_name",
	"rufname": "first_name",
	"prenom":  "first_name", "nombre": "first_name", "voornaam": "first_name", "imie": "first_name", "ad": "first_name",
	"lastname": "last_name", "surname": "last_name", "familyname": "last_name", "nachname": "last_name",
	"familienname": "last_name",
	"zuname":       "last_name", "nom": "last_name", "nomdefamille": "last_name", "apellido": "last_name",
	"apellidos": "last_name",
	"cognome":   "last_name", "achternaam": "last_name", "nazwisko": "last_name", "soyad": "last_name",
	"emailaddress": "email", "email1": "email", "email1value": "email", "mail": "email", "emailadresse": "email",
	"mailadresse":  "email",
	"adresseemail": "email", "courriel": "email", "correo": "email", "correoelectronico": "email", "eposta": "email",
	"phonenumber": "phone", "telephone": "phone", "tel": "phone", "mobile": "phone", "mobilephone": "phone",
	"cell":      "phone",
	"cellphone": "phone", "primaryphone": "phone", "businessphone": "phone", "homephone": "phone", "phone1": "phone",
	"phone1value": "phone",
	"telefon":     "phone", "telefonnummer": "phone", "mobil": "phone", "mobilnummer": "phone", "mobiltelefon": "phone",
	"handy":       "phone",
	"handynummer": "phone", "rufnummer": "phone", "festnetz": "phone", "telefono": "phone", "movil": "phone",
	"portable": "phone", "telefoon": "phone",
	"leadstatus": "status", "stage": "status", "estado": "status", "statut": "status",
	"tag": "tags", "labels": "tags", "label": "tags", "schlagworte": "tags", "etiketten": "tags",
	"note": "notes", "comment": "notes", "comments": "notes", "message": "notes", "notiz": "notes", "notizen": "notes",
	"bemerkung": "notes", "bemerkungen": "notes", "anmerkung": "notes", "anmerkungen": "notes", "kommentar": "notes",
	"nachricht": "notes",
}

// ownLeadID is the column of our own ids, which an export writes.
const ownLeadID = "id"

// mapLeadColumns takes each heading for a field. Several columns may hold phones
// or e-mails ("Mobile", "Phone"): the first with something in it counts; two for
// any other field are a fault. A plain "id" is the sender's own, unless the file
// has an external_id beside it: then it is ours, as in our exports.
func mapLeadColumns(header []string) ([]table.Column, error) {
	columns, useful := make([]table.Column, len(header)), false
	for i, text := range header {
		columns[i] = table.Column{Header: text, Field: leadColumn(text)}
	}
	for i, value := range header {
		if text.Fold(value) == ownLeadID {
			columns[i].Field = "external_id"
			if slices.ContainsFunc(columns, func(c table.Column) bool {
				return c.Field == "external_id" && text.Fold(c.Header) != ownLeadID
			}) {
				columns[i].Field = ownLeadID
			}
		}
		field := columns[i].Field
		switch field {
		case "name", "first_name", "last_name", "email", "phone", "external_id", ownLeadID:
			useful = true
		}
	}
	if !useful {
		return columns, table.BadFile("Has no column that says who a lead is; the first line must name some of %s",
			strings.Join(leadFieldNames, ", "))
	}
	return columns, table.Unambiguous(columns, "email", "phone")
}

// leadIDOf is the row's own id of the lead, "" for none.
func leadIDOf(columns []table.Column, cells []string) string {
	for i, cell := range cells {
		if columns[i].Field == ownLeadID {
			return strings.TrimSpace(cell)
		}
	}
	return ""
}

func leadColumn(header string) string {
	plain := text.Fold(header)
	if name := strings.ReplaceAll(plain, " ", "_"); slices.Contains(leadFieldNames, name) {
		return name
	}
	plain = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, plain)
	if slices.Contains(leadFieldNames, plain) { // "E-Mail"
		return plain
	}
	return leadAliases[plain]
}

// leadOfCells is a row as a draft; an empty cell is "not sent".
func leadOfCells(f *fault.Faults, columns []table.Column, cells []string) LeadDraft {
	var d LeadDraft
	taken := map[string]bool{}
	for i, cell := range cells {
		field := columns[i].Field
		if cell = strings.TrimSpace(cell); cell == "" || field == "" || taken[field] {
			continue
		}
		taken[field] = true
		switch field {
		case "external_id":
			d.ExternalID = &cell
		case "source":
			d.Source = &cell
		case "name":
			d.Name = &cell
		case "first_name":
			d.FirstName = &cell
		case "last_name":
			d.LastName = &cell
		case "email":
			d.Email = &cell
		case "phone":
			d.Phone = &cell
		case "notes":
			d.Notes = &cell
		case "status":
			status := LeadStatus(strings.NewReplacer(" ", "_", "-", "_").Replace(text.Fold(cell)))
			d.Status = &status
		case "tags":
			tags := tagsOfCell(cell)
			d.Tags = &tags
		case "metadata":
			d.Metadata = objectOfCell(f, field, cell)
		case "consent":
			d.Consent = objectOfCell(f, field, cell)
		}
	}
	return d
}

const tagSeparators = ",;|"

// tagsOfCell reads tags separated by comma, semicolon or bar, or a JSON array.
func tagsOfCell(cell string) []string {
	var tags []string
	if strings.HasPrefix(cell, "[") && json.Unmarshal([]byte(cell), &tags) == nil {
		return tags
	}
	for tag := range strings.FieldsFuncSeq(cell, func(r rune) bool { return strings.ContainsRune(tagSeparators, r) }) {
		if tag = strings.TrimSpace(tag); tag != "" {
			tags = append(tags, tag)
		}
	}
	return tags
}

// cellOfTags writes what tagsOfCell reads.
func cellOfTags(tags []string) string {
	plain := strings.Join(tags, "; ")
	if slices.Equal(tagsOfCell(plain), tags) || len(tags) == 0 {
		return plain
	}
	text, _ := plainJSON(tags) // strings always marshal
	return text
}

func objectOfCell(f *fault.Faults, field, cell string) *map[string]any {
	var object map[string]any
	dec := json.NewDecoder(strings.NewReader(cell))
	dec.UseNumber() // long numbers are ids
	if dec.Decode(&object) != nil || object == nil || dec.More() {
		f.Add(field, `Must be a JSON object such as {"campaign": "spring"}`)
		return nil
	}
	return &object
}

func cellOfObject(object map[string]any) string {
	if len(object) == 0 {
		return ""
	}
	text, _ := plainJSON(object) // it came from JSON
	return text
}
