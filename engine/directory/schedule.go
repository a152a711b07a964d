package directory

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"unicode/utf8"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/text"
)

// OwnerRef names whose hours or closures are meant: the clinic "c", location "l1", provider "p1", service "s1".
type OwnerRef string

// ClinicOwner is the clinic as an owner of schedules and closures; OwnedBy makes the
// others.
const ClinicOwner OwnerRef = "c"

// OwnedBy makes the reference of a location ('l'), provider ('p') or service ('s').
func OwnedBy(kind byte, id int64) OwnerRef {
	return OwnerRef(string(kind) + strconv.FormatInt(id, 10))
}

// OwnedSchedule is the schedule of one owner as it is stored.
type OwnedSchedule struct {
	Clinic int64
	Owner  OwnerRef
	calendar.Schedule
	act.Meta
}

// ScheduleChange is a schedule as it is now, and whom putting it left outside of hours.
type ScheduleChange struct {
	OwnedSchedule
	Stranded []Stranded // in the order of their start; never nil
}

var (
	scheduleRead = act.Define("schedule.read", scope.ProvidersRead)
	schedulePut  = act.Define("schedule.update", scope.ProvidersWrite)
)

// Schedule gives the hours that an owner has set: the zero schedule with version
// 0 where it never did. appointments:read will do for it, as Klinivo promises.
//
// Errors: NotFound (no such location, provider or service).
func (e *Engine) Schedule(ctx context.Context, c act.Caller, owner OwnerRef) (OwnedSchedule, error) {
	d := scheduleRead
	if !c.May(d.Scope) && c.May(scope.AppointmentsRead) {
		d.Scope = scope.AppointmentsRead
	}
	return act.Read(ctx, e.Room, c, d, func(r Reader) (OwnedSchedule, error) {
		plan, err := r.Plan(c.Clinic)
		if err != nil {
			return OwnedSchedule{}, err
		}
		if err := plan.owns(owner); err != nil {
			return OwnedSchedule{}, err
		}
		return scheduleRow(r, c.Clinic, owner)
	})
}

// scheduleRow reads a schedule that need not be there.
func scheduleRow(r Reader, clinic int64, owner OwnerRef) (OwnedSchedule, error) {
	row, err := r.Schedule(clinic, owner)
	if fault.KindOf(err) == fault.NotFound {
		return OwnedSchedule{Clinic: clinic, Owner: owner}, nil
	}
	return row, err
}

// PutSchedule replaces an owner's hours; version is If-Match, 0 for "never set".
// The schedule of the clinic is the default for locations that have none of their
// own. An empty schedule takes an owner's limits away (calendar.Schedule.IsZero), which the clinic
// itself cannot: it would be open round the clock.
//
// A change that strands booked appointments is accepted and answered with them
// (records.md §1): those that lay inside hours before and do not any more.
//
// Errors: NotFound, PreconditionFailed, Invalid.
func (e *Engine) PutSchedule(ctx context.Context, c act.Caller, owner OwnerRef, version *int64,
	s calendar.Schedule) (ScheduleChange, error) {
	return manage(ctx, e, c, schedulePut, func(w *Act, plan *Plan) (ScheduleChange, error) {
		out := ScheduleChange{Stranded: []Stranded{}}
		w.EntityID = string(owner)
		if err := plan.owns(owner); err != nil {
			return out, err
		}
		row, err := scheduleRow(w, c.Clinic, owner)
		if err != nil {
			return out, err
		}
		if err := act.CheckVersion(version, row.Version); err != nil {
			return out, err
		}
		clean, err := cleanSchedule(s, owner)
		if err != nil {
			return out, err
		}
		if w.Fields = scheduleChanges(row.Schedule, clean); len(w.Fields) == 0 {
			w.Quiet = true
			out.OwnedSchedule = row
			return out, nil
		}
		row.Schedule = clean
		if err := w.Stamp(&row.Meta); err != nil {
			return out, err
		}
		if err := w.PutSchedule(row); err != nil {
			return out, err
		}
		out.OwnedSchedule = row
		out.Stranded, err = w.stranded(plan, owner)
		return out, err
	})
}

// cleanSchedule checks a schedule as its owner's and gives it in one form: windows by
// their start, overrides by date.
func cleanSchedule(s calendar.Schedule, owner OwnerRef) (calendar.Schedule, error) {
	var f fault.Faults
	s.Validate(&f, "")
	switch {
	case owner == ClinicOwner && s.IsZero():
		f.Add("weekly",
			"Required: the clinic's own hours are the default of every location. To close for a time, add a closure")
	case s.Weekly.IsZero() && !s.Breaks.IsZero():
		f.Add("weekly", "Required with breaks: hours without a window are closed all week")
	}
	out := calendar.Schedule{Weekly: sortedWeek(s.Weekly), Breaks: sortedWeek(s.Breaks), Overrides: []calendar.Override{}}
	for i, o := range s.Overrides {
		if utf8.RuneCountInString(o.Reason) <= text.MaxText { // else Validate has said so
			o.Reason = text.Clean(&f, fault.Indexed("overrides", i)+".reason", o.Reason, text.MaxText)
		}
		o.Windows = sortedWindows(o.Windows)
		out.Overrides = append(out.Overrides, o)
	}
	slices.SortFunc(out.Overrides, func(a, b calendar.Override) int { return cmp.Compare(a.Date, b.Date) })
	return out, f.Err()
}

func sortedWeek(w calendar.Week) (out calendar.Week) {
	for i := range w {
		out[i] = sortedWindows(w[i])
	}
	return out
}

func sortedWindows(list []calendar.Window) []calendar.Window {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b calendar.Window) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	return list
}

// scheduleChanges names the parts in which two schedules differ.
func scheduleChanges(s, t calendar.Schedule) (fields []string) {
	differ := func(field string, same bool) {
		if !same {
			fields = append(fields, field)
		}
	}
	differ("weekly", sameWeek(s.Weekly, t.Weekly))
	differ("breaks", sameWeek(s.Breaks, t.Breaks))
	differ("overrides", slices.EqualFunc(s.Overrides, t.Overrides, func(a, b calendar.Override) bool {
		return a.Date == b.Date && a.Reason == b.Reason && slices.Equal(a.Windows, b.Windows)
	}))
	return fields
}

func sameWeek(a, b calendar.Week) bool {
	return slices.EqualFunc(a[:], b[:], slices.Equal[[]calendar.Window])
}

// owns reports whether the owner is the clinic or a row of it: NotFound otherwise.
func (p *Plan) owns(owner OwnerRef) error {
	if owner == ClinicOwner {
		return nil
	}
	kind, id := owner.split()
	switch {
	case kind == 'p' && p.Provider(id) == nil:
		return fault.Absent("provider")
	case kind == 'l' && p.Location(id) == nil:
		return fault.Absent("location")
	case kind == 's' && p.Service(id) == nil:
		return fault.Absent("service")
	case kind == 0:
		return fault.Absent("schedule")
	}
	return nil
}

// split takes a reference apart; kind 0 is no reference of a row.
func (o OwnerRef) split() (kind byte, id int64) {
	if len(o) < 2 || (o[0] != 'p' && o[0] != 'l' && o[0] != 's') {
		return 0, 0
	}
	id, err := strconv.ParseInt(string(o[1:]), 10, 64)
	if err != nil {
		return 0, 0
	}
	return o[0], id
}
