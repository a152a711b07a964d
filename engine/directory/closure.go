package directory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/text"
	"qualifybase/engine/uuid"
)

// Closure shuts an owner for a time: a holiday, time off. Either instants or
// local dates (both ends included) of the owner's zone.
type Closure struct {
	ID       string
	Clinic   int64
	Owner    OwnerRef
	Span     calendar.Span // instants; zero when it is by dates
	ByDate   bool
	FromDate calendar.Date
	ToDate   calendar.Date
	Reason   string
	Change   int64
	Created  int64
	By       string
}

// In is the closed time, with local dates read in a zone, both ends included.
func (c Closure) In(zone *time.Location) calendar.Span {
	if c.ByDate {
		return calendar.DaySpan(zone, c.FromDate, c.ToDate)
	}
	return c.Span
}

// ClosureDraft is an unsaved closure: instants in RFC 3339, or local dates.
type ClosureDraft struct {
	StartsAt *int64
	EndsAt   *int64
	FromDate *calendar.Date
	ToDate   *calendar.Date
	Reason   *string
}

// ClosureChange is a new closure, and whom it left outside of hours.
type ClosureChange struct {
	Closure
	Stranded []Stranded // in the order of their start; never nil
}

// Limits of closures.
const (
	MaxClosures    = 2_000 // per owner
	MaxClosureDays = 3_660 // ten years
)

var (
	closureRead   = act.Define("closure.read", scope.ProvidersRead)
	closureCreate = act.Define("closure.create", scope.ProvidersWrite)
	closureDelete = act.Define("closure.delete", scope.ProvidersWrite)
)

// Closures lists the closures of the clinic or a location, or a provider's time
// off, newest first.
//
// Errors: NotFound (no such owner), Invalid (limit), InvalidCursor.
func (e *Engine) Closures(ctx context.Context, c act.Caller, owner OwnerRef, p act.Page) (act.List[Closure], error) {
	return act.Read(ctx, e.Room, c, closureRead, func(r Reader) (act.List[Closure], error) {
		plan, err := r.Plan(c.Clinic)
		if err != nil {
			return act.List[Closure]{}, err
		}
		if err := plan.mayClose(owner); err != nil {
			return act.List[Closure]{}, err
		}
		all, err := r.Closures(c.Clinic, owner) // at most MaxClosures
		if err != nil {
			return act.List[Closure]{}, err
		}
		newest := func(a, b act.Position) int {
			return cmp.Or(cmp.Compare(b.CreatedAt, a.CreatedAt), cmp.Compare(b.ID, a.ID))
		}
		slices.SortFunc(all, func(a, b Closure) int { return newest(a.place(), b.place()) })
		return act.Listing[Closure]{
			Filter: act.FilterOf("closures", []any{c.Clinic, owner}), Place: Closure.place,
			Count: func() (int64, error) { return int64(len(all)), nil },
			Rows: func(after act.Position, limit int) ([]Closure, error) {
				if after != (act.Position{}) {
					all = slices.DeleteFunc(all, func(x Closure) bool { return newest(x.place(), after) <= 0 })
				}
				return all[:min(limit, len(all))], nil
			},
		}.Page(p)
	})
}

func (c Closure) place() act.Position { return act.Position{CreatedAt: c.Created, ID: c.ID} }

// mayClose reports whether closures of the owner exist: services have none.
func (p *Plan) mayClose(owner OwnerRef) error {
	if kind, _ := owner.split(); kind == 's' {
		return fault.Absent("closure")
	}
	return p.owns(owner)
}

