package act

import (
	"slices"

	"qualifybase/engine/fault"
	"qualifybase/engine/table"
)

// Field is one field of an entity: Row is the entity as it is stored, Draft what was
// sent of it. All that is done field by field goes over the entity's Fields, so that
// a field is one entry there and is in no other list.
type Field[Row, Draft any] struct {
	Name string // as the wire and the audit call it

	// Apply cleans what was sent and sets it in the row, or notes its faults; nil
	// is for a field that no draft has, or that the Apply of another one sets.
	Apply func(x *Edit, row *Row, sent *Draft)
	// Same reports whether two rows have the same value; nil is for a field that no
	// draft changes.
	Same func(a, b *Row) bool
	// Copy gives a row the value of another row, which stays as it is.
	Copy func(to, from *Row)

	Columns []Column[Row, Draft] // of a CSV file, most often one
}

// Column is a column of a CSV file that has a field, or a part of it.
type Column[Row, Draft any] struct {
	table.Heading
	// Read notes what a cell says in the draft; base is the row that the draft will
	// be applied to, for a cell that changes a part of a value. nil: an import
	// passes over the column.
	Read func(f *fault.Faults, base *Row, sent *Draft, cell table.Cell)
	// AddsUp: of several columns of this meaning each is read, not only the first
	// with something in it.
	AddsUp bool
	Write  func(row *Row) string // nil: an export does not have the column
}

// Rule is how the values of a field are taken, whatever the entity is.
type Rule[T any] struct {
	// Apply cleans what was sent and sets it, or notes its faults under the field's
	// name; sent is nil when the field was not sent.
	Apply func(x *Edit, field string, at, sent *T)
	Same  func(a, b T) bool
	Read  func(f *fault.Faults, field, cell string) *T // of a CSV file; nil = it has no such column
	Write func(v T) string                             // what Read understands
}

// FieldOf makes a field of one value: at points at it in a row and in a draft,
// where nil is "not sent". Its column in a CSV file has the field's name.
func FieldOf[Row, Draft, T any](name string, rule Rule[T], at func(*Row, *Draft) (*T, **T)) Field[Row, Draft] {
	none := new(Draft) // at only takes its address
	f := Field[Row, Draft]{
		Name: name,
		Apply: func(x *Edit, row *Row, sent *Draft) {
			v, s := at(row, sent)
			rule.Apply(x, name, v, *s)
		},
		Same: func(a, b *Row) bool {
			v, _ := at(a, none)
			w, _ := at(b, none)
			return rule.Same(*v, *w)
		},
		Copy: func(to, from *Row) {
			v, _ := at(to, none)
			w, _ := at(from, none)
			*v = *w
		},
	}
	if rule.Read == nil && rule.Write == nil {
		return f
	}
	c := Column[Row, Draft]{Heading: table.Heading{Name: name}}
	if rule.Read != nil {
		c.Read = func(f *fault.Faults, base *Row, sent *Draft, cell table.Cell) {
			if v := rule.Read(f, name, cell.Text); v != nil {
				_, s := at(base, sent)
				*s = v
			}
		}
	}
	if rule.Write != nil {
		c.Write = func(row *Row) string {
			v, _ := at(row, none)
			return rule.Write(*v)
		}
	}
	f.Columns = []Column[Row, Draft]{c}
	return f
}

// Shown makes a field that drafts do not have: an export writes it, an import
// passes over it.
func Shown[Draft, Row any](name string, write func(row *Row) string) Field[Row, Draft] {
	return Field[Row, Draft]{Name: name,
		Columns: []Column[Row, Draft]{{Heading: table.Heading{Name: name}, Write: write}}}
}

// Applied is the field with another Apply.
func (f Field[Row, Draft]) Applied(apply func(x *Edit, row *Row, sent *Draft)) Field[Row, Draft] {
	f.Apply = apply
	return f
}

