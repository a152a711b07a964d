// Package people is who comes to the clinic: leads and patients, who is whom among
// them, and their imports and exports.
package people

import (
	"qualifybase/engine/act"
	"qualifybase/engine/directory"
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

// newEdit is an edit at the caller's clinic.
func (w *Act) newEdit() (act.Edit, error) {
	home, err := w.Clinic(w.Caller.Clinic)
	if err != nil {
		return act.Edit{}, err
	}
	return editAt(home, w.Now)
}

// editAt is an edit at a clinic and a time.
func editAt(home directory.Clinic, now int64) (act.Edit, error) {
	today, err := home.Today(now)
	return act.Edit{HomeCountry: home.Country, Today: today, Now: now}, err
}
