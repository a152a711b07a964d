package webhook

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"qualifybase/engine/enginetest/proof"
	"qualifybase/engine/fault"
	"qualifybase/engine/outbox"
)

// Shutdown: nothing new is claimed, what ends within 8 s is settled, what is queued
// goes back uncounted, what hangs is left to the next start and does not use up
// the budget.
func TestShutdownAndRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		now := time.Now().Unix()
		hung := b.target("hang", 1, hang)
		b.box.add("hang", now, hung)
		b.box.add("slow", now, b.target("slow", 1, after(6*time.Second, status(200))))
		fast := b.target("fast", 1, after(90*time.Millisecond, status(200)))
		for i := range 100 {
			b.box.add(fmt.Sprintf("f%02d", i), now, fast)
		}
		b.start()
		time.Sleep(time.Second)
		began := time.Now()
		b.stop()
		if took := time.Since(began); took < 8*time.Second || took > 9*time.Second {
			t.Errorf("shutdown took %v", took)
		}
		if r := b.box.row("slow"); r.state != "succeeded" {
			t.Errorf("what ended in time is %s", r.state)
		}
		sent := len(b.net.times("fast"))
		if sent > 13 {
			t.Errorf("%d requests of the queue: sending went on", sent)
		}
		done := 0
		for i := range 100 {
			switch r := b.box.row(fmt.Sprintf("f%02d", i)); {
			case r.state == "succeeded":
				done++
			case r.state != "pending" || r.attempts != 0 || r.nextAt != now:
				t.Errorf("unsent delivery %d: %s, %d attempts, due %d", i, r.state, r.attempts, r.nextAt)
			}
		}
		if done != sent {
			t.Errorf("%d sent, %d settled", sent, done)
		}
		if r := b.box.row("hang"); r.state != "sending" || r.attempts != 1 {
			t.Errorf("what hangs is %s with %d attempts", r.state, r.attempts)
		}

		b.net.hosts["hang.example.com"] = status(500)
		b.start()
		time.Sleep(2 * time.Hour)
		b.stop()
		if r := b.box.row("hang"); r.state != "dead" || r.attempts != 7 || r.stopped != 1 {
			t.Errorf("after the restart: %s, %d attempts, %d interrupted; want six that count and one that does not",
				r.state, r.attempts, r.stopped)
		}
		if n := b.box.open(); n != 0 {
			t.Errorf("%d left open", n)
		}
	})
}

// A delivery whose attempts end with the process uses up its budget after three.
func TestInterruptedBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.box.add("d", time.Now().Unix(), b.target("hang", 1, hang))
		for range 12 {
			b.start()
			time.Sleep(5 * time.Second)
			b.stop()
			time.Sleep(time.Hour)
		}
		b.net.hosts["hang.example.com"] = status(500)
		b.start()
		time.Sleep(time.Hour)
		b.stop()
		if r := b.box.row("d"); r.state != "dead" || r.stopped != outbox.MaxInterrupted {
			t.Errorf("%s after %d attempts, %d forgiven", r.state, r.attempts, r.stopped)
		}
	})
}

// The database is away for a while: nothing is lost and nothing is sent twice.
func TestOutboxAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		to := b.target("x", 4, after(10*time.Millisecond, status(200)))
		for i := range 40 {
			b.box.add(fmt.Sprintf("d%02d", i), time.Now().Unix(), to)
		}
		began := time.Now()
		b.box.fail = func(turn int, _ outbox.Claim) error {
			if since := time.Since(began); turn > 3 && since < 5*time.Second {
				return fault.Fail(fault.Busy, "busy")
			}
			return nil
		}
		b.start()
		time.Sleep(10 * time.Second)
		b.stop()
		if n := b.box.open(); n != 0 {
			t.Errorf("%d left open", n)
		}
		if n := len(b.net.seen); n != 40 {
			t.Errorf("%d requests for 40 deliveries", n)
		}
		if b.box.turns > 60 {
			t.Errorf("%d turns: it hammered the database", b.box.turns)
		}
	})
}

