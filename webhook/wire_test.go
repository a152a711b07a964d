package webhook

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"pgregory.net/rapid"

	"qualifybase/engine/outbox"
	"qualifybase/engine/secret"
)

// rig is a real sender on the real guarded transport, with deliveries to a real
// server on loopback.
func rig(t testing.TB, box *memory, tr *http.Transport) *Sender {
	t.Helper()
	sealer, err := secret.NewSealer(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Outbox: box, Secrets: sealer, Policy: policy(t, "127.0.0.1/32"), Version: "9.9"}
	if tr != nil {
		c.Transport = tr
	}
	s := New(c)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); s.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	return s
}

func sealedTarget(id, url, plain string) *outbox.Target {
	sealer, _ := secret.NewSealer(make([]byte, 32))
	return &outbox.Target{WebhookID: id, URL: url, MaxInFlight: 1, Secret: sealer.Seal(plain, secret.SealedFor(id))}
}

func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for range 2000 {
		if ok() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("%s: never happened", what)
}

// What arrives is the frozen body, verified by the official library, under the
// documented headers; during a rotation also with the old secret.
func TestOnTheWire(t *testing.T) {
	type arrival struct {
		h    http.Header
		body []byte
	}
	got := make(chan arrival, 2)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got <- arrival{r.Header.Clone(), b}
	}))
	defer srv.Close()
	box := newMemory()
	secret, old := secret.NewWebhookSecret(), secret.NewWebhookSecret()
	to := sealedTarget("w", srv.URL+"/hook", secret)
	to.SignatureHeader = KlinivoSignatureHeader
	to.OldSecret = sealedTarget("w", "", old).Secret
	to.OldUntil = time.Now().Unix() + 3600
	box.add("d1", time.Now().Unix(), to)
	s := rig(t, box, nil)
	a := <-got
	waitFor(t, "settled", func() bool { return box.open() == 0 })
	if string(a.body) != `{"id":"evt_d1"}` {
		t.Errorf("body %q", a.body)
	}
	for h, want := range map[string]string{
		"Content-Type": "application/json", "User-Agent": "QualifyBase-Webhooks/9.9", "Webhook-Id": "evt_d1",
		"X-Qualifybase-Event": "appointment.created", "X-Qualifybase-Delivery": "d1", "Content-Length": "15",
		"Accept-Encoding": "", "Idempotency-Key": "", "X-Qualifybase-Signature": "",
	} {
		if got := a.h.Get(h); got != want {
			t.Errorf("%s: %q, want %q", h, got, want)
		}
	}
	for name, secret := range map[string]string{"new": secret, "old": old} {
		w, err := standardwebhooks.NewWebhook(secret)
		if err == nil {
			err = w.Verify(a.body, a.h)
		}
		if err != nil {
			t.Errorf("%s secret: %v", name, err)
		}
	}
	if n := strings.Count(a.h.Get("X-Klinivo-Signature"), ",v1="); n != 3 {
		t.Errorf("hex header %q", a.h.Get("X-Klinivo-Signature"))
	}
	if st := s.Stats(); st.Succeeded != 1 || st.Turns < 2 {
		t.Errorf("stats %+v", st)
	}
}

// The first attempt after the overlap is signed with the new secret alone.
func TestRotationEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		var heads []string
		to := b.target("x", 1, func(r *http.Request) (*http.Response, error) {
			name := DefaultSignatureHeader // as it is spelled on the wire
			heads = append(heads, r.Header[name][0])
			return status(200)(r)
		})
		to.OldSecret, to.OldUntil = b.sealer.Seal(secret.NewWebhookSecret(), secret.SealedFor("x")),
			time.Now().Unix()+60
		b.box.add("a", time.Now().Unix(), to)
		b.box.add("b", time.Now().Unix()+59, to)
		b.box.add("c", time.Now().Unix()+60, to)
		b.start()
		time.Sleep(2 * time.Minute)
		b.stop()
		for i, want := range []int{3, 3, 1} {
			if n := strings.Count(heads[i], ",v1="); n != want {
				t.Errorf("attempt %d carries %d signatures, want %d", i, n, want)
			}
		}
	})
}

func TestOneConnectionIsKept(t *testing.T) {
	t.Parallel()
	var conns atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte("thanks"))
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	box := newMemory()
	to := sealedTarget("w", srv.URL, secret.NewWebhookSecret())
	for i := range 50 {
		box.add(fmt.Sprintf("d%02d", i), 0, to)
	}
	s := rig(t, box, nil)
	waitFor(t, "all sent", func() bool { return box.open() == 0 })
	if n := conns.Load(); n != 1 {
		t.Errorf("%d connections for 50 deliveries", n)
	}
	srv.CloseClientConnections() // a kept connection that is gone costs no attempt
	box.add("again", 0, to)
	s.Nudge()
	waitFor(t, "sent again", func() bool { return box.open() == 0 })
	if r := box.row("again"); r.attempts != 1 {
		t.Errorf("%d attempts after the connection was closed", r.attempts)
	}
}

