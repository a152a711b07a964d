package gate

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"qualifybase/engine/fault"
)

// plain is a face that refuses in plain text.
type plain struct{ *Request }

func (f plain) Refuse(err error) { http.Error(f, string(fault.KindOf(err)), http.StatusTeapot) }

// through leads a request through a gate to a handler, and gives the reply and the log.
func through(o Options, r *http.Request, handle http.HandlerFunc) (*httptest.ResponseRecorder, string) {
	var text bytes.Buffer
	o.Log = slog.New(slog.NewTextHandler(&text, nil))
	g, q, w := New(o), &Request{}, httptest.NewRecorder()
	face := plain{q}
	func() {
		defer func() { g.Leave(q, recover(), face) }()
		err := g.Enter(q, w, r)
		if err == nil {
			err = g.RequireHTTPS(q)
		}
		if err != nil {
			face.Refuse(err)
			return
		}
		q.Route = "/patients/:id"
		handle(q, r)
	}()
	if n := g.InFlight(); n != 0 {
		text.WriteString("still in flight")
	}
	return w, text.String()
}

func TestClient(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.1/32")}
	for _, c := range []struct {
		remote, hops, proto string
		tls                 bool
		ip                  string
		status              int
	}{
		{"203.0.113.9:1234", "", "", true, "203.0.113.9", 200},
		{"203.0.113.9:1234", "", "", false, "203.0.113.9", 418},
		{"127.0.0.1:1234", "", "", false, "127.0.0.1", 200},
		{"[::1]:1234", "", "", false, "::1", 200},
		{"203.0.113.9:1234", "198.51.100.7", "https", false, "203.0.113.9", 418}, // no proxy of ours says so
		{"10.0.0.1:1234", "198.51.100.7", "https", false, "198.51.100.7", 200},
		{"10.0.0.1:1234", "198.51.100.7", "http", false, "198.51.100.7", 418},
		{"10.0.0.1:1234", "127.0.0.1, 198.51.100.7, 10.0.0.2", "https", false, "198.51.100.7", 200},
		{"10.0.0.1:1234", "127.0.0.1, nonsense, 10.0.0.2", "https", false, "10.0.0.2", 200},
		{"10.0.0.1:1234", "", "", false, "10.0.0.1", 418},
	} {
		r := httptest.NewRequest("GET", "/patients/7", nil)
		r.RemoteAddr = c.remote
		r.Header.Set("X-Forwarded-For", c.hops)
		r.Header.Set("X-Forwarded-Proto", c.proto)
		if c.tls {
			r.TLS = &tls.ConnectionState{}
		}
		w, log := through(Options{Proxies: proxies}, r, func(http.ResponseWriter, *http.Request) {})
		if w.Code != c.status || !strings.Contains(log, " ip="+c.ip+"\n") {
			t.Errorf("%+v: %d %s", c, w.Code, log)
		}
		secure := c.tls || c.status == 200 && c.proto == "https"
		if (w.Header().Get("Strict-Transport-Security") != "") != secure {
			t.Errorf("%+v: headers %v", c, w.Header())
		}
	}
}

func TestRequestIsNamed(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest("BREW", "/patients/7?name=Ada", nil)
	w, log := through(Options{AllowHTTP: true}, r, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		w.WriteHeader(http.StatusOK) // superfluous: the first counts
	})
	id := w.Header().Get("X-Request-Id")
	if id == "" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers %v", w.Header())
	}
	for _, want := range []string{"method=other", "route=/patients/:id", "status=201", "request_id=" + id} {
		if !strings.Contains(log, want) {
			t.Errorf("%s lacks %s", log, want)
		}
	}
	if strings.Contains(log, "patients/7") || strings.Contains(log, "Ada") || strings.Contains(log, "BREW") {
		t.Errorf("the log shows the path, the query or a made-up method: %s", log)
	}
}

func TestPanicIsRefused(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest("GET", "/patients/7", nil)
	w, log := through(Options{AllowHTTP: true}, r, func(http.ResponseWriter, *http.Request) { panic("Ada Example") })
	if w.Code != http.StatusTeapot || !strings.Contains(w.Body.String(), string(fault.Internal)) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if !strings.Contains(log, `what="a string"`) || !strings.Contains(log, "gate_test.go") ||
		strings.Contains(log, "Ada") {
		t.Errorf("the log says %s", log)
	}
	w, log = through(Options{AllowHTTP: true}, r, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("half"))
		panic("too late")
	})
	if w.Body.String() != "half" || !strings.Contains(log, "status=200") {
		t.Errorf("%s after %q", log, w.Body)
	}
}

// net/http ends the connection of a handler that aborts: the gate must let it through.
func TestAbortGoesOn(t *testing.T) {
	t.Parallel()
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("out came %v", p)
		}
	}()
	r := httptest.NewRequest("GET", "/patients/7", nil)
	through(Options{AllowHTTP: true}, r, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
}

func TestLongHeadersAreRefused(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest("GET", "/patients/7", nil)
	r.Header.Set("X-Long", strings.Repeat("x", MaxHeaders))
	w, _ := through(Options{AllowHTTP: true}, r, func(http.ResponseWriter, *http.Request) { t.Error("it got in") })
	if !strings.Contains(w.Body.String(), string(fault.TooLarge)) || w.Header().Get("X-Request-Id") == "" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
}

// TestGateAllocates no more than what it sends: two headers' slices and the id.
func TestGateAllocates(t *testing.T) {
	g, q, r := New(Options{AllowHTTP: true}), &Request{}, httptest.NewRequest("GET", "/", nil)
	w := httptest.NewRecorder()
	n := testing.AllocsPerRun(100, func() {
		*q = Request{}
		if err := g.Enter(q, w, r); err != nil {
			t.Fatal(err)
		}
		g.Leave(q, nil, nil)
	})
	if n > 2 {
		t.Errorf("%v allocations", n)
	}
}
