package bench

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

// connection is one keep-alive HTTP/1.1 connection of the load client. It knows just
// enough HTTP to time our own server on loopback: net/http's client would cost
// more of the two cores than the server that is measured.
type connection struct {
	conn net.Conn
	in   *bufio.Reader
	body []byte
}

func dialConnection(addr string) (*connection, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &connection{conn: conn, in: bufio.NewReaderSize(conn, 16<<10)}, nil
}

// do sends a request as bytes and reads the reply; the body is valid until the next call.
func (w *connection) do(request []byte) (status int, body []byte, err error) {
	if _, err = w.conn.Write(request); err != nil {
		return 0, nil, err
	}
	line, err := w.in.ReadSlice('\n')
	if err != nil {
		return 0, nil, err
	}
	if len(line) < 12 {
		return 0, nil, fmt.Errorf("no HTTP status line: %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, nil, err
	}
	length := 0
	for {
		if line, err = w.in.ReadSlice('\n'); err != nil {
			return 0, nil, err
		}
		if len(line) <= 2 {
			break
		}
		if name, value, ok := bytes.Cut(line, []byte(":")); ok && bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, nil, err
			}
		} else if ok && bytes.EqualFold(name, []byte("Transfer-Encoding")) {
			return 0, nil, errors.New("the load client reads no chunked replies")
		}
	}
	w.body = slices.Grow(w.body[:0], length)[:length]
	_, err = io.ReadFull(w.in, w.body)
	return status, w.body, err
}

// request renders an HTTP request with a bearer key.
func request(method, path, key, body string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, path)
	if key != "" {
		fmt.Fprintf(&b, "Authorization: Bearer %s\r\n", key)
	}
	if body != "" {
		fmt.Fprintf(&b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n")
	b.WriteString(body)
	return b.Bytes()
}

// load is what a number of connections send for some time.
type load struct {
	addr  string
	conns int
	time  time.Duration
	pace  time.Duration // between requests of one connection; 0 = as fast as answers come
	want  int           // the status that counts
	next  func(conn, n int) []byte
}

// sample is what a load came to.
type sample struct {
	perSecond float64
	p50, p99  time.Duration
	failed    int    // replies of another status
	reply     string // the first of them
}

// run drives the load. Every connection has its own goroutine; latencies are
// kept exactly, because a p99 from buckets would flatter.
func (l load) run() (sample, error) {
	var (
		wait   sync.WaitGroup
		mu     sync.Mutex
		all    []time.Duration
		out    sample
		broken error
	)
	begin := time.Now()
	deadline := begin.Add(l.time)
	for c := range l.conns {
		wait.Go(func() {
			took, failed, reply, err := l.drive(c, deadline)
			mu.Lock()
			defer mu.Unlock()
			all, out.failed, out.reply = append(all, took...), out.failed+failed, cmp.Or(out.reply, reply)
			if err != nil && broken == nil {
				broken = err
			}
		})
	}
	wait.Wait()
	if broken != nil {
		return out, broken
	}
	got := summarise(all, time.Since(begin))
	got.failed, got.reply = out.failed, out.reply
	return got, nil
}

// summarise sorts latencies into a sample.
func summarise(all []time.Duration, span time.Duration) (out sample) {
	out.perSecond = float64(len(all)) / span.Seconds()
	slices.Sort(all)
	if len(all) > 0 {
		out.p50, out.p99 = all[len(all)/2], all[len(all)*99/100]
	}
	return out
}

// drive is one connection's share.
func (l load) drive(conn int, deadline time.Time) (took []time.Duration, failed int, reply string, err error) {
	w, err := dialConnection(l.addr)
	if err != nil {
		return nil, 0, "", err
	}
	defer w.conn.Close()
	due := time.Now()
	for n := 0; ; n++ {
		if l.pace > 0 {
			due = due.Add(l.pace)
			time.Sleep(time.Until(due))
		}
		start := time.Now()
		if start.After(deadline) {
			return took, failed, reply, nil
		}
		status, body, err := w.do(l.next(conn, n))
		switch {
		case err != nil:
			return took, failed, reply, err
		case status != l.want:
			failed++
			reply = string(body)
		default:
			took = append(took, time.Since(start))
		}
	}
}
