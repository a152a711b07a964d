package booking

import (
	"context"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/text"
)

// Move is what a reschedule asks for; zero fields keep what is (records.md §7:
// the length is kept when EndsAt is absent).
type Move struct {
	Version    *int64 // If-Match
	StartsAt   int64
	EndsAt     int64
	ProviderID int64
	LocationID int64
}

// PatchAppointment changes an appointment: new times, title, notes, provider,
// location or status, all in one transaction (booking.md §7). It is the same act
// as the verbs.
//
// Errors: Invalid, NotFound, PreconditionFailed, InvalidTransition, and those of Book.
func (e *Engine) PatchAppointment(ctx context.Context, c act.Caller, id string, p AppointmentPatch) (Appointment,
	error) {
	if err := p.check(c); err != nil {
		return Appointment{}, e.AuditDenied(c, act.Define("appointment.update", scope.AppointmentsWrite), id, err)
	}
	return e.change(ctx, c, "appointment.update", id, p.Version, func(w *Act, a *Appointment) error {
		return w.patch(a, p)
	})
}

// Reschedule moves an appointment: the old slot is free in the same instant, or
// nothing has changed.
func (e *Engine) Reschedule(ctx context.Context, c act.Caller, id string, m Move) (Appointment, error) {
	p := AppointmentPatch{Version: m.Version}
	if m.StartsAt == 0 {
		return Appointment{}, fault.BadField("scheduled_at", "Required")
	}
	p.StartsAt = &m.StartsAt
	if m.EndsAt != 0 {
		p.EndsAt = &m.EndsAt
	}
	if m.ProviderID != 0 {
		p.ProviderID = &m.ProviderID
	}
	if m.LocationID != 0 {
		p.LocationID = &m.LocationID
	}
	if err := p.check(c); err != nil {
		return Appointment{}, err
	}
	return e.change(ctx, c, "appointment.reschedule", id, m.Version, func(w *Act, a *Appointment) error {
		return w.patch(a, p)
	})
}

// change loads an appointment, lets fn change it, and writes what it became: the
// frame that every change of an appointment shares.
func (e *Engine) change(ctx context.Context, c act.Caller, action, id string, version *int64,
	fn func(w *Act, a *Appointment) error) (Appointment, error) {
	return act.Do(ctx, e.Room, c, act.Action{Name: action, Scope: scope.AppointmentsWrite},
		func(w *Act) (Appointment, error) {
			a, err := w.Appointment(c.Clinic, c.Test, id)
			if err != nil {
				return a, err
			}
			w.about(a)
			if err := act.CheckVersion(version, a.Version); err != nil {
				return a, err
			}
			before := a
			if err := fn(w, &a); err != nil {
				return before, err
			}
			err = w.save(before, &a)
			return a, err
		})
}

// save writes a changed appointment, or notes that nothing changed.
func (w *Act) save(before Appointment, a *Appointment) error {
	fields, err := w.saved(before, a)
	if w.Fields = fields; err == nil && len(fields) == 0 {
		w.Quiet = true
	}
	return err
}

// saved is save inside an act about something else: it gives the names of what changed.
func (w *Act) saved(before Appointment, a *Appointment) ([]string, error) {
	fields := appointmentFields.Changes(&before, a)
	if len(fields) == 0 {
		return nil, nil
	}
	if err := w.checkConsultation(before, *a); err != nil {
		return nil, err
	}
	if before.StartsAt != a.StartsAt || before.EndsAt != a.EndsAt || before.Status != a.Status {
		a.Sequence++
	}
	if err := w.Stamp(&a.Meta); err != nil {
		return nil, err
	}
	if err := w.UpdateAppointment(*a); err != nil {
		return nil, err
	}
	w.announce(before, *a)
	return fields, nil
}

