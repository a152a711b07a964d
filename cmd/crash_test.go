package cmd

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite" // looks at the file without our own code

	"qualifybase/engine/enginetest/proof"
)

// A real server is killed at random moments while eight clients work on it, and
// started again. After every start the file is held against the clients' logs:
// nothing acknowledged is lost, nothing is there twice or by half; and in the end
// every request has one answer, and every booking was told to the webhook
// (proof.md R1).
func TestKilled(t *testing.T) {
	cycles := proof.Times(4, 30, 1000)
	seed := proof.Seed(t, 1)
	chance := rand.New(rand.NewPCG(seed, 1)) // #nosec G404 -- chosen
	heard := newReceiver(t)
	s := newSite(t, "")
	s.env = append(s.env, "QB_WEBHOOKS_ALLOW=127.0.0.1/32", "QB_LOG_LEVEL=warn")
	p := s.serve()
	p.providers(3)
	p.must(http.StatusCreated, "POST", "/webhooks", fmt.Sprintf(`{"url":%q,"events":["appointment.created"]}`, heard.url))
	calm, worst := p.ready, time.Duration(0)
	clients := newClients(seed)
	acked := 0
	for range cycles {
		crash(t, p, clients, time.Duration(100+chance.IntN(500))*time.Millisecond)
		p = s.serve()
		worst = max(worst, p.ready)
		acked = s.checkFile(clients, false)
		if t.Failed() {
			return
		}
	}
	answerAll(p, clients)
	acked = max(acked, s.checkFile(clients, true))
	heard.all(t, s)
	if code := p.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d\n%s", code, p.log.String())
	}
	s.qb("audit", "verify")
	if worst > max(2*time.Second, 5*calm) {
		t.Errorf("ready after %v, the first time after %v", worst, calm)
	}
	proof.Row(t, "R1", "1,000 cycles (30 in CI): 0 lost, 0 doubles, 0 half states; ready ≤ 2 s; integrity ok",
		"%d kills, %d acknowledged requests: 0 lost, 0 doubles, 0 half states, %d webhook events heard; ready after at "+
			"most %d ms (%d ms without a crash before)",
		cycles, acked, heard.count(), worst.Milliseconds(), calm.Milliseconds())
}

// crash lets the clients work for a while and kills the server under them.
func crash(t *testing.T, p *serverProcess, clients []*client, after time.Duration) {
	t.Helper()
	var wait sync.WaitGroup
	for _, c := range clients {
		wait.Go(func() {
			if err := c.work(p); err != nil {
				t.Errorf("client %d: %v", c.n, err)
				p.kill() // the others stop too
			}
		})
	}
	time.Sleep(after)
	p.kill()
	wait.Wait()
}

// database opens the site's file beside the server, as a shell would.
func (s *site) database() *sql.DB {
	s.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.data, "qb.db")+
		"?_pragma=busy_timeout(10000)&_pragma=query_only(1)")
	if err != nil {
		s.Fatal(err)
	}
	return db
}

// invariants are questions whose answer is 0 in a file where every act is whole.
var invariants = map[string]string{
	"footprints that overlap": `SELECT count(*) FROM occupancy x JOIN occupancy y
		ON x.resource = y.resource AND x.test = y.test
		WHERE x.id < y.id AND x.live = 1 AND y.live = 1 AND x.s < y.e AND y.s < x.e`,
	"appointments whose footprint is not as their status says": `SELECT count(*) FROM appointments a
		WHERE (a.status IN ('scheduled', 'confirmed', 'completed')) <>
			(SELECT count(*) FROM occupancy o WHERE o.appointment_id = a.id AND o.live = 1 AND o.s = a.starts_at)`,
	"appointments without their event": `SELECT count(*) FROM appointments
		WHERE id NOT IN (SELECT data ->> '$.appointment.id' FROM events WHERE type = 'appointment.created')`,
	"events without their appointment": `SELECT count(*) FROM events WHERE type = 'appointment.created'
		AND data ->> '$.appointment.id' NOT IN (SELECT id FROM appointments)`,
	"appointments whose last event tells another version": `SELECT count(*) FROM appointments a LEFT JOIN
		(SELECT data ->> '$.appointment.id' AS id, max(data ->> '$.appointment.version') AS v
			FROM events WHERE type LIKE 'appointment.%' GROUP BY 1) e
		ON e.id = a.id WHERE e.v IS NOT a.version`,
	"appointments without their audit row": `SELECT count(*) FROM appointments
		WHERE id NOT IN (SELECT entity_id FROM audit WHERE action = 'appointment.book' AND outcome = 'ok')`,
	"audit rows without their appointment": `SELECT count(*) FROM audit
		WHERE action = 'appointment.book' AND outcome = 'ok' AND entity_id NOT IN (SELECT id FROM appointments)`,
	"gaps in the events": `SELECT coalesce(max(seq), 0) - count(*) FROM events`,
	"gaps in the audit":  `SELECT coalesce(max(seq), 0) - count(*) FROM audit`,
	"counters that lag": `SELECT count(*) FROM counters
		WHERE event <> (SELECT max(seq) FROM events) OR audit <> (SELECT max(seq) FROM audit)`,
	"bookings never to be told": `SELECT count(*) FROM events WHERE type = 'appointment.created'
		AND EXISTS (SELECT 1 FROM webhooks) AND seq NOT IN (SELECT seq FROM deliveries)`,
	"bookings of one request twice": `SELECT count(*) - count(DISTINCT title) FROM appointments`,
	"damaged pages":                 `SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'`,
	"references to nothing":         `SELECT count(*) FROM pragma_foreign_key_check`,
}

