// Package bench measures what this machine does with qb, each figure beside a limit or
// a peer of the same run: bookings and availability over HTTP on loopback, webhook
// deliveries, the search for duplicate patients. It is the machinery of 'qb bench'; the
// servers under test are processes that the caller starts.
package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Options are what is measured, how long and how hard.
type Options struct {
	Seconds      float64  // how long each load lasts in a round
	Rounds       int      // rounds that take turns
	Connections  int      // connections of a full load
	Appointments int      // booked appointments in the large clinic
	Only         []string // parts to measure; none = all

	Schema string                           // what new databases get
	Start  func(dir, kind string) *exec.Cmd // makes a process that calls Serve; it is started here
	Log    io.Writer                        // is told the progress
}

// Check reports the first option that makes no sense, by the name of its flag.
func (o Options) Check() error {
	if o.Seconds <= 0 || o.Seconds > 60 || o.Rounds < 1 || o.Rounds > 100 || o.Connections < 1 || o.Connections > 256 ||
		o.Appointments < 0 {
		return errors.New("--seconds must be up to 60, --rounds 1 to 100, --connections 1 to 256")
	}
	for _, part := range o.Only {
		if !slices.Contains(Parts, part) {
			return fmt.Errorf("--only takes %s", strings.Join(Parts, ", "))
		}
	}
	return nil
}

// wants reports whether a part of the bench was asked for.
func (o Options) wants(part string) bool {
	return len(o.Only) == 0 || slices.Contains(o.Only, part)
}

// Run measures what the options ask for, in a temporary directory that is gone
// afterwards, and gives the figures in the order of Parts.
func Run(ctx context.Context, o Options) ([]Figure, error) {
	dir, err := os.MkdirTemp("", "qb-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	b := &bench{o: o, dir: dir}
	defer b.stop()
	return b.measure(ctx)
}

// bench is a run: its servers and how far each has booked.
type bench struct {
	o       Options
	dir     string
	servers []*server
}

// server is a child process under test.
type server struct {
	kind   string
	addr   string
	clinic *clinic
	start  time.Duration // from exec to its first line
	cmd    *exec.Cmd
	in     io.Closer
	taken  []int // the next free slot of each connection
}

// startServer makes a clinic of its own for the server and starts it.
func (b *bench) startServer(ctx context.Context, kind string, appointments int) (*server, error) {
	dir := filepath.Join(b.dir, fmt.Sprintf("%d-%s", len(b.servers), kind))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &server{kind: kind, taken: make([]int, b.o.Connections)}
	if kind != kindBare {
		var err error
		if s.clinic, err = newClinic(ctx, dir, b.o.Schema, max(b.o.Connections, 10), appointments); err != nil {
			return nil, err
		}
	}
	s.cmd = b.o.Start(dir, kind)
	s.cmd.Stderr = b.o.Log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	b.servers = append(b.servers, s)
	line, err := bufio.NewReader(out).ReadString('\n')
	s.start, s.addr = time.Since(began), strings.TrimSpace(line)
	return s, err
}

// stop ends the servers, by closing what they read.
func (b *bench) stop() {
	for _, s := range b.servers {
		_ = s.in.Close()
		_ = s.cmd.Wait()
	}
	b.servers = nil
}

// book loads a server with bookings, each connection with a provider of its own.
func (b *bench) book(s *server, conns int, pace time.Duration) (sample, error) {
	got, err := load{addr: s.addr, conns: conns, time: b.span(), pace: pace, want: 201, next: func(conn, n int) []byte {
		s.taken[conn]++
		return s.clinic.booking(conn, s.taken[conn]-1)
	}}.run()
	if err == nil && got.failed > 0 {
		err = fmt.Errorf("%s: %d bookings were refused: %s", s.kind, got.failed, got.reply)
	}
	return got, err
}

// get loads a server with one request again and again.
func (b *bench) get(s *server, conns int, request []byte) (sample, error) {
	got, err := load{addr: s.addr, conns: conns, time: b.span(), want: 200,
		next: func(int, int) []byte { return request }}.run()
	if err == nil && got.failed > 0 {
		err = fmt.Errorf("%s: %d requests failed", s.kind, got.failed)
	}
	return got, err
}

func (b *bench) span() time.Duration { return time.Duration(b.o.Seconds * float64(time.Second)) }

// memory reads a server's resident size and its peak, in MiB; 0 where the system does not tell.
func (s *server) memory() (now, peak float64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kib, _ := strconv.ParseFloat(fields[1], 64)
		switch fields[0] {
		case "VmRSS:":
			now = kib / 1024
		case "VmHWM:":
			peak = kib / 1024
		}
	}
	return now, peak
}
