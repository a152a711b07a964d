package webhook

import (
	"context"

	"qualifybase/engine"
	"qualifybase/engine/outbox"
)

// Outbox is what the sender asks of the engine; its promises are told there.
type Outbox interface {
	Exchange(ctx context.Context, c outbox.Claim) ([]outbox.Delivery, error)
	NextDue(ctx context.Context, after int64) (int64, bool, error)
	Reset(ctx context.Context, now int64) (int, error)
}

var _ Outbox = (*engine.Engine)(nil)
