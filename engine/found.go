package engine

import (
	"context"
	"strings"
)

var (
	clinicCreate = Action{"clinic.create", ProvidersWrite}
	clinicRead   = Action{"clinic.read", AdminRead}
	clinicUpdate = Action{"clinic.update", ProvidersWrite}
)

// CreateClinic makes what `qb init` promises, in one transaction: the clinic, its
// first location with the hours, and a provider who works there. It makes no
// service: half an hour is the default. Only the shell and qb itself may, for
// there is no clinic yet whose rights a key could hold.
//
// Errors: Forbidden, Invalid, Conflict (the slug is taken).
func (e *Engine) CreateClinic(ctx context.Context, c Caller, d ClinicDraft) (Clinic, error) {
	return operate(ctx, e, c, clinicCreate, func(w *Act) (Clinic, error) {
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
	var x edit
	row := Clinic{Settings: DefaultSettings, Version: 1}
	x.must("name", &row.Name, &d.Name, MaxName)
	if d.Slug == "" {
		d.Slug = SlugOf(d.Name)
	}
	if row.Slug = d.Slug; !validSlug(row.Slug) {
		x.Add("slug", "Must be 1 to %d small letters, digits and inner hyphens, like praxis-am-markt", MaxSlug)
	}
	x.zone("time_zone", &row.TimeZone, &d.TimeZone, false)
	x.country("country", &row.Country, &d.Country, false)
	if d.Hours.IsZero() {
		x.Add("hours", "Required: opening hours like Mon-Fri 09:00-17:00")
	}
	d.Hours.Validate(&x.Faults, "hours")
	d.LocationName = Clean(&x.Faults, "location_name", d.LocationName, MaxName)
	d.ProviderName = Clean(&x.Faults, "provider_name", d.ProviderName, MaxName)
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
		return Fail(Conflict, "The slug %q is taken", clinic.Slug).On("slug", "Choose another: it names the clinic in the shell")
	} else if KindOf(err) != NotFound {
		return err
	}
	clinic.ID = NewID(w.e.now())
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
	hours := OwnedSchedule{Clinic: clinic.N, Owner: ClinicOwner, Schedule: Schedule{Weekly: d.Hours}}
	if err := w.Stamp(&hours.Meta); err != nil {
		return err
	}
	return w.PutSchedule(hours)
}

// SlugOf makes a slug of a name: "Praxis Dr. Müller" becomes "praxis-dr-muller". A
// name without a Latin letter or digit is "clinic".
func SlugOf(name string) string {
	words := strings.FieldsFunc(Fold(name), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
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
func (e *Engine) Clinics(ctx context.Context, c Caller) ([]Clinic, error) {
	return operatorView(ctx, e, c, func(r Reader) ([]Clinic, error) { return r.Clinics() })
}

// ClinicBySlug finds the tenant that the shell names. NotFound lists no others.
func (e *Engine) ClinicBySlug(ctx context.Context, c Caller, slug string) (Clinic, error) {
	return operatorView(ctx, e, c, func(r Reader) (Clinic, error) { return r.ClinicBySlug(slug) })
}

// OldestClinic is the tenant that the shell means when it names none: NotFound
// before `qb init`.
func (e *Engine) OldestClinic(ctx context.Context, c Caller) (Clinic, error) {
	return operatorView(ctx, e, c, func(r Reader) (Clinic, error) {
		list, err := r.Clinics()
		if err != nil {
			return Clinic{}, err
		}
		if len(list) == 0 {
			return Clinic{}, Fail(NotFound, "There is no clinic yet; make one with qb init")
		}
		return list[0], nil
	})
}

func operatorView[T any](ctx context.Context, e *Engine, c Caller, fn func(r Reader) (T, error)) (out T, err error) {
	if !c.Operator() {
		return out, errNotOperator
	}
	return view(ctx, e, fn)
}

// Clinic is the caller's own clinic with its booking rules.
func (e *Engine) Clinic(ctx context.Context, c Caller) (Clinic, error) {
	return read(ctx, e, c, clinicRead, func(r Reader) (Clinic, error) { return r.Clinic(c.Clinic) })
}

// UpdateClinic changes the clinic's name, place or booking rules. They hold from
// then on, for appointments booked before only when they are moved.
//
// Errors: Invalid, PreconditionFailed (version is If-Match; nil is "not sent").
func (e *Engine) UpdateClinic(ctx context.Context, c Caller, version *int64, d ClinicPatch) (Clinic, error) {
	return manage(ctx, e, c, clinicUpdate, func(w *Act, _ *Plan) (Clinic, error) {
		row, err := w.Clinic(c.Clinic)
		if err != nil {
			return Clinic{}, err
		}
		if err := checkVersion(version, row.Version); err != nil {
			return Clinic{}, err
		}
		var x edit
		d.apply(&x, &row)
		m := Meta{Version: row.Version}
		if write, err := w.Finish(&x, &m, 0); err != nil || !write {
			return row, err
		}
		w.EntityID = row.ID
		row.Version, row.UpdatedAt = m.Version, m.UpdatedAt
		return row, w.UpdateClinic(row)
	})
}

func (d ClinicPatch) apply(x *edit, row *Clinic) {
	x.must("name", &row.Name, d.Name, MaxName)
	x.zone("time_zone", &row.TimeZone, d.TimeZone, false)
	x.country("country", &row.Country, d.Country, false)
	s := &row.Settings
	x.number("step_minutes", &s.StepMinutes, d.StepMinutes, 1, MaxStep)
	x.number("default_minutes", &s.DefaultMinutes, d.DefaultMinutes, 1, MaxDuration)
	x.number("notice_minutes", &s.NoticeMinutes, d.NoticeMinutes, 0, MaxNotice)
	x.number("horizon_days", &s.HorizonDays, d.HorizonDays, 0, MaxHorizon)
	x.flag("buffers_inside_hours", &s.BuffersInsideHours, d.BuffersInsideHours)
	x.flag("reconfirm_on_move", &s.ReconfirmOnMove, d.ReconfirmOnMove)
	x.flag("continuity", &s.Continuity, d.Continuity)
	x.number("late_cancel_hours", &s.LateCancelHours, d.LateCancelHours, 0, MaxLateCancel)
	x.flag("no_show_sweep", &s.NoShowSweep, d.NoShowSweep)
}

// Organization is the caller's own clinic, for which no right is needed.
//
// Errors: what the store answers.
func (e *Engine) Organization(ctx context.Context, c Caller) (Clinic, error) {
	return view(ctx, e, func(r Reader) (Clinic, error) { return r.Clinic(c.Clinic) })
}
