package booking

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
	"qualifybase/engine/scope"
	"qualifybase/engine/text"
)

var (
	appointmentBook = act.Define("appointment.book", scope.AppointmentsWrite)
	alternatives    = 3                // offered with a SLOT_TAKEN
	nearby          = int64(7 * 86400) // how far around the taken time they are looked for first
)

// Book makes an appointment in one transaction with the slot's check, which is
// the function that lists availability (booking.md §§1, 8). The provider is
// assigned where none is asked for; the record keeps the reason.
//
// Errors: Invalid, NotFound (person, provider, location, service, hold), Gone
// (hold), Forbidden (override), and the verdicts in the order of booking.md
// §1.7: InThePast, TooSoon, BeyondHorizon, OutsideHours, SlotTaken with
// alternatives, CapReached, PatientOverlap, ProviderInactive.
func (e *Engine) Book(ctx context.Context, c act.Caller, b Booking) (Appointment, error) {
	if err := b.check(c); err != nil {
		return Appointment{}, e.AuditDenied(c, appointmentBook, "", err)
	}
	a, err := act.Do(ctx, e.Room, c, appointmentBook, func(w *Act) (Appointment, error) { return w.book(b) })
	switch {
	case err == nil:
		e.Stats().Booked.Add(1)
	case fault.KindOf(err) == fault.SlotTaken:
		e.Stats().Refused.Add(1)
	}
	return a, err
}

// check holds the draft's own values against their limits.
func (b *Booking) check(c act.Caller) error {
	var f fault.Faults
	if b.HoldID == "" {
		if b.StartsAt == 0 {
			f.Add("scheduled_at", "Required")
		}
		if b.EndsAt == 0 && b.ServiceID == 0 {
			f.Add("ends_at", "Required, or send service_id")
		}
	} else if b.HoldToken == "" {
		f.Add("hold_token", "Required with hold_id")
	}
	if b.LeadID == "" && b.PatientID == 0 {
		f.Add("lead_id", "Required, or send patient_id")
	}
	if b.LocalStart != 0 && b.StartsAt != 0 && b.LocalStart != b.StartsAt {
		f.Add("local_start", "Must be the same instant as scheduled_at")
	}
	if b.StartsAt != 0 && b.EndsAt != 0 {
		checkEnds(&f, b.StartsAt, b.EndsAt)
	}
	b.Title = text.Clean(&f, "title", b.Title, text.MaxTitle)
	b.Notes = text.CleanNotes(&f, "notes", b.Notes, text.MaxNotes)
	b.Source = text.Clean(&f, "source", b.Source, text.MaxText)
	b.SeriesID = text.Clean(&f, "series_id", b.SeriesID, text.MaxText)
	b.Reason = text.Clean(&f, "reason", b.Reason, text.MaxText)
	return checkWaiver(c, b.waiver(), &f)
}

// waiver is the override that the booking asks for; nil = none.
func (b *Booking) waiver() *Waiver {
	if !b.AllowOverlap && !b.AllowHours {
		return nil
	}
	return &Waiver{Overlap: b.AllowOverlap, Hours: b.AllowHours, Reason: b.Reason}
}

// checkWaiver demands the right and the reason of an override (booking.md §1.5).
func checkWaiver(c act.Caller, w *Waiver, f *fault.Faults) error {
	if w == nil {
		return f.Err()
	}
	if w.Reason == "" {
		f.Add("reason", "Required for an override")
	}
	if err := f.Err(); err != nil {
		return err
	}
	if !c.May(scope.AppointmentsOverride) {
		return c.Lacks(scope.AppointmentsOverride)
	}
	return nil
}

// book is Book inside its transaction.
func (w *Act) book(b Booking) (Appointment, error) {
	d, err := newScheduler(w, w.Caller, w.Now)
	if err != nil {
		return Appointment{}, err
	}
	defer d.release()
	person, err := w.person(b.LeadID, b.PatientID)
	if err != nil {
		return Appointment{}, err
	}
	hold, held, err := w.takeHold(d, &b)
	if err != nil {
		return Appointment{}, err
	}
	wanted, err := d.criteria(b.ProviderID, b.LocationID, b.ServiceID)
	if err != nil {
		return Appointment{}, err
	}
	wanted.waiver = b.waiver()
	span := calendar.Span{Start: b.StartsAt, End: b.EndsAt}
	if span.End == 0 {
		span.End = span.Start + int64(wanted.service.DurationMinutes)*60
	}
	lane, why, err := w.choose(d, wanted, span, person)
	if err != nil {
		return Appointment{}, err
	}
	a := b.appointment(w, d, lane, span, why)
	a.LeadID, a.PatientID = person.lead, person.patient
	if wanted.service != nil && wanted.service.AutoConfirm {
		a.Status = Confirmed
	}
	if err := w.checkRebooked(b.RebookedFrom); err != nil {
		return a, err
	}
	if err := w.insertBooked(lane.Resources, &a, held, hold, person); err != nil {
		return a, err
	}
	w.about(a)
	w.Reason = b.Reason
	if a.Override == nil {
		w.Reason = ""
	}
	fact := factOf(a, nil)
	w.Emit(apptBooked, fact)
	if a.Status == Confirmed {
		w.Emit(apptConfirmed, fact)
	}
	return a, nil
}