// One ending that the database refuses, or that makes the outbox panic, harms no other.
func TestPoisonedOutcome(t *testing.T) {
	for _, how := range []string{"error", "panic"} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				to := b.target("x", 8, after(10*time.Millisecond, status(200)))
				for i := range 200 {
					b.box.add(fmt.Sprintf("d%03d", i), time.Now().Unix(), to)
				}
				b.box.fail = func(_ int, c outbox.Claim) error {
					for _, o := range c.Settled {
						if o.DeliveryID == "d007" {
							if how == "panic" {
								panic("canary-poison")
							}
							return errors.New("CHECK constraint failed")
						}
					}
					return nil
				}
				b.start()
				time.Sleep(50 * time.Second)
				if n := b.box.open(); n != 1 || b.box.row("d007").state != "sending" {
					t.Errorf("%d open, the poisoned one is %s", n, b.box.row("d007").state)
				}
				b.box.mu.Lock()
				b.box.fail = nil
				b.box.mu.Unlock()
				time.Sleep(2 * time.Minute)
				b.stop()
				if n := b.box.open(); n != 0 {
					t.Errorf("%d open after its lease ran out", n)
				}
				if strings.Contains(b.log.String(), "canary") {
					t.Error(b.log.String())
				}
			})
		})
	}
	proof.Row(t, "R14", "a panic injected in handler, writer, dispatcher: process lives, others served, job retried",
		"dispatcher: a delivery whose bookkeeping panics waits for the end of its lease and is sent then, the other "+
			"199 are sent")
}

func TestPollAndTimerFindWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.start()
		time.Sleep(3 * time.Second)
		to := b.target("x", 1, status(200))
		b.box.add("cli", time.Now().Unix(), to) // written by another process: nobody nudges
		time.Sleep(31 * time.Second)
		if r := b.box.row("cli"); r.state != "succeeded" {
			t.Errorf("after the poll it is %s", r.state)
		}
		due := time.Now().Unix() + 17
		b.box.add("later", due, to)
		b.sender.Nudge()
		time.Sleep(20 * time.Second)
		if got := b.net.times("x"); len(got) != 2 || got[1].Unix() != due {
			t.Errorf("sent at %v, due %d", got, due)
		}
		b.stop()
	})
}

// story is one run of TestNothingLost.
type story struct {
	endpoints []storyEndpoint
	refuse    int   // every so many turns the database is busy
	lives     []int // seconds until the process ends
}

type storyEndpoint struct {
	kind, limit int
	due         []int // seconds from the beginning
}

func drawStory(t *rapid.T) (s story) {
	for range rapid.IntRange(1, 6).Draw(t, "endpoints") {
		s.endpoints = append(s.endpoints, storyEndpoint{
			kind:  rapid.IntRange(0, 5).Draw(t, "kind"),
			limit: rapid.IntRange(1, 8).Draw(t, "limit"),
			due:   rapid.SliceOfN(rapid.IntRange(0, 60), 0, 40).Draw(t, "due"),
		})
	}
	s.refuse = rapid.IntRange(0, 20).Draw(t, "refuse")
	s.lives = rapid.SliceOfN(rapid.IntRange(0, 90), 0, 3).Draw(t, "lives")
	return s
}

// Whatever receivers do and however often the process ends: every delivery comes to
// its end, the receivers' limits hold, and no attempt number is used twice.
func TestNothingLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawStory(rt)
		var faults []string
		synctest.Test(t, func(t *testing.T) { faults = s.tell(newBench(t)) })
		if len(faults) > 0 {
			rt.Fatal(strings.Join(faults, "\n"))
		}
	})
}

func (s story) tell(b *bench) (faults []string) {
	kinds := []behaviour{status(200), status(500), hang, after(time.Second, status(200)),
		after(9*time.Second, status(503)), status(410)}
	for e, end := range s.endpoints {
		to := b.target(fmt.Sprintf("e%d", e), end.limit, kinds[end.kind])
		for i, due := range end.due {
			b.box.add(fmt.Sprintf("e%d-%d", e, i), time.Now().Unix()+int64(due), to)
		}
	}
	b.box.fail = func(turn int, _ outbox.Claim) error {
		if s.refuse > 1 && turn%s.refuse == 0 {
			return fault.Fail(fault.Busy, "busy")
		}
		return nil
	}
	for _, seconds := range append(s.lives, 6*3600) {
		b.start()
		time.Sleep(time.Duration(seconds) * time.Second)
		b.stop()
	}
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	used := map[string]bool{}
	for _, a := range b.box.attempts() {
		key := fmt.Sprint(a.DeliveryID, "/", a.Attempt)
		if used[key] {
			fault("%s was settled twice", key)
		}
		used[key] = true
	}
	for id, r := range b.box.rows {
		waits := b.box.off[r.To.WebhookID] && r.state == "pending"
		if r.state != "succeeded" && r.state != "dead" && !waits {
			fault("%s is %s after %d attempts", id, r.state, r.attempts)
		}
		if n := b.net.peak(r.To.WebhookID + ".example.com"); n > r.To.MaxInFlight {
			fault("%d in flight at an endpoint with limit %d", n, r.To.MaxInFlight)
		}
		if r.attempts > 6+r.stopped {
			fault("%s had %d attempts, %d forgiven", id, r.attempts, r.stopped)
		}
	}
	if n := b.net.peak(""); n > DefaultInFlight {
		fault("%d in flight", n)
	}
	return faults
}
