package webhook

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"

	"qualifybase/engine/outbox"
)

// memory is an Outbox for tests of timing: what Outbox promises, in a map.
type memory struct {
	mu      sync.Mutex
	rows    map[string]*memoryRow
	off     map[string]bool // disabled endpoints
	streaks map[string]outbox.Streak
	log     []outbox.Settlement // attempt rows in order
	turns   int
	looked  int64
	fail    func(turn int, c outbox.Claim) error // before anything is written
}

type memoryRow struct {
	outbox.Delivery
	state             string
	attempts, stopped int
	nextAt, lease     int64
	seq               int
}

func newMemory() *memory {
	return &memory{rows: map[string]*memoryRow{}, off: map[string]bool{}, streaks: map[string]outbox.Streak{}}
}

func (m *memory) add(id string, at int64, to *outbox.Target) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows[id] = &memoryRow{
		Delivery: outbox.Delivery{ID: id, EventID: "evt_" + id, EventType: "appointment.created",
			Body: []byte(`{"id":"evt_` + id + `"}`), To: to}, state: "pending", nextAt: at, seq: len(m.rows),
	}
}

func (m *memory) row(id string) memoryRow {
	m.mu.Lock()
	defer m.mu.Unlock()
	return *m.rows[id]
}

func (m *memory) attempts() []outbox.Settlement {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.log)
}

// open counts the rows that are neither succeeded nor dead.
func (m *memory) open() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.rows {
		if r.state == "pending" || r.state == "sending" {
			n++
		}
	}
	return n
}

func (m *memory) Exchange(_ context.Context, c outbox.Claim) ([]outbox.Delivery, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turns++
	if m.fail != nil {
		if err := m.fail(m.turns, c); err != nil {
			return nil, err
		}
	}
	for _, o := range c.Settled {
		m.settle(o)
	}
	if ago := c.Now - m.looked; c.Room > 0 && (ago < 0 || ago >= outbox.LeaseLook) {
		m.looked = c.Now
		m.takeBack(c.Now, c.Now)
	}
	return m.claim(c), nil
}

func (m *memory) settle(o outbox.Settlement) {
	r := m.rows[o.DeliveryID]
	if r.state != "sending" || r.attempts != o.Attempt {
		return
	}
	switch o.Result {
	case outbox.Released:
		r.state, r.attempts, r.nextAt = "pending", r.attempts-1, o.NextAt
		return
	case outbox.Retry:
		r.state, r.nextAt = "pending", o.NextAt
	default:
		r.state = string(o.Result)
	}
	m.log = append(m.log, o)
	m.streaks[o.WebhookID] = m.streaks[o.WebhookID].Add(o)
	if o.Disable || m.streaks[o.WebhookID].Hopeless(o.StartedAt) {
		m.off[o.WebhookID] = true
	}
}

func (m *memory) claim(c outbox.Claim) (out []outbox.Delivery) {
	due := map[string][]*memoryRow{}
	for _, r := range m.rows {
		if r.state == "pending" && r.nextAt <= c.Now && !m.off[r.To.WebhookID] {
			due[r.To.WebhookID] = append(due[r.To.WebhookID], r)
		}
	}
	var ids []string
	for id, rows := range due {
		room, known := c.Rooms[id]
		if !known {
			room = rows[0].To.MaxInFlight
		}
		slices.SortFunc(rows, func(a, b *memoryRow) int {
			return cmp.Or(cmp.Compare(a.nextAt, b.nextAt), cmp.Compare(a.seq, b.seq))
		})
		due[id] = rows[:min(len(rows), room)]
		ids = append(ids, id)
	}
	slices.Sort(ids)
	start, found := slices.BinarySearch(ids, c.After)
	if found {
		start++
	}
	ids = append(ids[start:], ids[:start]...)
	for more := true; more && len(out) < c.Room; {
		more = false
		for _, id := range ids {
			if len(due[id]) == 0 || len(out) == c.Room {
				continue
			}
			r := due[id][0]
			due[id], more = due[id][1:], true
			d := r.Delivery
			r.state, r.attempts, r.lease = "sending", r.attempts+1, c.LeaseUntil
			d.Attempt, d.Interrupted, d.DueAt = r.attempts, r.stopped, r.nextAt
			r.nextAt = c.RetryAt[min(d.Failures(), len(c.RetryAt)-1)]
			out = append(out, d)
		}
	}
	return out
}

func (m *memory) NextDue(_ context.Context, after int64) (int64, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := int64(math.MaxInt64)
	for _, r := range m.rows {
		if r.state == "pending" && r.nextAt > after && !m.off[r.To.WebhookID] {
			at = min(at, r.nextAt)
		}
	}
	return at, at < math.MaxInt64, nil
}

func (m *memory) Reset(_ context.Context, now int64) (n int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.looked = now
	return m.takeBack(now, math.MaxInt64), nil
}

func (m *memory) takeBack(now, until int64) (n int) {
	for _, r := range m.rows {
		if r.state != "sending" || r.lease > until {
			continue
		}
		r.state = "pending"
		if r.stopped == 0 {
			r.nextAt = now
		}
		r.stopped = min(r.stopped+1, outbox.MaxInterrupted)
		n++
	}
	return n
}
