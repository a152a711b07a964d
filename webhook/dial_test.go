package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// tripwire is a server on both loopback addresses that counts connections.
type tripwire struct {
	port  uint16
	conns atomic.Int64
}

func newTripwire(t *testing.T) *tripwire {
	t.Helper()
	w := &tripwire{}
	v4, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.port = v4.Addr().(*net.TCPAddr).AddrPort().Port()
	listeners := []net.Listener{v4}
	if v6, err := net.Listen("tcp", fmt.Sprintf("[::1]:%d", w.port)); err == nil {
		listeners = append(listeners, v6)
	}
	for _, l := range listeners {
		s := &http.Server{
			Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }),
			ConnState: func(_ net.Conn, s http.ConnState) {
				if s == http.StateNew {
					w.conns.Add(1)
				}
			},
		}
		go s.Serve(l)
		t.Cleanup(func() { s.Close() })
	}
	return w
}

func post(t *testing.T, rt http.RoundTripper, url string) (int, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "POST", url, strings.NewReader("{}"))
	if err != nil {
		return 0, err
	}
	res, err := rt.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	res.Body.Close()
	return res.StatusCode, nil
}

// ssrfHosts are targets that must never be reached without the operator's word, as
// a host of a URL; what a name resolves to is in the table below.
var ssrfHosts = []string{
	// loopback in every spelling
	"127.0.0.1", "127.0.0.2", "127.255.255.254", "localhost", "LOCALHOST", "localhost.", "api.localhost", "[::1]",
	"[0:0:0:0:0:0:0:1]",
	"2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "127.1", "127.0.1", "0", "0.0.0.0", "[::]",
	"[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "127.0.0.1.nip.example", "rebind.example",
	"mixed.example", "six.example",
	// private, shared, link-local, metadata
	"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1", "169.254.1.1", "169.254.169.254",
	"metadata.example",
	"100.100.100.200", "168.63.129.16", "[fd00:ec2::254]", "[fc00::1]", "[fdff::1]", "[fe80::1]", "[::ffff:10.0.0.1]",
	"[::ffff:169.254.169.254]",
	// translated and tunnelled
	"[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2002:a00:1::1]",
	"[2001:0:7f00:1::1]", "[2001:0:1:2:3:4:80ff:fffe]",
	// multicast, broadcast, reserved, documentation
	"224.0.0.1", "239.255.255.250", "255.255.255.255", "240.0.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1",
	"203.0.113.1", "[ff02::1]", "[2001:db8::1]", "[100::1]",
	// names of the inner network
	"crm", "db.internal.example", "cgnat.example",
}

func ssrfNames() *names {
	return &names{answers: map[string][][]string{
		"*":                       {{"127.0.0.1", "::1"}}, // as a resolver that understands odd spellings would answer
		"rebind.example.":         {{"93.184.215.14"}, {"127.0.0.1"}},
		"mixed.example.":          {{"10.0.0.7", "127.0.0.1", "::1", "fd00::1"}},
		"six.example.":            {{"::1", "64:ff9b::7f00:1", "2002:7f00:1::"}},
		"metadata.example.":       {{"169.254.169.254", "fd00:ec2::254"}},
		"db.internal.example.":    {{"10.20.30.40"}},
		"cgnat.example.":          {{"100.64.3.4"}},
		"127.0.0.1.nip.example.":  {{"127.0.0.1"}},
		"allowed.example.":        {{"127.0.0.1"}},
		"allowed-rebind.example.": {{"169.254.169.254"}},
	}}
}

// Nothing of the list is connected to: neither the dialer alone, which is the real
// check, nor the sender, which asks CheckURL first.
func TestNoConnectionToInnerTargets(t *testing.T) {
	t.Parallel()
	if len(ssrfHosts) < 40 {
		t.Fatalf("only %d cases", len(ssrfHosts))
	}
	wire := newTripwire(t)
	table := ssrfNames()
	res := table.resolver()
	// The first answer of the rebinding name is public and passes.
	first, err := res.LookupNetIP(t.Context(), "ip4", "rebind.example")
	if err != nil || policy(t).Check("rebind.example", netip.AddrPortFrom(first[0], 443)) != nil {
		t.Fatalf("the rebinding name does not begin innocent: %v, %v", first, err)
	}
	p := policy(t)
	rt := p.Transport(TransportOptions{Resolver: res})
	defer rt.CloseIdleConnections()
	for _, host := range ssrfHosts {
		for _, scheme := range []string{"http", "https"} {
			url := fmt.Sprintf("%s://%s:%d/", scheme, host, wire.port)
			if _, err := post(t, rt, url); err == nil {
				t.Errorf("%s was reached", url)
			} else if _, refused := errors.AsType[*Refusal](err); !refused && !noSuchName(err) {
				t.Errorf("%s: %v, want a refusal by the policy", url, err)
			}
		}
		literal := strings.HasPrefix(host, "[") || strings.Trim(host, "0123456789.x") == ""
		if literal && policyFault(t, p, "https://"+host+"/") == "" {
			t.Errorf("https://%s/ can be saved", host)
		}
	}
	if n := wire.conns.Load(); n != 0 {
		t.Errorf("%d connections, want 0", n)
	}
	if table.asked == 0 {
		t.Error("the resolver was never asked: the cases with names prove nothing")
	}
}

