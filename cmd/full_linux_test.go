package cmd

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"qualifybase/engine/enginetest/proof"
)

const barR6 = "503 or 507 with a code, 0 corruption, recovers without restart"

// smallDisk mounts a tmpfs of so many KiB, or skips with the reason.
func smallDisk(t *testing.T, kib string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("starts processes, which takes seconds")
	}
	if os.Geteuid() != 0 {
		proof.Skip(t, "R6", barR6, "only root may mount a small tmpfs; the store's own test fills a database's last "+
			"page instead")
	}
	dir := t.TempDir()
	if err := syscall.Mount("qb", dir, "tmpfs", 0, "size="+kib+"k,mode=0700"); err != nil {
		proof.Skip(t, "R6", barR6, "a small tmpfs cannot be mounted here: "+err.Error())
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// ballast fills what is free but for so many KiB.
func ballast(t *testing.T, dir string, leave int64) (remove func()) {
	t.Helper()
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		t.Fatal(err)
	}
	n := int64(fs.Bavail)*fs.Bsize - leave<<10 // #nosec G115 -- a size
	path := filepath.Join(dir, "ballast")
	if err := os.WriteFile(path, make([]byte, max(n, 0)), 0o600); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	}
}

// A full disk shows in /readyz, with the reason, although reading goes on; with
// room again it is ready without a restart. The log of writes is fresh, so that a
// write needs room.
func TestDiskFullIsNotReady(t *testing.T) {
	dir := smallDisk(t, "6144")
	s := newSite(t, dir)
	p := s.serve()
	free := ballast(t, dir, 0)
	var text []byte
	for deadline := time.Now().Add(30 * time.Second); ; {
		status, body, err := p.call("GET", "//readyz", "", "")
		if text = body; err == nil && status == http.StatusServiceUnavailable {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("a full disk is ready: %d %s %v", status, body, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if !strings.Contains(string(text), "STORAGE_FULL") {
		t.Errorf("/readyz says %s", text)
	}
	p.must(http.StatusOK, "GET", "/leads?limit=1", "")
	free()
	p.must(http.StatusOK, "GET", "//readyz", "")
}

// The disk fills up under a working server, again and again and each time at
// another point of the log and its checkpoint: clients hear 507 or 503 with a
// code, reading goes on, nothing acknowledged is lost, and with room again the
// same server goes on (proof.md R6). The checkpoint comes often.
func TestDiskFull(t *testing.T) {
	dir := smallDisk(t, "6144")
	rounds := proof.Times(4, 10, 40)
	s := newSite(t, dir)
	s.env = append(s.env, "QB_DATABASE_WAL_AUTOCHECKPOINT=100", "QB_LOG_LEVEL=error")
	p := s.serve()
	p.providers(3)
	clients := newClients(proof.Seed(t, 6))
	var full, busy atomic.Int64
	for _, c := range clients {
		c.tolerates = func(status int, body []byte) bool {
			switch {
			case status == http.StatusInsufficientStorage && strings.Contains(string(body), `"STORAGE_FULL"`):
				full.Add(1)
			case status == http.StatusServiceUnavailable &&
				(strings.Contains(string(body), `"BUSY"`) || strings.Contains(string(body), `"READ_ONLY"`)):
				busy.Add(1)
			default:
				return false
			}
			return true
		}
	}
	for round := range rounds {
		free := ballast(t, dir, int64(round%8)*90)
		var wait sync.WaitGroup
		for _, c := range clients {
			wait.Go(func() {
				if err := c.work(p); err != nil {
					t.Errorf("client %d: %v", c.n, err)
				}
			})
		}
		wait.Wait()
		p.must(http.StatusOK, "GET", "/leads?limit=1", "")
		free()
		answerAll(p, clients) // the same server, the same questions
		s.checkFile(clients, true)
		if t.Failed() {
			t.Fatalf("round %d\n%s", round, p.log.String())
		}
	}
	if full.Load() == 0 {
		t.Error("the disk was never full")
	}
	p.must(http.StatusOK, "GET", "//readyz", "")
	if code := p.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d\n%s", code, p.log.String())
	}
	acked := s.checkFile(clients, true)
	s.qb("audit", "verify")
	proof.Row(t, "R6", barR6, "6 MiB tmpfs filled %d times under 8 clients: %d answers 507, %d 503; %d acknowledged "+
		"requests all there, integrity ok, the same process went on",
		rounds, full.Load(), busy.Load(), acked)
}
