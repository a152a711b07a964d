package webhook

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"qualifybase/engine/outbox"
	"qualifybase/engine/secret"
)

// bench is a sender over a memory outbox and a fake network, inside a synctest
// bubble: hours pass in milliseconds.
type bench struct {
	t      *testing.T
	box    *memory
	net    *fakeNet
	cfg    Config
	sealer *secret.Sealer
	log    bytes.Buffer
	stop   func() // ends the sender and waits for it
	sender *Sender
}

func newBench(t *testing.T) *bench {
	sealer, err := secret.NewSealer(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, box: newMemory(), net: &fakeNet{hosts: map[string]behaviour{}}, sealer: sealer}
	b.cfg = Config{
		Outbox: b.box, Secrets: sealer, Policy: policy(t), Transport: b.net, Version: "1.0",
		Jitter: func() float64 { return 0 },
		Log:    slog.New(slog.NewTextHandler(&b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	return b
}

// target is an endpoint at https://<id>.example.com/ that behaves so.
func (b *bench) target(id string, max int, how behaviour) *outbox.Target {
	b.net.hosts[id+".example.com"] = how
	return &outbox.Target{
		WebhookID: id, URL: "https://" + id + ".example.com/canary-url", MaxInFlight: max,
		Secret: b.sealer.Seal(secret.NewWebhookSecret(), secret.SealedFor(id)),
	}
}

func (b *bench) start() {
	ctx, cancel := context.WithCancel(b.t.Context())
	b.sender = New(b.cfg)
	ended := make(chan struct{})
	go func() { defer close(ended); b.sender.Run(ctx) }()
	b.stop = func() { cancel(); <-ended }
}

// behaviour answers one request.
type behaviour func(*http.Request) (*http.Response, error)

func status(code int, header ...string) behaviour {
	return func(*http.Request) (*http.Response, error) {
		h := http.Header{}
		for i := 0; i+1 < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: code, Header: h, Body: io.NopCloser(strings.NewReader("canary-response"))},
			nil
	}
}

func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func after(d time.Duration, then behaviour) behaviour {
	return func(r *http.Request) (*http.Response, error) {
		select {
		case <-time.After(d):
			return then(r)
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
}

// fakeNet is a transport without a network that remembers what it saw.
type fakeNet struct {
	hosts map[string]behaviour
	mu    sync.Mutex
	seen  []sight
	now   map[string]int // under way by host; "" = in all
	most  map[string]int // the most of it
}

type sight struct {
	at   time.Time
	host string
	id   string // webhook-id
}

func (f *fakeNet) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	if f.now == nil {
		f.now, f.most = map[string]int{}, map[string]int{}
	}
	id := "webhook-id" // as it is spelled on the wire
	f.seen = append(f.seen, sight{time.Now(), r.URL.Host, r.Header[id][0]})
	for _, k := range []string{"", r.URL.Host} {
		f.now[k]++
		f.most[k] = max(f.most[k], f.now[k])
	}
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.now[""]--
		f.now[r.URL.Host]--
		f.mu.Unlock()
	}()
	return f.hosts[r.URL.Host](r)
}

// peak is the most that was under way at once at a host; "" = in all.
func (f *fakeNet) peak(host string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.most[host]
}

func (f *fakeNet) times(host string) (out []time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.seen {
		if s.host == host+".example.com" {
			out = append(out, s.at)
		}
	}
	return out
}

// The schedule of the document: +0, 1, 3, 7, 15, 31 minutes, then the dead letter queue.
func TestRetrySchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		began := time.Now()
		b.box.add("d", began.Unix(), b.target("down", 1, status(500)))
		b.start()
		time.Sleep(24 * time.Hour)
		b.stop()
		got := b.net.times("down")
		want := []int{0, 1, 3, 7, 15, 31}
		if len(got) != len(want) {
			t.Fatalf("%d requests, want %d", len(got), len(want))
		}
		for i, at := range got {
			if at.Sub(began) != time.Duration(want[i])*time.Minute {
				t.Errorf("request %d after %v, want %d min", i+1, at.Sub(began), want[i])
			}
		}
		if r := b.box.row("d"); r.state != "dead" || r.attempts != 6 {
			t.Errorf("%s after %d attempts", r.state, r.attempts)
		}
		for i, a := range b.box.attempts() {
			if a.Attempt != i+1 || a.Status != 500 || a.Class != outbox.BadStatus || a.Response != "canary-response" {
				t.Errorf("attempt row %d: %+v", i+1, a)
			}
		}
	})
}

func TestJitterAndRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.cfg.Jitter = func() float64 { return 0.999999 }
		b.box.add("j", time.Now().Unix(), b.target("jitter", 1, status(503)))
		b.box.add("r", time.Now().Unix(), b.target("later", 1, status(429, "Retry-After", "100000")))
		b.start()
		time.Sleep(3 * time.Hour)
		b.stop()
		for host, bounds := range map[string][2][]time.Duration{
			"jitter": {{60, 120, 240, 480, 960}, {67, 133, 265, 511, 991}},
			"later":  {{120, 240, 480, 960, 1920}, {121, 241, 481, 961, 1921}},
		} {
			got := b.net.times(host)
			if len(got) != 6 {
				t.Fatalf("%s: %d requests", host, len(got))
			}
			for i := range 5 {
				if gap := got[i+1].Sub(got[i]); gap < bounds[0][i]*time.Second || gap > bounds[1][i]*time.Second {
					t.Errorf("%s: gap %d is %v, want %d to %d s", host, i+1, gap, bounds[0][i], bounds[1][i])
				}
			}
		}
	})
}

// A receiver that hangs fills its own slot; everybody else is served at once.
func TestHangingEndpointHarmsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		began := time.Now()
		hung := b.target("hang", 1, hang)
		for i := range 50 {
			b.box.add(fmt.Sprintf("h%02d", i), began.Unix(), hung)
		}
		for e := range 10 {
			to := b.target(fmt.Sprintf("good%d", e), 1, after(5*time.Millisecond, status(204)))
			for i := range 20 {
				b.box.add(fmt.Sprintf("g%d-%02d", e, i), began.Unix(), to)
			}
		}
		b.start()
		time.Sleep(time.Second)
		for e := range 10 {
			for i := range 20 {
				if r := b.box.row(fmt.Sprintf("g%d-%02d", e, i)); r.state != "succeeded" {
					t.Fatalf("after a second a healthy delivery is %s", r.state)
				}
			}
		}
		if n := len(b.net.times("hang")); n != 1 {
			t.Errorf("%d requests to the hanging endpoint", n)
		}
		time.Sleep(15 * time.Second)
		if a := b.box.attempts(); a[len(a)-1].Class != outbox.TimedOut || a[len(a)-1].MS != 15000 {
			t.Errorf("the hanging attempt ended as %+v", a[len(a)-1])
		}
		if n := b.net.peak("hang.example.com"); n != 1 {
			t.Errorf("%d at once at the hanging endpoint", n)
		}
		b.stop()
	})
}

func TestLimitsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		began := time.Now().Unix()
		for e := range 6 {
			to := b.target(fmt.Sprintf("e%d", e), 1+e*2, after(50*time.Millisecond, status(200)))
			for i := range 60 {
				b.box.add(fmt.Sprintf("e%d-%02d", e, i), began, to)
			}
		}
		b.start()
		time.Sleep(20 * time.Second)
		if n := b.box.open(); n != 0 {
			t.Fatalf("%d deliveries are open", n)
		}
		b.stop()
		if n := b.net.peak(""); n != DefaultInFlight {
			t.Errorf("%d in flight at most, want %d", n, DefaultInFlight)
		}
		for e := range 6 {
			if n := b.net.peak(fmt.Sprintf("e%d.example.com", e)); n > min(1+e*2, 8) {
				t.Errorf("endpoint %d with limit %d had %d in flight", e, 1+e*2, n)
			}
		}
		first := map[string]int{}
		for _, s := range b.net.seen { // one at a time: in order
			var e, i int
			fmt.Sscanf(s.id, "evt_e%d-%d", &e, &i)
			if e == 0 && i != first[s.host] {
				t.Errorf("%s came in place %d", s.id, first[s.host])
			}
			first[s.host]++
		}
	})
}

