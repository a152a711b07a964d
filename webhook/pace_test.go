package webhook

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// Many endpoints, all with a backlog, more than there are slots: everybody gets the
// same share; and when they become slow, what is claimed ahead shrinks with them, so
// that hardly anything is claimed in vain.
func TestManyBacklogsShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		began := time.Now()
		how := func(r *http.Request) (*http.Response, error) {
			if time.Since(began) < 200*time.Millisecond {
				return after(time.Millisecond, status(200))(r)
			}
			return after(200*time.Millisecond, status(200))(r)
		}
		for e := range 300 {
			to := b.target(fmt.Sprintf("e%03d", e), 1, how)
			for i := range 40 {
				b.box.add(fmt.Sprintf("e%03d-%02d", e, i), began.Unix()-60, to)
			}
		}
		b.start()
		time.Sleep(10 * time.Second)
		before := map[string]int{}
		for e := range 300 {
			before[fmt.Sprintf("e%03d", e)] = len(b.net.times(fmt.Sprintf("e%03d", e)))
		}
		from := b.sender.Stats()
		time.Sleep(40 * time.Second) // 80 a second: ten or eleven for each
		least, most := 99, 0
		for host, n := range before {
			n = len(b.net.times(host)) - n
			least, most = min(least, n), max(most, n)
		}
		if least < 9 || most > 12 {
			t.Errorf("one endpoint got %d, another %d", least, most)
		}
		if s := b.sender.Stats(); s.Released-from.Released > (s.Succeeded-from.Succeeded)/10 {
			t.Errorf("%d claimed in vain for %d sent", s.Released-from.Released, s.Succeeded-from.Succeeded)
		}
		b.stop()
	})
}

// A receiver that was quick and then hangs: what was claimed ahead goes back after
// two seconds instead of being sent late one by one.
func TestStaleClaimsGoBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		began := time.Now()
		to := b.target("x", 1, func(r *http.Request) (*http.Response, error) {
			if time.Since(began) < time.Second {
				return after(time.Millisecond, status(200))(r)
			}
			return hang(r)
		})
		for i := range 5000 {
			b.box.add(fmt.Sprintf("d%04d", i), began.Unix(), to)
		}
		b.start()
		time.Sleep(time.Minute)
		sending := 0
		for i := range 5000 {
			if b.box.row(fmt.Sprintf("d%04d", i)).state == "sending" {
				sending++
			}
		}
		if sending != 1 {
			t.Errorf("%d are sending at an endpoint that takes one at a time", sending)
		}
		if n := b.sender.Stats().Released; n < 8 || n > 2*mostAhead {
			t.Errorf("%d were given back", n)
		}
		b.stop()
	})
}

// endless answers with a body that never ends.
func endless(code int) behaviour {
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(readUntil{r.Context()})}, nil
	}
}

type readUntil struct{ context.Context }

func (r readUntil) Read([]byte) (int, error) { <-r.Done(); return 0, r.Err() }

// Two receivers with the highest limit that hang, before their answer or inside it,
// hold every slot once; from then on each has one slot until it answers again.
func TestHangingEndpointLosesItsSlots(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]behaviour{"hang": hang, "endless 200": endless(200),
		"endless 500": endless(500)} {
		t.Run(name, func(t *testing.T) { testLosesItsSlots(t, how) })
	}
}

func testLosesItsSlots(t *testing.T, how behaviour) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		for _, id := range []string{"hang1", "hang2"} {
			to := b.target(id, 8, how)
			for i := range 100 {
				b.box.add(fmt.Sprintf("%s-%03d", id, i), time.Now().Unix(), to)
			}
		}
		good := b.target("good", 1, status(200))
		b.start()
		time.Sleep(16 * time.Second)
		for i := range 20 {
			b.box.add(fmt.Sprintf("g%02d", i), time.Now().Unix(), good)
		}
		b.sender.Nudge()
		time.Sleep(time.Second)
		for i := range 20 {
			if r := b.box.row(fmt.Sprintf("g%02d", i)); r.state != "succeeded" {
				t.Fatalf("a healthy delivery is %s", r.state)
			}
		}
		if n := b.sender.Stats().InFlight; n != 2 {
			t.Errorf("%d in flight at two endpoints that hang", n)
		}
		b.stop()
	})
}