// checkInvariants looks that every act in the file is whole.
func (s *site) checkInvariants(db *sql.DB) {
	s.Helper()
	for what, question := range invariants {
		var n int
		if err := db.QueryRow(question).Scan(&n); err != nil || n != 0 {
			s.Errorf("%d %s (%v)", n, what, err)
		}
	}
}

// checkFile holds the file against the clients' logs; settled tells that no request
// waits for its answer. It gives how many acknowledged requests it looked for.
func (s *site) checkFile(clients []*client, settled bool) int {
	s.Helper()
	db := s.database()
	defer db.Close()
	s.checkInvariants(db)
	visits, leads, replies := map[string]outcome{}, map[string]bool{}, map[string]int{}
	rows(s, db, `SELECT id, status, strftime('%Y-%m-%dT%H:%M:%SZ', starts_at, 'unixepoch') FROM appointments`,
		func(scan func(...any) error) error {
			var id string
			var o outcome
			err := scan(&id, &o.status, &o.start)
			visits[id] = o
			return err
		})
	rows(s, db, `SELECT id FROM leads`, func(scan func(...any) error) error {
		var id string
		err := scan(&id)
		leads[id] = true
		return err
	})
	rows(s, db, `SELECT key, status FROM idempotency`, func(scan func(...any) error) error {
		var key string
		var status int
		err := scan(&key, &status)
		replies[key] = status
		return err
	})
	known, acked := 0, 0
	for _, c := range clients {
		acked += len(c.acked)
		known += len(c.visits)
		for key, status := range c.acked {
			if replies[key] != status {
				s.Errorf("client %d heard %d for %s, the file says %d", c.n, status, key, replies[key])
			}
		}
		for _, id := range c.leads {
			if !leads[id] {
				s.Errorf("client %d: lead %s is lost", c.n, id)
			}
		}
		for _, v := range c.visits {
			got, there := visits[v.id]
			want := outcome{v.status, v.start}
			if !there || got != want && (v.maybe == nil || got != *v.maybe) {
				s.Errorf("client %d: appointment %s is %+v (%v), want %+v or %+v", c.n, v.id, got, there, want, v.maybe)
			}
		}
	}
	if extra := len(visits) - known; extra < 0 || extra > len(clients) || settled && extra != 0 {
		s.Errorf("%d appointments are in the file, the clients know of %d", len(visits), known)
	}
	return acked
}

func rows(s *site, db *sql.DB, question string, each func(scan func(...any) error) error) {
	s.Helper()
	list, err := db.Query(question)
	if err != nil {
		s.Fatal(err)
	}
	defer list.Close()
	for list.Next() {
		if err := each(list.Scan); err != nil {
			s.Fatal(err)
		}
	}
	if err := list.Err(); err != nil {
		s.Fatal(err)
	}
}

// receiver is a webhook's other end.
type receiver struct {
	url  string
	mu   sync.Mutex
	seen map[string]int // deliveries by event id
}

func newReceiver(t *testing.T) *receiver { return newSlowReceiver(t, new(atomic.Int64)) }

func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seen)
}

// all waits until every booking in the file was heard of.
func (r *receiver) all(t *testing.T, s *site) {
	t.Helper()
	db := s.database()
	defer db.Close()
	missing := 0
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		missing = 0
		rows(s, db, `SELECT id FROM events WHERE type = 'appointment.created'`, func(scan func(...any) error) error {
			var id string
			err := scan(&id)
			r.mu.Lock()
			defer r.mu.Unlock()
			if r.seen[id] == 0 {
				missing++
			}
			return err
		})
		if missing == 0 {
			return
		}
	}
	t.Errorf("%d bookings were never told to the webhook", missing)
}