// One endpoint with a long backlog takes turns with the one that has a single
// delivery.
func TestBacklogDoesNotBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		began := time.Now()
		small := b.target("z-small", 1, status(200))
		big := b.target("a-big", 8, after(20*time.Millisecond, status(200)))
		for i := range 3000 {
			b.box.add(fmt.Sprintf("b%04d", i), began.Unix()-3600, big)
		}
		b.start()
		time.Sleep(500 * time.Millisecond)
		b.box.add("s", time.Now().Unix(), small)
		b.sender.Nudge()
		time.Sleep(100 * time.Millisecond)
		if r := b.box.row("s"); r.state != "succeeded" {
			t.Errorf("the single delivery is %s", r.state)
		}
		time.Sleep(time.Minute)
		b.stop()
		if n := b.box.open(); n != 0 {
			t.Errorf("%d left of the backlog", n)
		}
	})
}

func TestOutcomes(t *testing.T) {
	broken := func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }
	for _, c := range []struct {
		name     string
		how      behaviour
		result   outbox.Result
		class    outbox.Class
		disabled bool
	}{
		{"200", status(200), outbox.Delivered, "", false},
		{"204", status(204), outbox.Delivered, "", false},
		{"299", status(299), outbox.Delivered, "", false},
		{"302", status(302, "Location", "https://elsewhere.example.com/"), outbox.Retry, outbox.Redirected, false},
		{"304", status(304), outbox.Retry, outbox.Redirected, false},
		{"400", status(400), outbox.Retry, outbox.BadStatus, false},
		{"404", status(404), outbox.Retry, outbox.BadStatus, false},
		{"410", status(410), outbox.Retry, outbox.EndpointGone, true},
		{"500", status(500), outbox.Retry, outbox.BadStatus, false},
		{"101", status(101), outbox.Retry, outbox.BadStatus, false},
		{"cut off", broken, outbox.Retry, outbox.ConnectFailed, false},
		{"no answer", hang, outbox.Retry, outbox.TimedOut, false},
		{"refused when dialled", func(*http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("dial: %w", refusedPrivate)
		}, outbox.Dead, outbox.Blocked, false},
		{"panic", func(*http.Request) (*http.Response, error) { panic("canary-panic") }, outbox.Retry,
			outbox.InternalFault, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				b.box.add("d", time.Now().Unix(), b.target("x", 1, c.how))
				b.box.add("other", time.Now().Unix(), b.target("y", 1, status(200)))
				b.start()
				time.Sleep(20 * time.Second)
				b.stop()
				var got *outbox.Settlement
				for _, a := range b.box.attempts() {
					if a.DeliveryID == "d" {
						got = &a
					}
				}
				if got == nil || got.Result != c.result || got.Class != c.class || b.box.off["x"] != c.disabled {
					t.Fatalf("%+v, disabled %v", got, b.box.off["x"])
				}
				if c.class == outbox.Blocked && !strings.Contains(got.Error(), AllowSetting) {
					t.Errorf("%q does not name the setting", got.Error())
				}
				if b.box.row("other").state != "succeeded" {
					t.Error("the other endpoint suffered")
				}
				for _, canary := range []string{"canary", "example.com", "whsec_", "appointment.created"} {
					if strings.Contains(b.log.String(), canary) {
						t.Errorf("the log has %q:\n%s", canary, b.log.String())
					}
				}
			})
		})
	}
}

// What the policy or the key file forbids is never sent.
func TestNothingSentWhenRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		now := time.Now().Unix()
		plain := b.target("plain", 1, status(200))
		plain.URL = "http://plain.example.com/"
		b.box.add("plain", now, plain)
		inner := b.target("inner", 1, status(200))
		inner.URL = "https://10.0.0.7/"
		b.box.add("inner", now, inner)
		foreign := b.target("foreign", 1, status(200))
		foreign.Secret = b.target("another", 1, nil).Secret
		b.box.add("foreign", now, foreign)
		b.start()
		time.Sleep(10 * time.Second)
		b.stop()
		if len(b.net.seen) != 0 {
			t.Errorf("%d requests", len(b.net.seen))
		}
		for id, want := range map[string]string{"plain": "dead", "inner": "dead", "foreign": "pending"} {
			if r := b.box.row(id); r.state != want {
				t.Errorf("%s is %s, want %s", id, r.state, want)
			}
		}
		for _, a := range b.box.attempts() {
			if a.Class == outbox.Blocked && !strings.Contains(a.Error(), AllowSetting) {
				t.Errorf("%q does not name the setting", a.Error())
			}
		}
		if s := b.sender.Stats(); s.Blocked != 2 || s.Dead != 2 || s.Retried != 1 || s.InFlight != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}
