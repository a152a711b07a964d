package directory

import (
	"context"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
)

// manage is act.Do for the clinic's directory, which is one for live and test keys
// alike (booking.md §1.5a): a test key reads it and may not change it. fn gets the
// plan as it was before.
func manage[T any](ctx context.Context, e *Engine, c act.Caller, d act.Action,
	fn func(w *Act, plan *Plan) (T, error)) (T, error) {
	if c.Test {
		var none T
		return none, e.AuditDenied(c, d, "", &fault.Error{Kind: fault.Forbidden, Missing: d.Scope,
			Message: "A test key cannot change the clinic's own directory; use a live key"})
	}
	return act.Do(ctx, e.Room, c, d, func(w *Act) (T, error) {
		plan, err := w.Plan(c.Clinic)
		if err != nil {
			var none T
			return none, err
		}
		return fn(w, plan)
	})
}

// retire deactivates a row of the directory, which nothing deletes: what is
// booked goes on naming it. Retiring twice changes nothing.
func retire[T any](ctx context.Context, e *Engine, c act.Caller, d act.Action, id int64,
	find func(w *Act, clinic, id int64) (T, error), save func(w *Act, row T) error,
	parts func(*T) (active *bool, m *act.Meta)) error {
	_, err := manage(ctx, e, c, d, func(w *Act, _ *Plan) (struct{}, error) {
		w.EntityID = act.IDText(id)
		row, err := find(w, c.Clinic, id)
		if err != nil {
			return struct{}{}, err
		}
		active, m := parts(&row)
		var x act.Edit
		act.Put(&x, "active", active, false)
		if write, err := w.Finish(&x, m, id); err != nil || !write {
			return struct{}{}, err
		}
		return struct{}{}, save(w, row)
	})
	return err
}

// pageOf lists a table of the directory, newest first (contract.md §7).
func pageOf[T any](ctx context.Context, e *Engine, c act.Caller, d act.Action, table string, p act.Page,
	rows func(r Reader, after act.Position, limit int) ([]T, error), place func(T) act.Position) (act.List[T], error) {
	return act.Read(ctx, e.Room, c, d, func(r Reader) (act.List[T], error) {
		return act.Listing[T]{
			Filter: act.FilterOf(table, c.Clinic), Place: place,
			Count: func() (int64, error) { return r.CountDirectory(c.Clinic, table) },
			Rows:  func(after act.Position, limit int) ([]T, error) { return rows(r, after, limit) },
		}.Page(p)
	})
}
