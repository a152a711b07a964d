package cmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

// crashBooking is what a client knows of an appointment it has booked.
type crashBooking struct {
	id     string
	status string
	start  string
	maybe  *outcome // a change whose reply never came
}

type outcome struct{ status, start string }

// pendingRequest is one that has to be answered in the end: with the same idempotency
// key it is sent again until it is.
type pendingRequest struct {
	key, method, path, body string
	answered                func(status int, body []byte) error
}

// client works as a reception does: one request after the other, every one with
// an idempotency key, and a log of what was acknowledged.
type client struct {
	n        int
	chance   *rand.Rand
	first    time.Time // day from which it books
	sent     int
	leads    []string
	patients int
	visits   []*crashBooking
	acked    map[string]int  // status by idempotency key: kept replies must outlive a crash
	waiting  *pendingRequest // sent, not answered
	refused  int             // decided noes
	broken   int             // replies that began and broke off

	// tolerates tells that a 5xx is one the test expects: the client stops, and asks
	// the same again later.
	tolerates func(status int, body []byte) bool
}

func newClient(n int, seed uint64, first time.Time) *client {
	return &client{n: n, chance: rand.New(rand.NewPCG(seed, uint64(n))), first: first,
		acked: map[string]int{}} // #nosec G404 G115 -- chosen
}

// newClients are eight clients that book from the day after tomorrow on.
func newClients(seed uint64) []*client {
	out := make([]*client, 8)
	for i := range out {
		out[i] = newClient(i, seed, time.Now().AddDate(0, 0, 2).Truncate(24*time.Hour))
	}
	return out
}

// answerAll has every question answered that still waits for it.
func answerAll(p *serverProcess, clients []*client) {
	p.s.Helper()
	for _, c := range clients {
		for c.waiting != nil {
			if gone, err := c.send(p); gone || err != nil {
				p.s.Fatalf("client %d: gone %v, %v\n%s", c.n, gone, err, p.log.String())
			}
		}
	}
}

// work sends requests until the server is gone. An answer that should never be is
// the error.
func (c *client) work(p *serverProcess) error {
	for {
		if c.waiting == nil {
			c.waiting = c.next()
		}
		if gone, err := c.send(p); gone || err != nil {
			return err
		}
	}
}

// send sends what is waiting; gone tells that no answer came.
func (c *client) send(p *serverProcess) (gone bool, err error) {
	r := c.waiting
	if r == nil {
		return false, nil
	}
	status, body, err := p.call(r.method, r.path, r.body, r.key)
	if err != nil {
		if errors.Is(err, errBroken) {
			c.broken++
		}
		return true, nil
	}
	if c.tolerates != nil && status >= 500 && c.tolerates(status, body) {
		return true, nil
	}
	if status >= 500 || status == http.StatusBadRequest || status == http.StatusUnauthorized ||
		status == http.StatusForbidden {
		return false, fmt.Errorf("%s %s: %d %s", r.method, r.path, status, body)
	}
	c.waiting = nil
	if status >= 400 && status != http.StatusConflict && status != http.StatusUnprocessableEntity {
		return false, fmt.Errorf("%s %s: %d %s", r.method, r.path, status, body)
	}
	c.acked[r.key] = status
	if status >= 400 {
		c.refused++
	}
	return false, r.answered(status, body)
}

// next thinks of a request.
func (c *client) next() *pendingRequest {
	c.sent++
	r := &pendingRequest{key: fmt.Sprintf("client-%d-%d", c.n, c.sent), method: "POST"}
	switch dice := c.chance.IntN(100); {
	case dice < 20 || len(c.leads) == 0:
		r.path, r.body = "/leads", fmt.Sprintf(`{"name":"Lead %s","source":"crash","external_id":%q}`, r.key, r.key)
		r.answered = func(status int, body []byte) error {
			id, err := idIn(body)
			c.leads = append(c.leads, id)
			return err
		}
	case dice < 25:
		r.path, r.body = "/patients", fmt.Sprintf(`{"given_name":"P","family_name":"Patient %s"}`, r.key)
		r.answered = func(int, []byte) error { c.patients++; return nil }
	case dice < 35:
		c.hold(r)
	case dice < 65 || len(c.visits) == 0:
		c.book(r, fmt.Sprintf(`"provider_id":%d,%s`, 1+c.chance.IntN(3), c.slot()))
	default:
		c.change(r, c.visits[c.chance.IntN(len(c.visits))])
	}
	return r
}

