// Package booking is the calendar: free slots, holds and appointments with their life
// cycle (booking.md). Listing and booking ask the same function, so that they cannot
// disagree.
package booking

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
	HoldsPerCaller int // open holds of one key; default 500 (booking.md §6)
}

// New makes the room on the kernel and the rooms it stands on.
func New(k *act.Kernel, people *people.Engine, o Options) *Engine {
	if o.HoldsPerCaller == 0 {
		o.HoldsPerCaller = 500
	}
	e := &Engine{people: people, opt: o}
	e.Room = act.Room[*Act, Reader]{Kernel: k, In: e.in}
	k.Declare(events()...)
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
