package store

import (
	"encoding/json"
	"reflect"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/text"
)

// statements is a set of the statements in which a column takes part.
type statements uint8

const (
	selected statements = 1 << iota
	inserted
	updated
)

// columns walks over the columns of an entity's table. Each entity has one function
// that names its columns, in order, with the fields that they hold:
//
//	func leadColumns(c *columns, l *people.Lead) {
//		c.fixed("id").text(&l.ID)
//		c.column("name").text(&l.Name)
//	}
//
// The texts of SELECT, INSERT and UPDATE are built from it once. After that the same
// walk scans a row into the fields, or binds them: so a list of columns, its
// placeholders, what is bound and what is scanned cannot differ. It is a walk and no
// slice of functions, as a call of a known function needs no memory of its own.
type columns struct {
	of    statements // what is being walked for
	off   bool       // the column at hand takes no part in it
	row   *row       // set while scanning
	args  []any      // what was bound so far
	names *[]string  // set while the texts are built
	err   error      // the first fault while binding
}

// column begins a column that is written whenever the entity is.
func (c *columns) column(name string) *columns { return c.in(selected|inserted|updated, name) }

// fixed begins a column that is written with the row and never after.
func (c *columns) fixed(name string) *columns { return c.in(selected|inserted, name) }

// derived begins what is read only: an expression, or a column that others write.
func (c *columns) derived(expression string) *columns { return c.in(selected, expression) }

// in begins a column of some of the statements.
func (c *columns) in(s statements, name string) *columns {
	c.off = s&c.of == 0
	if c.names != nil {
		c.note(name)
	}
	return c
}

// note takes the name of the column at hand, of which there is nothing to scan or bind.
func (c *columns) note(name string) {
	if !c.off {
		*c.names, c.off = append(*c.names, name), true
	}
}

// scans reports whether the column at hand is being scanned.
func (c *columns) scans() bool { return c.row != nil && !c.off }

// value binds what no field holds.
func (c *columns) value(v any) {
	if !c.off {
		c.args = append(c.args, v)
	}
}

// folded binds a text as searches compare it.
func (c *columns) folded(p *string) {
	if !c.off {
		c.args = append(c.args, text.Fold(*p))
	}
}

// text holds TEXT.
func (c *columns) text(p *string) {
	if c.scans() {
		*p = c.row.text()
	} else if !c.off {
		c.args = append(c.args, *p)
	}
}

// textOrNull holds TEXT, and NULL for "".
func (c *columns) textOrNull(p *string) {
	if c.scans() {
		*p = c.row.text()
	} else if !c.off {
		c.args = append(c.args, textOrNull(*p))
	}
}

// int holds INTEGER.
func (c *columns) int(p *int64) {
	if c.scans() {
		*p = c.row.int()
	} else if !c.off {
		c.args = append(c.args, *p)
	}
}

// intOrNull holds INTEGER, and NULL for 0.
func (c *columns) intOrNull(p *int64) {
	if c.scans() {
		*p = c.row.int()
	} else if !c.off {
		c.args = append(c.args, intOrNull(*p))
	}
}

// small holds an INTEGER that is a count or a number of minutes.
func (c *columns) small(p *int) {
	if c.scans() {
		*p = c.row.small()
	} else if !c.off {
		c.args = append(c.args, *p)
	}
}

// smallOrNull holds such an INTEGER, and NULL for 0.
func (c *columns) smallOrNull(p *int) {
	if c.scans() {
		*p = c.row.small()
	} else if !c.off {
		c.args = append(c.args, intOrNull(int64(*p)))
	}
}

// smallIfAny holds such an INTEGER, and NULL for nil.
func (c *columns) smallIfAny(p **int) {
	switch {
	case c.off:
	case c.row == nil && *p == nil:
		c.args = append(c.args, nil)
	case c.row == nil:
		c.args = append(c.args, **p)
	case c.row.null():
		c.row.skip()
	default:
		n := c.row.small()
		*p = &n
	}
}

// bool holds INTEGER, 0 or 1.
func (c *columns) bool(p *bool) {
	if c.scans() {
		*p = c.row.bool()
	} else if !c.off {
		c.args = append(c.args, *p)
	}
}

