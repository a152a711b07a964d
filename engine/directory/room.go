// Package directory is the clinic as it is set up: the tenant itself, who works where
// and when, and what may be booked of whom, compiled into a Plan.
package directory

import (
	"qualifybase/engine/act"
)

// Engine has the use cases of this room.
type Engine struct {
	act.Room[*Act, Reader]
	opt Options
}

// Options are this room's choices of the operator.
type Options struct {
	Tiers map[string]int // requests a minute by tier; 0 = unlimited
}

// New makes the room on the kernel.
func New(k *act.Kernel, o Options) *Engine {
	e := &Engine{opt: o}
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
