package directory

import (
	"context"
	"strings"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/text"
)

var (
	clinicCreate = act.Define("clinic.create", scope.ProvidersWrite)
	clinicRead   = act.Define("clinic.read", scope.AdminRead)
	clinicUpdate = act.Define("clinic.update", scope.ProvidersWrite)
)

// CreateClinic makes what `qb init` promises, in one transaction: the clinic, its
// first location with the hours, and a provider who works there. It makes no
// service: half an hour is the default. Only the shell and qb itself may, for
// there is no clinic yet whose rights a key could hold.
//
// Errors: Forbidden, Invalid, Conflict (the slug is taken).
func (e *Engine) CreateClinic(ctx context.Context, c act.Caller, d ClinicDraft) (Clinic, error) {
	return act.Operate(ctx, e.Room, c, clinicCreate, func(w *Act) (Clinic, error) {
		clinic, err := d.clinic()
		if err == nil {
			err = w.createClinic(&clinic, d)
		}
		if err != nil {
			return Clinic{}, err
		}
		w.EntityID, w.Fields = clinic.ID, []string{"slug", "name", "time_zone", "country"}
		return clinic, nil
	})
}

// Check tells every fault of the draft without a database, for a shell that
// should not make a data directory for nothing.
func (d ClinicDraft) Check() error {
	_, err := d.clinic()
	return err
}

// clinic checks the draft's values and makes the row.
func (d *ClinicDraft) clinic() (Clinic, error) {
	var x act.Edit
	row := Clinic{Settings: DefaultSettings, Version: 1}
	x.Must("name", &row.Name, &d.Name, text.MaxName)
	if d.Slug == "" {
		d.Slug = SlugOf(d.Name)
	}
	if row.Slug = d.Slug; !validSlug(row.Slug) {
		x.Add("slug", "Must be 1 to %d small letters, digits and inner hyphens, like praxis-am-markt", MaxSlug)
	}
	x.Zone("time_zone", &row.TimeZone, &d.TimeZone, false)
	x.Country("country", &row.Country, &d.Country, false)
	if d.Hours.IsZero() {
		x.Add("hours", "Required: opening hours like Mon-Fri 09:00-17:00")
	}
	d.Hours.Validate(&x.Faults, "hours")
	d.LocationName = text.Clean(&x.Faults, "location_name", d.LocationName, text.MaxName)
	d.ProviderName = text.Clean(&x.Faults, "provider_name", d.ProviderName, text.MaxName)
	if d.LocationName == "" {
		d.LocationName = row.Name
	}
	if d.ProviderName == "" {
		d.ProviderName = "Provider 1"
	}
	return row, x.Err()
}

// createClinic writes the three. From the clinic's row on, the act belongs to that clinic.
func (w *Act) createClinic(clinic *Clinic, d ClinicDraft) error {
	if _, err := w.ClinicBySlug(clinic.Slug); err == nil {
		return fault.Fail(fault.Conflict, "The slug %q is taken", clinic.Slug).On("slug",
			"Choose another slug; it names the clinic in the shell")
	} else if fault.KindOf(err) != fault.NotFound {
		return err
	}
	clinic.ID = w.NewID()
	clinic.CreatedAt, clinic.UpdatedAt = w.Now, w.Now
	if err := w.InsertClinic(clinic); err != nil {
		return err
	}
	w.Caller.Clinic = clinic.N
	loc := Location{Clinic: clinic.N, Name: d.LocationName, Kind: AtClinic, Active: true}
	if err := w.Stamp(&loc.Meta); err != nil {
		return err
	}
	if err := w.InsertLocation(&loc); err != nil {
		return err
	}
	who := newProvider(clinic.N)
	who.DisplayName, who.LocationIDs = d.ProviderName, []int64{loc.ID}
	if err := w.Stamp(&who.Meta); err != nil {
		return err
	}
	if err := w.InsertProvider(&who); err != nil {
		return err
	}
	hours := OwnedSchedule{Clinic: clinic.N, Owner: ClinicOwner, Schedule: calendar.Schedule{Weekly: d.Hours}}
	if err := w.Stamp(&hours.Meta); err != nil {
		return err
	}
	return w.PutSchedule(hours)
}

