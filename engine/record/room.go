// Package record is what happened at a visit: consultations, SOAP notes and
// prescriptions (records.md).
package record

import (
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
)

// Engine has the use cases of this room.
type Engine struct {
	act.Room[*Act, Reader]
	booking *booking.Engine
}

// New makes the room on the kernel and the rooms it stands on.
func New(k *act.Kernel, booking *booking.Engine) *Engine {
	e := &Engine{booking: booking}
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

// booking is this act as the calendar sees it.
func (w *Act) booking() *booking.Act { return w.e.booking.In(w.Act) }
