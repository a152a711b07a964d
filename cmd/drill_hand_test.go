package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"qualifybase/engine/enginetest/proof"
)

// readmeDrill are the README's lines of the drill by hand, without their comments:
// the backup first, then the disaster and the way back, the server last.
func readmeDrill(t *testing.T) (backup string, rest []string) {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(text), "The drill by hand")
	_, block, _ = strings.Cut(block, "```sh\n")
	block, _, found := strings.Cut(block, "```")
	var lines []string
	for line := range strings.Lines(block) {
		line, _, _ = strings.Cut(line, "#")
		lines = append(lines, strings.TrimSpace(line))
	}
	if !found || len(lines) < 4 || !strings.HasPrefix(lines[0], "qb backup ") || lines[len(lines)-1] != "qb serve" {
		t.Fatalf("the README's drill is %q", lines)
	}
	return lines[0], lines[1 : len(lines)-1]
}

// runLine types a line of the README on the site.
func (s *site) runLine(line, file string) {
	s.Helper()
	words := strings.Fields(strings.ReplaceAll(line, "/mnt/usb/today.tar", file))
	switch {
	case line == "rm -rf qb-data":
		if err := os.RemoveAll(s.data); err != nil {
			s.Fatal(err)
		}
	case words[0] == "qb":
		s.qb(words[1:]...)
	default:
		s.Fatalf("what is %q?", line)
	}
}

// The README's drill by hand, on a real server under load: back up, destroy the
// directory, restore, verify. Nothing that was acknowledged before the backup is
// missing, what came after it is whole or gone, and no webhook that was delivered
// is sent again (proof.md R16).
func TestDrillByHand(t *testing.T) {
	s := newSite(t, "")
	s.env = append(s.env, "QB_WEBHOOKS_ALLOW=127.0.0.1/32", "QB_LOG_LEVEL=warn")
	p := s.serve()
	p.providers(3)
	var slow atomic.Int64
	heard := newSlowReceiver(t, &slow)
	p.must(http.StatusCreated, "POST", "/webhooks", fmt.Sprintf(`{"url":%q,"events":["appointment.created"]}`, heard.url))
	dir := t.TempDir()
	backup, rest := readmeDrill(t)

	alone := paced(t, p, 200, func() { time.Sleep(time.Second) })
	var took time.Duration
	beside := paced(t, p, 200, func() {
		start := time.Now()
		s.qb("backup", filepath.Join(dir, "paced.tar"))
		took = time.Since(start)
	})

	seed := proof.Seed(t, 1)
	first := newClients(seed)
	workDuring(t, p, first, func() { time.Sleep(time.Duration(proof.Times(400, 1000, 5000)) * time.Millisecond) })
	heard.all(t, s)
	second := make([]*client, 8)
	for i := range second {
		second[i] = newClient(8+i, seed+1, time.Now().AddDate(0, 1, 0).Truncate(24*time.Hour))
	}
	file := filepath.Join(dir, "today.tar")
	slow.Store(int64(30 * time.Millisecond)) // deliveries queue up: some are on their way in the backup
	workDuring(t, p, second, func() {
		time.Sleep(300 * time.Millisecond)
		s.runLine(backup, file)
		time.Sleep(300 * time.Millisecond)
		p.kill()
	})
	before := heard.copied()

	for _, line := range rest {
		s.runLine(line, file)
	}
	acked := s.checkRestored(first)
	slow.Store(0)
	p = s.serve()
	p.must(http.StatusOK, "GET", "/leads", "")
	time.Sleep(time.Second) // a sender that wanted to would have sent
	again := 0
	for id, n := range heard.copied() {
		if before[id] != 0 && n != before[id] || before[id] == 0 {
			again++
			t.Errorf("event %s was heard %d times, before the disaster %d times", id, n, before[id])
		}
	}
	var dead []json.RawMessage
	if err := json.Unmarshal([]byte(s.qb("webhooks", "dead", "--json")), &dead); err != nil || len(dead) == 0 {
		t.Errorf("%d dead letters, %v: some were on their way when the backup was made", len(dead), err)
	}
	p.must(http.StatusCreated, "POST", "/leads", `{"name":"After the disaster"}`)
	proof.Row(t, "R16", "writers stall ≤ 100 ms at 200 writes/s; nothing acknowledged before the backup is missing; "+
		"no delivered webhook sent again",
		"backup in %v beside %d writes: slowest %v, p99 %v (alone %v, %v); %d acknowledged requests there after the "+
			"restore, %d webhooks sent again, %d waiting to be asked for",
		took.Round(time.Millisecond), len(beside), percentile(beside, 100), percentile(beside, 99), percentile(alone, 100),
		percentile(alone, 99), acked, again, len(dead))
}

