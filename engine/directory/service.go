package directory

import (
	"context"
	"slices"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/scope"
	"qualifybase/engine/text"
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
	act.Meta
}

// Align is how the grid of offered starts is laid (booking.md §5).
type Align string

// The alignments.
const (
	AlignStart Align = "start" // from the start of each effective interval
	AlignClock Align = "clock" // on the local clock: full hours, halves, quarters
	AlignPack  Align = "pack"  // from the end of the footprint before
)

// Aligns lists them.
var Aligns = []Align{AlignStart, AlignClock, AlignPack}

// Words lists the values as text.
func (Align) Words() []string { return text.Words(Aligns) }

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
	serviceRead   = act.Define("service.read", scope.ProvidersRead)
	serviceCreate = act.Define("service.create", scope.ProvidersWrite)
	serviceUpdate = act.Define("service.update", scope.ProvidersWrite)
	serviceDelete = act.Define("service.delete", scope.ProvidersWrite)
)

// CreateService adds a service. What it leaves out is the clinic's rule; without
// provider_ids every provider offers it, those to come included.
//
// Errors: Invalid (every fault at once).
func (e *Engine) CreateService(ctx context.Context, c act.Caller, d ServiceDraft) (Service, error) {
	return manage(ctx, e, c, serviceCreate, func(w *Act, plan *Plan) (Service, error) {
		row := Service{Clinic: c.Clinic, Align: AlignStart, MinNotice: -1, HorizonDays: -1, Active: true}
		var x act.Edit
		serviceFields.Apply(&x, &row, &serviceEdit{d, plan})
		if _, err := w.Finish(&x, &row.Meta, 0); err != nil {
			return Service{}, err
		}
		if err := w.InsertService(&row); err != nil {
			return Service{}, err
		}
		w.EntityID = act.IDText(row.ID)
		return row, w.touchProviders(slices.Clone(row.ProviderIDs))
	})
}

