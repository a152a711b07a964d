package booking_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/enginetest/proof"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
	"qualifybase/engine/uuid"
)

// quarters is how many quarter-hours the branch is open (08:00–20:00).
const quarters = 48

// wanted and heard are one operation on a provider's day.
type wanted struct {
	what     string // book, move, cancel, list
	provider int64
	n        uint16 // the appointment
	start    int    // quarter-hour
	length   int    // quarter-hours
}

type heard struct {
	result string // ok, taken, gone
	free   uint64 // list: the quarter-hours that can be booked
}

// day is the whole truth about a provider's day: who has each quarter-hour.
type day [quarters]uint16

// fits reports whether the appointment may have the quarter-hours.
func (d *day) fits(n uint16, start, length int) bool {
	for i := start; i < start+length; i++ {
		if d[i] != 0 && d[i] != n {
			return false
		}
	}
	return true
}

func (d *day) without(n uint16) (out day, had bool) {
	out = *d
	for i := range out {
		if out[i] == n {
			out[i], had = 0, true
		}
	}
	return out, had
}

// step says what each operation must tell when it happens on this day.
func (d day) step(in wanted, out heard) (bool, day) {
	next, there := d.without(in.n)
	switch in.what {
	case "list":
		var free uint64
		for i, n := range d {
			if n == 0 {
				free |= 1 << i
			}
		}
		return out.free == free, d
	case "cancel":
		return out.result == "ok", next
	case "move":
		if !there {
			return out.result == "gone", d
		}
	}
	if !d.fits(in.n, in.start, in.length) {
		return out.result == "taken", d
	}
	for i := in.start; i < in.start+in.length; i++ {
		next[i] = in.n
	}
	return out.result == "ok", next
}

var dayModel = porcupine.Model{
	Init:  func() any { return day{} },
	Equal: func(a, b any) bool { return a.(day) == b.(day) },
	Step: func(state, in, out any) (bool, any) {
		ok, next := state.(day).step(in.(wanted), out.(heard))
		return ok, next
	},
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation { // a provider's day is independent
		by := map[int64][]porcupine.Operation{}
		for _, op := range history {
			p := op.Input.(wanted).provider
			by[p] = append(by[p], op)
		}
		var out [][]porcupine.Operation
		for _, ops := range by {
			out = append(out, ops)
		}
		return out
	},
	DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v → %+v", in, out) },
}

// Eight clients book, move, cancel and list on the same three days: some order of
// the operations, each at one instant between its call and its return, explains
// every answer (proof.md R3).
func TestLinearizable(t *testing.T) {
	seeds, each := proof.Times(1, 4, 20), proof.Times(150, 500, 2000)
	first := proof.Seed(t, 1)
	total := 0
	for seed := first; seed < first+uint64(seeds); seed++ { // #nosec G115 -- small
		history := newTable(t).play(t, seed, 8, each)
		total += len(history)
		if got := porcupine.CheckOperationsTimeout(dayModel, history, 2*time.Minute); got != porcupine.Ok {
			t.Fatalf("the history of seed %d is %s", seed, got)
		}
		if seed == first {
			forge(t, history)
		}
	}
	proof.Row(t, "R3", "8 clients × 2,000 operations × 20 seeds: 100 % linearizable",
		"8 clients × %d × %d seeds: %d operations, 100 %% linearizable", each, seeds, total)
}

// forge turns one answer of a history into its opposite: the checker must see it.
func forge(t *testing.T, history []porcupine.Operation) {
	t.Helper()
	for i, op := range history {
		if out := op.Output.(heard); out.result == "ok" && op.Input.(wanted).what == "book" {
			history[i].Output = heard{result: "taken"}
			if porcupine.CheckOperations(dayModel, history) {
				t.Error("a forged history passes")
			}
			return
		}
	}
	t.Error("nobody booked anything")
}

// table is a clinic with three providers whose day the clients share.
type table struct {
	*enginetest.Clinic
	providers []int64
	opens     int64

	mu     sync.Mutex
	visits []known
}

// known is an appointment that a client has booked.
type known struct {
	id string
	wanted
}

func newTable(t *testing.T) *table {
	t.Helper()
	c := enginetest.New(t)
	w := &table{Clinic: c, opens: enginetest.Unix("2026-04-29 08:00")}
	for i := range 3 {
		p := c.AddProvider(t, directory.ProviderDraft{DisplayName: new(fmt.Sprint("Dr. ", i)),
			LocationIDs: &[]int64{c.Branch.ID}})
		w.providers = append(w.providers, p.ID)
	}
	return w
}

