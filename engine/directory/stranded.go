package directory

import (
	"cmp"
	"slices"

	"qualifybase/engine/calendar"
)

// Booked is what the directory knows of an appointment that is scheduled or
// confirmed: who sees whom where, and when.
type Booked struct {
	ID                                string
	Test                              bool
	ProviderID, LocationID, ServiceID int64         // 0 = none
	calendar.Span                                   // the visit
	Footprint                         calendar.Span // with its buffers
}

// Stranded is a booked appointment that a change of hours or a closure leaves outside of them.
type Stranded struct {
	ID       string
	StartsAt int64
	EndsAt   int64
	Provider int64
}

// stranded lists the appointments from now on that lay inside effective hours by
// the plan before and lie outside by the one after, as the scheduler would judge.
// One that staff booked outside of hours was never inside. Test rows are not told.
func (w *Act) stranded(before *Plan, owner OwnerRef) ([]Stranded, error) {
	out := []Stranded{}
	after, err := w.Plan(w.Caller.Clinic)
	if err != nil {
		return out, err
	}
	live, err := w.LiveAppointments(w.Caller.Clinic, w.Now)
	if err != nil {
		return out, err
	}
	for _, b := range live {
		if !b.Test && before.concerns(owner, b) && before.covers(b) && !after.covers(b) {
			out = append(out, Stranded{ID: b.ID, StartsAt: b.Start, EndsAt: b.End, Provider: b.ProviderID})
		}
	}
	slices.SortFunc(out, func(a, b Stranded) int {
		return cmp.Or(cmp.Compare(a.StartsAt, b.StartsAt), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

// concerns reports whether an owner's hours can matter to an appointment.
func (p *Plan) concerns(owner OwnerRef, b Booked) bool {
	switch kind, id := owner.split(); kind {
	case 'p':
		return b.ProviderID == id
	case 's':
		return b.ServiceID == id
	case 'l':
		loc := p.Location(b.LocationID)
		return loc != nil && (loc.ID == id || loc.ParentID == id)
	}
	return true
}

// covers reports whether an appointment lies inside effective hours, with its
// buffers where the clinic wants those inside, too.
func (p *Plan) covers(b Booked) bool {
	span := b.Span
	if p.Clinic.Settings.BuffersInsideHours && !b.Footprint.Empty() {
		span = b.Footprint
	}
	opening := p.Opening(p.Provider(b.ProviderID), p.Location(b.LocationID), p.Service(b.ServiceID))
	return opening.WhyNot(span) == calendar.IsOpen
}
