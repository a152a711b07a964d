package cmd

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"qualifybase/engine/enginetest/proof"
)

const barR7 = "no success after a failed sync; alert; read-only until restarted"

// inject makes system calls of a running process fail until the returned function
// is called.
func inject(t *testing.T, p *serverProcess, calls, fault string) (stop func()) {
	t.Helper()
	path, err := exec.LookPath("strace")
	if err != nil {
		proof.Skip(t, "R7", barR7, "strace is missing; TestEveryOperationFails of store shows the same inside the process")
	}
	trace := filepath.Join(t.TempDir(), "trace")
	c := exec.Command(path, "-f", "-q", "-o", trace, "-e", "trace="+calls, "-e", "inject="+calls+":"+fault, "-p",
		strconv.Itoa(p.cmd.Process.Pid)) // #nosec G204 -- our own arguments
	var said lockedBuffer
	c.Stderr = &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	// It has attached when the kernel says that somebody traces the process.
	for end := time.Now().Add(patience); !traced(p.cmd.Process.Pid); time.Sleep(10 * time.Millisecond) {
		select {
		case <-ended:
			proof.Skip(t, "R7", barR7, "strace may not attach here: "+strings.TrimSpace(said.String()))
		default:
		}
		if time.Now().After(end) {
			t.Fatal("strace does not attach")
		}
	}
	var once sync.Once
	stop = func() {
		once.Do(func() {
			_ = c.Process.Signal(syscall.SIGINT) // it lets go and ends
			<-ended
		})
	}
	t.Cleanup(stop)
	return stop
}

// The disk fails every sync, or every write, of a working server from some moment
// on: nobody hears success any more, reading goes on, /readyz and the log say so,
// and it stays so when the disk is well again, until a restart, after which
// everything acknowledged is there (proof.md R7).
func TestDiskFails(t *testing.T) {
	faults := []struct{ calls, fault string }{
		{"fsync,fdatasync", "error=EIO"},
		{"pwrite64", "error=EIO"},
		{"pwrite64", "error=EIO:when=3+"},
	}
	if !proof.Long() && testing.Short() {
		t.Skip("starts processes, which takes seconds")
	}
	s := newSite(t, "")
	s.env = append(s.env, "QB_LOG_LEVEL=warn")
	clients := newClients(proof.Seed(t, 7))
	refused := 0
	for i, f := range faults {
		p := s.serve()
		if i == 0 {
			p.providers(3)
		}
		answerAll(p, clients)
		s.checkFile(clients, true)
		refused += failingDisk(t, p, clients, f.calls, f.fault)
		if t.Failed() {
			t.Fatalf("%s %s\n%s", f.calls, f.fault, p.log.String())
		}
		p.kill()
	}
	p := s.serve()
	answerAll(p, clients)
	acked := s.checkFile(clients, true)
	proof.Row(t, "R7", barR7, "EIO injected by strace into %d live servers: %d writes refused 503 READ_ONLY and 0 "+
		"acknowledged afterwards, /readyz 503 and a log line at once, also when the disk was well again; after a "+
		"restart all %d acknowledged requests are there",
		len(faults), refused, acked)
}

// failingDisk breaks the disk under a server that works, and mends it in vain.
func failingDisk(t *testing.T, p *serverProcess, clients []*client, calls, fault string) (refused int) {
	t.Helper()
	var mu sync.Mutex
	lost := false
	var wait sync.WaitGroup
	for _, c := range clients {
		c.tolerates = func(status int, body []byte) bool {
			mu.Lock()
			defer mu.Unlock()
			lost, refused = true, refused+1
			return status == http.StatusServiceUnavailable && strings.Contains(string(body), `"READ_ONLY"`)
		}
		wait.Go(func() {
			if err := c.work(p); err != nil {
				t.Errorf("client %d: %v", c.n, err)
			}
		})
	}
	time.Sleep(150 * time.Millisecond)
	mend := inject(t, p, calls, fault)
	wait.Wait() // everybody was refused
	if !lost {
		t.Fatal("no write was refused")
	}
	p.must(http.StatusOK, "GET", "/leads?limit=1", "")
	mend()
	for _, c := range clients {
		if gone, err := c.send(p); !gone || err != nil {
			t.Errorf("client %d is heard although the disk was lost: %v", c.n, err)
		}
		c.tolerates = nil
	}
	if text := p.must(http.StatusServiceUnavailable, "GET", "//readyz",
		""); !strings.Contains(string(text), "unavailable") {
		t.Errorf("/readyz says %s", text)
	}
	if log := p.log.String(); !strings.Contains(log, "level=ERROR") ||
		!strings.Contains(log, "read-only until restarted") {
		t.Errorf("the log does not tell: %s", log)
	}
	return refused
}

// traced reports whether a process is being traced.
func traced(pid int) bool {
	return strings.TrimSpace(status(pid, "TracerPid")) != "0"
}

// status reads a line of /proc/PID/status.
func status(pid int, name string) string {
	out, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(string(out), name+":")
	line, _, _ := strings.Cut(after, "\n")
	return line
}
