package people_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/people"
)

// crowd fills the clinic with n patients: families of four share phone and e-mail,
// birth dates repeat, and given names are few.
func crowd(t testing.TB, c *enginetest.Clinic, n int) {
	t.Helper()
	for from := 0; from < n; from += 2000 {
		c.Write(t, func(tx engine.Tx) error {
			for i := from; i < min(from+2000, n); i++ {
				birth := calendar.NewDate(1930+i%90, time.Month(1+i%12), 1+i%28)
				p := people.Patient{Clinic: c.Row.N, MRN: fmt.Sprint("X-", i), GivenName: fmt.Sprint("Given", i%300),
					FamilyName: fmt.Sprint("Family", i/4%5000),
					BirthDate:  &birth, Sex: people.SexUnknown, Status: people.PatientActive,
					EmailKey: fmt.Sprintf("f%d@example.org", i/4),
					Email:    "x", Phones: []people.Phone{{Number: "x", E164: fmt.Sprintf("+4930%07d", i/4)}},
					Identifiers: []people.Identifier{{System: "insurer", Value: fmt.Sprint("A", i)}},
					Meta:        act.Meta{Version: 1, CreatedAt: 1, UpdatedAt: 1, CreatedBy: "x", UpdatedBy: "x"}}
				if err := tx.InsertPatient(&p); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// probe is somebody in the crowd, as a form would send them.
func probe(i int) people.PatientDraft {
	d := lind(fmt.Sprint("Given", i%300), fmt.Sprint("Family", i/4%5000),
		calendar.NewDate(1930+i%90, time.Month(1+i%12), 1+i%28).String(),
		fmt.Sprintf("f%d@example.org", i/4), fmt.Sprintf("+4930%07d", i/4))
	d.Identifiers = &[]people.Identifier{{System: "insurer", Value: fmt.Sprint("A", i)}}
	return d
}

// BenchmarkCandidates is the figure of records.md §4, candidates among 100,000
// patients (bar: 20 ms), beside one look at every row in the same run, which is
// what it would take without keys, and beside a search:
//
//	go test ./engine/people -run - -bench Candidates -benchtime 500x
func BenchmarkCandidates(b *testing.B) {
	c := enginetest.New(b)
	const n = 100_000
	crowd(b, c, n)
	var scans []time.Duration
	scan := func() {
		began := time.Now()
		c.Read(b, func(r engine.Reader) error {
			_, err := r.CountPatients(people.PatientQuery{Clinic: c.Row.N, Status: people.PatientDeceased})
			return err
		})
		scans = append(scans, time.Since(began))
	}
	var took, searches []time.Duration
	for i := 0; b.Loop(); i++ {
		if i%100 == 0 {
			scan()
		}
		began := time.Now()
		found, err := c.Engine.MatchPatients(b.Context(), c.Caller, probe(i*7919%n))
		if err != nil || len(found) == 0 || found[0].Grade != people.Certain {
			b.Fatal(i, err, len(found))
		}
		took = append(took, time.Since(began))
		began = time.Now()
		if list, err := c.Engine.Patients(b.Context(), c.Caller,
			people.PatientQuery{Q: fmt.Sprintf("family%d given%d", i*7919%n/4%5000, i*7919%300)}, act.Page{}); err != nil {
			b.Fatal(err, len(list.Items))
		}
		searches = append(searches, time.Since(began))
	}
	ms := func(list []time.Duration, share float64) float64 {
		slices.Sort(list)
		return float64(list[int(float64(len(list)-1)*share)].Microseconds()) / 1000
	}
	b.ReportMetric(ms(took, 0.5), "p50-ms")
	b.ReportMetric(ms(took, 0.99), "p99-ms")
	b.ReportMetric(ms(searches, 0.5), "search-p50-ms")
	b.ReportMetric(ms(scans, 0.5), "every-row-ms")
	b.ReportMetric(ms(scans, 0.5)/ms(took, 0.5), "×-faster")
}

// Five times the patients make candidates hardly slower: they are found by keys.
func TestCandidatesDoNotGrow(t *testing.T) {
	if testing.Short() {
		t.Skip("fills two clinics")
	}
	took := func(n int) (best time.Duration) {
		c := enginetest.New(t)
		crowd(t, c, n)
		for round := range 5 {
			began := time.Now()
			for i := range 40 {
				if _, err := c.Engine.MatchPatients(t.Context(), c.Caller, probe((i*7919+round)%n)); err != nil {
					t.Fatal(err)
				}
			}
			if d := time.Since(began); round == 0 || d < best {
				best = d
			}
		}
		return best
	}
	small, large := took(2_000), took(10_000)
	if ratio := float64(large) / float64(small); ratio > 3 {
		t.Errorf("five times the patients take %.1f times as long (%s, %s)", ratio, small, large)
	}
}
