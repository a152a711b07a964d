package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/enginetest/proof"
	"qualifybase/engine/fault"
)

// Whatever happens, the engine and a list in memory tell the same story: seeded
// acts at a chosen clock, while writes fail before, in and after their commit,
// and the store restarts or loses its power. An act without an answer is asked
// again with its idempotency key. `QB_SEED=n QB_TIMES=1 go test ./engine -run
// TestSimulation` replays a failure (proof.md R4).
func TestSimulation(t *testing.T) {
	seeds := proof.Times(12, 200, 10_000)
	first := proof.Seed(t, 1)
	acts, faults := 0, map[string]int{}
	for seed := first; seed < first+uint64(seeds); seed++ { // #nosec G115 -- small
		ok := t.Run(fmt.Sprint("seed", seed), func(t *testing.T) {
			w := newSimulation(t, seed)
			w.run(40)
			acts += w.acts
			for k, n := range w.store.faults {
				faults[k] += n
			}
		})
		if !ok {
			t.Fatalf("replay with QB_SEED=%d QB_TIMES=1 go test ./engine -run TestSimulation", seed)
		}
	}
	proof.Row(t, "R4", "10,000 seeds by command, 200 in CI; a failure replays from its seed",
		"%d seeds, %d acts, faults %v: the oracle agrees with every answer, list and row", seeds, acts, faults)
}

type simulation struct {
	*testing.T
	c        *enginetest.Clinic
	e        *engine.Engine
	store    *ailing
	chance   *rand.Rand
	o        *oracle
	leads    []string
	services []simService
	acts     int
	events   map[string]int // expected, by type
	log      []string       // the last acts, told when something is wrong
}

func newSimulation(t *testing.T, seed uint64) *simulation {
	t.Helper()
	c := enginetest.New(t)
	w := &simulation{T: t, c: c, chance: rand.New(rand.NewPCG(seed, 4)),
		events: map[string]int{}} // #nosec G404 -- chosen, to be replayed
	w.o = &oracle{now: c.Clock.Now(), zone: enginetest.At("2026-04-27 00:00").Location(),
		hours: map[int64]func(time.Weekday) [][2]int{
			c.Ada.ID:  func(d time.Weekday) [][2]int { return workdays(d, [2]int{540, 720}, [2]int{780, 1020}) },
			c.Cleo.ID: func(d time.Weekday) [][2]int { return workdays(d, [2]int{480, 1200}) },
		}}
	padded := c.AddService(t, directory.ServiceDraft{Name: new("Padded"), DurationMinutes: new(45), BufferBefore: new(5),
		BufferAfter: new(10)})
	w.services = []simService{{c.Checkup.ID, 30 * time.Minute, 0, 0},
		{padded.ID, 45 * time.Minute, 5 * time.Minute, 10 * time.Minute}}
	for range 5 {
		w.leads = append(w.leads, c.Lead(t, c.Caller).ID)
	}
	w.store = &ailing{Store: c.Store, t: t, chance: w.chance, now: c.Clock, faults: map[string]int{}}
	enginetest.Must(t, c.Store.Close()) // it moves to a disk that can lose its power
	dir := t.TempDir()
	enginetest.Must(t, copyFile(filepath.Join(dir, "qb.db"), c.Store.Path()))
	w.store.mount(dir)
	w.open()
	return w
}

func workdays(d time.Weekday, windows ...[2]int) [][2]int {
	if d == time.Saturday || d == time.Sunday {
		return nil
	}
	return windows
}

// open makes the engine anew, as a process that starts does.
func (w *simulation) open() { w.e = engine.New(w.store, w.c.Options) }

func (w *simulation) run(steps int) {
	w.store.rate = w.chance.IntN(40)
	for range steps {
		switch dice := w.chance.IntN(100); {
		case dice < 12:
			w.tick()
		case dice < 15:
			w.store.restart(w.chance.IntN(2) == 0)
			w.open()
		case dice < 25:
			w.list()
		case dice < 55:
			w.book()
		case dice < 65:
			w.hold()
		case dice < 72:
			w.redeem()
		default:
			w.change()
		}
		if w.Failed() {
			w.Fatalf("after\n%s", strings.Join(w.log, "\n"))
		}
	}
	w.store.restart(true)
	w.open()
	w.store.rate = 0
	w.whole()
}

