package cmd

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"qualifybase/engine/enginetest/proof"
)

// Two hundred clients dribble headers and bodies and do not read their replies,
// while others work: the others' slowest replies are as without them. Rounds with
// and without them take turns, so that a busy machine slows both (proof.md R10).
func TestSlowClients(t *testing.T) {
	s := newSite(t, "")
	s.env = append(s.env, "QB_LOG_LEVEL=warn")
	p := s.serve()
	p.must(http.StatusCreated, "POST", "/leads", `{"name":"Ada"}`)
	const slow = 200
	rounds := proof.Times(2, 4, 12)
	ratio := 0.0
	var calm, beset time.Duration
	for range 3 { // a machine that stumbles once is no slow client's doing
		var without, with []time.Duration
		for range rounds {
			without = append(without, p.pace()...)
			stop := p.openSlow(slow)
			time.Sleep(time.Second) // until the readers' buffers are full: slowness is tried here, not the load before it
			with = append(with, p.pace()...)
			stop()
		}
		calm, beset = slowest(without), slowest(with)
		if ratio = float64(beset) / float64(calm); ratio < 2 {
			break
		}
	}
	if ratio >= 2 {
		t.Errorf("p99 %v beside %d slow clients, %v without", beset, slow, calm)
	}
	p.must(http.StatusOK, "GET", "//readyz", "")
	proof.Row(t, "R10", "200 slow clients: others' p99 < 2× normal",
		"%d dribbling headers, bodies and readers: others' p99 %.2f× normal", slow, ratio)
}

// pace is how long requests of ordinary clients take.
func (p *serverProcess) pace() []time.Duration {
	var mu sync.Mutex
	var out []time.Duration
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 150 {
				began := time.Now()
				status, _, err := p.call("GET", "/availability?limit=5", "", "")
				took := time.Since(began)
				mu.Lock()
				if err != nil || status != http.StatusOK {
					p.s.Errorf("%d %v", status, err)
				}
				out = append(out, took)
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	return out
}

func slowest(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)*99/100]
}

// openSlow opens slow connections of three kinds until stop is called.
func (p *serverProcess) openSlow(n int) (stop func()) {
	address, err := url.Parse(p.url)
	if err != nil {
		p.s.Fatal(err)
	}
	done := make(chan struct{})
	var wait, opened sync.WaitGroup
	for i := range n {
		opened.Add(1)
		wait.Go(func() {
			defer opened.Done()
			c, err := net.Dial("tcp", address.Host)
			if err != nil {
				p.s.Error(err)
				return
			}
			wait.Go(func() {
				defer c.Close()
				dribble(c, i, p.s.key, done)
			})
		})
	}
	opened.Wait()
	return func() { close(done); wait.Wait() }
}

// dribble sends one byte at a time, or asks for much and reads one byte at a time.
func dribble(c net.Conn, kind int, key string, done chan struct{}) {
	head := "Host: qb\r\nAuthorization: Bearer " + key + "\r\nContent-Type: application/json\r\n"
	text := strings.Repeat("X-Slow: x\r\n", 1000)
	switch kind % 3 {
	case 0:
		fmt.Fprintf(c, "GET /api/v1/leads HTTP/1.1\r\n")
	case 1:
		fmt.Fprintf(c, "POST /api/v1/leads HTTP/1.1\r\n%sContent-Length: 100000\r\n\r\n", head)
	default: // many requests in a row whose replies nobody takes
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetReadBuffer(1024)
		}
		go func() {
			_, _ = c.Write([]byte(strings.Repeat("GET /api/v1/openapi.json HTTP/1.1\r\nHost: qb\r\n\r\n", 50)))
		}()
	}
	for i := 0; ; i++ {
		select {
		case <-done:
			return
		case <-time.After(100 * time.Millisecond):
		}
		if kind%3 < 2 {
			_, _ = c.Write([]byte{text[i%len(text)]})
		} else {
			_, _ = c.Read(make([]byte, 1))
		}
	}
}
