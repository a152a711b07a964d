package httpapi

import (
	"context"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/httpapi/wire"
)

// Schedule is what a clinic, location, provider or service says about its hours.
type Schedule struct {
	Weekly    Week          `json:"weekly" doc:"Windows of each weekday, on the clock on the wall"`
	Breaks    Week          `json:"breaks"`
	Overrides []Override    `json:"overrides" doc:"Replace the hours of one date; no windows = closed"`
	Version   int64         `json:"version" doc:"0 = never set; also the ETag"`
	UpdatedAt *wire.Instant `json:"updated_at"`
	Stranded  []Stranded    `json:"stranded,omitempty" doc:"After a change: booked appointments that it leaves outside of hours"`
}

// ETagVersion is the version that stands in the ETag.
func (s Schedule) ETagVersion() int64 { return s.Version }

// Stranded is an appointment that a change of hours leaves outside of them.
type Stranded struct {
	ID          string       `json:"id" format:"uuid"`
	ScheduledAt wire.Instant `json:"scheduled_at"`
	EndsAt      wire.Instant `json:"ends_at"`
	ProviderID  int64        `json:"provider_id"`
}

func strandedOf(in []directory.Stranded) []Stranded {
	out := make([]Stranded, len(in))
	for i, s := range in {
		out[i] = Stranded{s.ID, wire.Instant(s.StartsAt), wire.Instant(s.EndsAt), s.Provider}
	}
	return out
}

func schedule(s directory.OwnedSchedule) Schedule {
	return Schedule{Weekly: weekOf(s.Weekly), Breaks: weekOf(s.Breaks),
		Overrides: wire.Each(s.Overrides, overrideOf), Version: s.Version,
		UpdatedAt: wire.At(s.UpdatedAt)}
}

func scheduleChange(s directory.ScheduleChange) Schedule {
	out := schedule(s.OwnedSchedule)
	out.Stranded = strandedOf(s.Stranded)
	return out
}

// ScheduleDraft replaces a schedule as a whole.
type ScheduleDraft struct {
	Weekly    Week       `json:"weekly,omitempty"`
	Breaks    Week       `json:"breaks,omitempty"`
	Overrides []Override `json:"overrides,omitempty"`
}

func (d ScheduleDraft) schedule() calendar.Schedule {
	return calendar.Schedule{Weekly: d.Weekly.week(), Breaks: d.Breaks.week(),
		Overrides: wire.Each(d.Overrides, Override.override)}
}

// Closure shuts an owner for a time: a holiday, time off.
type Closure struct {
	ID        string         `json:"id" format:"uuid"`
	StartsAt  *wire.Instant  `json:"starts_at"`
	EndsAt    *wire.Instant  `json:"ends_at"`
	FromDate  *calendar.Date `json:"from_date" doc:"The first day that is closed"`
	ToDate    *calendar.Date `json:"to_date" doc:"The last day that is closed"`
	Reason    string         `json:"reason"`
	CreatedAt wire.Instant   `json:"created_at"`
	Stranded  []Stranded     `json:"stranded,omitempty" doc:"When it is made: booked appointments that lie in it"`
}

func closure(x directory.Closure) Closure {
	out := Closure{ID: x.ID, Reason: x.Reason, CreatedAt: wire.Instant(x.Created)}
	if x.ByDate {
		out.FromDate, out.ToDate = &x.FromDate, &x.ToDate
	} else {
		out.StartsAt, out.EndsAt = wire.At(x.Span.Start), wire.At(x.Span.End)
	}
	return out
}

func closureChange(x directory.ClosureChange) Closure {
	out := closure(x.Closure)
	out.Stranded = strandedOf(x.Stranded)
	return out
}

// ClosureDraft is an unsaved closure: instants, or local dates.
type ClosureDraft struct {
	StartsAt *wire.Instant  `json:"starts_at,omitempty" doc:"With ends_at; or from_date and to_date"`
	EndsAt   *wire.Instant  `json:"ends_at,omitempty"`
	FromDate *calendar.Date `json:"from_date,omitempty"`
	ToDate   *calendar.Date `json:"to_date,omitempty" doc:"Included; the same day without it"`
	Reason   *string        `json:"reason,omitempty" maxLength:"500"`
}

// owner is whose hours a row is about: one kind of owner, named in the path.
type owner struct {
	kind     byte // 'c', 'l', 'p' or 's'
	path     string
	one      string // "Provider"
	closures string // "/time-off"
}

var owners = []owner{
	{'c', "", "Clinic", "/closures"},
	{'l', "/locations/:id", "Location", "/closures"},
	{'p', "/providers/:id", "Provider", "/time-off"},
	{'s', "/services/:id", "Service", ""},
}

func (o owner) ref(id int64) directory.OwnerRef {
	if o.kind == 'c' {
		return directory.ClinicOwner
	}
	return directory.OwnedBy(o.kind, id)
}

// Inputs of a route below an owner; the clinic is named by no id.
type (
	ownerItem struct {
		wire.ByNumber
		Item string `path:"item"`
	}
	ownerClosure struct {
		wire.ByNumber
		Body ClosureDraft
	}
	clinicSchedule struct {
		Version *int64 `header:"If-Match"`
		Body    ScheduleDraft
	}
	clinicItem struct {
		Item string `path:"item"`
	}
)

