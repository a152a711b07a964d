package cmd

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"qualifybase/engine/enginetest/proof"
)

// The soak: reception work, webhooks, slow clients and hostile requests, for
// seconds here and for half an hour in the long form. After each stretch the
// server rests; descriptors and threads at rest stay as many as they were, and
// memory stays flat (proof.md R13).
func TestSoak(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		proof.Skip(t, "R13", "a 30-minute soak: flat memory and descriptors",
			"there is no /proc here to count descriptors in")
	}
	heard := newReceiver(t)
	s := newSite(t, "")
	s.env = append(s.env, "QB_WEBHOOKS_ALLOW=127.0.0.1/32", "QB_LOG_LEVEL=warn")
	p := s.serve()
	p.providers(3)
	p.must(http.StatusCreated, "POST", "/webhooks", fmt.Sprintf(`{"url":%q,"events":["*"]}`, heard.url))
	clients := newClients(proof.Seed(t, 13))
	began := time.Now()
	var rest []resources
	const stretches = 6
	for range stretches {
		p.stretch(clients, time.Duration(proof.Times(200, 3000, 1_800_000/stretches))*time.Millisecond)
		rest = append(rest, p.resourcesAtRest())
		if t.Failed() {
			t.FailNow()
		}
	}
	answerAll(p, clients)
	acked := s.checkFile(clients, true)
	heard.all(t, s)
	if code := p.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d\n%s", code, p.log.String())
	}
	warm, last := rest[1], rest[stretches-1] // the first stretch fills caches and pools
	if last.descriptors > warm.descriptors+3 {
		t.Errorf("descriptors at rest: %v", rest)
	}
	if last.memory > warm.memory*5/4+8<<10 {
		t.Errorf("memory at rest: %v", rest)
	}
	proof.Row(t, "R13", "a 30-minute soak: 0 leaks, flat memory and descriptors",
		"%.0f s, %d acknowledged requests, %d events heard; at rest %d → %d descriptors, %d → %d threads, %d → %d MiB",
		time.Since(began).Seconds(), acked, heard.count(),
		warm.descriptors, last.descriptors, warm.threads, last.threads, warm.memory>>10, last.memory>>10)
}

// stretch is work for a while.
func (p *serverProcess) stretch(clients []*client, d time.Duration) {
	stop := p.openSlow(30)
	end := time.Now().Add(d)
	var wait sync.WaitGroup
	for _, c := range clients {
		wait.Go(func() {
			for time.Now().Before(end) {
				if c.waiting == nil {
					c.waiting = c.next()
				}
				if gone, err := c.send(p); gone || err != nil {
					p.s.Errorf("client %d: gone %v, %v", c.n, gone, err)
					return
				}
			}
		})
	}
	wait.Go(func() {
		for _, h := range hostile {
			if status, _, err := p.attack(h.raw, h.headers, h.body); err != nil || status > 499 {
				p.s.Errorf("%d %v", status, err)
			}
			if time.Now().After(end) {
				return
			}
		}
	})
	wait.Wait()
	stop()
}

// resources is what a process holds.
type resources struct {
	descriptors, threads, memory int // memory in KiB
}

// resourcesAtRest waits until the process is idle and looks at what it still holds.
func (p *serverProcess) resourcesAtRest() resources {
	p.http.CloseIdleConnections()
	var g resources
	for range 20 { // connections that were just closed take a moment
		time.Sleep(50 * time.Millisecond)
		now := p.resources()
		if now.descriptors >= g.descriptors && g.descriptors != 0 {
			break
		}
		g = now
	}
	return g
}

func (p *serverProcess) resources() resources {
	at := "/proc/" + strconv.Itoa(p.cmd.Process.Pid)
	list, err := os.ReadDir(at + "/fd")
	if err != nil {
		p.s.Fatal(err)
	}
	text, err := os.ReadFile(at + "/status")
	if err != nil {
		p.s.Fatal(err)
	}
	number := func(name string) int {
		_, after, _ := strings.Cut(string(text), name+":")
		n, _ := strconv.Atoi(strings.Fields(after)[0])
		return n
	}
	return resources{len(list), number("Threads"), number("VmRSS")}
}
