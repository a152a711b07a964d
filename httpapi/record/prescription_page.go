package record

import (
	"html"
	"strconv"
	"strings"

	"qualifybase/engine/record"
)

// sheet writes a page to print. Every text goes through text or line, which
// escape it. (html/template would keep every method of the program alive.)
type sheet struct{ strings.Builder }

func (s *sheet) text(tag, class, v string) {
	if v == "" {
		return
	}
	s.WriteString("<" + tag)
	if class != "" {
		s.WriteString(` class="` + class + `"`)
	}
	s.WriteString(">" + html.EscapeString(v) + "</" + tag + ">\n")
}

// line is a row of the table of facts; an empty value has none.
func (s *sheet) line(name, v string) {
	if v != "" {
		s.WriteString("<tr><th scope=\"row\">" + name + "</th><td>" + html.EscapeString(v) + "</td></tr>\n")
	}
}

// sheetPolicy lets the page have its own style and nothing else. It is in the page,
// too, for a copy that is opened from a disk.
const sheetPolicy = "default-src 'none'; style-src 'unsafe-inline'"

// ofSheet is sheetPolicy as a header: that of all other replies would forbid the style.
var ofSheet = []string{sheetPolicy + "; frame-ancestors 'none'"}

const sheetHead = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta http-equiv="Content-Security-Policy" content="` + sheetPolicy + `">
<title>Prescription</title>
<style>
@page { size: A5; margin: 15mm }
body { font: 12pt/1.45 Georgia, serif; max-width: 118mm; margin: 2em auto; padding: 0 1em; color: #000; ` +
	`background: #fff; overflow-wrap: anywhere }
header, footer { border-bottom: 1px solid #000; padding-bottom: .6em; margin-bottom: 1em }
footer { border: 0; border-top: 1px solid #000; margin-top: 5em; padding-top: .4em; font-size: 10pt }
h1 { font-size: 16pt; margin: .2em 0 } h2 { font-size: 14pt; margin: 1em 0 .3em } p { margin: .1em 0 }
.mark { border: 2px solid #000; padding: .3em .6em; font-weight: bold; text-align: center; margin: 1em 0 }
.pre { white-space: pre-wrap; margin-top: .6em } .small { font-size: 10pt }
th { text-align: left; font-weight: normal; padding-right: 1em; vertical-align: top; color: #444 }
@media print { body { margin: 0; padding: 0 } }
</style>
</head>
<body>
`

// prescriptionPage is the print view of a prescription.
func prescriptionPage(d record.PrescriptionSheet) []byte {
	var s sheet
	p := d.Prescription
	s.WriteString(sheetHead + "<header>\n")
	s.text("h1", "", d.Clinic.Name)
	if l := d.Location; l != nil {
		if l.Name != d.Clinic.Name {
			s.text("p", "small", l.Name)
		}
		a := l.Address
		s.text("p", "small", joined(", ", a.Line1, a.Line2, joined(" ", a.PostalCode, a.City), a.Region))
		s.text("p", "small", l.Phone)
	}
	s.text("p", "", joined(", ", d.Provider.DisplayName, d.Provider.Credentials, d.Provider.Specialty))
	if d.Provider.RegistrationNo != "" {
		s.text("p", "small", "Registration "+d.Provider.RegistrationNo)
	}
	s.WriteString("</header>\n<main>\n")
	s.text("p", "mark", notInForce(p))
	s.WriteString("<table>\n")
	s.line("Patient", d.Patient.GivenName+" "+d.Patient.FamilyName)
	if d.Patient.BirthDate != nil {
		s.line("Born", d.Patient.BirthDate.String())
	}
	s.line("Date", p.StartDate.String())
	s.WriteString("</table>\n")
	s.text("h2", "", p.Medication)
	s.WriteString("<table>\n")
	s.line("Code", p.MedicationCode)
	s.line("Dose", p.Dose)
	s.line("Route", p.Route)
	s.line("Frequency", p.Frequency+map[bool]string{true: ", as needed"}[p.AsNeeded])
	if last := p.LastDay(); last != nil {
		s.line("Until", last.String())
	}
	s.line("Quantity", joined(" ", p.Quantity, p.Unit))
	s.line("Refills", strconv.Itoa(p.Refills))
	s.line("Substitution", map[bool]string{true: "allowed", false: "not allowed"}[p.Substitution])
	s.WriteString("</table>\n")
	s.text("p", "pre", p.Instructions)
	s.WriteString("</main>\n<footer>\n")
	s.text("p", "", d.Provider.DisplayName)
	s.text("p", "small", "Printed "+d.Today.String()+", prescription "+p.ID)
	s.WriteString("</footer>\n</body>\n</html>\n")
	return []byte(s.String())
}

// notInForce is the mark of a prescription that nobody should hand out for.
func notInForce(p record.Prescription) string {
	switch p.Status {
	case record.PrescriptionDrafted:
		return "Draft, not valid"
	case record.PrescriptionCompleted:
		return "Completed, no longer valid"
	case record.PrescriptionStopped:
		return "Stopped, no longer valid"
	case record.PrescriptionInError:
		return "Entered in error, not valid"
	}
	return ""
}

// joined joins what is not empty.
func joined(by string, parts ...string) string {
	kept := parts[:0]
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, by)
}