func (w *simulation) tick() {
	steps := []time.Duration{time.Minute, 4 * time.Minute, 10 * time.Minute, time.Hour, 26 * time.Hour, 9 * 24 * time.Hour}
	w.c.Clock.Add(steps[w.chance.IntN(len(steps))])
	w.o.now = w.c.Clock.Now()
	w.o.holds = slices.DeleteFunc(w.o.holds, func(h *simHold) bool { // the engine may forget it from now on
		return h.expires.Add(24 * time.Hour).Before(w.o.now)
	})
}

func pick[T any](chance *rand.Rand, of []T) T { return of[chance.IntN(len(of))] }

// when is mostly a time of the next days on the grid, now and then one that must
// be refused.
func (w *simulation) when() time.Time {
	y, m, d := w.o.now.In(w.o.zone).Date()
	switch w.chance.IntN(20) {
	case 0:
		return w.o.now.Add(-time.Minute).Truncate(time.Minute)
	case 1:
		return time.Date(y, m, d+360+w.chance.IntN(14), 9, 0, 0, 0, w.o.zone)
	case 2:
		return time.Date(y, m, d+w.chance.IntN(3), w.chance.IntN(24), w.chance.IntN(60), 0, 0, w.o.zone)
	}
	return time.Date(y, m, d+w.chance.IntN(3), 8+w.chance.IntN(10), 15*w.chance.IntN(4), 0, 0, w.o.zone)
}

func (w *simulation) provider() int64 { return pick(w.chance, []int64{w.c.Ada.ID, w.c.Cleo.ID}) }

// act asks until there is an answer, and holds it against the one foretold.
func (w *simulation) act(what string, want fault.Kind, fn func(act.Caller) (any, error)) outcome {
	w.Helper()
	w.acts++
	caller := w.c.Caller
	caller.Encode = encode
	caller.Idempotency = &act.Idempotency{Key: fmt.Sprint("act-", w.acts), Fingerprint: what}
	for range 100 {
		result, err := fn(caller)
		replay, replayed := errors.AsType[*act.Replay](err)
		if kind := fault.KindOf(err); !replayed && (kind == fault.Busy || kind == fault.Internal) {
			continue
		}
		got := outcomeOf(result, err)
		if replayed {
			got = outcome{}
			if err := json.Unmarshal(replay.Reply.Body, &got); err != nil {
				w.Fatal(err)
			}
		}
		w.log = append(w.log, fmt.Sprintf("%s  %s → %+v", w.o.now.Format(time.RFC3339), what, got))
		if got.Kind != want {
			w.Errorf("%s answers %q (%v), the oracle %q", what, got.Kind, err, want)
		}
		return got
	}
	w.Fatalf("%s is never answered", what)
	return outcome{}
}

func (w *simulation) book() {
	v := &simVisit{provider: w.provider(), lead: pick(w.chance, w.leads), start: w.when(), status: booking.Scheduled}
	s := pick(w.chance, w.services)
	v.end, v.before, v.after = v.start.Add(s.length), s.before, s.after
	want := w.o.verdict(v.provider, v.lead, v.start, s, nil)
	got := w.act(fmt.Sprintf("book %d %v with %d", s.id, v.start, v.provider), want, func(c act.Caller) (any, error) {
		return w.e.Book(context.Background(), c, booking.Booking{StartsAt: v.start.Unix(), ServiceID: s.id,
			ProviderID: v.provider, LeadID: v.lead})
	})
	if got.Kind == "" {
		v.id = got.ID
		w.o.visits = append(w.o.visits, v)
		w.events["appointment.created"]++
	}
}

func (w *simulation) hold() {
	h := &simHold{provider: w.provider(), service: pick(w.chance, w.services), start: w.when()}
	minutes := 1 + w.chance.IntN(15)
	h.end, h.expires = h.start.Add(h.service.length), w.o.now.Add(time.Duration(minutes)*time.Minute)
	want := w.o.verdict(h.provider, "", h.start, h.service, nil)
	got := w.act(fmt.Sprintf("hold %v with %d for %d min", h.start, h.provider, minutes), want,
		func(c act.Caller) (any, error) {
			return w.e.PlaceHold(context.Background(), c, booking.HoldDraft{StartsAt: h.start.Unix(), ServiceID: h.service.id,
				ProviderID: h.provider, Minutes: minutes})
		})
	if got.Kind == "" {
		h.id, h.token = got.ID, got.Token
		w.o.holds = append(w.o.holds, h)
	}
}