// enter writes a new appointment, what it occupies, and what it does to the hold
// and the lead that it came from.
func (w *Act) insertBooked(takes []Resource, a *Appointment, held []Occupancy, hold Hold, p person) error {
	if err := w.Stamp(&a.Meta); err != nil {
		return err
	}
	if err := w.InsertAppointment(*a); err != nil {
		return err
	}
	if err := w.occupy(takes, *a, held); err != nil {
		return err
	}
	if hold.ID != "" { // spent: a second booking with it is Gone
		hold.ExpiresAt, hold.Used = w.Now, true
		if err := w.UpdateHold(hold); err != nil {
			return err
		}
	}
	return w.leadBooked(p)
}

// appointment fills the row to be written.
func (b *Booking) appointment(w *Act, d *scheduler, lane *Lane, span calendar.Span, why string) Appointment {
	return Appointment{
		ID: w.NewID(), Clinic: w.Caller.Clinic, Test: w.Caller.Test,
		ProviderID: lane.ProviderID, LocationID: lane.LocationID, ServiceID: b.ServiceID,
		Title: b.Title, Notes: b.Notes, Status: Scheduled, StartsAt: span.Start, EndsAt: span.End,
		Footprint: lane.Rules.Footprint(span.Start, span.End),
		TimeZone:  lane.Zone().String(), LocalDate: calendar.LocalDate(lane.Zone(), span.Start),
		Source: b.Source, SeriesID: b.SeriesID, RebookedFrom: b.RebookedFrom, Assigned: why, Override: b.waiver(),
	}
}

// person is whom an appointment is for; their lead and patient, of this clinic.
type person struct {
	lead    string
	patient int64
	row     *people.Lead // the lead's row, nil without one
}

// person looks the ids of a booking up. A lead that has become a patient brings
// the patient along.
func (w *Act) person(lead string, patient int64) (p person, err error) {
	p.lead, p.patient = lead, patient
	if lead != "" {
		l, err := w.Lead(w.Caller.Clinic, w.Caller.Test, lead)
		if err != nil {
			return p, err
		}
		p.row = &l
		if p.patient == 0 {
			p.patient = l.PatientID
		}
	}
	if p.patient != 0 {
		row, err := w.Patient(w.Caller.Clinic, w.Caller.Test, p.patient)
		if err == nil {
			err = row.Usable()
		}
		if err != nil {
			return p, err
		}
	}
	return p, nil
}

// leadBooked moves a lead that was still open to booked, so that a sync sees it.
func (w *Act) leadBooked(p person) error {
	if p.row == nil {
		return nil
	}
	switch p.row.Status {
	case people.LeadNew, people.LeadInInterview, people.LeadContacted, people.LeadQualified, people.LeadNeedsReview:
		p.row.Status = people.LeadBooked
		if err := w.Stamp(&p.row.Meta); err != nil {
			return err
		}
		return w.UpdateLead(*p.row)
	}
	return nil
}

// rebooks checks that the appointment that this one replaces exists.
func (w *Act) checkRebooked(id string) error {
	if id == "" {
		return nil
	}
	_, err := w.Appointment(w.Caller.Clinic, w.Caller.Test, id)
	return err
}

// choose finds the lane that takes the booking, and why that one. Without one,
// the refusal is the verdict of the lane that came nearest to taking it.
func (w *Act) choose(d *scheduler, want criteria, span calendar.Span, p person) (*Lane, string, error) {
	return w.chooseFor(d, want, span, p, "")
}