func (s *Server) scheduleRows() []Row {
	var out []Row
	for _, o := range owners {
		out = append(out, s.hoursRows(o)...)
		if o.closures != "" {
			out = append(out, s.closureRows(o)...)
		}
	}
	return out
}

func (s *Server) hoursRows(o owner) []Row {
	get := func(ctx context.Context, c act.Caller, id int64) (directory.OwnedSchedule, error) {
		return s.e.Schedule(ctx, c, o.ref(id))
	}
	put := func(ctx context.Context, c act.Caller, id int64, version *int64,
		d ScheduleDraft) (directory.ScheduleChange, error) {
		return s.e.PutSchedule(ctx, c, o.ref(id), version, d.schedule())
	}
	read := Op(func(ctx context.Context, c act.Caller, in wire.ByNumber) (directory.OwnedSchedule, error) {
		return get(ctx, c, in.ID)
	}, schedule)
	write := Op(func(ctx context.Context, c act.Caller,
		in wire.UpdateNumber[ScheduleDraft]) (directory.ScheduleChange, error) {
		return put(ctx, c, in.ID, in.Version, in.Body)
	}, scheduleChange)
	if o.kind == 'c' {
		read = Op(func(ctx context.Context, c act.Caller, _ wire.None) (directory.OwnedSchedule, error) {
			return get(ctx, c, 0)
		}, schedule)
		write = Op(func(ctx context.Context, c act.Caller, in clinicSchedule) (directory.ScheduleChange, error) {
			return put(ctx, c, 0, in.Version, in.Body)
		}, scheduleChange)
	}
	return []Row{
		{Method: "GET", Path: o.path + "/schedule", Scope: scope.ProvidersRead,
			Also: []scope.Scope{scope.AppointmentsRead}, Tag: "Schedules",
			ID: "get" + o.one + "Schedule", Summary: "Hours of the " + noun(o.one), Status: 200, Op: read},
		{Method: "PUT", Path: o.path + "/schedule", Scope: scope.ProvidersWrite, Tag: "Schedules", ID: "put" + o.one +
			"Schedule",
			Summary: "Set the hours of the " + noun(o.one),
			Doc:     "A change that strands booked appointments is accepted and answered with the list of them.",
			Status:  200,
			Example: `{"weekly":{"mon":[{"from":"09:00","to":"12:30"},{"from":"13:30","to":"17:00"}]},` +
				`"overrides":[{"date":"2026-12-24","windows":[],"reason":"Christmas"}]}`, Op: write},
	}
}

func (s *Server) closureRows(o owner) []Row {
	find := func(ctx context.Context, c act.Caller, id int64, p wire.Paged) (act.List[directory.Closure], error) {
		return s.e.Closures(ctx, c, o.ref(id), p.Page())
	}
	create := func(ctx context.Context, c act.Caller, id int64, d ClosureDraft) (directory.ClosureChange, error) {
		return s.e.CreateClosure(ctx, c, o.ref(id),
			directory.ClosureDraft{StartsAt: d.StartsAt.Pointer(), EndsAt: d.EndsAt.Pointer(),
				FromDate: d.FromDate, ToDate: d.ToDate, Reason: d.Reason})
	}
	list := List(func(ctx context.Context, c act.Caller,
		in wire.PagedByNumber) (act.List[directory.Closure], error) {
		return find(ctx, c, in.ID, in.Paged)
	}, closure)
	add := Op(func(ctx context.Context, c act.Caller, in ownerClosure) (directory.ClosureChange, error) {
		return create(ctx, c, in.ID, in.Body)
	}, closureChange)
	remove := Drop(func(ctx context.Context, c act.Caller, in ownerItem) error {
		return s.e.DeleteClosure(ctx, c, o.ref(in.ID), in.Item)
	})
	if o.kind == 'c' {
		list = List(func(ctx context.Context, c act.Caller, in wire.Paged) (act.List[directory.Closure], error) {
			return find(ctx, c, 0, in)
		}, closure)
		add = Op(func(ctx context.Context, c act.Caller,
			in wire.Create[ClosureDraft]) (directory.ClosureChange, error) {
			return create(ctx, c, 0, in.Body)
		}, closureChange)
		remove = Drop(func(ctx context.Context, c act.Caller, in clinicItem) error {
			return s.e.DeleteClosure(ctx, c, o.ref(0), in.Item)
		})
	}
	what := "closure of the " + noun(o.one)
	if o.kind == 'p' {
		what = "time off of the provider"
	}
	at := o.path + o.closures
	return []Row{
		{Method: "GET", Path: at, Scope: scope.ProvidersRead, Also: []scope.Scope{scope.AppointmentsRead},
			Tag: "Schedules", ID: "list" + o.one + "Closures", Summary: "List each " + what, Status: 200, Op: list},
		{Method: "POST", Path: at, Scope: scope.ProvidersWrite, Tag: "Schedules", ID: "create" + o.one + "Closure",
			Summary: "Add a " + what, Status: 201,
			Errors:  []fault.Kind{fault.Conflict},
			Example: `{"from_date":"2026-12-24","to_date":"2026-12-26","reason":"Christmas"}`, Op: add},
		{Method: "DELETE", Path: at + "/:item", Scope: scope.ProvidersWrite, Tag: "Schedules", ID: "delete" + o.one +
			"Closure", Summary: "Take a " + what + " back", Status: 204, Op: remove},
	}
}