// redeem books with a hold; one whose token was lost with its reply expires.
func (w *simulation) redeem() {
	held := slices.DeleteFunc(slices.Clone(w.o.holds), func(h *simHold) bool { return h.token == "" })
	if len(held) == 0 {
		return
	}
	h := pick(w.chance, held)
	lead := pick(w.chance, w.leads)
	want := fault.Gone
	if h.expires.After(w.o.now) {
		want = w.o.verdict(h.provider, lead, h.start, h.service, h)
	}
	got := w.act(fmt.Sprintf("redeem %v with %d", h.start, h.provider), want, func(c act.Caller) (any, error) {
		return w.e.Book(context.Background(), c, booking.Booking{HoldID: h.id, HoldToken: h.token, LeadID: lead})
	})
	if got.Kind != "" {
		return
	}
	h.expires = w.o.now // spent
	w.o.visits = append(w.o.visits, &simVisit{id: got.ID, provider: h.provider, lead: lead, start: h.start, end: h.end,
		before: h.service.before, after: h.service.after, status: booking.Scheduled})
	w.events["appointment.created"]++
}

// change moves a visit or makes a transition.
func (w *simulation) change() {
	if len(w.o.visits) == 0 {
		return
	}
	v := pick(w.chance, w.o.visits)
	ctx := context.Background()
	if w.chance.IntN(2) == 0 {
		w.move(v)
		return
	}
	verbs := []struct {
		to booking.Status
		do func(context.Context, act.Caller, string) (booking.Appointment, error)
	}{
		{booking.Confirmed, w.e.Confirm}, {booking.Completed, w.e.Complete}, {booking.NoShow, w.e.MarkNoShow},
		{booking.Cancelled, func(ctx context.Context, c act.Caller, id string) (booking.Appointment, error) {
			return w.e.Cancel(ctx, c, id, "")
		}},
	}
	verb := pick(w.chance, verbs)
	was := v.status
	want := w.o.transit(v, verb.to)
	w.act(fmt.Sprintf("%s the %s of %v", verb.to, was, v.start), want, func(c act.Caller) (any, error) {
		return verb.do(ctx, c, v.id)
	})
}

func (w *simulation) move(v *simVisit) {
	start := w.when()
	s := simService{length: v.end.Sub(v.start), before: v.before, after: v.after}
	want := w.o.verdict(v.provider, v.lead, start, s, v)
	switch {
	case v.status != booking.Scheduled && v.status != booking.Confirmed:
		want = fault.InvalidTransition
	case start.Equal(v.start):
		want = ""
	}
	got := w.act(fmt.Sprintf("move the %s of %v to %v", v.status, v.start, start), want, func(c act.Caller) (any, error) {
		return w.e.Reschedule(context.Background(), c, v.id, booking.Move{StartsAt: start.Unix()})
	})
	if got.Kind == "" {
		v.start, v.end = start, start.Add(s.length)
	}
}

// list asks for the open slots of one day.
func (w *simulation) list() {
	y, m, d := w.o.now.In(w.o.zone).Date()
	day := time.Date(y, m, d+w.chance.IntN(3), 0, 0, 0, 0, w.o.zone)
	provider, s := w.provider(), pick(w.chance, w.services)
	next := day.AddDate(0, 0, 1)
	got, err := w.e.Availability(context.Background(), w.c.Caller, booking.AvailabilityQuery{
		From: calendar.At(day.Unix()), To: calendar.At(next.Unix()),
		ProviderID: provider, ServiceID: s.id, Limit: booking.MaxSlots,
	})
	if err != nil {
		w.Fatal(err)
	}
	var starts []int64
	for _, slot := range got.Items {
		starts = append(starts, slot.StartsAt)
	}
	if want := w.o.offers(provider, s, day); !slices.Equal(starts, want) {
		w.Errorf("%v with %d at %v: the list offers %v, the oracle %v", day, provider, w.o.now, starts, want)
	}
}