// The answer is read as it is sent: not unpacked, 64 KiB at most, 4 KiB kept.
func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write(make([]byte, 10<<20))
	z.Close()
	var written atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Header["X-Qualifybase-Delivery"][0] {
		case "bomb":
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(zipped.Bytes()[:2000])
		case "flood":
			for range 1000 {
				n, err := w.Write(bytes.Repeat([]byte("x"), 64<<10))
				written.Add(int64(n))
				if err != nil {
					return
				}
			}
		case "latin1":
			w.Write([]byte("caf\xe9\x00 "))
			w.Write(bytes.Repeat([]byte("\xff"), 5000))
		}
	}))
	defer srv.Close()
	box := newMemory()
	to := sealedTarget("w", srv.URL, secret.NewWebhookSecret())
	for _, id := range []string{"bomb", "flood", "latin1"} {
		box.add(id, 0, to)
	}
	rig(t, box, nil)
	waitFor(t, "all sent", func() bool { return box.open() == 0 })
	for _, a := range box.attempts() {
		if a.Result != outbox.Delivered || len(a.Response) > maxKept || !utf8.ValidString(a.Response) ||
			strings.Contains(a.Response, "\x00") {
			t.Errorf("%s: %s, %d bytes kept", a.DeliveryID, a.Class, len(a.Response))
		}
		if a.DeliveryID == "latin1" && !strings.HasPrefix(a.Response, "caf\uFFFD\uFFFD ") {
			t.Errorf("kept %q", a.Response[:20])
		}
		if a.DeliveryID == "bomb" && len(a.Response) > 3*2000 {
			t.Error("the answer was unpacked")
		}
	}
	if n := written.Load(); n > 16<<20 { // what fits into socket buffers, not 64 MiB
		t.Errorf("%d bytes of the flood were taken", n)
	}
}

// dripping sends one delivery to a receiver that begins its answer with head and
// then sends a byte a second, for ever, and gives what became of the attempt. Real
// HTTP over a pipe, in fake time.
func dripping(t *testing.T, head string) (attempts []outbox.Settlement) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		tr := b.cfg.Policy.Transport(TransportOptions{})
		tr.DialContext = func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			go func() {
				defer there.Close()
				buf := make([]byte, 4096)
				there.Read(buf)
				fmt.Fprint(there, head)
				for {
					time.Sleep(time.Second)
					if _, err := there.Write([]byte(".")); err != nil {
						return
					}
				}
			}()
			return here, nil
		}
		b.cfg.Policy = policy(t, "drip.example.com")
		b.cfg.Transport = tr
		to := b.target("drip", 1, nil)
		to.URL = "http://drip.example.com/"
		b.box.add("d", time.Now().Unix(), to)
		b.start()
		time.Sleep(20 * time.Second)
		b.stop()
		attempts = b.box.attempts()
	})
	return attempts
}

// The whole attempt ends after 15 s, however slowly an answer goes on.
func TestSlowDrip(t *testing.T) {
	t.Parallel()
	a := dripping(t, "HTTP/1.1 500 No\r\nContent-Length: 100000\r\n\r\n")
	if len(a) != 1 || a[0].MS != 15000 || a[0].Status != 500 || len(a[0].Response) < 10 {
		t.Errorf("%+v", a)
	}
}

// A receiver that wants to speak another protocol hands over its bare connection,
// which no deadline of a request ends: nobody waits for it.
func TestSwitchingProtocols(t *testing.T) {
	t.Parallel()
	a := dripping(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	if len(a) != 1 || a[0].MS >= 15000 || a[0].Status != 101 || a[0].Class != outbox.BadStatus ||
		a[0].Result != outbox.Retry {
		t.Errorf("%+v", a)
	}
}

func TestClassify(t *testing.T) {
	t.Parallel()
	expired := x509.CertificateInvalidError{Reason: x509.Expired}
	for _, c := range []struct {
		err   error
		class outbox.Class
	}{
		{&net.DNSError{Err: "no such host", IsNotFound: true}, outbox.ConnectFailed},
		{&net.DNSError{Err: "i/o timeout", IsTimeout: true}, outbox.TimedOut},
		{&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, outbox.TimedOut},
		{&net.OpError{Op: "dial", Err: errors.New("connection refused")}, outbox.ConnectFailed},
		{&net.OpError{Op: "dial", Err: refusedMetadata}, outbox.Blocked},
		{context.DeadlineExceeded, outbox.TimedOut},
		{&tls.CertificateVerificationError{Err: expired}, outbox.TLSFailed},
		{x509.UnknownAuthorityError{}, outbox.TLSFailed},
		{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, outbox.TLSFailed},
		{errors.New("remote error: tls: protocol version not supported"), outbox.TLSFailed},
		{io.ErrUnexpectedEOF, outbox.ConnectFailed},
	} {
		if class, hint := classify(c.err); class != c.class || strings.Contains(hint, "10.") {
			t.Errorf("%v: %s (%s), want %s", c.err, class, hint, c.class)
		}
	}
}

func TestCleanText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "bytes")
		if rapid.Bool().Draw(t, "text") {
			b = []byte(rapid.String().Draw(t, "string"))
		}
		max := rapid.IntRange(0, 200).Draw(t, "max")
		s := cleanText(b, max)
		if len(s) > max || !utf8.ValidString(s) || strings.Contains(s, "\x00") {
			t.Fatalf("%q of %q", s, b)
		}
		if len(b) <= max && utf8.Valid(b) && !bytes.Contains(b, []byte{0}) && s != string(b) {
			t.Fatalf("%q was changed to %q", b, s)
		}
	})
}
