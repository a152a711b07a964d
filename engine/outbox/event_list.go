package outbox

import (
	"context"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
)

// Events lists the clinic's events, oldest first, those behind the seq after; typ
// "" is all of them. What a consumer missed it can read here, as long as it
// keeps the seq it has seen last. Needs webhooks:manage.
func (e *Engine) Events(ctx context.Context, c act.Caller, after int64, typ string, p act.Page) (act.List[act.Event],
	error) {
	query := struct {
		Clinic, After int64
		Test          bool
		Type          string
	}{c.Clinic, after, c.Test, typ}
	if after < 0 {
		return act.List[act.Event]{}, fault.Fail(fault.Invalid, "Invalid query parameters").On("after_seq",
			"Must be a seq, 0 or more")
	}
	if typ != "" && !e.knownEvent(typ) {
		return act.List[act.Event]{}, fault.Fail(fault.Invalid, "Invalid query parameters").On("type",
			"Must be the type of an event, such as appointment.created")
	}
	return act.Read(ctx, e.Room, c, act.Define("event.list", scope.WebhooksManage),
		func(r Reader) (act.List[act.Event], error) {
			return act.Listing[act.Event]{
				Order: act.SeqUp, Filter: act.FilterOf("events", query),
				Place: func(ev act.Event) act.Position {
					return act.Position{CreatedAt: ev.CreatedAt, ID: ev.ID, Number: ev.Seq}
				},
				Rows: func(at act.Position, limit int) ([]act.Event, error) {
					return r.Events(c.Clinic, c.Test, max(after, at.Number), typ, limit)
				},
			}.Page(p)
		})
}
