package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/people"
	"qualifybase/engine/uuid"
	"qualifybase/store"
)

// tally counts deliveries by the event's id.
type tally struct {
	mu   sync.Mutex
	seen map[string]int
}

func (y *tally) add(id string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.seen[id]++
}

func (y *tally) count() int {
	y.mu.Lock()
	defer y.mu.Unlock()
	return len(y.seen)
}

// TestKilledInTheMiddle: the process is killed while it sends and while clients
// write. After the restart every event of every write arrives at least once,
// nothing is lost, dead or stuck, and no lead is without its event nor an event
// without its lead.
func TestKilledInTheMiddle(t *testing.T) {
	total, kills := 5000, 3
	if testing.Short() {
		total, kills = 800, 2
	}
	c := startClinic(t, allowLoopback)
	got := &tally{seen: map[string]int{}}
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		got.add(r.Header.Get("Webhook-Id"))
	}))
	defer srv.Close()
	for range 2 {
		c.hook(c.live, srv.URL, `,"max_in_flight":8`)
	}
	backlog(t, c, total/2)
	c.serve()
	acknowledged := 0
	for round := 1; round <= kills; round++ {
		written := writers(c, total/2/kills)
		goal := total * round / (kills + 2)
		c.until("some arrive", func() bool { return got.count() >= min(goal, total/2) })
		c.kill(os.Kill)
		acknowledged += <-written
		c.serve()
	}
	open := func() (pending, bad int) {
		for _, state := range []string{"pending", "sending", "dead", "cancelled"} {
			reply := c.call(200, "GET", "/deliveries?limit=1&state="+state, c.live, "")
			n := int(reply["pagination"].(map[string]any)["total_count"].(float64))
			if state == "pending" || state == "sending" {
				pending += n
			} else {
				bad += n
			}
		}
		return pending, bad
	}
	// An attempt that was cut off twice waits for the time that its claim wrote: retry it now.
	c.until("all is sent", func() bool {
		pending, bad := open()
		if bad > 0 {
			t.Fatalf("%d are dead or cancelled", bad)
		}
		if pending > 0 {
			soon := time.Now().Add(5 * time.Second).UTC().Format(time.RFC3339)
			for _, one := range c.call(200, "GET", "/deliveries?limit=200&state=pending", c.live, "")["data"].([]any) {
				if d := one.(map[string]any); d["next_at"] != nil && d["next_at"].(string) > soon {
					c.call(202, "POST", "/deliveries/"+d["id"].(string)+"/retry", c.live, "")
				}
			}
		}
		return pending == 0
	})
	leads := int(c.call(200, "GET", "/leads?limit=1", c.live, "")["pagination"].(map[string]any)["total_count"].(float64))
	events := map[string]bool{}
	for after := 0; ; {
		list := c.call(200, "GET", fmt.Sprintf("/events?limit=200&after_seq=%d", after), c.live, "")["data"].([]any)
		if len(list) == 0 {
			break
		}
		for _, ev := range list {
			e := ev.(map[string]any)
			if seq := int(e["seq"].(float64)); seq != after+1 {
				t.Fatalf("event %d comes after %d", seq, after)
			} else {
				after = seq
			}
			events[e["id"].(string)] = true
		}
	}
	if leads < total/2+acknowledged || len(events) != leads {
		t.Errorf("%d leads, %d events; %d leads were acknowledged", leads, len(events), total/2+acknowledged)
	}
	repeated := 0
	for id := range events {
		switch n := got.seen[id]; {
		case n < 2:
			t.Errorf("event %s arrived %d times at two webhooks", id, n)
		case n > 2:
			repeated++
		}
	}
	for id := range got.seen {
		if !events[id] {
			t.Errorf("event %s arrived and is not there", id)
		}
	}
	t.Logf("%d events to two webhooks over %d kills; %d arrived more than once at one", len(events), kills, repeated)
}

// backlog stops the server and writes leads past it, so that it starts with much to send.
func backlog(t *testing.T, c *clinicProcess, n int) {
	t.Helper()
	c.kill(os.Interrupt)
	schema, err := os.ReadFile("../schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(filepath.Join(c.dir, dbFile), string(schema), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	e := engine.New(st, engine.Options{})
	clinic, err := e.OldestClinic(context.Background(), act.Shell(0, "test"))
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for w := range 16 {
		wait.Go(func() {
			for i := w; i < n; i += 16 {
				name := fmt.Sprintf("Backlog %d", i)
				if _, err := e.PutLead(context.Background(), act.Shell(clinic.N, "test"),
					people.LeadDraft{Name: &name}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
}

// writers post leads until n were acknowledged or the server is gone, and tell how
// many were.
func writers(c *clinicProcess, n int) <-chan int {
	done := make(chan int, 1)
	url, key := c.url, c.live
	go func() {
		var wait sync.WaitGroup
		counts := make([]int, 8)
		for w := range counts {
			wait.Go(func() {
				for range n / len(counts) {
					body, _ := json.Marshal(map[string]string{"name": "Client " + uuid.New(time.Now())})
					if !post(url, key, body) {
						return
					}
					counts[w]++
				}
			})
		}
		wait.Wait()
		sum := 0
		for _, n := range counts {
			sum += n
		}
		done <- sum
	}()
	return done
}
