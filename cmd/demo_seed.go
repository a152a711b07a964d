package cmd

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/access"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
	"qualifybase/engine/secret"
	"qualifybase/store"
)

// The demo's calendar: a few days behind and two working weeks ahead.
const (
	demoDaysBack  = 4
	demoDaysAhead = 14
	demoBusy      = 70 // percent of each day's offered slots that are tried
	demoFreeLeads = 6  // the last leads have no appointment
)

// seeder fills the demo's clinic through the engine's own use cases, so that it
// holds nothing that the rules would not allow. Its clock goes from the past to now.
type seeder struct {
	ctx    context.Context
	e      *engine.Engine
	c      act.Caller
	clock  time.Time
	rand   *rand.Rand // of a fixed seed: every demo has the same people
	clinic directory.Clinic
	zone   *time.Location

	providers []directory.Provider
	services  []directory.Service
	leads     []people.Lead
	booked    []booking.Appointment
}

// seedDemo makes the clinic, its people, its calendar and a key.
func seedDemo(ctx context.Context, st *store.Store, now time.Time) (*demoShow, error) {
	chance := rand.New(rand.NewPCG(1, 2026)) // #nosec G404 -- chosen: every demo is alike
	s := &seeder{ctx: ctx, rand: chance, clock: now.AddDate(0, 0, -demoDaysBack-10)}
	s.e = engine.New(st, engine.Options{Now: func() time.Time { return s.clock }})
	for _, step := range []func() error{
		s.createClinic, s.place, s.people,
		func() error { return s.fill(now) }, func() error { s.clock = now; return s.live() },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	key, err := s.e.CreateKey(ctx, s.c, access.KeyDraft{Name: "Demo", Family: secret.FamilyLive})
	if err != nil {
		return nil, err
	}
	return &demoShow{clinic: s.clinic, key: key.Secret, leads: len(s.leads), appointments: len(s.booked),
		lead: s.leads[len(s.leads)-1].ID}, nil
}

// createClinic makes the clinic in a zone whose clocks change twice a year: a machine
// whose own zone is UTC would show a clinic without local time.
func (s *seeder) createClinic() (err error) {
	o := clinicOptions{
		name: "Praxis Lindenhof", timezone: "Europe/Berlin", country: "DE", hours: "Mon-Fri 08:00-18:00; Sat 09:00-12:00",
	}
	if s.clinic, err = o.createClinic(s.ctx, s.e, "demo"); err != nil {
		return err
	}
	s.c = act.Shell(s.clinic.N, "demo")
	s.zone, err = calendar.LoadZone(s.clinic.TimeZone)
	return err
}

// place adds rooms, providers with their hours and breaks, and services.
func (s *seeder) place() error {
	for i := range 2 {
		room := directory.AtRoom
		d := directory.LocationDraft{Name: new(fmt.Sprintf("Room %d", i+1)), Kind: &room, ParentID: new(int64(1))}
		if _, err := s.e.CreateLocation(s.ctx, s.c, d); err != nil {
			return err
		}
	}
	for i, p := range demoProviders {
		if err := s.provider(i, p); err != nil {
			return err
		}
	}
	for _, v := range demoServices {
		d := directory.ServiceDraft{Name: &v.name, DurationMinutes: &v.minutes, BufferAfter: &v.after}
		if v.who >= 0 {
			d.ProviderIDs = &[]int64{s.providers[v.who].ID}
		}
		if v.room {
			room := directory.AtRoom
			d.LocationKind = &room
		}
		row, err := s.e.CreateService(s.ctx, s.c, d)
		if err != nil {
			return err
		}
		s.services = append(s.services, row)
	}
	return nil
}

// provider adds one; the first was made with the clinic.
func (s *seeder) provider(i int, p demoProvider) error {
	d := directory.ProviderDraft{DisplayName: &p.name, Specialty: &p.specialty, LocationIDs: &[]int64{1, 2, 3}}
	var row directory.Provider
	var err error
	if i == 0 {
		row, err = s.e.UpdateProvider(s.ctx, s.c, 1, nil, d)
	} else {
		row, err = s.e.CreateProvider(s.ctx, s.c, d)
	}
	if err != nil {
		return err
	}
	s.providers = append(s.providers, row)
	var hours calendar.Schedule
	if hours.Weekly, err = calendar.ParseHours(p.hours); err != nil {
		return err
	}
	if hours.Breaks, err = calendar.ParseHours(p.breaks); err != nil {
		return err
	}
	_, err = s.e.PutSchedule(s.ctx, s.c, directory.OwnedBy('p', row.ID), nil, hours)
	return err
}

// people adds the leads, over the days before.
func (s *seeder) people() error {
	sources := []string{"website", "phone", "referral", "instagram", "walk-in"}
	states := []people.LeadStatus{people.LeadNew, people.LeadContacted, people.LeadQualified, people.LeadNew,
		people.LeadNeedsReview}
	for i, name := range demoLeads {
		first, last, _ := strings.Cut(name, " ")
		at := strings.ToLower(strings.NewReplacer(" ", ".", "ö", "oe", "ü", "ue", "ä", "ae", "é", "e", "ø", "o", "'",
			"").Replace(name))
		d := people.LeadDraft{
			FirstName: &first, LastName: &last, Email: new(at + "@example.com"),
			Phone:  new(fmt.Sprintf("+49 30 23125 %03d", 100+i)), // numbers kept for invented people
			Source: &sources[i%len(sources)], Status: &states[i%len(states)],
		}
		if i%4 == 0 {
			d.Tags = &[]string{"newsletter"}
		}
		put, err := s.e.PutLead(s.ctx, s.c, d)
		if err != nil {
			return err
		}
		s.leads = append(s.leads, put.Lead)
		s.clock = s.clock.Add(37 * time.Minute)
	}
	return nil
}

// fill books each provider's days, the busiest first hours leaving gaps.
func (s *seeder) fill(now time.Time) error {
	today := calendar.LocalDate(s.zone, now.Unix())
	for day := today.AddDays(-demoDaysBack); day <= today.AddDays(demoDaysAhead); day++ {
		for i := range s.providers {
			if err := s.day(day, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// day books most of one provider's day with what they do.
func (s *seeder) day(day calendar.Date, who int) error {
	next := day.AddDays(1)
	service := s.services[demoProviders[who].service]
	list, err := s.e.Availability(s.ctx, s.c, booking.AvailabilityQuery{
		From: calendar.StartOf(day), To: calendar.StartOf(next),
		ProviderID: s.providers[who].ID, ServiceID: service.ID, Limit: booking.MaxSlots,
	})
	if err != nil {
		return err
	}
	free := int64(0)
	for _, slot := range list.Items {
		if slot.StartsAt < free {
			continue
		}
		free = slot.EndsAt + int64(service.BufferAfter)*60
		if s.rand.IntN(100) >= demoBusy {
			continue
		}
		lead := s.leads[s.rand.IntN(len(s.leads)-demoFreeLeads)]
		a, err := s.e.Book(s.ctx, s.c, booking.Booking{
			StartsAt: slot.StartsAt, ServiceID: service.ID, ProviderID: slot.ProviderID, LeadID: lead.ID, Title: service.Name,
			Source: "demo",
		})
		switch fault.KindOf(err) {
		case "":
			s.booked = append(s.booked, a)
		case fault.PatientOverlap, fault.SlotTaken: // two calendars of one person, or the last room
		default:
			return err
		}
	}
	return nil
}

// live lets the booked visits happen: what is past was kept or missed; of
// what is to come, half is confirmed and some of it called off.
func (s *seeder) live() error {
	now := s.clock.Unix()
	for _, a := range s.booked {
		var err error
		switch chance := s.rand.IntN(20); {
		case a.EndsAt < now && chance == 0:
			_, err = s.e.MarkNoShow(s.ctx, s.c, a.ID)
		case a.EndsAt < now:
			_, err = s.e.Complete(s.ctx, s.c, a.ID)
		case a.StartsAt <= now: // the visit under way
		case chance == 0:
			_, err = s.e.Cancel(s.ctx, s.c, a.ID, "Called off")
		case chance < 10:
			_, err = s.e.Confirm(s.ctx, s.c, a.ID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
