package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/people"
	"qualifybase/store"
)

// patientTable is a clinic of many patients, in families of four who share a phone
// and an e-mail address, to look for duplicates in.
type patientTable struct {
	store  *store.Store
	engine *engine.Engine
	caller act.Caller
	n      int
}

// newPatientTable makes it, once.
func (b *bench) newPatientTable(ctx context.Context) (*patientTable, error) {
	dir, err := os.MkdirTemp(b.dir, "patients-")
	if err != nil {
		return nil, err
	}
	c := &patientTable{n: min(100_000, b.o.Appointments)}
	if c.store, err = store.Open(filepath.Join(dir, dbFile), b.o.Schema, store.Options{}); err != nil {
		return nil, err
	}
	c.engine = engine.New(c.store, engine.Options{})
	week, err := calendar.ParseHours("Mon-Fri 09:00-17:00")
	if err != nil {
		return nil, err
	}
	clinic, err := c.engine.CreateClinic(ctx, act.Shell(0, "bench"),
		directory.ClinicDraft{Name: "Patients", TimeZone: "UTC", Country: "DE", Hours: week})
	if err != nil {
		return nil, err
	}
	c.caller = act.Shell(clinic.N, "bench")
	for done := 0; done < c.n; done += 2000 {
		err := engine.Update(ctx, c.store, func(tx engine.Tx) error {
			for i := done; i < min(done+2000, c.n); i++ {
				p := c.person(i)
				if err := tx.InsertPatient(&p); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return c, nil
}

// person is the i-th patient.
func (c *patientTable) person(i int) people.Patient {
	birth := calendar.NewDate(1930+i%90, time.Month(1+i%12), 1+i%28)
	return people.Patient{
		Clinic: c.caller.Clinic, MRN: fmt.Sprint("X-", i), GivenName: fmt.Sprint("Given", i%300),
		FamilyName: fmt.Sprint("Family", i/4%5000),
		BirthDate:  &birth, Sex: people.SexUnknown, Status: people.PatientActive, Email: fmt.Sprintf("f%d@example.org", i/4),
		EmailKey:    fmt.Sprintf("f%d@example.org", i/4),
		Phones:      []people.Phone{{Number: "-", E164: fmt.Sprintf("+4930%07d", i/4)}},
		Identifiers: []people.Identifier{{System: "insurer", Value: fmt.Sprint("A", i)}},
		Meta:        act.Meta{Version: 1, CreatedAt: 1, UpdatedAt: 1, CreatedBy: "cli:bench", UpdatedBy: "cli:bench"},
	}
}

// candidates asks who one of the patients may be, by every key at once.
func (b *bench) candidates(ctx context.Context, c *patientTable) (out sample, err error) {
	var took []time.Duration
	for end := time.Now().Add(b.span()); time.Now().Before(end) || len(took) == 0; {
		p := c.person(len(took) * 7919 % max(c.n, 1))
		birth := p.BirthDate.String()
		start := time.Now()
		_, err := c.engine.MatchPatients(ctx, c.caller,
			people.PatientDraft{GivenName: &p.GivenName, FamilyName: &p.FamilyName, BirthDate: &birth,
				Email: &p.Email, Phones: &[]people.Phone{{Number: p.Phones[0].E164}}, Identifiers: &p.Identifiers})
		if err != nil {
			return out, err
		}
		took = append(took, time.Since(start))
	}
	return summarise(took, b.span()), nil
}

// everyRow looks at each patient once, as candidates would without keys.
func (b *bench) everyRow(ctx context.Context, c *patientTable) (out sample, err error) {
	start := time.Now()
	err = engine.View(ctx, c.store, func(r engine.Reader) error {
		_, err := r.CountPatients(people.PatientQuery{Clinic: c.caller.Clinic, Status: people.PatientDeceased})
		return err
	})
	return summarise([]time.Duration{time.Since(start)}, b.span()), err
}
