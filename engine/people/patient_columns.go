package people

import (
	"slices"
	"strings"

	"qualifybase/engine/table"
)

// takePatientColumns takes each heading for a field. Of columns that mean the same
// the first with something in it counts, but for phones, which add up.
func takePatientColumns(header []string) ([]table.Column, error) {
	headings := patientFields.Headings()
	columns := headings.Take(header)
	has := map[string]bool{}
	for _, c := range columns {
		has[c.Field] = true
	}
	if !has["mrn"] && !has["name"] && !(has["given_name"] && has["family_name"]) {
		return columns,
			table.BadFile("Has no column that says who a patient is; the first line must name given_name and " +
				"family_name, or name, or mrn")
	}
	return columns, headings.Unambiguous(columns)
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

// writePhones writes what phonesOfCell reads.
func writePhones(phones []Phone) string {
	clean := strings.NewReplacer(";", ",", "|", ",", ":", " ")
	parts := make([]string, len(phones))
	for i, p := range phones {
		if parts[i] = p.Number; p.Label != "" {
			parts[i] = clean.Replace(p.Label) + ": " + p.Number
		}
	}
	return strings.Join(parts, "; ")
}

// knownPhone reports whether a number is among phones, however it is spaced.
func knownPhone(phones []Phone, sent Phone) bool {
	return slices.ContainsFunc(phones, func(p Phone) bool {
		return digitsOf(p.Number) == digitsOf(sent.Number) || p.E164 == sent.Number
	})
}

// digitsOf is a number as typed, without its decoration.
func digitsOf(number string) string {
	out := []byte{}
	for _, c := range []byte(number) {
		if c >= '0' && c <= '9' || c == '+' {
			out = append(out, c)
		}
	}
	return string(out)
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
