package cmd

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"qualifybase/cmd/config"
	"qualifybase/engine/access"
	"qualifybase/engine/act"
	"qualifybase/engine/secret"
)

// testServer runs a server on a clinic of its own until the test ends it.
type testServer struct {
	*server
	addr string
	url  string
	key  string
	stop context.CancelFunc
	done chan error
}

func startServer(t *testing.T, set func(*config.Config)) *testServer {
	t.Helper()
	g := &global{data: t.TempDir(), files: os.DirFS(".."), env: environment()}
	l := config.Default()
	if set != nil {
		set(l.Config)
	}
	d, err := g.dir()
	if err != nil {
		t.Fatal(err)
	}
	st, err := d.OpenOrMake(l.Database, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &testServer{done: make(chan error, 1)}
	if s.server, err = newServer(l, st, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	f := clinicOptions{}
	f.assume(environment("TZ=UTC"))
	clinic, err := f.createClinic(t.Context(), s.engine, "test")
	if err != nil {
		t.Fatal(err)
	}
	key, err := s.engine.CreateKey(t.Context(), act.Shell(clinic.N, "test"),
		access.KeyDraft{Name: "test", Family: secret.FamilyLive})
	if err != nil {
		t.Fatal(err)
	}
	s.key = key.Secret
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = listen.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	t.Cleanup(stop)
	announced := make(chan string, 1)
	go func() { s.done <- s.run(ctx, listen, func(url string) { announced <- url }) }()
	select {
	case s.url = <-announced:
	case err := <-s.done:
		t.Fatal(err)
	}
	return s
}

// TestShutdownFinishesWhatIsInFlight: a request whose body is still on its way
// when the server is told to end is answered and kept; new ones are not accepted.
func TestShutdownFinishesWhatIsInFlight(t *testing.T) {
	s := startServer(t, nil)
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := `{"name": "Ada Beispiel"}`
	fmt.Fprintf(conn, "POST /api/v1/leads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: "+
		"application/json\r\nContent-Length: %d\r\n\r\n%s",
		s.key, len(body), body[:5])
	for s.api.Stats().InFlight == 0 {
		time.Sleep(time.Millisecond)
	}
	s.stop()
	for { // until nobody is accepted any more
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			break
		}
		c.Close()
		time.Sleep(time.Millisecond)
	}
	select {
	case err := <-s.done:
		t.Fatalf("it ended with a request in flight: %v", err)
	default:
	}
	if _, err := io.WriteString(conn, body[5:]); err != nil {
		t.Fatal(err)
	}
	reply, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || reply.StatusCode != http.StatusCreated {
		t.Fatalf("%v, %v", reply, err)
	}
	if err := <-s.done; err != nil {
		t.Fatal(err)
	}
}

// TestShutdownDoesNotWaitForEver: a client that stops talking is cut off.
func TestShutdownDoesNotWaitForEver(t *testing.T) {
	s := startServer(t, func(c *config.Config) { c.Server.ShutdownTimeout = config.Duration(50 * time.Millisecond) })
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /api/v1/leads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: "+
		"100\r\n\r\n{", s.key)
	for s.api.Stats().InFlight == 0 {
		time.Sleep(time.Millisecond)
	}
	s.stop()
	if err := <-s.done; err != nil {
		t.Fatal(err)
	}
}

// TestSlowHeadersAreCutOff: dribbling a header byte by byte keeps no connection.
func TestSlowHeadersAreCutOff(t *testing.T) {
	s := startServer(t, func(c *config.Config) { c.Server.ReadHeaderTimeout = config.Duration(50 * time.Millisecond) })
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(conn); err != nil || strings.Contains(string(text), "200 OK") {
		t.Fatalf("%q, %v", text, err)
	}
}

func TestServerAddress(t *testing.T) {
	for _, c := range []struct {
		addr   string
		secure bool
		domain string
		want   string
	}{
		{"127.0.0.1:8080", false, "", "http://127.0.0.1:8080"},
		{"[::1]:8080", false, "", "http://[::1]:8080"},
		{"[::]:8080", false, "", "http://localhost:8080"},
		{"0.0.0.0:443", true, "", "https://localhost"},
		{"10.0.0.7:80", false, "", "http://10.0.0.7"},
		{"[::]:443", true, "qb.clinic.example", "https://qb.clinic.example"},
		{"[::]:8443", true, "qb.clinic.example", "https://qb.clinic.example:8443"},
	} {
		f := &listener{secure: c.secure, domain: c.domain}
		a, err := net.ResolveTCPAddr("tcp", c.addr)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.url(a); got != c.want {
			t.Errorf("%s: %s, want %s", c.addr, got, c.want)
		}
	}
}