// CreateClosure shuts an owner for a time. What is booked in it stays booked and
// is answered (records.md §1).
//
// Errors: NotFound (no such owner), Invalid, Conflict (MaxClosures).
func (e *Engine) CreateClosure(ctx context.Context, c act.Caller, owner OwnerRef, d ClosureDraft) (ClosureChange,
	error) {
	return manage(ctx, e, c, closureCreate, func(w *Act, plan *Plan) (ClosureChange, error) {
		out := ClosureChange{Stranded: []Stranded{}}
		if err := plan.mayClose(owner); err != nil {
			return out, err
		}
		row := Closure{ID: uuid.New(e.Now()), Clinic: c.Clinic, Owner: owner, Created: w.Now, By: c.Name()}
		if err := d.apply(&row); err != nil {
			return out, err
		}
		if len(plan.closures[owner]) >= MaxClosures {
			return out, fault.Fail(fault.Conflict, "There are %d closures already; delete those that are over", MaxClosures)
		}
		w.EntityID, w.Fields = row.ID, []string{"owner:" + string(owner)}
		var m act.Meta
		if err := w.Stamp(&m); err != nil {
			return out, err
		}
		row.Change = m.Change
		if err := w.InsertClosure(row); err != nil {
			return out, err
		}
		var err error
		out.Closure = row
		out.Stranded, err = w.stranded(plan, owner)
		return out, err
	})
}

// apply reads either both instants or the dates; to_date alone may be left out
// where it is the same day.
func (d ClosureDraft) apply(row *Closure) error {
	var f fault.Faults
	if d.Reason != nil {
		row.Reason = text.Clean(&f, "reason", *d.Reason, text.MaxText)
	}
	instants, dates := d.StartsAt != nil || d.EndsAt != nil, d.FromDate != nil || d.ToDate != nil
	switch {
	case instants && dates:
		f.Add("from_date", "Send either starts_at and ends_at, or from_date and to_date")
	case instants:
		d.applyInstants(row, &f)
	case dates:
		d.applyDates(row, &f)
	default:
		f.Add("from_date", "Required: from_date and to_date, or starts_at and ends_at")
	}
	return f.Err()
}

func (d ClosureDraft) applyInstants(row *Closure, f *fault.Faults) {
	switch {
	case d.StartsAt == nil:
		f.Add("starts_at", "Required with ends_at")
	case d.EndsAt == nil:
		f.Add("ends_at", "Required with starts_at")
	case *d.EndsAt <= *d.StartsAt:
		f.Add("ends_at", "Must be after starts_at")
	case *d.EndsAt-*d.StartsAt > MaxClosureDays*calendar.Day:
		f.Add("ends_at", "Must be at most %d days after starts_at; deactivate what is closed for good", MaxClosureDays)
	default:
		row.Span = calendar.Span{Start: *d.StartsAt, End: *d.EndsAt}
	}
}

func (d ClosureDraft) applyDates(row *Closure, f *fault.Faults) {
	if d.ToDate == nil {
		d.ToDate = d.FromDate
	}
	switch {
	case d.FromDate == nil:
		f.Add("from_date", "Required with to_date")
	case *d.FromDate < calendar.MinDate || *d.FromDate > calendar.MaxDate:
		f.Add("from_date", "Must be a date like 2026-04-27")
	case *d.ToDate < *d.FromDate:
		f.Add("to_date", "Must not be before from_date; it is the last day that is closed")
	case *d.ToDate-*d.FromDate > MaxClosureDays:
		f.Add("to_date", "Must be at most %d days after from_date; deactivate what is closed for good", MaxClosureDays)
	default:
		row.ByDate, row.FromDate, row.ToDate = true, *d.FromDate, *d.ToDate
	}
}

// DeleteClosure opens again. Errors: NotFound (no such owner, or none of that id of it).
func (e *Engine) DeleteClosure(ctx context.Context, c act.Caller, owner OwnerRef, id string) error {
	_, err := manage(ctx, e, c, closureDelete, func(w *Act, plan *Plan) (struct{}, error) {
		if err := plan.mayClose(owner); err != nil {
			return struct{}{}, err
		}
		row, err := w.Closure(c.Clinic, id)
		if err != nil {
			return struct{}{}, err
		}
		if row.Owner != owner {
			return struct{}{}, fault.Absent("closure")
		}
		w.EntityID, w.Fields = row.ID, []string{"owner:" + string(owner)}
		return struct{}{}, w.DeleteClosure(c.Clinic, id)
	})
	return err
}
