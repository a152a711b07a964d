package cmd

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// figure is one line of the bench: what was measured, beside its limit or peer
// of the same run. A value is the median over rounds that took turns, because
// machines are noisy.
type figure struct {
	Name    string  `json:"name"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"` // "x" = a ratio
	Bar     float64 `json:"bar,omitempty"`
	AtMost  bool    `json:"at_most,omitempty"` // the bar is an upper one
	Against string  `json:"against,omitempty"`
	Detail  string  `json:"detail,omitempty"`
}

// reached tells whether the bar was reached; a figure without one always is.
func (f figure) reached() bool {
	return f.Bar == 0 || f.AtMost && f.Value <= f.Bar || !f.AtMost && f.Value >= f.Bar
}

type benchOptions struct {
	*global
	seconds      float64
	rounds       int
	conns        int
	appointments int
	only         []string
	json         bool
}

// wants tells whether a part of the bench was asked for.
func (o benchOptions) wants(part string) bool {
	return len(o.only) == 0 || slices.Contains(o.only, part)
}

func newBenchCommand(g *global) *cobra.Command {
	o := benchOptions{global: g}
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure what this machine does, beside limits of the same run",
		Long: `Measure what this machine does with qb: bookings and availability over HTTP on
loopback, each beside its limit or peer, in rounds that take turns. It works in a
temporary directory, sends nothing anywhere else, and ends by itself.

Ratios can be compared between machines; absolute figures say what this one does.
A booking is durable: its reply comes after the disk's. To see what a slow disk
does, run it with TMPDIR on a tmpfs under
  strace -f --seccomp-bpf -qq -o /dev/null -e trace=fsync,fdatasync \
    -e inject=fsync,fdatasync:delay_exit=1000 qb bench --only bookings`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runBench(c.Context(), streams(c), o) },
	}
	c.Flags().Float64Var(&o.seconds, "seconds", 2, "how long each load lasts in a round")
	c.Flags().IntVar(&o.rounds, "rounds", 5, "rounds that take turns")
	c.Flags().IntVar(&o.conns, "connections", 64, "connections of a full load")
	c.Flags().IntVar(&o.appointments, "appointments", 100_000, "booked appointments in the large clinic")
	c.Flags().StringSliceVar(&o.only, "only", nil, "parts to measure: "+strings.Join(benchParts, ", ")+"; default all")
	jsonFlag(c, &o.json)
	c.AddCommand(newBenchServeCommand(g))
	return c
}

func runBench(ctx context.Context, s stdio, o benchOptions) error {
	if o.seconds <= 0 || o.seconds > 60 || o.rounds < 1 || o.rounds > 100 || o.conns < 1 || o.conns > 256 || o.appointments < 0 {
		return usageError("--seconds must be up to 60, --rounds 1 to 100, --connections 1 to 256")
	}
	for _, part := range o.only {
		if !slices.Contains(benchParts, part) {
			return usageError("--only takes %s", strings.Join(benchParts, ", "))
		}
	}
	dir, err := os.MkdirTemp("", "qb-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{o: o, note: s.err, dir: dir}
	defer b.stop()
	figures, err := b.measure(ctx)
	if err != nil {
		return err
	}
	if o.json {
		return printJSON(s.out, figures)
	}
	return printFigures(s.out, figures)
}

// printFigures writes the table for people.
func printFigures(out io.Writer, figures []figure) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "FIGURE\tREACHED\tBAR\t\tAGAINST\tDETAIL")
	for _, f := range figures {
		bar, verdict := "", ""
		if f.Bar != 0 {
			sign := "≥ "
			if f.AtMost {
				sign = "≤ "
			}
			bar, verdict = sign+number(f.Bar), "ok"
			if !f.reached() {
				verdict = "missed"
			}
		}
		fmt.Fprintf(w, "%s\t%s %s\t%s\t%s\t%s\t%s\n", f.Name, number(f.Value), f.Unit, bar, verdict, f.Against, f.Detail)
	}
	return w.Flush()
}

func number(v float64) string {
	digits := 2
	if math.Abs(v) >= 100 {
		digits = 0
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

// bench is a run: its servers and how far each has booked.
type bench struct {
	o       benchOptions
	note    io.Writer
	dir     string
	servers []*benchServer
}

// benchServer is a child process under test.
type benchServer struct {
	kind   string
	addr   string
	clinic *benchClinic
	start  time.Duration // from exec to its first line
	cmd    *exec.Cmd
	in     io.Closer
	taken  []int // the next free slot of each connection
}

// startServer makes a clinic of its own for the server and starts it.
func (b *bench) startServer(ctx context.Context, kind string, appointments int) (*benchServer, error) {
	dir := filepath.Join(b.dir, fmt.Sprintf("%d-%s", len(b.servers), kind))
	if err := makeDataDir(dir); err != nil {
		return nil, err
	}
	s := &benchServer{kind: kind, taken: make([]int, b.o.conns)}
	if kind != kindBare {
		schema, err := b.o.schema()
		if err != nil {
			return nil, err
		}
		if s.clinic, err = newBenchClinic(ctx, dir, schema, max(b.o.conns, 10), appointments); err != nil {
			return nil, err
		}
	}
	self, err := exec.LookPath(os.Args[0]) // not os.Executable: a test's qb is known by its name
	if err != nil {
		return nil, err
	}
	s.cmd = exec.Command(self, "--data", dir, "bench", "serve", "--kind", kind) // #nosec G204 G702 -- this program itself
	s.cmd.Stderr = b.note
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
func (b *bench) book(s *benchServer, conns int, pace time.Duration) (sample, error) {
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
func (b *bench) get(s *benchServer, conns int, request []byte) (sample, error) {
	got, err := load{addr: s.addr, conns: conns, time: b.span(), want: 200, next: func(int, int) []byte { return request }}.run()
	if err == nil && got.failed > 0 {
		err = fmt.Errorf("%s: %d requests failed", s.kind, got.failed)
	}
	return got, err
}

func (b *bench) span() time.Duration { return time.Duration(b.o.seconds * float64(time.Second)) }

// memory reads a server's resident size and its peak, in MiB; 0 where the system does not tell.
func (s *benchServer) memory() (now, peak float64) {
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

// median of the values, which it sorts.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[len(values)/2]
}