// visited refuses what a consultation that has begun contradicts: another time
// of the appointment, its cancellation, or that nobody came.
func (w *Act) checkConsultation(before, a Appointment) error {
	gone := before.Status != a.Status && (a.Status == Cancelled || a.Status == NoShow)
	if !gone && before.StartsAt == a.StartsAt {
		return nil
	}
	id, err := w.BegunVisit(a.Clinic, a.ID)
	if err != nil || id == "" {
		return err
	}
	return fault.Fail(fault.Conflict, "A consultation of this appointment has begun").
		On("status", "If it should not have begun, mark consultation %s as entered in error first", id)
}

// announce emits the events of the difference: moves and edits first, then the
// transition, each with what was before (webhooks.md "Events").
func (w *Act) announce(before, a Appointment) {
	fact := factOf(a, &before)
	moved := before.StartsAt != a.StartsAt || before.EndsAt != a.EndsAt || before.ProviderID != a.ProviderID ||
		before.LocationID != a.LocationID || before.Title != a.Title || before.Notes != a.Notes
	what, cancelled := apptUpdated, before.Status != a.Status && a.Status == Cancelled
	switch {
	case before.Status != a.Status && transitionTo(a.Status) != nil:
		what = transitionTo(a.Status).event
	case before.CheckedInAt == 0 && a.CheckedInAt != 0:
		what = apptCheckedIn
	}
	if moved && cancelled {
		w.Emit(apptUpdated, fact)
	}
	w.Emit(what, fact)
}

// patch applies a patch: first the move, then texts, then the transition.
func (w *Act) patch(a *Appointment, p AppointmentPatch) error {
	if p.StartsAt != nil || p.EndsAt != nil || p.ProviderID != nil || p.LocationID != nil {
		if err := w.move(a, p); err != nil {
			return err
		}
	}
	var x act.Edit
	appointmentFields.Apply(&x, a, &p)
	if err := x.Err(); err != nil {
		return err
	}
	if p.Status == nil || *p.Status == a.Status {
		return nil
	}
	t := transitionTo(*p.Status)
	if t == nil { // back to scheduled: nobody leads there but undo
		return invalidTransition(a, "become "+string(*p.Status), w.Now)
	}
	reason := ""
	if p.Reason != nil {
		reason = *p.Reason
	}
	return w.transit(a, t, reason)
}

// check holds a patch's own values against their limits.
func (p *AppointmentPatch) check(c act.Caller) error {
	var f fault.Faults
	if p.StartsAt != nil && p.EndsAt != nil {
		checkEnds(&f, *p.StartsAt, *p.EndsAt)
	}
	var x act.Edit
	appointmentFields.Apply(&x, &Appointment{}, p)
	f = append(f, x.Faults...)
	if p.Reason != nil {
		p.Reason = new(text.Clean(&f, "cancellation_reason", *p.Reason, text.MaxText))
	}
	if p.Status != nil && !p.Status.Valid() {
		f.Add("status", "Must be %s", text.Or(Statuses))
	}
	return checkWaiver(c, p.waiver(), &f)
}

func (p *AppointmentPatch) waiver() *Waiver {
	if !p.AllowOverlap && !p.AllowHours {
		return nil
	}
	w := &Waiver{Overlap: p.AllowOverlap, Hours: p.AllowHours}
	if p.Reason != nil {
		w.Reason = *p.Reason
	}
	return w
}

