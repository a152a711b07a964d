package engine

import (
	"cmp"
	"slices"
)

// Stranded is a booked appointment that a change of hours or a closure leaves outside of them.
type Stranded struct {
	ID       string
	StartsAt int64
	EndsAt   int64
	Provider int64
}

// stranded lists the appointments from now on that lay inside effective hours by
// the plan before and lie outside by the one after, as the desk itself would judge.
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
	for _, a := range live {
		if !a.Test && before.concerns(owner, a) && before.covers(a) && !after.covers(a) {
			out = append(out, Stranded{ID: a.ID, StartsAt: a.StartsAt, EndsAt: a.EndsAt, Provider: a.ProviderID})
		}
	}
	slices.SortFunc(out, func(a, b Stranded) int {
		return cmp.Or(cmp.Compare(a.StartsAt, b.StartsAt), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

// concerns tells whether an owner's hours can matter to an appointment.
func (p *Plan) concerns(owner OwnerRef, a Appointment) bool {
	switch kind, id := owner.split(); kind {
	case 'p':
		return a.ProviderID == id
	case 's':
		return a.ServiceID == id
	case 'l':
		loc := p.Location(a.LocationID)
		return loc != nil && (loc.ID == id || loc.ParentID == id)
	}
	return true
}

// covers tells whether an appointment lies inside effective hours, with its
// buffers where the clinic wants those inside, too.
func (p *Plan) covers(a Appointment) bool {
	span := Span{a.StartsAt, a.EndsAt}
	if p.Clinic.Settings.BuffersInsideHours && !a.Footprint.Empty() {
		span = a.Footprint
	}
	opening := p.Opening(p.Provider(a.ProviderID), p.Location(a.LocationID), p.Service(a.ServiceID))
	return opening.whyNot(span) == Offered
}
