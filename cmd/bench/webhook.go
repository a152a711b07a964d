package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/outbox"
	"qualifybase/engine/secret"
	"qualifybase/engine/uuid"
	"qualifybase/store"
	"qualifybase/webhook"
)

// What the webhook figures are measured with.
const (
	endpoints = 16
	workers   = webhook.DefaultInFlight
)

// receiver takes what arrives on loopback.
type receiver struct {
	url    string
	server *http.Server
}

// newReceiver starts one; arrived hears of each body, unless it is nil.
func newReceiver(arrived func([]byte)) (*receiver, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &receiver{url: "http://" + l.Addr().String() + "/"}
	r.server = &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		if arrived == nil {
			_, _ = io.Copy(io.Discard, req.Body)
			return
		}
		body, _ := io.ReadAll(req.Body)
		arrived(body)
	}), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = r.server.Serve(l) }()
	return r, nil
}

// eventBody is a booking's thin event.
var eventBody = sync.OnceValue(func() []byte {
	for _, t := range engine.New(nil, engine.Options{}).EventTypes() {
		if t.Type == "appointment.created" {
			return t.Example
		}
	}
	return nil
})

// bareDeliveries signs and posts with workers that keep no books.
func (b *bench) bareDeliveries(context.Context) (out sample, err error) {
	receiver, err := newReceiver(nil)
	if err != nil {
		return out, err
	}
	defer receiver.server.Close()
	policy, err := webhook.NewPolicy([]string{"127.0.0.1/32"})
	if err != nil {
		return out, err
	}
	tr := policy.Transport(webhook.TransportOptions{})
	defer tr.CloseIdleConnections()
	var (
		wait  sync.WaitGroup
		sent  atomic.Int64
		fault atomic.Pointer[error]
	)
	begin, body := time.Now(), eventBody()
	for range workers {
		wait.Go(func() {
			signer, err := webhook.NewSigner(secret.NewWebhookSecret(), "")
			for err == nil && time.Since(begin) < b.span() {
				err = postSigned(tr, receiver.url, signer, body)
				sent.Add(1)
			}
			if err != nil {
				fault.Store(&err)
			}
		})
	}
	wait.Wait()
	if e := fault.Load(); e != nil {
		return out, *e
	}
	out.perSecond = float64(sent.Load()) / time.Since(begin).Seconds()
	return out, nil
}

