package act

import (
	"strconv"

	"qualifybase/engine/text"
)

// Fact is the data of an event: a JSON object whose fields stand in the order in
// which they were added. The zero Fact is {}. Each method gives the fact with one
// more field, whose name is snake_case; it goes on where the fact ended, so only the
// newest fact of a chain is used.
//
//	act.Fact{}.Object("lead", act.Fact{}.Text("id", l.ID).Int("version", l.Version))
type Fact struct {
	fields []byte // "id":"…","version":1
}

// Text adds a text, also an empty one.
func (f Fact) Text(name, value string) Fact {
	return Fact{text.AppendJSON(f.name(name), value)}
}

// TextIf adds a text; an empty one is left out.
func (f Fact) TextIf(name, value string) Fact {
	if value == "" {
		return f
	}
	return f.Text(name, value)
}

// Int adds a number, also 0.
func (f Fact) Int(name string, value int64) Fact {
	return Fact{strconv.AppendInt(f.name(name), value, 10)}
}

// IntIf adds a number; 0 is left out.
func (f Fact) IntIf(name string, value int64) Fact {
	if value == 0 {
		return f
	}
	return f.Int(name, value)
}

// Null adds a field that has no value, where leaving it out would mean something else.
func (f Fact) Null(name string) Fact {
	return Fact{append(f.name(name), "null"...)}
}

// Object adds an object.
func (f Fact) Object(name string, value Fact) Fact {
	return Fact{value.appendTo(f.name(name))}
}

// Objects adds a list of objects.
func (f Fact) Objects(name string, list []Fact) Fact {
	b := append(f.name(name), '[')
	for i, value := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = value.appendTo(b)
	}
	return Fact{append(b, ']')}
}

// JSON is the fact as bytes of its own.
func (f Fact) JSON() []byte { return f.appendTo(make([]byte, 0, len(f.fields)+2)) }

func (f Fact) appendTo(b []byte) []byte {
	return append(append(append(b, '{'), f.fields...), '}')
}

// name begins a field. Names are the engine's own words and need no escapes.
func (f Fact) name(name string) []byte {
	b := f.fields
	if b == nil {
		b = make([]byte, 0, 384) // an appointment's
	} else if len(b) > 0 {
		b = append(b, ',')
	}
	return append(append(append(b, '"'), name...), `":`...)
}
