package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/uuid"
	"qualifybase/store"
)

// rounds collects the rounds of one thing measured.
type rounds []sample

func (s rounds) each(of func(sample) float64) []float64 {
	out := make([]float64, len(s))
	for i, x := range s {
		out[i] = of(x)
	}
	return out
}

func rate(s sample) float64 { return s.perSecond }
func p50(s sample) float64  { return s.p50.Seconds() * 1000 }
func p99(s sample) float64  { return s.p99.Seconds() * 1000 }

// ratio is the median of a÷b, round by round.
func ratio(a, b []float64) float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] / b[i]
	}
	return median(out)
}

// The parts, as Options.Only names them.
const (
	partBookings     = "bookings"
	partAvailability = "availability"
	partGrowth       = "growth"
	partWebhooks     = "webhooks"
	partPatients     = "patients"
)

// Parts are the parts of the bench, in the order in which they are measured.
var Parts = []string{partBookings, partAvailability, partGrowth, partWebhooks, partPatients}

// testServers are what the load runs against; nil is what nobody asked for.
type testServers struct {
	bare, group, single, normal, small, large *server
	patients                                  *patientTable
}

// prepare makes the clinics and starts the servers.
func (b *bench) prepare(ctx context.Context) (s testServers, err error) {
	const history = 10_000
	for _, server := range []struct {
		into *(*server)
		kind string
		rows int
		of   []string // the parts that load it
	}{
		{&s.bare, kindBare, 0, []string{partAvailability}},
		{&s.group, KindGroup, history, []string{partBookings, partAvailability}},
		{&s.single, kindSingle, history, []string{partBookings}},
		{&s.normal, kindNormal, history, []string{partBookings}},
		{&s.small, KindGroup, 1000, []string{partGrowth}},
		{&s.large, KindGroup, b.o.Appointments, []string{partGrowth}},
	} {
		if !slices.ContainsFunc(server.of, b.o.wants) {
			continue
		}
		if *server.into, err = b.startServer(ctx, server.kind, server.rows); err != nil {
			return s, err
		}
	}
	if b.o.wants(partPatients) {
		s.patients, err = b.newPatientTable(ctx)
	}
	return s, err
}

// task is one thing that is measured in every round.
type task struct {
	part string
	name string
	run  func() (sample, error)
}

// tasks are in an order that puts what is compared side by side. They look at the
// servers when they run: what nobody asked for is not there.
func (b *bench) tasks(ctx context.Context, s *testServers) []task {
	book := func(at **server, conns int) func() (sample, error) {
		return func() (sample, error) { return b.book(*at, conns, 0) }
	}
	get := func(at **server, conns int, request func(*clinic) []byte) func() (sample, error) {
		return func() (sample, error) { return b.get(*at, conns, request((*at).clinic)) }
	}
	fixed := func(*clinic) []byte { return request("GET", "/api/v1/bare", "", "") }
	one := func(c *clinic) []byte { return c.availability(c.providers[0]) }
	any10 := func(c *clinic) []byte { return c.availability(0) }
	lead := func(c *clinic) []byte { return request("GET", "/api/v1/leads/"+c.leads[0][0], c.key, "") }
	return []task{
		{partBookings, "book group", book(&s.group, b.o.Connections)},
		{partBookings, "book single", book(&s.single, b.o.Connections)},
		{partBookings, "book normal", book(&s.normal, b.o.Connections)},
		{partBookings, "book alone", book(&s.group, 1)},
		{partBookings, "bare loop", func() (sample, error) { return b.bareLoop(ctx) }},
		{partAvailability, "bare 16", get(&s.bare, 16, fixed)},
		{partAvailability, "free 16", get(&s.group, 16, one)},
		{partAvailability, "bare 64", get(&s.bare, 64, fixed)},
		{partAvailability, "free 64", get(&s.group, 64, one)},
		{partAvailability, "any 64", get(&s.group, 64, any10)},
		{partAvailability, "lead 64", get(&s.group, 64, lead)},
		{partAvailability, "free beside", func() (sample, error) { return b.besideBookings(s.group, one(s.group.clinic)) }},
		{partAvailability, "free alone", get(&s.group, 8, one)},
		{partGrowth, "book small", book(&s.small, b.o.Connections)},
		{partGrowth, "book large", book(&s.large, b.o.Connections)},
		{partGrowth, "free small", get(&s.small, 16, one)},
		{partGrowth, "free large", get(&s.large, 16, one)},
		{partWebhooks, "post bare", func() (sample, error) { return b.bareDeliveries(ctx) }},
		{partWebhooks, "post outbox", func() (sample, error) { return b.deliveries(ctx, false) }},
		{partWebhooks, "post singly", func() (sample, error) { return b.deliveries(ctx, true) }},
		{partWebhooks, "reply to arrival", func() (sample, error) { return b.replyToArrival(ctx) }},
		{partPatients, "candidates", func() (sample, error) { return b.candidates(ctx, s.patients) }},
		{partPatients, "every row", func() (sample, error) { return b.everyRow(ctx, s.patients) }},
	}
}

