package enginetest

import (
	"fmt"
	"testing"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/directory"
	"qualifybase/engine/people"
	"qualifybase/engine/uuid"
)

// Lead makes a person who books as the caller may: a lead nobody has met before.
func (c *Clinic) Lead(t testing.TB, caller act.Caller) people.Lead {
	t.Helper()
	at := c.Clock.Now()
	id := uuid.New(at)
	l := people.Lead{
		ID: id, Clinic: caller.Clinic, Test: caller.Test, Source: "enginetest", Status: people.LeadNew,
		Name: "Somebody " + id[24:], NameKey: "somebody " + id[24:], Tags: []string{}, Metadata: map[string]any{},
		Consent: map[string]any{},
		Meta: act.Meta{Version: 1, CreatedAt: at.Unix(), UpdatedAt: at.Unix(), CreatedBy: caller.Name(),
			UpdatedBy: caller.Name()},
	}
	c.Write(t, func(tx engine.Tx) error {
		counters, err := tx.Counters(caller.Clinic)
		if err != nil {
			return err
		}
		counters.Change++
		l.Change = counters.Change
		return tx.InsertLead(l)
	})
	return l
}

// Patient makes a person in care.
func (c *Clinic) Patient(t testing.TB, caller act.Caller, given, family string) people.Patient {
	t.Helper()
	at := c.Clock.Now().Unix()
	p := people.Patient{
		Clinic: caller.Clinic, Test: caller.Test, MRN: "T-" + uuid.New(c.Clock.Now())[24:],
		GivenName: given, FamilyName: family, Sex: people.SexUnknown, Phones: []people.Phone{},
		Identifiers: []people.Identifier{},
		Status:      people.PatientActive, Filled: map[string]int64{},
		Meta: act.Meta{Version: 1, CreatedAt: at, UpdatedAt: at, CreatedBy: caller.Name(), UpdatedBy: caller.Name()},
	}
	c.Write(t, func(tx engine.Tx) error {
		counters, err := tx.Counters(caller.Clinic)
		if err != nil {
			return err
		}
		counters.Change++
		p.Change = counters.Change
		return tx.InsertPatient(&p)
	})
	return p
}

// TryBook books a service with a provider for somebody new, at a time of Berlin
// ("2026-04-28 09:00").
func (c *Clinic) TryBook(t testing.TB, caller act.Caller, at string, p directory.Provider,
	s directory.Service) (booking.Appointment, error) {
	t.Helper()
	return c.Engine.Book(t.Context(), caller, booking.Booking{
		StartsAt: Unix(at), ProviderID: p.ID, ServiceID: s.ID, LeadID: c.Lead(t, caller).ID,
	})
}

// BookAs is TryBook that must succeed; it leaves no trace for Since.
func (c *Clinic) BookAs(t testing.TB, caller act.Caller, at string, p directory.Provider,
	s directory.Service) booking.Appointment {
	t.Helper()
	a, err := c.TryBook(t, caller, at, p, s)
	if err != nil {
		t.Fatal(fmt.Errorf("%s with %s at %s: %w", s.Name, p.DisplayName, at, err))
	}
	c.Since(t)
	return a
}

// Book is BookAs of the clinic's live key.
func (c *Clinic) Book(t testing.TB, at string, p directory.Provider, s directory.Service) booking.Appointment {
	t.Helper()
	return c.BookAs(t, c.Caller, at, p, s)
}

// Cancel frees an appointment's slot; it leaves no trace for Since.
func (c *Clinic) Cancel(t testing.TB, a booking.Appointment) {
	t.Helper()
	_, err := c.Engine.Cancel(t.Context(), c.Caller, a.ID, "")
	Must(t, err)
	c.Since(t)
}