// chooseFor is choose for an appointment that exists: it may overlap itself.
func (w *Act) chooseFor(d *scheduler, want criteria, span calendar.Span, p person, self string) (*Lane, string, error) {
	want.length = span.Len()
	lanes, err := d.lanes(want, span)
	if err != nil {
		return nil, "", err
	}
	now := d.now
	if want.waiver != nil && want.waiver.Hours {
		now = min(now, span.Start) // staff may enter what has already taken place
	}
	var free []*Lane
	nearest, rules := Offered, Rules{HorizonDays: d.horizon(want)}
	for _, l := range lanes {
		v := l.Judge(now, span.Start, span.End)
		if v == Offered {
			free = append(free, l)
		} else if v > nearest {
			nearest, rules = v, l.Rules
		}
	}
	if d.fault != nil {
		return nil, "", d.fault
	}
	if len(free) == 0 {
		return nil, "", d.refusal(want, span, lanes, nearest, rules)
	}
	if want.waiver == nil || !want.waiver.Overlap {
		if err := w.checkPersonFree(p, span, self); err != nil {
			return nil, "", err
		}
	}
	if free = d.active(free); len(free) == 0 {
		return nil, "", RefusedInactive.Refusal(rules)
	}
	return w.assign(d, free, p, want.provider != nil)
}

// personFree refuses a second visit of the same person at the same time (booking.md §1.4).
func (w *Act) checkPersonFree(p person, span calendar.Span, except string) error {
	other, err := w.PersonBusy(w.Caller.Clinic, w.Caller.Test, p.lead, p.patient, span, except)
	if err != nil || other == "" {
		return err
	}
	return fault.Fail(fault.PatientOverlap, "This person already has an appointment at that time").
		On("scheduled_at", "Choose another time, or send allow_overlap with the right to override")
}

// noProvider is the answer where no lane meets the criteria at any time.
func noProvider() *fault.Error {
	return fault.Fail(fault.ProviderInactive, "No provider offers this").On("provider_id",
		"No active provider offers this service at this location")
}

// refusal is the answer when no lane takes the booking; a taken slot comes with
// the nearest open ones.
func (d *scheduler) refusal(want criteria, span calendar.Span, lanes []*Lane, v Verdict, rules Rules) error {
	if len(lanes) == 0 {
		return noProvider()
	}
	refusal := v.Refusal(rules)
	if v == RefusedTaken {
		near := calendar.Span{Start: max(d.now, span.Start-nearby), End: span.Start + nearby}
		var slots []Slot
		for n := 0; n < 2 && len(slots) < alternatives; n++ {
			slots = slots[:0]
			open, err := d.lanes(want, near)
			if err != nil {
				return err
			}
			for _, o := range Nearest(d.preferred(d.active(open)), d.now, near, span.Start, alternatives) {
				slots = append(slots, d.slot(o.Lane, o.Start))
			}
			near.End = span.Start + 8*nearby // a full week: look further, once
		}
		refusal.Alternatives = slots
	}
	return refusal
}

// occupy writes the rows that reserve what the appointment takes. A hold's rows,
// and those of where it was before, are converted in place (booking.md §6).
func (w *Act) occupy(takes []Resource, a Appointment, held []Occupancy) error {
	for _, res := range takes {
		o := Occupancy{
			Clinic: a.Clinic, Resource: res, Test: a.Test, Footprint: a.Footprint, AppointmentID: a.ID,
			Live: a.Status.Live(), Override: a.Override != nil && a.Override.Overlap,
		}
		if err := w.DeleteExpired(res, a.Test, w.Now); err != nil {
			return err
		}
		var err error
		if i := indexOf(held, res); i >= 0 {
			o.Row = held[i].Row
			held = append(held[:i:i], held[i+1:]...)
			err = w.UpdateOccupancy(o)
		} else {
			err = w.InsertOccupancy(&o)
		}
		if err != nil {
			return err
		}
	}
	for _, o := range held { // what it no longer needs: another provider's, another room's
		if err := w.DeleteOccupancy(o); err != nil {
			return err
		}
	}
	return nil
}

func indexOf(rows []Occupancy, res Resource) int {
	for i := range rows {
		if rows[i].Resource == res {
			return i
		}
	}
	return -1
}

// about tells audit and idempotency whose appointment was acted on.
func (w *Act) about(a Appointment) {
	w.EntityID, w.PatientID = a.ID, a.PatientID
	switch {
	case a.PatientID != 0:
		w.Subject = people.PatientSubject(a.PatientID)
	case a.LeadID != "":
		w.Subject = "lead:" + a.LeadID
	}
}

// tokenHash is how a hold's token is stored.
func tokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// sameToken compares a token with its stored hash in constant time.
func sameToken(token, hash string) bool {
	return subtle.ConstantTimeCompare([]byte(tokenHash(token)), []byte(hash)) == 1
}