// day holds a calendar date.
func (c *columns) day(p *calendar.Date) {
	if c.scans() {
		if d := c.row.date(); d != nil {
			*p = *d
		}
	} else if !c.off {
		c.args = append(c.args, p.String())
	}
}

// intUnless holds INTEGER, and NULL where a condition holds.
func (c *columns) intUnless(cond bool, p *int64) {
	if c.row == nil && cond {
		c.value(nil)
	} else {
		c.int(p)
	}
}

// dayIf holds a calendar date that is there if a condition holds, and NULL otherwise.
func (c *columns) dayIf(cond *bool, p *calendar.Date) {
	if c.scans() {
		*cond = !c.row.null()
	}
	if c.row == nil && !*cond {
		c.value(nil)
	} else {
		c.day(p)
	}
}

// dayOrNull holds a calendar date, and NULL for nil.
func (c *columns) dayOrNull(p **calendar.Date) {
	if c.scans() {
		*p = c.row.date()
	} else if !c.off {
		c.args = append(c.args, dateOrNull(*p))
	}
}

// secret holds a sealed BLOB, and NULL for nil.
func (c *columns) secret(p *[]byte) {
	switch {
	case c.off:
	case c.row != nil:
		*p = c.row.secret()
	case *p == nil:
		c.args = append(c.args, nil)
	default:
		c.args = append(c.args, *p)
	}
}

// ids reads a list of integers.
func (c *columns) ids(p *[]int64) {
	if c.scans() {
		*p = c.row.ids()
	}
}

// json holds the JSON of what p points to: "[]" for no list and "{}" for no map.
func (c *columns) json(p any) {
	if c.scans() {
		c.row.json(p)
	} else if !c.off {
		c.bindJSON(p)
	}
}

// doc is json, but that an empty list or map is read as nil.
func (c *columns) doc(p any) {
	if c.scans() {
		c.row.doc(p)
	} else if !c.off {
		c.bindJSON(p)
	}
}

// object holds a JSON object of any shape.
func (c *columns) object(p *map[string]any) {
	if c.scans() {
		*p = c.row.object()
	} else if !c.off {
		c.bindJSON(p)
	}
}

// optional holds the JSON of a value, and "" for nil.
func optional[T any](c *columns, p **T) {
	switch {
	case c.off:
	case c.row == nil && *p == nil:
		c.args = append(c.args, "")
	case c.row == nil:
		c.bindJSON(*p)
	default:
		if text := c.row.text(); text != "" {
			v := new(T)
			c.row.decode(text, v)
			*p = v
		}
	}
}

// elements holds the JSON of a list whose elements have another form in it; read is how
// it is scanned, json or doc.
func elements[T, D any](c *columns, read func(*row, any), p *[]T, doc func(T) D, value func(D) T) {
	if c.scans() {
		var docs []D
		read(c.row, &docs)
		*p = each(docs, value)
	} else if !c.off {
		docs := each(*p, doc)
		c.bindJSON(&docs)
	}
}

// bindJSON binds the text of what p points to.
func (c *columns) bindJSON(p any) {
	doc, empty := "", false
	switch v := reflect.ValueOf(p).Elem(); v.Kind() {
	case reflect.Slice:
		doc, empty = "[]", v.Len() == 0
	case reflect.Map:
		doc, empty = "{}", v.Len() == 0
	}
	if !empty {
		b, err := json.Marshal(p)
		c.bindText(string(b), err)
		return
	}
	c.bindText(doc, nil)
}

// bindText binds a text that may have failed.
func (c *columns) bindText(text string, err error) {
	if err != nil && c.err == nil {
		c.err = err
	}
	c.args = append(c.args, text)
}

// meta holds what every row of an entity keeps of its making and its last change.
func (c *columns) meta(m *act.Meta) {
	c.column("version").int(&m.Version)
	c.column("change").int(&m.Change)
	c.fixed("created_at").int(&m.CreatedAt)
	c.column("updated_at").int(&m.UpdatedAt)
	c.fixed("created_by").text(&m.CreatedBy)
	c.column("updated_by").text(&m.UpdatedBy)
}
