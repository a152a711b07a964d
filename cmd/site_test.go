package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what should take a moment: machines that
// test are busy, and a hang is told by it, not a slowness.
const patience = 60 * time.Second

// site is a data directory with a clinic that is open day and night, and a key.
type site struct {
	*testing.T
	data string
	key  string
	env  []string // settings of its server
}

// siteScopes is what the key of a site may do.
const siteScopes = "leads:read,leads:write,availability:read,appointments:read,appointments:write,webhooks:manage," +
	"patients:read,patients:write,providers:read,providers:write,consultations:read,consultations:write"

// newSite makes a clinic in dir; "" is a directory of the test's own.
func newSite(t *testing.T, dir string) *site {
	t.Helper()
	if testing.Short() {
		t.Skip("starts processes, which takes seconds")
	}
	if dir == "" {
		dir = t.TempDir()
	}
	s := &site{T: t, data: filepath.Join(dir, "qb-data")}
	s.qb("init", "--name", "Praxis", "--timezone", "Europe/Berlin", "--country", "DE", "--hours", "Mon-Sun 00:00-24:00")
	s.key = strings.TrimSpace(s.qb("keys", "create", "--name", "load", "--rate", "0", "--scopes", siteScopes))
	return s
}

// command is a qb process on the site, not yet started: this test's own binary,
// with everything between main and the disk in it.
func (s *site) command(args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], append([]string{"--data", s.data}, args...)...) // #nosec G204 -- this test itself
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "QB_") { // how long the suites run is no setting of qb
			c.Env = append(c.Env, v)
		}
	}
	c.Env = append(append(c.Env, childEnv+"=1"), s.env...)
	return c
}

// qb runs a verb that must succeed and gives its standard output.
func (s *site) qb(args ...string) string {
	s.Helper()
	c := s.command(args...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		s.Fatalf("qb %s: %v\n%s", strings.Join(args, " "), err, errs.String())
	}
	return out.String()
}

// server is a running `qb serve`.
type serverProcess struct {
	s     *site
	cmd   *exec.Cmd
	url   string
	ready time.Duration // from the start of the process until /readyz said ok
	out   lockedBuffer
	log   lockedBuffer
	ended chan struct{}
	http  http.Client
}

// lockedBuffer is written by a process and read by a test.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// serve starts a server and waits until it is ready.
func (s *site) serve() *serverProcess {
	s.Helper()
	p := &serverProcess{s: s, cmd: s.command("serve", "--listen", "127.0.0.1:0"), ended: make(chan struct{})}
	p.http.Transport = &http.Transport{MaxIdleConnsPerHost: 256}
	p.http.Timeout = patience
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.log
	began := time.Now()
	if err := p.cmd.Start(); err != nil {
		s.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait()
	}()
	s.Cleanup(p.kill)
	for !p.isReady() {
		select {
		case <-p.ended:
			s.Fatalf("the server ended: %v\n%s", p.cmd.ProcessState, p.log.String())
		case <-time.After(5 * time.Millisecond):
		}
		if time.Since(began) > patience {
			s.Fatalf("not ready after %v\n%s", patience, p.log.String())
		}
	}
	p.ready = time.Since(began)
	return p
}

func (p *serverProcess) isReady() bool {
	if p.url == "" {
		_, line, _ := strings.Cut(p.out.String(), "listening on ")
		url, _, whole := strings.Cut(line, "\n")
		if !whole {
			return false
		}
		p.url = url
	}
	status, _, err := p.call("GET", "//readyz", "", "")
	return err == nil && status == http.StatusOK
}

// call sends a request with the site's key; a path that begins with // lies
// outside the API. A reply that breaks off is an error.
func (p *serverProcess) call(method, path, body, idempotencyKey string) (int, []byte, error) {
	target := p.url + "/api/v1" + path
	if strings.HasPrefix(path, "//") {
		target = p.url + path[1:]
	}
	r, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Authorization", "Bearer "+p.s.key)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if idempotencyKey != "" {
		r.Header.Set("Idempotency-Key", idempotencyKey)
	}
	reply, err := p.http.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		err = errors.Join(errBroken, err)
	}
	return reply.StatusCode, text, err
}

var errBroken = errors.New("the reply broke off")

// must is call that has to give the status.
func (p *serverProcess) must(status int, method, path, body string) []byte {
	p.s.Helper()
	got, text, err := p.call(method, path, body, "")
	if err != nil || got != status {
		p.s.Fatalf("%s %s: %d %v, want %d\n%s", method, path, got, err, status, text)
	}
	return text
}

// kill ends the process as a power switch would: nothing of it runs any more.
func (p *serverProcess) kill() { p.end(syscall.SIGKILL) }

// end sends a signal and gives the exit code.
func (p *serverProcess) end(sig syscall.Signal) int {
	_ = p.cmd.Process.Signal(sig)
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.s.Errorf("the server does not end after %v\n%s", sig, p.log.String())
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	p.http.CloseIdleConnections()
	return p.cmd.ProcessState.ExitCode()
}

// providers makes the site's provider one of n.
func (p *serverProcess) providers(n int) {
	p.s.Helper()
	for i := 2; i <= n; i++ {
		p.must(http.StatusCreated, "POST", "/providers", fmt.Sprintf(`{"display_name":"Dr. %d"}`, i))
	}
}
