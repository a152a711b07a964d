package store

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/people"
)

// fullBooking writes what a booking with an Idempotency-Key writes.
func (h *house) fullBooking(tx engine.Tx, n int64) error {
	provider := h.providers[n%int64(len(h.providers))]
	a := h.visit(provider, noon.Unix()+n/int64(len(h.providers))*900, 15)
	a.PatientID = h.patient + n%manyPatients
	key := fmt.Sprint("request-", n)
	if _, _, _, err := tx.StoredReply(h.clinic, "key:1", key, 0); err != nil {
		return err
	}
	return tx.Savepoint(func() error {
		counters, err := tx.Counters(h.clinic)
		if err != nil {
			return err
		}
		res := booking.ProviderResource(provider)
		if _, err := tx.Plan(h.clinic); err != nil {
			return err
		}
		if _, err := tx.Patient(h.clinic, false, a.PatientID); err != nil {
			return err
		}
		if _, err := tx.Busy(res, false, calendar.Span{Start: a.StartsAt - 86400, End: a.EndsAt + 86400}, nil); err != nil {
			return err
		}
		if _, err := tx.PersonBusy(h.clinic, false, "", a.PatientID, calendar.Span{Start: a.StartsAt, End: a.EndsAt},
			""); err != nil {
			return err
		}
		counters.Change++
		a.Change = counters.Change
		if err := tx.DeleteExpired(res, false, noon.Unix()); err != nil {
			return err
		}
		if _, err := h.book(tx, a); err != nil {
			return err
		}
		for _, typ := range []string{"appointment.created", "appointment.scheduled"} {
			counters.Event++
			err := tx.InsertEvent(act.Event{Clinic: h.clinic, Seq: counters.Event, ID: "evt_" + a.ID, Type: typ,
				CreatedAt: noon.Unix(), Data: fact})
			if err != nil {
				return err
			}
		}
		counters.Audit++
		entry := act.AuditEntry{Clinic: h.clinic, Seq: counters.Audit, At: noon.Unix(), ActorKind: act.ActorKey, ActorID: "1",
			ActorLabel: "qbk_live_abc12345",
			IP:         "127.0.0.1", RequestID: a.ID, Action: "appointment.book", Entity: "appointment", EntityID: a.ID,
			PatientID: a.PatientID, Outcome: act.OK, PrevHash: counters.AuditHash}
		entry.Hash = entry.Digest()
		counters.AuditHash = entry.Hash
		if err := tx.InsertAudit(entry); err != nil {
			return err
		}
		return tx.StoreReply(h.clinic, "key:1", key, entry.Hash, "patient:1",
			act.Reply{Status: 201, Header: map[string]string{"Location": "/api/v1/appointments/" + a.ID}, Body: reply},
			noon.Unix())
	})
}

// cpu is the processor time of this process so far.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

const manyPatients = 5000

// populate adds patients, so that each has a few visits.
func (h *house) populate(b *testing.B) {
	b.Helper()
	h.must(b, func(tx engine.Tx) error {
		for i := range manyPatients - 1 {
			p := people.Patient{Clinic: h.clinic, MRN: fmt.Sprint("X-", i), GivenName: "Ada", FamilyName: "Byron",
				Sex: people.SexUnknown, Status: people.PatientActive, Meta: meta()}
			if err := tx.InsertPatient(&p); err != nil {
				return err
			}
		}
		return nil
	})
}

var (
	fact = json.RawMessage(`{"id":"00000000-0000-7000-8000-000000000001","provider_id":1,"patient_id":1,` +
		`"status":"scheduled","scheduled_at":"2026-04-27T07:00:00Z","ends_at":"2026-04-27T07:30:00Z"}`)
	reply = []byte(`{"data":{"id":"00000000-0000-7000-8000-000000000001","provider_id":1,"patient_id":1,` +
		`"status":"scheduled","scheduled_at":"2026-04-27T07:00:00Z","ends_at":"2026-04-27T07:30:00Z",` +
		`"title":"Consultation","time_zone":"Europe/Berlin","version":1,` +
		`"created_at":"2026-04-27T07:00:00Z","updated_at":"2026-04-27T07:00:00Z"}}`)
)

func BenchmarkBooking(b *testing.B) {
	for _, o := range []struct {
		name string
		o    Options
	}{{"group", Options{}}, {"single", Options{NoGroup: true}}} {
		for _, callers := range []int{1, 8, 64} {
			b.Run(fmt.Sprintf("%s/%d", o.name, callers), func(b *testing.B) {
				h := furnish(b, openAt(b, b.TempDir()+"/qb.db", o.o), 40)
				h.populate(b)
				var n atomic.Int64
				b.SetParallelism(callers)
				before := cpu()
				b.ResetTimer()
				done := make(chan error, callers)
				for range callers {
					go func() {
						for {
							i := n.Add(1)
							if i > int64(b.N) {
								done <- nil
								return
							}
							if err := engine.Update(context.Background(), h,
								func(tx engine.Tx) error { return h.fullBooking(tx, i) }); err != nil {
								done <- err
								return
							}
						}
					}()
				}
				for range callers {
					if err := <-done; err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "bookings/s")
				b.ReportMetric(float64(cpu()-before)/1e3/float64(b.N), "cpu-µs/booking")
				st := h.Stats()
				b.ReportMetric(float64(st.Members)/float64(st.Commits), "members/commit")
			})
		}
	}
}

func BenchmarkBusyWeek(b *testing.B) {
	h := furnish(b, openAt(b, b.TempDir()+"/qb.db", Options{}), 10)
	h.must(b, func(tx engine.Tx) error {
		for _, p := range h.providers {
			for i := range int64(20 * 7) {
				if _, err := h.book(tx, h.visit(p, noon.Unix()+i*3600, 30)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	window := calendar.Span{Start: noon.Unix(), End: noon.Unix() + 7*daySeconds}
	b.Run("memory", func(b *testing.B) {
		var dst []booking.Occupied
		for b.Loop() {
			_ = engine.View(context.Background(), h, func(r engine.Reader) (err error) {
				dst, err = r.Busy(booking.ProviderResource(h.providers[0]), false, window, dst[:0])
				return err
			})
		}
	})
	b.Run("file", func(b *testing.B) {
		var dst []booking.Occupied
		for b.Loop() {
			_ = engine.View(context.Background(), h, func(r engine.Reader) (err error) {
				dst, err = r.(*reads).busyInFile(booking.ProviderResource(h.providers[0]), false, window, dst[:0])
				return err
			})
		}
	})
	b.Run("lead", func(b *testing.B) {
		for b.Loop() {
			_ = engine.View(context.Background(), h, func(r engine.Reader) (err error) {
				_, err = r.Lead(h.clinic, false, h.lead)
				return err
			})
		}
	})
}
