// Package rights is what a person may ask of the clinic: everything that is kept about
// them, and to be erased (records.md §6). It knows all rooms that keep something of a
// person.
package rights

import (
	"qualifybase/engine/act"
	"qualifybase/engine/people"
)

// Engine has the use cases of this room.
type Engine struct {
	act.Room[*Act, Reader]
	people *people.Engine
	opt    Options
}

// Options are this room's choices of the operator.
type Options struct {
	// Erased is called after the commit of each tombstone, so that a file beside
	// the database keeps it (records.md §6).
	Erased func(Erasure)
}

// New makes the room on the kernel and the rooms it stands on.
func New(k *act.Kernel, people *people.Engine, o Options) *Engine {
	if o.Erased == nil {
		o.Erased = func(Erasure) {}
	}
	e := &Engine{people: people, opt: o}
	e.Room = act.Room[*Act, Reader]{Kernel: k, In: e.in}
	return e
}

// Act is a use case of this room inside its transaction.
type Act struct {
	*act.Act
	Reader
	Writer
	e *Engine
}

func (e *Engine) in(w *act.Act) *Act { return &Act{w, w.Tx.(Reader), w.Tx.(Writer), e} }

// people is this act as the room of people sees it.
func (w *Act) people() *people.Act { return w.e.people.In(w.Act) }
