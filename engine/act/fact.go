package act

import (
	"math"
	"strconv"

	"qualifybase/engine/text"
)

// Fact is a JSON object whose fields stand in the order in which they were added: the
// data of an event, or what a hash covers. Its bytes are those that encoding/json
// writes for a struct of these fields. The zero Fact is {}. Each method gives the fact
// with one more field; it goes on where the fact ended, so only the newest fact of a
// chain is used.
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

// Float adds a finite number: in decimals, or with an exponent if it is very small or
// very large.
func (f Fact) Float(name string, value float64) Fact {
	format, size := byte('f'), math.Abs(value)
	if size != 0 && (size < 1e-6 || size >= 1e21) {
		format = 'e'
	}
	b := strconv.AppendFloat(f.name(name), value, format, -1, 64)
	if n := len(b); format == 'e' && n >= 4 && b[n-4] == 'e' && b[n-3] == '-' && b[n-2] == '0' {
		b = append(b[:n-2], b[n-1]) // e-07 is e-7
	}
	return Fact{b}
}

// Null adds a field that has no value, where leaving it out would mean something else.
func (f Fact) Null(name string) Fact {
	return Fact{append(f.name(name), "null"...)}
}

// Object adds an object.
func (f Fact) Object(name string, value Fact) Fact {
	if f.fields == nil { // most facts are one noun
		f.fields = make([]byte, 0, len(name)+len(value.fields)+len(`"":{}`))
	}
	return Fact{value.appendTo(f.name(name))}
}

// Objects adds a list of objects; nil is null.
func (f Fact) Objects(name string, list []Fact) Fact {
	return appendList(f, name, list, func(b []byte, value Fact) []byte { return value.appendTo(b) })
}

// Texts adds a list of texts; nil is null.
func (f Fact) Texts(name string, list []string) Fact {
	return appendList(f, name, list, text.AppendJSON)
}

func appendList[T any](f Fact, name string, list []T, one func([]byte, T) []byte) Fact {
	if list == nil {
		return f.Null(name)
	}
	b := append(f.name(name), '[')
	for i, value := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = one(b, value)
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
		b = make([]byte, 0, 512) // room for an appointment, or an audit row
	} else if len(b) > 0 {
		b = append(b, ',')
	}
	return append(append(append(b, '"'), name...), `":`...)
}
