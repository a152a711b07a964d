package table

import (
	"strings"
	"unicode"

	"qualifybase/engine/text"
)

// Heading is a column that an import understands.
type Heading struct {
	Name string // what a file says first: "first_name", also "First name" or "first-name"
	// Aliases are its other headings, separated by spaces, folded and without anything
	// but letters and digits: "vorname prenom".
	Aliases string
	Several bool // a file may have more than one such column, under headings that differ
}

// Headings are the columns that an import understands.
type Headings []Heading

// Names are the names of the columns.
func (h Headings) Names() []string {
	names := make([]string, len(h))
	for i := range h {
		names[i] = h[i].Name
	}
	return names
}

// Column is a column of an imported file and what it was taken for.
type Column struct {
	Header string
	Field  string // "" = not imported
}

// Take takes each heading of a file for a column, or for none.
func (h Headings) Take(header []string) []Column {
	known := map[string]string{}
	for _, c := range h {
		for alias := range strings.FieldsSeq(c.Aliases) {
			known[alias] = c.Name
		}
	}
	for _, c := range h {
		known[c.Name] = c.Name
	}
	columns := make([]Column, len(header))
	for i, given := range header {
		plain := text.Fold(given)
		field, ok := known[strings.NewReplacer(" ", "_", "-", "_").Replace(plain)]
		if !ok || field == "" {
			field = known[lettersAndDigits(plain)]
		}
		columns[i] = Column{given, field}
	}
	return columns
}

func lettersAndDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
}

// Unambiguous refuses two columns for one field, of which one would be lost. Those
// of which a file may have several must differ in their headings.
func (h Headings) Unambiguous(columns []Column) error {
	several := map[string]bool{}
	for _, c := range h {
		several[c.Name] = c.Several
	}
	for i, c := range columns {
		for _, before := range columns[:i] {
			same := text.Fold(before.Header) == text.Fold(c.Header)
			if c.Field != "" && c.Field == before.Field && (same || !several[c.Field]) {
				return BadFile("Has two columns for %s, %q and %q: leave one out or give it another heading", c.Field,
					before.Header, c.Header)
			}
		}
	}
	return nil
}

// Cell is a cell that has something in it, without the spaces around.
type Cell struct {
	Header string // of its column, as the file has it
	Text   string
}

// Cells are the cells of a row by what their columns were taken for, in the order
// of the file. Blank ones are left out.
type Cells map[string][]Cell

// CellsOf sorts the cells of a row.
func CellsOf(columns []Column, row []string) Cells {
	out := Cells{}
	for i, cell := range row {
		if cell, c := strings.TrimSpace(cell), columns[i]; cell != "" && c.Field != "" {
			out[c.Field] = append(out[c.Field], Cell{c.Header, cell})
		}
	}
	return out
}

// Text is the first cell of a column that has something in it; "" = none.
func (c Cells) Text(field string) string {
	if len(c[field]) == 0 {
		return ""
	}
	return c[field][0].Text
}