// SlugOf makes a slug of a name: "Praxis Dr. Müller" becomes "praxis-dr-muller". A
// name without a Latin letter or digit is "clinic".
func SlugOf(name string) string {
	words := strings.FieldsFunc(text.Fold(name), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	slug := strings.Join(words, "-")
	if len(slug) > MaxSlug {
		slug = strings.TrimRight(slug[:MaxSlug], "-")
	}
	if slug == "" {
		return "clinic"
	}
	return slug
}

func validSlug(s string) bool {
	if s == "" || len(s) > MaxSlug || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" && !strings.Contains(s, "--")
}

// Clinics lists all tenants, oldest first, for the shell.
func (e *Engine) Clinics(ctx context.Context, c act.Caller) ([]Clinic, error) {
	return operatorView(ctx, e, c, func(r Reader) ([]Clinic, error) { return r.Clinics() })
}

// ClinicBySlug finds the tenant that the shell names. NotFound lists no others.
func (e *Engine) ClinicBySlug(ctx context.Context, c act.Caller, slug string) (Clinic, error) {
	return operatorView(ctx, e, c, func(r Reader) (Clinic, error) { return r.ClinicBySlug(slug) })
}

// OldestClinic is the tenant that the shell means when it names none: NotFound
// before `qb init`.
func (e *Engine) OldestClinic(ctx context.Context, c act.Caller) (Clinic, error) {
	return operatorView(ctx, e, c, func(r Reader) (Clinic, error) {
		list, err := r.Clinics()
		if err != nil {
			return Clinic{}, err
		}
		if len(list) == 0 {
			return Clinic{}, fault.Fail(fault.NotFound, "There is no clinic yet; make one with qb init")
		}
		return list[0], nil
	})
}

func operatorView[T any](ctx context.Context, e *Engine, c act.Caller, fn func(r Reader) (T, error)) (out T,
	err error) {
	if !c.Operator() {
		return out, act.ErrNotOperator
	}
	return act.View(ctx, e.Room, fn)
}

// Clinic is the caller's own clinic with its booking rules.
func (e *Engine) Clinic(ctx context.Context, c act.Caller) (Clinic, error) {
	return act.Read(ctx, e.Room, c, clinicRead, func(r Reader) (Clinic, error) { return r.Clinic(c.Clinic) })
}

// UpdateClinic changes the clinic's name, place or booking rules. They hold from
// then on, for appointments booked before only when they are moved.
//
// Errors: Invalid, PreconditionFailed (version is If-Match; nil is "not sent").
func (e *Engine) UpdateClinic(ctx context.Context, c act.Caller, version *int64, d ClinicPatch) (Clinic, error) {
	return manage(ctx, e, c, clinicUpdate, func(w *Act, _ *Plan) (Clinic, error) {
		row, err := w.Clinic(c.Clinic)
		if err != nil {
			return Clinic{}, err
		}
		if err := act.CheckVersion(version, row.Version); err != nil {
			return Clinic{}, err
		}
		var x act.Edit
		clinicFields.Apply(&x, &row, &d)
		m := act.Meta{Version: row.Version}
		if write, err := w.Finish(&x, &m, 0); err != nil || !write {
			return row, err
		}
		w.EntityID = row.ID
		row.Version, row.UpdatedAt = m.Version, m.UpdatedAt
		return row, w.UpdateClinic(row)
	})
}

var clinicFields = act.Fields[Clinic, ClinicPatch]{
	act.FieldOf("name", act.Required(text.MaxName),
		func(c *Clinic, d *ClinicPatch) (*string, **string) { return &c.Name, &d.Name }),
	act.FieldOf("time_zone", act.Zone(false),
		func(c *Clinic, d *ClinicPatch) (*string, **string) { return &c.TimeZone, &d.TimeZone }),
	act.FieldOf("country", act.Country(false),
		func(c *Clinic, d *ClinicPatch) (*string, **string) { return &c.Country, &d.Country }),
	act.FieldOf("step_minutes", act.Number(1, MaxStep),
		func(c *Clinic, d *ClinicPatch) (*int, **int) { return &c.Settings.StepMinutes, &d.StepMinutes }),
	act.FieldOf("default_minutes", act.Number(1, MaxDuration),
		func(c *Clinic, d *ClinicPatch) (*int, **int) { return &c.Settings.DefaultMinutes, &d.DefaultMinutes }),
	act.FieldOf("notice_minutes", act.Number(0, MaxNotice),
		func(c *Clinic, d *ClinicPatch) (*int, **int) { return &c.Settings.NoticeMinutes, &d.NoticeMinutes }),
	act.FieldOf("horizon_days", act.Number(0, MaxHorizon),
		func(c *Clinic, d *ClinicPatch) (*int, **int) { return &c.Settings.HorizonDays, &d.HorizonDays }),
	act.FieldOf("buffers_inside_hours", act.Flag(),
		func(c *Clinic, d *ClinicPatch) (*bool, **bool) {
			return &c.Settings.BuffersInsideHours, &d.BuffersInsideHours
		}),
	act.FieldOf("reconfirm_on_move", act.Flag(),
		func(c *Clinic, d *ClinicPatch) (*bool, **bool) {
			return &c.Settings.ReconfirmOnMove, &d.ReconfirmOnMove
		}),
	act.FieldOf("continuity", act.Flag(),
		func(c *Clinic, d *ClinicPatch) (*bool, **bool) { return &c.Settings.Continuity, &d.Continuity }),
	act.FieldOf("late_cancel_hours", act.Number(0, MaxLateCancel),
		func(c *Clinic, d *ClinicPatch) (*int, **int) { return &c.Settings.LateCancelHours, &d.LateCancelHours }),
	act.FieldOf("no_show_sweep", act.Flag(),
		func(c *Clinic, d *ClinicPatch) (*bool, **bool) { return &c.Settings.NoShowSweep, &d.NoShowSweep }),
}

// Organization is the caller's own clinic, for which no right is needed.
//
// Errors: what the store answers.
func (e *Engine) Organization(ctx context.Context, c act.Caller) (Clinic, error) {
	return act.View(ctx, e.Room, func(r Reader) (Clinic, error) { return r.Clinic(c.Clinic) })
}
