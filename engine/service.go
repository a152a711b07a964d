package engine

import (
	"context"
	"slices"
)

// Service is what is booked: a consultation, a cleaning.
type Service struct {
	ID               int64
	Clinic           int64
	Name             string
	DurationMinutes  int
	BufferBefore     int // minutes
	BufferAfter      int
	Step             int // minutes; 0 = the clinic's
	Align            Align
	LocationKind     LocationKind // "" = any
	MinNotice        int          // minutes; -1 = the clinic's
	HorizonDays      int          // -1 = the clinic's
	DailyCap         int          // 0 = none
	AutoConfirm      bool
	IntakeCampaignID string
	Active           bool
	ProviderIDs      []int64 // empty = every provider offers it
	Meta
}

// Align is how the grid of offered starts is laid (booking.md §5).
type Align string

// The alignments.
const (
	AlignStart Align = "start" // from the start of each effective interval
	AlignClock Align = "clock" // on the local clock: full hours, halves, quarters
	AlignPack  Align = "pack"  // from the end of the footprint before
)

// ServiceDraft is an unsaved service: nil is "not sent".
type ServiceDraft struct {
	Name            *string
	DurationMinutes *int
	BufferBefore    *int
	BufferAfter     *int
	Step            *int
	Align           *Align
	LocationKind    *LocationKind
	MinNotice       *int
	HorizonDays     *int
	DailyCap        *int
	AutoConfirm     *bool
	Active          *bool
	ProviderIDs     *[]int64
}

var (
	serviceRead   = Action{"service.read", ProvidersRead}
	serviceCreate = Action{"service.create", ProvidersWrite}
	serviceUpdate = Action{"service.update", ProvidersWrite}
	serviceDelete = Action{"service.delete", ProvidersWrite}
)

// CreateService adds a service. What it leaves out is the clinic's rule; without
// provider_ids every provider offers it, those to come included.
//
// Errors: Invalid (every fault at once).
func (e *Engine) CreateService(ctx context.Context, c Caller, d ServiceDraft) (Service, error) {
	return manage(ctx, e, c, serviceCreate, func(w *Act, plan *Plan) (Service, error) {
		row := Service{Clinic: c.Clinic, Align: AlignStart, MinNotice: -1, HorizonDays: -1, Active: true}
		var x edit
		d.apply(&x, &row, plan)
		if _, err := w.Finish(&x, &row.Meta, 0); err != nil {
			return Service{}, err
		}
		if err := w.InsertService(&row); err != nil {
			return Service{}, err
		}
		w.EntityID = idText(row.ID)
		return row, w.touchProviders(slices.Clone(row.ProviderIDs))
	})
}

// UpdateService changes the fields that were sent; version is If-Match.
// Appointments booked before keep their times.
//
// Errors: NotFound, PreconditionFailed, Invalid.
func (e *Engine) UpdateService(ctx context.Context, c Caller, id int64, version *int64, d ServiceDraft) (Service, error) {
	return manage(ctx, e, c, serviceUpdate, func(w *Act, plan *Plan) (Service, error) {
		w.EntityID = idText(id)
		row, err := w.Service(c.Clinic, id)
		if err != nil {
			return Service{}, err
		}
		if err := checkVersion(version, row.Version); err != nil {
			return Service{}, err
		}
		before := slices.Clone(row.ProviderIDs)
		var x edit
		d.apply(&x, &row, plan)
		if write, err := w.Finish(&x, &row.Meta, id); err != nil || !write {
			return row, err
		}
		if err := w.UpdateService(row); err != nil {
			return Service{}, err
		}
		return row, w.touchProviders(unlike(before, row.ProviderIDs))
	})
}

// DeleteService deactivates: it can no longer be booked, while its appointments
// keep it. Deleting twice changes nothing.
func (e *Engine) DeleteService(ctx context.Context, c Caller, id int64) error {
	return retire(ctx, e, c, serviceDelete, id, (*Act).Service, (*Act).UpdateService, func(row *Service) (*bool, *Meta) { return &row.Active, &row.Meta })
}

// Service finds one, active or not.
func (e *Engine) Service(ctx context.Context, c Caller, id int64) (Service, error) {
	return read(ctx, e, c, serviceRead, func(r Reader) (Service, error) { return r.Service(c.Clinic, id) })
}

// Services lists what can be booked, active or not, newest first.
//
// Errors: Invalid (limit), InvalidCursor.
func (e *Engine) Services(ctx context.Context, c Caller, p Page) (List[Service], error) {
	return pageOf(ctx, e, c, serviceRead, "services", p,
		func(r Reader, after Position, limit int) ([]Service, error) {
			return r.Services(c.Clinic, after, limit)
		},
		func(x Service) Position { return Position{CreatedAt: x.CreatedAt, ID: idText(x.ID)} })
}

func (d ServiceDraft) apply(x *edit, row *Service, plan *Plan) {
	x.must("name", &row.Name, d.Name, MaxName)
	if d.DurationMinutes == nil && row.DurationMinutes == 0 {
		x.Add("duration_minutes", "Required")
	}
	was := len(x.Faults)
	x.number("duration_minutes", &row.DurationMinutes, d.DurationMinutes, 1, MaxDuration)
	x.number("buffer_before", &row.BufferBefore, d.BufferBefore, 0, MaxBuffer)
	x.number("buffer_after", &row.BufferAfter, d.BufferAfter, 0, MaxBuffer)
	if sum := row.DurationMinutes + row.BufferBefore + row.BufferAfter; len(x.Faults) == was && sum > 24*60 {
		x.Add("duration_minutes", "Must be at most 24 hours together with both buffers; it is %d minutes", sum)
	}
	x.number("step", &row.Step, d.Step, 0, MaxStep)
	if d.Align != nil {
		if *d.Align == "" || !d.Align.Valid() {
			x.Add("align", "Must be start, clock or pack")
		} else {
			put(x, "align", &row.Align, *d.Align)
		}
	}
	if d.LocationKind != nil {
		if *d.LocationKind != "" && !d.LocationKind.Valid() {
			x.Add("location_kind", "Must be clinic, room or virtual, or empty for any")
		} else {
			put(x, "location_kind", &row.LocationKind, *d.LocationKind)
		}
	}
	x.number("min_notice", &row.MinNotice, d.MinNotice, -1, MaxNotice)
	x.number("horizon_days", &row.HorizonDays, d.HorizonDays, -1, MaxHorizon)
	x.number("daily_cap", &row.DailyCap, d.DailyCap, 0, MaxDailyCap)
	x.flag("auto_confirm", &row.AutoConfirm, d.AutoConfirm)
	x.flag("active", &row.Active, d.Active)
	if d.ProviderIDs != nil {
		sorted := slices.Sorted(slices.Values(*d.ProviderIDs))
		if slices.Equal(sorted, row.ProviderIDs) {
			return
		}
		was := len(x.Faults)
		x.ids("provider_ids", "provider", &row.ProviderIDs, d.ProviderIDs, func(id int64) bool { return plan.Provider(id) != nil })
		if len(x.Faults) == was {
			row.ProviderIDs = sorted
		}
	}
}

// Valid tells the alignments that exist, the empty one included.
func (a Align) Valid() bool {
	return a == "" || a == AlignStart || a == AlignClock || a == AlignPack
}
