package engine

import "context"

// Events lists the clinic's events, oldest first, those behind the seq after; typ
// "" is all of them. What a consumer missed it can read here, as long as it
// keeps the seq it has seen last. Needs webhooks:manage.
func (e *Engine) Events(ctx context.Context, c Caller, after int64, typ string, p Page) (List[Event], error) {
	query := struct {
		Clinic, After int64
		Test          bool
		Type          string
	}{c.Clinic, after, c.Test, typ}
	if after < 0 {
		return List[Event]{}, Fail(Invalid, "Invalid query parameters").On("after_seq", "Must be a seq, 0 or more")
	}
	if typ != "" && !e.knownEvent(typ) {
		return List[Event]{}, Fail(Invalid, "Invalid query parameters").On("type", "Must be the type of an event, such as appointment.created")
	}
	return read(ctx, e, c, Action{"event.list", WebhooksManage}, func(r Reader) (List[Event], error) {
		return listing[Event]{
			order: SeqUp, filter: FilterOf("events", query),
			place: func(ev Event) Position {
				return Position{CreatedAt: ev.CreatedAt, ID: ev.ID, Number: ev.Seq}
			},
			rows: func(at Position, limit int) ([]Event, error) {
				return r.Events(c.Clinic, c.Test, max(after, at.Number), typ, limit)
			},
		}.page(p)
	})
}
