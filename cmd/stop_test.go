package cmd

import (
	"bytes"
	"errors"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"qualifybase/engine/enginetest/proof"
)

// A server is told to stop while clients work: it ends in time and by itself, no
// reply breaks off, and what was acknowledged is there (proof.md R17).
func TestStopUnderLoad(t *testing.T) {
	s := newSite(t, "")
	s.env = append(s.env, "QB_LOG_LEVEL=warn")
	clients := newClients(proof.Seed(t, 17))
	stops, acked := proof.Times(2, 5, 50), 0
	var worst time.Duration
	for i := range stops {
		p := s.serve()
		if i == 0 {
			p.providers(3)
		}
		var wait sync.WaitGroup
		for _, c := range clients {
			wait.Go(func() {
				if err := c.work(p); err != nil {
					t.Errorf("client %d: %v", c.n, err)
				}
			})
		}
		time.Sleep(250 * time.Millisecond)
		began := time.Now()
		if code := p.end(syscall.SIGTERM); code != 0 {
			t.Errorf("exit %d\n%s", code, p.log.String())
		}
		worst = max(worst, time.Since(began))
		wait.Wait()
		if log := p.log.String(); strings.Contains(log, "cut off") || strings.Contains(log, "ERROR") {
			t.Errorf("the log says %s", log)
		}
	}
	p := s.serve()
	answerAll(p, clients)
	acked = s.checkFile(clients, true)
	for _, c := range clients {
		if c.broken > 0 {
			t.Errorf("client %d: %d replies broke off", c.n, c.broken)
		}
	}
	if worst > 10*time.Second {
		t.Errorf("it took %v to end", worst)
	}
	proof.Row(t, "R17", "0 broken replies, ≤ 10 s",
		"%d stops under 8 clients: 0 of %d replies broken, exit 0 after at most %d ms", stops, acked, worst.Milliseconds())
}

// A second server on a directory is refused, whatever the first one is doing, and
// harms nothing (proof.md R18).
func TestSecondServer(t *testing.T) {
	s := newSite(t, "")
	p := s.serve()
	clients := newClients(proof.Seed(t, 18))[:2]
	p.providers(3)
	var wait sync.WaitGroup
	for _, c := range clients {
		wait.Go(func() {
			if err := c.work(p); err != nil {
				t.Errorf("client %d: %v", c.n, err)
			}
		})
	}
	tries := proof.Times(2, 5, 20)
	for range tries {
		second := s.command("serve", "--listen", "127.0.0.1:0")
		var said bytes.Buffer
		second.Stderr = &said
		failed, ok := errors.AsType[*exec.ExitError](second.Run())
		if !ok || failed.ExitCode() != exitLocked || !strings.Contains(said.String(), "is in use by process") {
			t.Fatalf("%v: %s", failed, said.String())
		}
	}
	p.must(http.StatusOK, "GET", "//readyz", "")
	p.kill()
	wait.Wait()
	p = s.serve() // the lock of a killed server is free at once
	answerAll(p, clients)
	s.checkFile(clients, true)
	proof.Row(t, "R18", "the second refuses, exit 4",
		"%d of %d refused with exit 4 beside a working server; after kill -9 the next one starts at once", tries, tries)
}