// measure measures everything that was asked for, server by server in turns.
func (b *bench) measure(ctx context.Context) ([]Figure, error) {
	fmt.Fprintf(b.o.Log, "qb bench: %d rounds of %gs, %d connections; preparing clinics\n", b.o.Rounds, b.o.Seconds,
		b.o.Connections)
	s, err := b.prepare(ctx)
	if err != nil {
		return nil, err
	}
	if s.patients != nil {
		defer s.patients.store.Close()
	}
	r := measurements{m: map[string]rounds{}}
	if s.group != nil {
		r.idle, _ = s.group.memory()
	}
	tasks := b.tasks(ctx, &s)
	for round := range b.o.Rounds {
		fmt.Fprintf(b.o.Log, "round %d of %d\n", round+1, b.o.Rounds)
		for _, t := range tasks {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if !b.o.wants(t.part) {
				continue
			}
			got, err := t.run()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.name, err)
			}
			r.m[t.name] = append(r.m[t.name], got)
		}
	}
	if s.group != nil {
		_, r.peak = s.group.memory()
	}
	if s.large != nil {
		r.start = s.large.start
	}
	var out []Figure
	for _, part := range Parts {
		if b.o.wants(part) {
			out = append(out, b.figures(part, r)...)
		}
	}
	return out, nil
}

// measurements is what the rounds came to.
type measurements struct {
	m          map[string]rounds
	idle, peak float64 // MiB
	start      time.Duration
}

func (r measurements) middle(name string, of func(sample) float64) float64 {
	return median(r.m[name].each(of))
}

func (r measurements) over(x, y string, of func(sample) float64) float64 {
	return ratio(r.m[x].each(of), r.m[y].each(of))
}

func (r measurements) per(name string) string { return fmt.Sprintf("%.0f/s", r.middle(name, rate)) }