// leads makes people who have no other visit.
func (w *table) leads(t *testing.T, n int) []string {
	t.Helper()
	var out []string
	w.Write(t, func(tx engine.Tx) error {
		heads, err := tx.Counters(w.Row.N)
		if err != nil {
			return err
		}
		for range n {
			heads.Change++
			l := people.Lead{ID: uuid.New(w.Clock.Now()), Clinic: w.Row.N, Name: "Somebody", NameKey: "somebody",
				Status: people.LeadNew,
				Meta: act.Meta{Version: 1, Change: heads.Change, CreatedAt: 1, UpdatedAt: 1, CreatedBy: "cli:test",
					UpdatedBy: "cli:test"}}
			if err := tx.InsertLead(l); err != nil {
				return err
			}
			out = append(out, l.ID)
		}
		return nil
	})
	return out
}

// play lets the clients work and gives their history.
func (w *table) play(t *testing.T, seed uint64, clients, each int) []porcupine.Operation {
	t.Helper()
	leads := w.leads(t, clients*each)
	began := time.Now()
	histories := make([][]porcupine.Operation, clients)
	var wait sync.WaitGroup
	for c := range clients {
		chance := rand.New(rand.NewPCG(seed, uint64(c))) // #nosec G404 G115 -- chosen, to be replayed
		wait.Go(func() {
			for i := range each {
				n := c*each + i
				in, id := w.think(chance, uint16(n+1)) // #nosec G115 -- at most 16,000
				call := time.Since(began).Nanoseconds()
				out, err := w.do(in, id, leads[n])
				if err != nil {
					t.Errorf("%+v: %v", in, err)
					return
				}
				histories[c] = append(histories[c], porcupine.Operation{ClientId: c, Input: in, Call: call, Output: out,
					Return: time.Since(began).Nanoseconds()})
			}
		})
	}
	wait.Wait()
	if t.Failed() {
		t.FailNow()
	}
	var all []porcupine.Operation
	for _, h := range histories {
		all = append(all, h...)
	}
	return all
}

// think chooses what to ask next; id is the appointment's, where there is one.
func (w *table) think(chance *rand.Rand, n uint16) (in wanted, id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	in = wanted{what: "book", n: n, provider: w.providers[chance.IntN(len(w.providers))], length: 1 + chance.IntN(4)}
	dice := chance.IntN(100)
	if dice < 60 && len(w.visits) > 0 { // one of the latest: most others are cancelled
		v := w.visits[len(w.visits)-1-chance.IntN(min(len(w.visits), 40))]
		in, id = v.wanted, v.id
		in.what = "move"
		if dice < 30 {
			in.what = "cancel"
		}
	} else if dice >= 90 {
		in.what, in.n = "list", 0
	}
	in.start = chance.IntN(quarters - in.length + 1)
	return in, id
}

func (w *table) do(in wanted, id, lead string) (heard, error) {
	ctx := context.Background()
	at := w.opens + int64(in.start)*900
	var a booking.Appointment
	var err error
	switch in.what {
	case "list":
		return w.list(in.provider)
	case "book":
		a, err = w.Engine.Book(ctx, w.Caller, booking.Booking{StartsAt: at, EndsAt: at + int64(in.length)*900,
			ProviderID: in.provider, LeadID: lead})
		if err == nil {
			w.mu.Lock()
			w.visits = append(w.visits, known{a.ID, in})
			w.mu.Unlock()
		}
	case "move":
		a, err = w.Engine.Reschedule(ctx, w.Caller, id, booking.Move{StartsAt: at})
	case "cancel":
		_, err = w.Engine.Cancel(ctx, w.Caller, id, "")
	}
	switch kind := fault.KindOf(err); {
	// moved to where it was: nothing to do
	case kind == fault.InvalidTransition, err == nil && a.Status == booking.Cancelled:
		return heard{result: "gone"}, nil
	case kind == fault.SlotTaken:
		return heard{result: "taken"}, nil
	}
	return heard{result: "ok"}, err
}

// list asks for the open quarter-hours of a provider.
func (w *table) list(provider int64) (heard, error) {
	span := func(quarter int) calendar.Moment { return calendar.At(w.opens + int64(quarter)*900) }
	slots, err := w.Engine.Availability(context.Background(), w.Caller, booking.AvailabilityQuery{
		From: span(0), To: span(quarters), Minutes: 15, ProviderID: provider, Limit: booking.MaxSlots,
	})
	var out heard
	for _, s := range slots.Items {
		out.free |= 1 << ((s.StartsAt - w.opens) / 900)
	}
	return out, err
}
