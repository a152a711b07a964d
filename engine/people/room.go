// Package people is who comes to the clinic: leads and patients, who is whom among
// them, and their imports and exports.
package people

import (
	"qualifybase/engine/act"
)

// Engine has the use cases of this room.
type Engine struct {
	act.Room[*Act, Reader]
}

// New makes the room on the kernel.
func New(k *act.Kernel) *Engine {
	e := &Engine{}
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
