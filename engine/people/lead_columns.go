package people

import (
	"encoding/json"
	"slices"
	"strings"

	"qualifybase/engine/fault"
	"qualifybase/engine/table"
	"qualifybase/engine/text"
)

// ownLeadID is the column of our own ids, which an export writes.
const ownLeadID = "id"

// takeLeadColumns takes each heading for a field. Several columns may hold phones
// or e-mails ("Mobile", "Phone"): the first with something in it counts; two for
// any other field are a fault. A plain "id" is the sender's own, unless the file
// has an external_id beside it: then it is ours, as in our exports.
func takeLeadColumns(header []string) ([]table.Column, error) {
	headings := leadColumns.Headings()
	columns, useful := headings.Take(header), false
	for i := range columns {
		if text.Fold(header[i]) == ownLeadID {
			columns[i].Field = "external_id"
			if slices.ContainsFunc(columns, func(c table.Column) bool {
				return c.Field == "external_id" && text.Fold(c.Header) != ownLeadID
			}) {
				columns[i].Field = ownLeadID
			}
		}
		switch columns[i].Field {
		case "name", "first_name", "last_name", "email", "phone", "external_id", ownLeadID:
			useful = true
		}
	}
	if !useful {
		return columns, table.BadFile("Has no column that says who a lead is; the first line must name some of %s",
			strings.Join(headings.Names(), ", "))
	}
	return columns, headings.Unambiguous(columns)
}

const tagSeparators = ",;|"

// readTags reads tags separated by comma, semicolon or bar, or a JSON array.
func readTags(_ *fault.Faults, _, cell string) *[]string {
	tags := tagsOfCell(cell)
	return &tags
}

func tagsOfCell(cell string) (tags []string) {
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

// writeTags writes what readTags reads.
func writeTags(tags []string) string {
	plain := strings.Join(tags, "; ")
	if slices.Equal(tagsOfCell(plain), tags) || len(tags) == 0 {
		return plain
	}
	text, _ := plainJSON(tags) // strings always marshal
	return text
}

func readObject(f *fault.Faults, field, cell string) *map[string]any {
	var object map[string]any
	dec := json.NewDecoder(strings.NewReader(cell))
	dec.UseNumber() // long numbers are ids
	if dec.Decode(&object) != nil || object == nil || dec.More() {
		f.Add(field, `Must be a JSON object such as {"campaign": "spring"}`)
		return nil
	}
	return &object
}

func writeObject(object map[string]any) string {
	if len(object) == 0 {
		return ""
	}
	text, _ := plainJSON(object) // it came from JSON
	return text
}