// slot is half an hour somewhere in the next weeks.
func (c *client) slot() string {
	at := c.first.Add(time.Duration(c.chance.IntN(20*96)) * 15 * time.Minute)
	return fmt.Sprintf(`"scheduled_at":%q,"ends_at":%q`, at.Format(time.RFC3339),
		at.Add(30*time.Minute).Format(time.RFC3339))
}

func (c *client) book(r *pendingRequest, where string) {
	r.path, r.body = "/appointments", fmt.Sprintf(`{"lead_id":%q,"title":%q,%s}`, c.leads[c.chance.IntN(len(c.leads))],
		r.key, where)
	r.answered = func(status int, body []byte) error {
		if status != http.StatusCreated {
			return nil
		}
		v, err := bookingIn(body)
		c.visits = append(c.visits, v)
		return err
	}
}

// hold reserves a slot; the next request books it.
func (c *client) hold(r *pendingRequest) {
	r.path, r.body = "/holds", fmt.Sprintf(`{"provider_id":%d,"minutes":15,%s}`, 1+c.chance.IntN(3), c.slot())
	r.answered = func(status int, body []byte) error {
		var hold struct{ Data struct{ ID, Token string } }
		if err := json.Unmarshal(body, &hold); err != nil || status != http.StatusCreated || hold.Data.Token == "" {
			return err // a replay does not reveal the token: that hold expires by itself
		}
		c.sent++
		c.waiting = &pendingRequest{key: fmt.Sprintf("client-%d-%d", c.n, c.sent), method: "POST"}
		c.book(c.waiting, fmt.Sprintf(`"hold_id":%q,"hold_token":%q`, hold.Data.ID, hold.Data.Token))
		return nil
	}
}

// change confirms, cancels or moves.
func (c *client) change(r *pendingRequest, v *crashBooking) {
	after := outcome{v.status, v.start}
	switch c.chance.IntN(3) {
	case 0:
		r.path, r.body, after.status = "/appointments/"+v.id+"/confirm", "{}", "confirmed"
	case 1:
		r.path, r.body, after.status = "/appointments/"+v.id+"/cancel", `{"reason":"crash"}`, "cancelled"
	default:
		at := c.first.Add(time.Duration(c.chance.IntN(20*96)) * 15 * time.Minute).UTC()
		after.start = at.Format(time.RFC3339)
		r.path, r.body = "/appointments/"+v.id+"/reschedule", fmt.Sprintf(`{"scheduled_at":%q}`, after.start)
	}
	v.maybe = &after
	r.answered = func(status int, body []byte) error {
		v.maybe = nil
		if status != http.StatusOK {
			return nil
		}
		now, err := bookingIn(body)
		v.status, v.start = now.status, now.start
		if err == nil && (v.status != after.status || v.start != after.start) {
			err = fmt.Errorf("%s gave %+v, want %+v", r.path, *now, after)
		}
		return err
	}
}

func idIn(body []byte) (string, error) {
	var reply struct{ Data struct{ ID string } }
	err := json.Unmarshal(body, &reply)
	return reply.Data.ID, err
}

func bookingIn(body []byte) (*crashBooking, error) {
	var reply struct {
		Data struct {
			ID, Status  string
			ScheduledAt string `json:"scheduled_at"`
		}
	}
	err := json.Unmarshal(body, &reply)
	return &crashBooking{id: reply.Data.ID, status: reply.Data.Status, start: reply.Data.ScheduledAt}, err
}