// noSuchName: Go's own resolver refuses numbers as names before it asks anybody.
func noSuchName(err error) bool {
	e, ok := errors.AsType[*net.DNSError](err)
	return ok && e.IsNotFound && strings.Trim(e.Name, "0123456789.") == ""
}

// The same wire is reached as soon as the operator says so: the test above can fail.
func TestAllowedTargetsConnect(t *testing.T) {
	t.Parallel()
	wire := newTripwire(t)
	res := ssrfNames().resolver()
	here := fmt.Sprintf(":%d", wire.port)
	for i, c := range []struct{ allow, host string }{
		{"127.0.0.1/32", "127.0.0.1"},
		{"127.0.0.0/8" + here, "[::ffff:127.0.0.1]"},
		{"127.0.0.1" + here, "allowed.example"},
		{"allowed.example", "allowed.example"},
		{"allowed.example" + here, "Allowed.Example"},
		{"127.0.0.1/32", "0x7f.0.0.1"}, // the dialer judges addresses; saving refuses the spelling
	} {
		rt := policy(t, c.allow).Transport(TransportOptions{Resolver: res})
		if status, err := post(t, rt, "http://"+c.host+here+"/"); status != 200 {
			t.Errorf("allow %s, %s: %d, %v", c.allow, c.host, status, err)
		}
		if n := wire.conns.Load(); n != int64(i+1) {
			t.Errorf("%s: %d connections", c.host, n)
		}
		rt.CloseIdleConnections()
	}
	reached := wire.conns.Load()
	for _, c := range []struct{ allow, host string }{
		{"127.0.0.1/32:1", "127.0.0.1"},                      // another port
		{"allowed.example:1", "allowed.example"},             // another port
		{"other.example", "allowed.example"},                 // another name, same address
		{"allowed-rebind.example", "allowed-rebind.example"}, // a listed name cannot lead to metadata
	} {
		rt := policy(t, c.allow).Transport(TransportOptions{Resolver: res})
		if _, err := post(t, rt, "http://"+c.host+here+"/"); err == nil {
			t.Errorf("allow %s reached %s", c.allow, c.host)
		}
	}
	own := policy(t, "127.0.0.1/32")
	own.SetOwn(netip.MustParseAddrPort("0.0.0.0" + here))
	if _, err := post(t, own.Transport(TransportOptions{}), "http://127.0.0.1"+here+"/"); err == nil {
		t.Error("the appliance posted to its own listener")
	}
	if n := wire.conns.Load() - reached; n != 0 {
		t.Errorf("%d connections that were not allowed", n)
	}
}

func TestNoRedirectNoProxy(t *testing.T) {
	wire := newTripwire(t)
	to := fmt.Sprintf("http://127.0.0.1:%d/", wire.port)
	t.Setenv("HTTP_PROXY", to)
	t.Setenv("HTTPS_PROXY", to)
	t.Setenv("ALL_PROXY", to)
	hop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var code int
		fmt.Sscanf(r.URL.Path, "/%d", &code)
		w.Header().Set("Location", to)
		w.WriteHeader(code)
	}))
	defer hop.Close()
	rt := policy(t, "127.0.0.1/32").Transport(TransportOptions{})
	defer rt.CloseIdleConnections()
	for _, code := range []int{300, 301, 302, 303, 307, 308} {
		if got, err := post(t, rt, fmt.Sprintf("%s/%d", hop.URL, code)); got != code {
			t.Errorf("%d: %d, %v", code, got, err)
		}
	}
	if n := wire.conns.Load(); n != 0 {
		t.Errorf("%d connections to the redirect's target or the proxy", n)
	}
}

func TestTLSAtLeast12(t *testing.T) {
	t.Parallel()
	server := func(max uint16) *httptest.Server {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: max}
		s.Config.ErrorLog = quiet
		s.StartTLS()
		t.Cleanup(s.Close)
		return s
	}
	for max, ok := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		s := server(max)
		roots := x509.NewCertPool()
		roots.AddCert(s.Certificate())
		rt := policy(t, "127.0.0.1/32").Transport(TransportOptions{RootCAs: roots})
		if _, err := post(t, rt, s.URL); (err == nil) != ok {
			t.Errorf("%s: %v", tls.VersionName(max), err)
		}
		if _, err := post(t, policy(t, "127.0.0.1/32").Transport(TransportOptions{}), s.URL); err == nil {
			t.Error("an unknown certificate was taken")
		}
		rt.CloseIdleConnections()
	}
}