func postSigned(tr http.RoundTripper, url string, signer *webhook.Signer, body []byte) error {
	r, err := http.NewRequest("POST", url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	now := time.Now().Unix()
	sig := signer.Sign("evt_1", now, body)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(webhook.DefaultSignatureHeader, sig.Hex)
	r.Header.Set("X-QualifyBase-Event", "appointment.created")
	r.Header.Set("X-QualifyBase-Delivery", "1")
	r.Header["webhook-id"] = []string{"evt_1"}
	r.Header["webhook-timestamp"] = []string{strconv.FormatInt(now, 10)}
	r.Header["webhook-signature"] = []string{sig.Standard}
	res, err := tr.RoundTrip(r)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return err
}

// rowByRow is an outbox that shares no transaction: what group bookkeeping saves.
type rowByRow struct{ *engine.Engine }

// Exchange settles and claims one delivery in each transaction.
func (o rowByRow) Exchange(ctx context.Context, c outbox.Claim) ([]outbox.Delivery, error) {
	for _, s := range c.Settled {
		one := c
		one.Settled, one.Room = []outbox.Settlement{s}, 0
		if _, err := o.Engine.Exchange(ctx, one); err != nil {
			return nil, err
		}
	}
	var out []outbox.Delivery
	rooms := map[string]int{}
	for id, n := range c.Rooms {
		rooms[id] = n
	}
	c.Settled, c.Rooms = nil, rooms
	for room := c.Room; room > 0; room-- {
		c.Room = 1
		got, err := o.Engine.Exchange(ctx, c)
		if err != nil || len(got) == 0 {
			return out, err
		}
		c.After = got[0].To.WebhookID
		if _, named := rooms[c.After]; !named {
			rooms[c.After] = got[0].To.MaxInFlight
		}
		rooms[c.After]--
		out = append(out, got...)
	}
	return out, nil
}

// outboxBench is a database with deliveries that wait, and a sender on it.
type outboxBench struct {
	st     *store.Store
	engine *engine.Engine
	sender *webhook.Sender
	clinic int64
	hooks  []outbox.Webhook
}

func (b *bench) newOutbox(ctx context.Context, url string, single bool) (*outboxBench, error) {
	dir, err := os.MkdirTemp(b.dir, "outbox-")
	if err != nil {
		return nil, err
	}
	clinic, err := newClinic(ctx, dir, b.o.Schema, 1, 0)
	if err != nil {
		return nil, err
	}
	o := &outboxBench{clinic: clinic.n}
	if o.st, err = store.Open(filepath.Join(dir, dbFile), b.o.Schema, store.Options{}); err != nil {
		return nil, err
	}
	policy, err := webhook.NewPolicy([]string{"127.0.0.1/32"})
	if err != nil {
		return nil, err
	}
	sealer, err := secret.OpenSealer(dir)
	if err != nil {
		return nil, err
	}
	o.engine = engine.New(o.st, engine.Options{CheckURL: policy.CheckURL, Sealer: sealer,
		Nudge: func() { o.sender.Nudge() }})
	var box webhook.Outbox = o.engine
	if single {
		box = rowByRow{o.engine}
	}
	o.sender = webhook.New(webhook.Config{Outbox: box, Secrets: sealer, Policy: policy})
	return o, o.hook(ctx, url, endpoints)
}

// hook makes endpoints at the receiver.
func (o *outboxBench) hook(ctx context.Context, url string, n int) error {
	for range n {
		h, err := o.engine.CreateWebhook(ctx, act.Shell(o.clinic, "bench"),
			outbox.WebhookDraft{URL: &url, Events: &[]string{"appointment.created"}})
		if err != nil {
			return err
		}
		o.hooks = append(o.hooks, h)
	}
	return nil
}

// fill writes n deliveries that are due, over all endpoints.
func (o *outboxBench) fill(ctx context.Context, n int) error {
	now := time.Now()
	return engine.Update(ctx, o.st, func(tx engine.Tx) error {
		counters, err := tx.Counters(o.clinic)
		if err != nil {
			return err
		}
		for i := range n {
			h := o.hooks[i%len(o.hooks)]
			if i%len(o.hooks) == 0 {
				counters.Event++
				err := tx.InsertEvent(act.Event{Clinic: o.clinic, Seq: counters.Event, ID: "evt_" + uuid.New(now),
					Type:      "appointment.created",
					CreatedAt: now.Unix(), Data: json.RawMessage(`{}`)})
				if err != nil {
					return err
				}
			}
			err := tx.InsertDelivery(outbox.DeliveryEntry{ID: uuid.New(now), Clinic: o.clinic, Webhook: h.N,
				Seq: counters.Event, State: outbox.Pending,
				Cause: "event", NextAt: now.Unix(), CreatedAt: now.Unix()}, eventBody())
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// deliveries sends what waits and counts until it is all settled.
func (b *bench) deliveries(ctx context.Context, single bool) (out sample, err error) {
	receiver, err := newReceiver(nil)
	if err != nil {
		return out, err
	}
	defer receiver.server.Close()
	o, err := b.newOutbox(ctx, receiver.url, single)
	if err != nil {
		return out, err
	}
	defer o.st.Close()
	n := int(b.o.Seconds * 10_000)
	if single {
		n /= 8
	}
	if err := o.fill(ctx, n); err != nil {
		return out, err
	}
	work, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	begin := time.Now()
	go func() { defer close(ended); o.sender.Run(work) }()
	want := uint64(n) // #nosec G115 -- a count
	for ctx.Err() == nil && time.Since(begin) < time.Minute && o.sender.Stats().Succeeded < want {
		time.Sleep(time.Millisecond)
	}
	stop() // what is sent is settled before Run ends, and that counts
	<-ended
	took := time.Since(begin)
	if st := o.sender.Stats(); st.Succeeded != want {
		return out, fmt.Errorf("%d of %d deliveries succeeded: %+v", st.Succeeded, n, st)
	}
	out.perSecond = float64(n) / took.Seconds()
	return out, nil
}

// replyToArrival books over HTTP at an easy pace and times, from the reply that
// acknowledges a booking, when its event arrives; an event that is quicker than
// the reply counts as nothing.
func (b *bench) replyToArrival(ctx context.Context) (out sample, err error) {
	var mu sync.Mutex
	arrived := map[string]time.Time{}
	receiver, err := newReceiver(func(body []byte) {
		at := time.Now()
		var ev struct {
			Data struct{ Appointment struct{ ID string } }
		}
		_ = json.Unmarshal(body, &ev)
		mu.Lock()
		defer mu.Unlock()
		arrived[ev.Data.Appointment.ID] = at
	})
	if err != nil {
		return out, err
	}
	defer receiver.server.Close()
	s, err := b.startServer(ctx, kindHooked, 1000)
	if err != nil {
		return out, err
	}
	body := `{"url":"` + receiver.url + `","events":["appointment.created"]}`
	w, err := dialConnection(s.addr)
	if err != nil {
		return out, err
	}
	defer w.conn.Close()
	if status, reply, err := w.do(request("POST", "/api/v1/webhooks", s.clinic.key, body)); err != nil || status != 201 {
		return out, fmt.Errorf("no webhook: %d %s %w", status, reply, err)
	}
	replied := map[string]time.Time{}
	for begin, n := time.Now(), 0; time.Since(begin) < b.span(); n++ {
		status, reply, err := w.do(s.clinic.booking(0, n))
		at := time.Now()
		if err != nil || status != 201 {
			return out, fmt.Errorf("booking: %d %s %w", status, reply, err)
		}
		var a struct{ Data struct{ ID string } }
		if err := json.Unmarshal(reply, &a); err != nil {
			return out, err
		}
		replied[a.Data.ID] = at
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(200 * time.Millisecond)
	mu.Lock()
	defer mu.Unlock()
	var took []time.Duration
	for id, at := range replied {
		there, ok := arrived[id]
		if !ok {
			return out, fmt.Errorf("the event of a booking has not arrived within 200 ms")
		}
		took = append(took, max(0, there.Sub(at)))
	}
	return summarise(took, b.span()), nil
}