// figures holds what a part has measured against the bars (proof.md §1).
func (b *bench) figures(part string, r measurements) []Figure {
	switch part {
	case partBookings:
		return []Figure{
			{"durable bookings, group commit", r.middle("book group", rate), "/s", 0, false, "",
				fmt.Sprintf("%d connections, p50 %.2f ms, p99 %.2f ms",
					b.o.Connections, r.middle("book group", p50), r.middle("book group", p99))},
			{"bookings ÷ one transaction each", r.over("book group", "book single", rate), "x", 3.5, false, "the same handlers",
				r.per("book single")},
			{"synchronous FULL ÷ NORMAL", r.over("book group", "book normal", rate), "x", 0.85, false, "the same handlers",
				r.per("book normal")},
			{"booking p99 ÷ its p50", ratio(r.m["book group"].each(p99), r.m["book group"].each(p50)), "x", 3.5, true,
				"itself", ""},
			{"a lone booking's p50 ÷ a bare loop's", r.over("book alone", "bare loop", p50), "x", 1.8, true,
				"one transaction, no HTTP",
				fmt.Sprintf("%.3f ms, %.3f ms", r.middle("book alone", p50), r.middle("bare loop", p50))},
			{"memory idle", r.idle, "MiB", 20, true, "", ""},
			{"memory under load", r.peak, "MiB", 64, true, "", "peak"},
			{"binary", programSize(), "MiB", 25, true, "", "18 for the core; strip with -ldflags='-s -w'"},
		}
	case partAvailability:
		return []Figure{
			{"availability, one provider, 16", r.over("free 16", "bare 16", rate), "x", 0.65, false, "bare httprouter",
				r.per("free 16") + " of " + r.per("bare 16")},
			{"availability, one provider, 64", r.over("free 64", "bare 64", rate), "x", 0.65, false, "bare httprouter",
				r.per("free 64") + " of " + r.per("bare 64")},
			{"availability, any of ten, 64", r.over("any 64", "bare 64", rate), "x", 0.50, false, "bare httprouter",
				r.per("any 64")},
			{"a lead by id, 64", r.over("lead 64", "bare 64", rate), "x", 0.55, false, "bare httprouter", r.per("lead 64")},
			{"availability p99 beside 500 bookings/s", r.over("free beside", "free alone", p99), "x", 1.3, true, "alone", ""},
		}
	case partGrowth:
		return []Figure{
			{fmt.Sprintf("bookings, %d ÷ 1,000 appointments", b.o.Appointments), r.over("book large", "book small", rate), "x",
				0.8, false, "a small clinic", r.per("book large")},
			{fmt.Sprintf("availability p99, %d ÷ 1,000 appointments", b.o.Appointments),
				r.over("free large", "free small", p99), "x", 1.2, true, "a small clinic", ""},
			{"start, large clinic", r.start.Seconds() * 1000, "ms", 100, true, "", "from exec to listening"},
		}
	case partWebhooks:
		return []Figure{
			{"webhook deliveries with outbox", r.over("post outbox", "post bare", rate), "x", 0.70, false,
				"signed posts without books", r.per("post outbox") + " of " + r.per("post bare")},
			{"webhook deliveries ÷ one commit each", r.over("post outbox", "post singly", rate), "x", 5.5, false,
				"the same sender", r.per("post singly")},
			{"booking reply to webhook arrival, p99", r.middle("reply to arrival", p99), "ms", 2, true, "",
				fmt.Sprintf("p50 %.2f ms", r.middle("reply to arrival", p50))},
		}
	}
	return []Figure{
		{fmt.Sprintf("candidates among %d patients, p99", min(100_000, b.o.Appointments)), r.middle("candidates", p99), "ms",
			20, true, "every row looked at",
			fmt.Sprintf("p50 %.2f ms; every row %.1f ms", r.middle("candidates", p50), r.middle("every row", p50))},
	}
}

// programSize is the size of this program's file in MiB; 0 where it cannot be read.
func programSize() float64 {
	self, err := os.Executable()
	if err != nil {
		return 0
	}
	info, err := os.Stat(self)
	if err != nil {
		return 0
	}
	return float64(info.Size()) / (1 << 20)
}

// besideBookings measures availability while 500 bookings a second go on.
func (b *bench) besideBookings(s *server, request []byte) (sample, error) {
	done := make(chan error, 1)
	go func() {
		_, err := b.book(s, min(10, b.o.Connections), 20*time.Millisecond)
		done <- err
	}()
	got, err := b.get(s, 8, request)
	if other := <-done; err == nil {
		err = other
	}
	return got, err
}

// bareLoop times what a booking must at least write, one transaction each and
// without HTTP: appointment, occupancy under the trigger, event and kept reply.
func (b *bench) bareLoop(ctx context.Context) (out sample, err error) {
	dir, err := os.MkdirTemp(b.dir, "loop-")
	if err != nil {
		return out, err
	}
	clinic, err := newClinic(ctx, dir, b.o.Schema, 1, 0)
	if err != nil {
		return out, err
	}
	st, err := store.Open(filepath.Join(dir, dbFile), b.o.Schema, store.Options{NoGroup: true})
	if err != nil {
		return out, err
	}
	defer st.Close()
	reply := act.Reply{Status: 201, Body: make([]byte, 600)}
	var took []time.Duration
	for begin := time.Now(); time.Since(begin) < b.span(); {
		start := time.Now()
		err := engine.Update(ctx, st, func(tx engine.Tx) error {
			if err := clinic.seedOne(tx, 1, len(took), 1_000_000); err != nil {
				return err
			}
			counters, err := tx.Counters(1)
			if err != nil {
				return err
			}
			counters.Event++
			event := act.Event{
				Clinic: 1, Seq: counters.Event, ID: "evt_" + uuid.New(start), Type: "appointment.created",
				CreatedAt: start.Unix(), Data: []byte(`{}`),
			}
			if err := tx.InsertEvent(event); err != nil {
				return err
			}
			return tx.StoreReply(1, "key:bench", uuid.New(start), "fingerprint", "", reply, start.Unix())
		})
		if err != nil {
			return out, err
		}
		took = append(took, time.Since(start))
	}
	return summarise(took, b.span()), nil
}
