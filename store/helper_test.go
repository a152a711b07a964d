package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/people"
	"qualifybase/store/storetest/template"
)

// noon is the tests' present.
var noon = time.Date(2026, 4, 27, 12, 0, 0, 0, time.UTC)

func schemaText(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("../schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func openAt(t testing.TB, path string, o Options) *Store {
	t.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return noon }
	}
	schema := schemaText(t)
	template.Copy(t, path, func(path string) error {
		s, err := Open(path, schema, Options{})
		if err != nil {
			return err
		}
		return s.Close()
	})
	s, err := Open(path, schema, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// house is a store with one clinic and some people.
type house struct {
	*Store
	clinic    int64
	providers []int64
	rooms     []int64
	patient   int64
	lead      string
}

func openHouse(t testing.TB, o Options) *house {
	t.Helper()
	return furnish(t, openAt(t, filepath.Join(t.TempDir(), "qb.db"), o), 3)
}

var nth atomic.Int64

// id makes distinct ids that read like UUIDs.
func id() string { return fmt.Sprintf("00000000-0000-7000-8000-%012d", nth.Add(1)) }

func meta() act.Meta {
	return act.Meta{Version: 1, Change: 1, CreatedAt: noon.Unix(), UpdatedAt: noon.Unix(), CreatedBy: "cli:test",
		UpdatedBy: "cli:test"}
}

func furnish(t testing.TB, s *Store, providers int) *house {
	t.Helper()
	h := &house{Store: s}
	h.must(t, func(tx engine.Tx) error {
		c := directory.Clinic{ID: id(), Slug: id(), Name: "Praxis", TimeZone: "Europe/Berlin", Country: "DE",
			Settings: directory.DefaultSettings, Version: 1}
		if err := tx.InsertClinic(&c); err != nil {
			return err
		}
		h.clinic = c.N
		for range providers {
			p := directory.Provider{Clinic: c.N, DisplayName: "Dr. X", Active: true, BookableOnline: true, Weight: 100,
				Meta: meta()}
			if err := tx.InsertProvider(&p); err != nil {
				return err
			}
			h.providers = append(h.providers, p.ID)
		}
		l := directory.Location{Clinic: c.N, Name: "Room 1", Kind: directory.AtRoom, Active: true, Meta: meta()}
		if err := tx.InsertLocation(&l); err != nil {
			return err
		}
		h.rooms = append(h.rooms, l.ID)
		p := people.Patient{Clinic: c.N, MRN: "P-1", GivenName: "Ada", FamilyName: "Byron", Sex: people.SexUnknown,
			Status: people.PatientActive, Meta: meta()}
		if err := tx.InsertPatient(&p); err != nil {
			return err
		}
		h.patient = p.ID
		h.lead = id()
		return tx.InsertLead(people.Lead{ID: h.lead, Clinic: c.N, Name: "Max", NameKey: "max", Status: people.LeadNew,
			Source: "web", Meta: meta()})
	})
	return h
}

// must runs a write that has to succeed.
func (h *house) must(t testing.TB, fn func(engine.Tx) error) {
	t.Helper()
	if err := engine.Update(context.Background(), h, fn); err != nil {
		t.Fatal(err)
	}
}

// see runs a read that has to succeed.
func see(t testing.TB, s *Store, fn func(engine.Reader) error) {
	t.Helper()
	if err := engine.View(context.Background(), s, fn); err != nil {
		t.Fatal(err)
	}
}

// visit is an appointment of a provider at a time.
func (h *house) visit(provider, start, minutes int64) booking.Appointment {
	return booking.Appointment{
		ID: id(), Clinic: h.clinic, PatientID: h.patient, ProviderID: provider, Title: "Consultation",
		Status:   booking.Scheduled,
		StartsAt: start, EndsAt: start + minutes*60, Footprint: calendar.Span{Start: start, End: start + minutes*60},
		TimeZone: "Europe/Berlin", LocalDate: calendar.Date(dayOf(start)), Source: "api", Meta: meta(),
	}
}

// book writes an appointment and its occupancy.
func (h *house) book(tx engine.Tx, a booking.Appointment) (booking.Occupancy, error) {
	if err := tx.InsertAppointment(a); err != nil {
		return booking.Occupancy{}, err
	}
	o := booking.Occupancy{
		Clinic: a.Clinic, Resource: booking.ProviderResource(a.ProviderID), Test: a.Test,
		Footprint: a.Footprint, AppointmentID: a.ID, Live: true,
	}
	err := tx.InsertOccupancy(&o)
	return o, err
}

// count asks the file on a connection of its own.
func (h *house) count(t testing.TB, sql string, args ...any) int64 {
	t.Helper()
	c, err := dial(h.path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	n, err := c.number(sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
