package cmd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"qualifybase/engine"
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

// stage is what the load is played on.
type stage struct {
	bare, group, single, normal, small, large *benchServer
	crowd                                     *benchCrowd
}

// set makes the clinics and starts the servers.
func (b *bench) set(ctx context.Context) (s stage, err error) {
	const history = 10_000
	for _, server := range []struct {
		into *(*benchServer)
		kind string
		rows int
	}{{&s.bare, kindBare, 0}, {&s.group, kindGroup, history}, {&s.single, kindSingle, history}, {&s.normal, kindNormal, history},
		{&s.small, kindGroup, 1000}, {&s.large, kindGroup, b.o.appointments}} {
		if *server.into, err = b.begin(ctx, server.kind, server.rows); err != nil {
			return s, err
		}
	}
	s.crowd, err = b.crowd(ctx)
	return s, err
}

// task is one thing that is measured in every round.
type task struct {
	name string
	run  func() (sample, error)
}

// tasks are in an order that puts what is compared side by side.
func (b *bench) tasks(ctx context.Context, s stage) []task {
	one, any10 := s.group.clinic.availability(s.group.clinic.providers[0]), s.group.clinic.availability(0)
	lead := request("GET", "/api/v1/leads/"+s.group.clinic.leads[0][0], s.group.clinic.key, "")
	fixed := request("GET", "/api/v1/bare", "", "")
	book := func(at *benchServer, conns int) func() (sample, error) {
		return func() (sample, error) { return b.book(at, conns, 0) }
	}
	get := func(at *benchServer, conns int, request []byte) func() (sample, error) {
		return func() (sample, error) { return b.get(at, conns, request) }
	}
	free := func(at *benchServer) func() (sample, error) {
		return get(at, 16, at.clinic.availability(at.clinic.providers[0]))
	}
	return []task{
		{"book group", book(s.group, b.o.conns)},
		{"book single", book(s.single, b.o.conns)},
		{"book normal", book(s.normal, b.o.conns)},
		{"book alone", book(s.group, 1)},
		{"bare loop", func() (sample, error) { return b.bareLoop(ctx) }},
		{"bare 16", get(s.bare, 16, fixed)},
		{"free 16", get(s.group, 16, one)},
		{"bare 64", get(s.bare, 64, fixed)},
		{"free 64", get(s.group, 64, one)},
		{"any 64", get(s.group, 64, any10)},
		{"lead 64", get(s.group, 64, lead)},
		{"free beside", func() (sample, error) { return b.beside(s.group, one) }},
		{"free alone", get(s.group, 8, one)},
		{"book small", book(s.small, b.o.conns)},
		{"book large", book(s.large, b.o.conns)},
		{"free small", free(s.small)},
		{"free large", free(s.large)},
		{"post bare", func() (sample, error) { return b.bareDeliveries(ctx) }},
		{"post outbox", func() (sample, error) { return b.deliveries(ctx, false) }},
		{"post singly", func() (sample, error) { return b.deliveries(ctx, true) }},
		{"reply to arrival", func() (sample, error) { return b.replyToArrival(ctx) }},
		{"candidates", func() (sample, error) { return b.candidates(ctx, s.crowd) }},
		{"every row", func() (sample, error) { return b.everyRow(ctx, s.crowd) }},
	}
}

// all measures everything, server by server in turns.
func (b *bench) all(ctx context.Context) ([]figure, error) {
	fmt.Fprintf(b.note, "qb bench: %d rounds of %gs, %d connections; preparing clinics\n", b.o.rounds, b.o.seconds, b.o.conns)
	s, err := b.set(ctx)
	if err != nil {
		return nil, err
	}
	defer s.crowd.store.Close()
	idle, _ := s.group.memory()
	m := map[string]rounds{}
	tasks := b.tasks(ctx, s)
	for round := range b.o.rounds {
		fmt.Fprintf(b.note, "round %d of %d\n", round+1, b.o.rounds)
		for _, t := range tasks {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			got, err := t.run()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.name, err)
			}
			m[t.name] = append(m[t.name], got)
		}
	}
	_, peak := s.group.memory()
	return b.figures(m, s.large, idle, peak), nil
}

