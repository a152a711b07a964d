// Package outbox is what other systems hear: endpoints, the events they subscribed to,
// and the deliveries that the dispatcher of package webhook sends (webhooks.md).
package outbox

import (
	"qualifybase/engine/act"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
	"qualifybase/engine/secret"
)

// Engine has the use cases of this room.
type Engine struct {
	act.Room[*Act, Reader]
	directory *directory.Engine
	opt       Options

	leases leaseWatch
}

// Options are this room's choices of the operator.
type Options struct {
	// CheckURL judges the URL of a webhook: webhook.Policy.CheckURL. nil allows it; the
	// error is Invalid on the field url. Default: refuses all.
	CheckURL func(url string) error
	Sealer   *secret.Sealer // keeps the secrets of webhooks; needed to make one
}

// New makes the room on the kernel and the rooms it stands on.
func New(k *act.Kernel, directory *directory.Engine, o Options) *Engine {
	if o.CheckURL == nil {
		o.CheckURL = func(string) error { return fault.BadField("url", "This program was started without webhooks") }
	}
	e := &Engine{directory: directory, opt: o}
	e.Room = act.Room[*Act, Reader]{Kernel: k, In: e.in}
	k.Declare(events()...)
	k.OnEvent(e.deliver)
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
