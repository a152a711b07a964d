package bench

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/access"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/people"
	"qualifybase/engine/secret"
	"qualifybase/engine/uuid"
	"qualifybase/store"
)

// dbFile is the name of the database in a server's directory.
const dbFile = "qb.db"

// clinic is a clinic to measure on: it is always open, and every connection
// of the load has a provider and leads of its own, so that no booking is refused
// and nobody has more visits than a person has.
type clinic struct {
	dir       string
	n         int64 // the clinic
	key       string
	providers []int64
	leads     [][]string // of each provider
	service   int64      // offered by ten of them
	from      time.Time  // the first free slot: the day after tomorrow
}

// seedDays is over how many days the seeded appointments lie, half of them
// past: more, where the afternoons of so many days cannot hold them.
const seedDays = 1400

// leadsPerProvider is how many leads a provider has.
const leadsPerProvider = 32

// newClinic makes the clinic in a directory, with a number of booked
// appointments spread over its providers.
func newClinic(ctx context.Context, dir, schema string, providers, appointments int) (*clinic, error) {
	st, err := store.Open(filepath.Join(dir, dbFile), schema, store.Options{Synchronous: "NORMAL"})
	if err != nil {
		return nil, err
	}
	defer st.Close()
	e := engine.New(st, engine.Options{})
	week, err := calendar.ParseHours("Mon-Sun 00:00-24:00")
	if err != nil {
		return nil, err
	}
	made, err := e.CreateClinic(ctx, act.Shell(0, "bench"), directory.ClinicDraft{
		Name: "Bench", TimeZone: "UTC", Country: "DE", Hours: week,
	})
	if err != nil {
		return nil, err
	}
	c := act.Shell(made.N, "bench")
	unlimited := 0
	key, err := e.CreateKey(ctx, c, access.KeyDraft{Name: "bench", Family: secret.FamilyLive, RatePerMinute: &unlimited})
	if err != nil {
		return nil, err
	}
	b := &clinic{dir: dir, n: made.N, key: key.Secret, from: time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 2)}
	for i := range providers {
		name := fmt.Sprintf("Provider %d", i+2)
		p, err := e.CreateProvider(ctx, c, directory.ProviderDraft{DisplayName: &name})
		if err != nil {
			return nil, err
		}
		b.providers = append(b.providers, p.ID)
		b.leads = append(b.leads, make([]string, leadsPerProvider))
		for k := range leadsPerProvider {
			name = fmt.Sprintf("Lead %d of %d", k+1, i+1)
			l, err := e.PutLead(ctx, c, people.LeadDraft{Name: &name})
			if err != nil {
				return nil, err
			}
			b.leads[i][k] = l.Lead.ID
		}
	}
	name, minutes, ten := "Any of ten", 30, b.providers[:min(10, len(b.providers))]
	service, err := e.CreateService(ctx, c, directory.ServiceDraft{Name: &name, DurationMinutes: &minutes,
		ProviderIDs: &ten})
	if err != nil {
		return nil, err
	}
	b.service = service.ID
	return b, b.seed(ctx, st, made.N, appointments)
}

// seed books appointments through the store, in transactions of a few thousand.
// They end before the bench's own slots begin, or lie in the afternoons behind.
func (b *clinic) seed(ctx context.Context, st *store.Store, clinic int64, n int) error {
	const batch = 4000
	for done := 0; done < n; {
		from := done
		err := engine.Update(ctx, st, func(tx engine.Tx) error {
			for ; done < n && done < from+batch; done++ {
				if err := b.seedOne(tx, clinic, done, n); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// seedOne spreads n appointments over providers and days, a quarter hour each
// from midnight on: seeded days begin behind the last slot that the load takes.
func (b *clinic) seedOne(tx engine.Tx, clinic int64, i, n int) error {
	provider := i % len(b.providers)
	place := i / len(b.providers) // of this provider
	perDay := min(n/len(b.providers)/seedDays+1, 48)
	day := place/perDay - n/len(b.providers)/perDay/2
	start := b.from.AddDate(0, 0, day).Unix() + int64(place%perDay)*900 + 12*3600
	a := booking.Appointment{
		ID: uuid.New(time.Unix(start-86400*14, 0)), Clinic: clinic, LeadID: b.leads[provider][place%leadsPerProvider],
		ProviderID: b.providers[provider],
		LocationID: 1, Title: "Consultation", Status: booking.Scheduled, StartsAt: start, EndsAt: start + 900,
		Footprint: calendar.Span{Start: start, End: start + 900}, TimeZone: "UTC",
		LocalDate: calendar.LocalDate(time.UTC, start),
	}
	made := start - 86400*14
	a.Version, a.CreatedAt, a.UpdatedAt, a.CreatedBy, a.UpdatedBy = 1, made, made, "cli:bench", "cli:bench"
	counters, err := tx.Counters(clinic)
	if err != nil {
		return err
	}
	counters.Change++
	a.Change = counters.Change
	if err := tx.InsertAppointment(a); err != nil {
		return err
	}
	return tx.InsertOccupancy(&booking.Occupancy{
		Clinic: clinic, Resource: booking.ProviderResource(a.ProviderID), Footprint: a.Footprint,
		AppointmentID: a.ID, Live: true,
	})
}

// booking is the request that books the n-th slot of a connection: quarter hours
// of the mornings, which the seed leaves free.
func (b *clinic) booking(conn, n int) []byte {
	const perDay = 48
	start := b.from.AddDate(0, 0, n/perDay).Add(time.Duration(n%perDay) * 15 * time.Minute)
	body := fmt.Sprintf(`{"lead_id":"%s","provider_id":%d,"scheduled_at":"%s","ends_at":"%s","title":"Consultation"}`,
		b.leads[conn][n%leadsPerProvider], b.providers[conn], start.Format(time.RFC3339),
		start.Add(15*time.Minute).Format(time.RFC3339))
	return request("POST", "/api/v1/appointments", b.key, body)
}

// availability asks for five slots within a week, of one provider or, with 0, of any of ten.
func (b *clinic) availability(provider int64) []byte {
	path := fmt.Sprintf("/api/v1/availability?from=%s&to=%s&limit=5", b.from.Format(time.DateOnly),
		b.from.AddDate(0, 0, 7).Format(time.DateOnly))
	if provider != 0 {
		path += fmt.Sprintf("&provider_id=%d", provider)
	} else {
		path += fmt.Sprintf("&service_id=%d", b.service)
	}
	return request("GET", path, b.key, "")
}