// Copied is the field with another Copy, for a value that has a key beside it.
func (f Field[Row, Draft]) Copied(with func(to, from *Row)) Field[Row, Draft] {
	f.Copy = with
	return f
}

// Named gives the field's column the other headings of table.Heading, separated by spaces.
func (f Field[Row, Draft]) Named(aliases string) Field[Row, Draft] {
	f.Columns = slices.Clone(f.Columns)
	f.Columns[0].Aliases = aliases
	return f
}

// Several lets a file have more than one column of the field, under different headings.
func (f Field[Row, Draft]) Several() Field[Row, Draft] {
	f.Columns = slices.Clone(f.Columns)
	f.Columns[0].Several = true
	return f
}

// In is the field with these columns of a CSV file; without any it has none.
func (f Field[Row, Draft]) In(columns ...Column[Row, Draft]) Field[Row, Draft] {
	f.Columns = columns
	return f
}

// Fields are all fields of an entity, in the order in which faults and changes are told.
type Fields[Row, Draft any] []Field[Row, Draft]

// Apply applies a draft to a row. x gathers the faults of all fields and the names
// of those in which the row differs from what it was. It is compared by its own
// values: an Apply replaces lists and objects and never changes what they hold.
func (t Fields[Row, Draft]) Apply(x *Edit, row *Row, sent *Draft) {
	before, changed := *row, x.Changed
	for _, f := range t {
		if f.Apply != nil {
			f.Apply(x, row, sent)
		}
	}
	x.Changed = append(changed, t.Changes(&before, row)...)
}

// Changes names the fields in which two rows differ.
func (t Fields[Row, Draft]) Changes(a, b *Row) (names []string) {
	for _, f := range t {
		if f.Same != nil && !f.Same(a, b) {
			names = append(names, f.Name)
		}
	}
	return names
}

// First puts the named fields first, in the order of the names; the others follow.
// A name that no field has panics.
func (t Fields[Row, Draft]) First(names ...string) Fields[Row, Draft] {
	out := t.Only(names...)
	for _, f := range t {
		if !slices.Contains(names, f.Name) {
			out = append(out, f)
		}
	}
	return out
}

// Only gives the named fields, in the order of the names. A name that no field has panics.
func (t Fields[Row, Draft]) Only(names ...string) Fields[Row, Draft] {
	out := make(Fields[Row, Draft], 0, len(t))
	for _, name := range names {
		i := slices.IndexFunc(t, func(f Field[Row, Draft]) bool { return f.Name == name })
		if i < 0 {
			panic("there is no field " + name)
		}
		out = append(out, t[i])
	}
	return out
}

// Headings are the columns that an import understands.
func (t Fields[Row, Draft]) Headings() (all table.Headings) {
	for _, f := range t {
		for _, c := range f.Columns {
			if c.Read != nil {
				all = append(all, c.Heading)
			}
		}
	}
	return all
}

// Read notes what the cells of a row say in a draft, which will be applied to base.
func (t Fields[Row, Draft]) Read(f *fault.Faults, base *Row, sent *Draft, cells table.Cells) {
	for _, field := range t {
		for _, c := range field.Columns {
			for i, cell := range cells[c.Name] {
				if c.Read != nil && (i == 0 || c.AddsUp) {
					c.Read(f, base, sent, cell)
				}
			}
		}
	}
}

// Written are the columns that an export has, those that an import reads back first,
// and what makes the cells of a row.
func (t Fields[Row, Draft]) Written() (header []string, cells func(Row) []string) {
	var all, others []Column[Row, Draft]
	for _, f := range t {
		for _, c := range f.Columns {
			switch {
			case c.Write != nil && c.Read != nil:
				all = append(all, c)
			case c.Write != nil:
				others = append(others, c)
			}
		}
	}
	all = append(all, others...)
	for _, c := range all {
		header = append(header, c.Name)
	}
	return header, func(row Row) []string {
		out := make([]string, len(all))
		for i, c := range all {
			out[i] = c.Write(&row)
		}
		return out
	}
}
