// Package access is who may come in: API keys, users, passwords and sessions, and how
// many requests each may make (contract.md §2 to §5).
package access

import (
	"time"

	"qualifybase/engine/act"
)

// Engine has the use cases of this room.
type Engine struct {
	act.Room[*Act, Reader]
	opt Options

	usage    usage    // last uses of keys, on their way to the store
	hashers  *hashers // bounds the memory of password hashing
	attempts attempts // failed sign-ins
}

// Options are this room's choices of the operator.
type Options struct {
	RatePerMinute int            // requests of a key that sets none; default 120
	UserPerMinute int            // requests of a session; default 600
	Tiers         map[string]int // requests a minute by tier; 0 = unlimited

	LockoutFailures int           // failed sign-ins that lock an e-mail address; default 10
	LockoutWindow   time.Duration // within and for which; default 15 min
}

// New makes the room on the kernel.
func New(k *act.Kernel, o Options) *Engine {
	if o.RatePerMinute == 0 {
		o.RatePerMinute = 120
	}
	if o.UserPerMinute == 0 {
		o.UserPerMinute = 600
	}
	if o.LockoutFailures == 0 {
		o.LockoutFailures = 10
	}
	if o.LockoutWindow == 0 {
		o.LockoutWindow = 15 * time.Minute
	}
	e := &Engine{opt: o, hashers: newHashers()}
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