// figures holds what was measured against the bars.
func (b *bench) figures(m map[string]rounds, large *benchServer, idle, peak float64) []figure {
	per := func(name string) string { return fmt.Sprintf("%.0f/s", median(m[name].each(rate))) }
	over := func(x, y string, of func(sample) float64) float64 { return ratio(m[x].each(of), m[y].each(of)) }
	out := []figure{
		{"durable bookings, group commit", median(m["book group"].each(rate)), "/s", 0, false, "", fmt.Sprintf("%d connections, p50 %.2f ms, p99 %.2f ms",
			b.o.conns, median(m["book group"].each(p50)), median(m["book group"].each(p99)))},
		{"bookings ÷ one transaction each", over("book group", "book single", rate), "x", 3.5, false, "the same handlers", per("book single")},
		{"synchronous FULL ÷ NORMAL", over("book group", "book normal", rate), "x", 0.85, false, "the same handlers", per("book normal")},
		{"booking p99 ÷ its p50", ratio(m["book group"].each(p99), m["book group"].each(p50)), "x", 3.5, true, "itself", ""},
		{"a lone booking's p50 ÷ a bare loop's", over("book alone", "bare loop", p50), "x", 1.8, true, "one transaction, no HTTP",
			fmt.Sprintf("%.3f ms, %.3f ms", median(m["book alone"].each(p50)), median(m["bare loop"].each(p50)))},
		{"availability, one provider, 16", over("free 16", "bare 16", rate), "x", 0.65, false, "bare httprouter", per("free 16") + " of " + per("bare 16")},
		{"availability, one provider, 64", over("free 64", "bare 64", rate), "x", 0.65, false, "bare httprouter", per("free 64") + " of " + per("bare 64")},
		{"availability, any of ten, 64", over("any 64", "bare 64", rate), "x", 0.50, false, "bare httprouter", per("any 64")},
		{"a lead by id, 64", over("lead 64", "bare 64", rate), "x", 0.55, false, "bare httprouter", per("lead 64")},
		{"availability p99 beside 500 bookings/s", over("free beside", "free alone", p99), "x", 1.3, true, "alone", ""},
		{fmt.Sprintf("bookings, %d ÷ 1,000 appointments", b.o.appointments), over("book large", "book small", rate), "x", 0.8, false, "a small clinic", per("book large")},
		{fmt.Sprintf("availability p99, %d ÷ 1,000 appointments", b.o.appointments), over("free large", "free small", p99), "x", 1.2, true, "a small clinic", ""},
		{"webhook deliveries with outbox", over("post outbox", "post bare", rate), "x", 0.70, false, "signed posts without books", per("post outbox") + " of " + per("post bare")},
		{"webhook deliveries ÷ one commit each", over("post outbox", "post singly", rate), "x", 5.5, false, "the same sender", per("post singly")},
		{"booking reply to webhook arrival, p99", median(m["reply to arrival"].each(p99)), "ms", 2, true, "", fmt.Sprintf("p50 %.2f ms", median(m["reply to arrival"].each(p50)))},
		{fmt.Sprintf("candidates among %d patients, p99", min(100_000, b.o.appointments)), median(m["candidates"].each(p99)), "ms", 20, true, "every row looked at",
			fmt.Sprintf("p50 %.2f ms; every row %.1f ms", median(m["candidates"].each(p50)), median(m["every row"].each(p50)))},
		{"start, large clinic", large.start.Seconds() * 1000, "ms", 100, true, "", "from exec to listening"},
		{"memory idle", idle, "MiB", 20, true, "", ""},
		{"memory under load", peak, "MiB", 64, true, "", "peak"},
	}
	if self, err := os.Executable(); err == nil {
		if info, err := os.Stat(self); err == nil {
			out = append(out, figure{"binary", float64(info.Size()) / (1 << 20), "MiB", 25, true, "", "18 for the core; strip with -ldflags='-s -w'"})
		}
	}
	return out
}

// beside measures availability while 500 bookings a second go on.
func (b *bench) beside(s *benchServer, request []byte) (sample, error) {
	done := make(chan error, 1)
	go func() {
		_, err := b.book(s, min(10, b.o.conns), 20*time.Millisecond)
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
	schema, err := b.o.schema()
	if err != nil {
		return out, err
	}
	clinic, err := newBenchClinic(ctx, dir, schema, 1, 0)
	if err != nil {
		return out, err
	}
	st, err := store.Open(filepath.Join(dir, dbFile), schema, store.Options{NoGroup: true})
	if err != nil {
		return out, err
	}
	defer st.Close()
	reply := engine.Reply{Status: 201, Body: make([]byte, 600)}
	var took []time.Duration
	for begin := time.Now(); time.Since(begin) < b.span(); {
		start := time.Now()
		err := st.Update(ctx, func(tx engine.Tx) error {
			if err := clinic.seedOne(tx, 1, len(took), 1_000_000); err != nil {
				return err
			}
			heads, err := tx.Heads(1)
			if err != nil {
				return err
			}
			heads.Event++
			if err := tx.InsertEvent(engine.Event{Clinic: 1, Seq: heads.Event, ID: "evt_" + engine.NewID(start), Type: "appointment.created",
				CreatedAt: start.Unix(), Data: []byte(`{}`)}); err != nil {
				return err
			}
			return tx.KeepReply(1, "key:bench", engine.NewID(start), "fingerprint", "", reply, start.Unix())
		})
		if err != nil {
			return out, err
		}
		took = append(took, time.Since(start))
	}
	return summarise(took, b.span()), nil
}