// UpdateService changes the fields that were sent; version is If-Match.
// Appointments booked before keep their times.
//
// Errors: NotFound, PreconditionFailed, Invalid.
func (e *Engine) UpdateService(ctx context.Context, c act.Caller, id int64, version *int64, d ServiceDraft) (Service,
	error) {
	return manage(ctx, e, c, serviceUpdate, func(w *Act, plan *Plan) (Service, error) {
		w.EntityID = act.IDText(id)
		row, err := w.Service(c.Clinic, id)
		if err != nil {
			return Service{}, err
		}
		if err := act.CheckVersion(version, row.Version); err != nil {
			return Service{}, err
		}
		before := slices.Clone(row.ProviderIDs)
		var x act.Edit
		serviceFields.Apply(&x, &row, &serviceEdit{d, plan})
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
func (e *Engine) DeleteService(ctx context.Context, c act.Caller, id int64) error {
	return retire(ctx, e, c, serviceDelete, id, (*Act).Service, (*Act).UpdateService,
		func(row *Service) (*bool, *act.Meta) { return &row.Active, &row.Meta })
}

// Service finds one, active or not.
func (e *Engine) Service(ctx context.Context, c act.Caller, id int64) (Service, error) {
	return act.Read(ctx, e.Room, c, serviceRead, func(r Reader) (Service, error) { return r.Service(c.Clinic, id) })
}

// Services lists what can be booked, active or not, newest first.
//
// Errors: Invalid (limit), InvalidCursor.
func (e *Engine) Services(ctx context.Context, c act.Caller, p act.Page) (act.List[Service], error) {
	return pageOf(ctx, e, c, serviceRead, "services", p,
		func(r Reader, after act.Position, limit int) ([]Service, error) {
			return r.Services(c.Clinic, after, limit)
		},
		func(x Service) act.Position { return act.Position{CreatedAt: x.CreatedAt, ID: act.IDText(x.ID)} })
}

// serviceEdit is a draft with the directory that its ids are looked up in.
type serviceEdit struct {
	ServiceDraft
	plan *Plan
}

var serviceFields = act.Fields[Service, serviceEdit]{
	act.FieldOf("name", act.Required(text.MaxName),
		func(s *Service, d *serviceEdit) (*string, **string) { return &s.Name, &d.Name }),
	act.FieldOf("duration_minutes", act.Plain[int](),
		func(s *Service, d *serviceEdit) (*int, **int) { return &s.DurationMinutes, &d.DurationMinutes }).
		Applied(applyLength),
	act.FieldOf("buffer_before", act.Plain[int](),
		func(s *Service, d *serviceEdit) (*int, **int) { return &s.BufferBefore, &d.BufferBefore }).
		Applied(nil), // with the duration
	act.FieldOf("buffer_after", act.Plain[int](),
		func(s *Service, d *serviceEdit) (*int, **int) { return &s.BufferAfter, &d.BufferAfter }).
		Applied(nil), // with the duration
	act.FieldOf("step", act.Number(0, MaxStep),
		func(s *Service, d *serviceEdit) (*int, **int) { return &s.Step, &d.Step }),
	act.FieldOf("align", act.OneOf("Must be "+text.Or(Aligns), Aligns...),
		func(s *Service, d *serviceEdit) (*Align, **Align) { return &s.Align, &d.Align }),
	act.FieldOf("location_kind",
		act.OneOf("Must be "+text.Or(LocationKinds)+", or empty for any", append([]LocationKind{""}, LocationKinds...)...),
		func(s *Service, d *serviceEdit) (*LocationKind, **LocationKind) {
			return &s.LocationKind, &d.LocationKind
		}),
	act.FieldOf("min_notice", act.Number(-1, MaxNotice),
		func(s *Service, d *serviceEdit) (*int, **int) { return &s.MinNotice, &d.MinNotice }),
	act.FieldOf("horizon_days", act.Number(-1, MaxHorizon),
		func(s *Service, d *serviceEdit) (*int, **int) { return &s.HorizonDays, &d.HorizonDays }),
	act.FieldOf("daily_cap", act.Number(0, MaxDailyCap),
		func(s *Service, d *serviceEdit) (*int, **int) { return &s.DailyCap, &d.DailyCap }),
	act.FieldOf("auto_confirm", act.Flag(),
		func(s *Service, d *serviceEdit) (*bool, **bool) { return &s.AutoConfirm, &d.AutoConfirm }),
	act.FieldOf("active", act.Flag(),
		func(s *Service, d *serviceEdit) (*bool, **bool) { return &s.Active, &d.Active }),
	act.FieldOf("provider_ids", idList,
		func(s *Service, d *serviceEdit) (*[]int64, **[]int64) { return &s.ProviderIDs, &d.ProviderIDs }).
		Applied(applyProviders),
}

// applyLength takes the duration and both buffers, which together fit in a day.
func applyLength(x *act.Edit, row *Service, d *serviceEdit) {
	was := len(x.Faults)
	if d.DurationMinutes == nil && row.DurationMinutes == 0 {
		x.Add("duration_minutes", "Required")
	}
	x.Number("duration_minutes", &row.DurationMinutes, d.DurationMinutes, 1, MaxDuration)
	x.Number("buffer_before", &row.BufferBefore, d.BufferBefore, 0, MaxBuffer)
	x.Number("buffer_after", &row.BufferAfter, d.BufferAfter, 0, MaxBuffer)
	length, before, after := row.DurationMinutes, row.BufferBefore, row.BufferAfter
	if len(x.Faults) == was && !calendar.FitsDay(int64(length)*60, int64(before)*60, int64(after)*60) {
		x.Add("duration_minutes", "Must be at most 24 hours together with both buffers; it is %d minutes",
			before+length+after)
	}
}

func applyProviders(x *act.Edit, row *Service, d *serviceEdit) {
	applySorted(x, "provider_ids", "provider", &row.ProviderIDs, d.ProviderIDs, func(id int64) bool {
		return d.plan.Provider(id) != nil
	})
}