// workDuring lets the clients work while fn runs, and ends them with a whole answer
// each, or with the server.
func workDuring(t *testing.T, p *serverProcess, clients []*client, fn func()) {
	t.Helper()
	var stop atomic.Bool
	var wait sync.WaitGroup
	for _, c := range clients {
		wait.Go(func() {
			for !stop.Load() || c.waiting != nil {
				if c.waiting == nil {
					c.waiting = c.next()
				}
				gone, err := c.send(p)
				if err != nil {
					t.Errorf("client %d: %v", c.n, err)
				}
				if gone || err != nil {
					return
				}
			}
		})
	}
	fn()
	stop.Store(true)
	wait.Wait()
}

// paced posts leads at a rate while fn runs and gives the sorted latencies.
func paced(t *testing.T, p *serverProcess, rate int, fn func()) []time.Duration {
	t.Helper()
	var mu sync.Mutex
	var all []time.Duration
	stop := make(chan struct{})
	var loop, wait sync.WaitGroup
	loop.Go(func() {
		tick := time.NewTicker(time.Second / time.Duration(rate))
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			wait.Go(func() {
				start := time.Now()
				status, body, err := p.call("POST", "/leads", fmt.Sprintf(`{"name":"Paced %d"}`, n), "")
				if err != nil || status != http.StatusCreated {
					t.Errorf("%d %s %v", status, body, err)
				}
				mu.Lock()
				all = append(all, time.Since(start))
				mu.Unlock()
			})
		}
	})
	fn()
	close(stop)
	loop.Wait()
	wait.Wait()
	slices.Sort(all)
	return all
}

// percentile is the latency below which so many of a hundred lie.
func percentile(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)-1)*percent/100].Round(100 * time.Microsecond)
}

// newSlowReceiver is a receiver that takes its time, as the test sets it.
func newSlowReceiver(t *testing.T, slow *atomic.Int64) *receiver {
	r := &receiver{seen: map[string]int{}}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		var ev struct{ ID string }
		if err == nil && json.Unmarshal(body, &ev) == nil {
			r.mu.Lock()
			r.seen[ev.ID]++
			r.mu.Unlock()
		}
		time.Sleep(time.Duration(slow.Load()))
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

func (r *receiver) copied() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.seen)
}

// checkRestored holds the restored file against the logs of clients who were done
// before the backup began, and looks that every act in it is whole. It gives how
// many acknowledged requests it found.
func (s *site) checkRestored(clients []*client) int {
	s.Helper()
	db := s.database()
	defer db.Close()
	s.checkInvariants(db)
	there := map[string]string{}
	for _, question := range []string{
		`SELECT id, status || ' ' || strftime('%Y-%m-%dT%H:%M:%SZ', starts_at, 'unixepoch') FROM appointments`,
		`SELECT id, 'lead' FROM leads`, `SELECT key, status FROM idempotency`,
	} {
		rows(s, db, question, func(scan func(...any) error) error {
			var id, what string
			err := scan(&id, &what)
			there[id] = what
			return err
		})
	}
	acked := 0
	for _, c := range clients {
		acked += len(c.acked)
		for key, status := range c.acked {
			if there[key] != fmt.Sprint(status) {
				s.Errorf("client %d heard %d for %s, the file says %q", c.n, status, key, there[key])
			}
		}
		for _, id := range c.leads {
			if there[id] != "lead" {
				s.Errorf("client %d: lead %s is lost", c.n, id)
			}
		}
		for _, v := range c.visits {
			if there[v.id] != v.status+" "+v.start {
				s.Errorf("client %d: appointment %s is %q, want %s %s", c.n, v.id, there[v.id], v.status, v.start)
			}
		}
	}
	if acked == 0 {
		s.Error("nobody had done anything")
	}
	return acked
}