// move checks the new time with the appointment's own rows left out and takes
// it. The provider stays unless another is asked for (booking.md §7).
func (w *Act) move(a *Appointment, p AppointmentPatch) error {
	span := calendar.Span{Start: a.StartsAt, End: a.EndsAt}
	length := span.Len()
	if p.StartsAt != nil {
		span = calendar.Span{Start: *p.StartsAt, End: *p.StartsAt + length}
	}
	if p.EndsAt != nil {
		span.End = *p.EndsAt
	}
	provider, location := a.ProviderID, a.LocationID
	if p.ProviderID != nil {
		provider = *p.ProviderID
	}
	if p.LocationID != nil {
		location = *p.LocationID
	}
	same := span == (calendar.Span{Start: a.StartsAt, End: a.EndsAt}) && provider == a.ProviderID &&
		location == a.LocationID
	switch again := p.Status != nil && *p.Status == a.Status; {
	case a.Status != Scheduled && a.Status != Confirmed && !(same && again): // what was sent before may come again
		return invalidTransition(a, "be moved", w.Now)
	case same:
		return nil
	}
	if !calendar.FitsDay(span.End-span.Start, 0, 0) {
		return lengthFault()
	}
	if p.ProviderID != nil && p.LocationID == nil {
		location = 0 // the new provider's own place
	}
	was := a.memory(w.Now)
	if err := w.place(a, span, provider, location, p.waiver()); err != nil {
		return err
	}
	a.Undo = was
	if a.Status == Confirmed {
		plan, err := w.Plan(w.Caller.Clinic)
		if err != nil {
			return err
		}
		if plan.Clinic.Settings.ReconfirmOnMove {
			a.Status = Scheduled
		}
	}
	return nil
}

// place puts an appointment on a time, provider and place, by the rules of
// booking, and writes what it occupies.
func (w *Act) place(a *Appointment, span calendar.Span, provider, location int64, waiver *Waiver) error {
	d, err := newScheduler(w, w.Caller, w.Now)
	if err != nil {
		return err
	}
	defer d.release()
	d.staff = true // it was booked: whether it may be booked online is not the question
	d.own = *a
	rows, err := w.OccupancyOf(a.ID, "")
	if err != nil {
		return err
	}
	for _, o := range rows {
		d.except = append(d.except, o.Row)
	}
	want, err := d.criteria(provider, location, a.ServiceID)
	if err != nil {
		return err
	}
	want.waiver = waiver
	who := person{lead: a.LeadID, patient: a.PatientID}
	lane, _, err := w.chooseFor(d, want, span, who, a.ID)
	if err != nil {
		return err
	}
	a.StartsAt, a.EndsAt = span.Start, span.End
	a.ProviderID, a.LocationID = lane.ProviderID, lane.LocationID
	a.Footprint = lane.Rules.Footprint(span.Start, span.End)
	a.TimeZone, a.LocalDate = lane.Zone().String(), calendar.LocalDate(lane.Zone(), span.Start)
	a.Override = waiver
	if waiver != nil {
		w.Reason = waiver.Reason
	}
	return w.occupy(lane.Resources, *a, rows)
}

// appointmentFields are what can change of an appointment. Times, provider and
// location are taken by move, and what belongs to its state by transit.
var appointmentFields = act.Fields[Appointment, AppointmentPatch]{
	changes("scheduled_at", func(a *Appointment) int64 { return a.StartsAt }),
	changes("ends_at", func(a *Appointment) int64 { return a.EndsAt }),
	changes("provider_id", func(a *Appointment) int64 { return a.ProviderID }),
	changes("location_id", func(a *Appointment) int64 { return a.LocationID }),
	act.FieldOf("title", act.Line(text.MaxTitle),
		func(a *Appointment, p *AppointmentPatch) (*string, **string) { return &a.Title, &p.Title }),
	act.FieldOf("notes", act.Lines(),
		func(a *Appointment, p *AppointmentPatch) (*string, **string) { return &a.Notes, &p.Notes }),
	changes("status", func(a *Appointment) Status { return a.Status }),
	changes("checked_in_at", func(a *Appointment) int64 { return a.CheckedInAt }),
	changes("cancellation_reason", func(a *Appointment) string { return a.CancelReason }),
}

// changes is a field that no patch sets by itself.
func changes[T comparable](name string, of func(*Appointment) T) act.Field[Appointment, AppointmentPatch] {
	return act.Field[Appointment, AppointmentPatch]{
		Name: name, Same: func(a, b *Appointment) bool { return of(a) == of(b) },
	}
}
