package engine_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/people"
)

// ward is the standard clinic with a round-the-clock branch of many providers,
// each with leads of their own, so that bookings never refuse one another and
// nobody has more visits than a person has.
func ward(b *testing.B, providers int) (c *enginetest.Clinic, draft func(n int64) booking.Booking) {
	c = enginetest.New(b)
	open := c.AddLocation(b, directory.LocationDraft{Name: new("Ward")})
	c.PutHours(b, directory.OwnedBy('l', open.ID), "Mon-Sun 00:00-24:00")
	const folk = 32 // leads of each provider
	ids, leads := make([]int64, providers), make([][folk]string, providers)
	for i := range providers {
		name := fmt.Sprintf("Provider %d", i)
		ids[i] = c.AddProvider(b, directory.ProviderDraft{DisplayName: &name, LocationIDs: &[]int64{open.ID}}).ID
		for k := range folk {
			l, err := c.Engine.PutLead(b.Context(), c.Caller, people.LeadDraft{Name: &name})
			enginetest.Must(b, err)
			leads[i][k] = l.Lead.ID
		}
	}
	from := enginetest.Unix("2026-04-28 00:00")
	return c, func(n int64) booking.Booking {
		i, slot := int(n)%providers, n/int64(providers)
		return booking.Booking{LeadID: leads[i][slot%folk], ProviderID: ids[i], StartsAt: from + slot*900,
			EndsAt: from + slot*900 + 900, Title: "Consultation"}
	}
}

// BenchmarkBook is the whole use case without HTTP: one caller, and 64 that share commits.
func BenchmarkBook(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			c, booking := ward(b, 64)
			var n atomic.Int64
			b.SetParallelism(callers / 2)
			b.ReportAllocs()
			b.ResetTimer()
			run := func(next func() bool) {
				for next() {
					if _, err := c.Engine.Book(context.Background(), c.Caller, booking(n.Add(1)-1)); err != nil {
						b.Error(err)
						return
					}
				}
			}
			if callers == 1 {
				i := 0
				run(func() bool { i++; return i <= b.N })
				return
			}
			b.RunParallel(func(pb *testing.PB) { run(pb.Next) })
		})
	}
}

// BenchmarkAvailability is a week of one provider, and of any of ten.
func BenchmarkAvailability(b *testing.B) {
	c, draft := ward(b, 10)
	for n := range int64(400) {
		_, err := c.Engine.Book(context.Background(), c.Caller, draft(n*2))
		enginetest.Must(b, err)
	}
	from := calendar.NewDate(2026, 4, 29)
	to := from + 7
	for _, q := range []struct {
		name     string
		provider int64
	}{{"one", draft(0).ProviderID}, {"any", 0}} {
		b.Run(q.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				list, err := c.Engine.Availability(context.Background(), c.Caller, booking.AvailabilityQuery{
					From: calendar.StartOf(from), To: calendar.StartOf(to), ProviderID: q.provider, Limit: 5})
				if err != nil || len(list.Items) != 5 {
					b.Fatal(len(list.Items), err)
				}
			}
		})
	}
}
