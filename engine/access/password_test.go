package access

import (
	"context"
	"encoding/base64"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"qualifybase/engine/fault"

	"golang.org/x/crypto/argon2"
)

func TestCleanPassword(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, password string
		ok             bool
	}{
		{"long enough", "korrekt pferd", true},
		{"eleven", "korrekt pfe", false},
		{"twelve letters of two bytes", strings.Repeat("äö", 6), true},
		{"empty", "", false},
		{"256", strings.Repeat("ab", 128), true},
		{"257", strings.Repeat("ab", 128) + "c", false},
		{"one letter", strings.Repeat("ä", 20), false},
		{"control", "korrekt\x00pferd!", false},
		{"line break", "korrekt\npferd!", false},
		{"not UTF-8", "korrekt pferd\xff", false},
		{"the e-mail", "Ada@Clinic.example", false},
		{"emoji", "🐎🔋📎✅ 🐎🔋📎✅ a", false},
		{"more emoji", "🐎🔋📎✅ 🐎🔋📎✅ abcd", true},
	} {
		var f fault.Faults
		cleanPassword(&f, "password", c.password, "ada@clinic.example")
		if (len(f) == 0) != c.ok || len(f) > 1 {
			t.Errorf("%s: %v", c.name, f)
		}
		for _, d := range f {
			if c.password != "" && strings.Contains(d.Message, c.password) {
				t.Errorf("%s: the fault repeats the password", c.name)
			}
		}
	}
}

func TestPasswordRoundTrip(t *testing.T) {
	t.Parallel()
	e, ctx := New(nil, Options{}), t.Context()
	text, err := e.hashPassword(ctx, "korrekt pferd ä")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(text, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("%s is not in PHC form", text)
	}
	if other, _ := e.hashPassword(ctx, "korrekt pferd ä"); other == text {
		t.Error("two hashes of one password are equal: the salt is not random")
	}
	for _, c := range []struct {
		stored, password string
		ok               bool
	}{
		{text, "korrekt pferd ä", true},
		{text, "korrekt pferd a\u0308", true}, // the same letter, spelled apart
		{text, "korrekt pferd a", false},
		{text, "", false},
		{"", "korrekt pferd ä", false},
		{dummyHash.String(), "korrekt pferd ä", false},
	} {
		ok, stale, err := e.checkPassword(ctx, c.stored, c.password)
		if err != nil || ok != c.ok || stale {
			t.Errorf("%q against %q: %v, stale %v, %v", c.password, c.stored, ok, stale, err)
		}
	}
	cheap := phc{memory: 64, passes: 1, lanes: 1, salt: []byte("saltsalt"), hash: make([]byte, 32)}
	cheap.hash = argon2.IDKey([]byte("korrekt pferd"), cheap.salt, 1, 64, 1, 32)
	if ok, stale, err := e.checkPassword(ctx, cheap.String(), "korrekt pferd"); !ok || !stale || err != nil {
		t.Errorf("a hash of another cost: %v, stale %v, %v", ok, stale, err)
	}
	if _, _, err := e.checkPassword(ctx, "$argon2id$v=19$m=19456,t=2$c2FsdA$aGFzaA", "x"); err == nil {
		t.Error("a damaged row passes for a wrong password")
	}
}

func TestParsePHC(t *testing.T) {
	t.Parallel()
	b := base64.RawStdEncoding.EncodeToString
	good := "$argon2id$v=19$m=64,t=1,p=1$" + b([]byte("saltsalt")) + "$" + b(make([]byte, 32))
	if _, err := parsePHC(good); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"", "$", "plain", strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=64", "m=4194304", 1), strings.Replace(good, "m=64", "m=1", 1),
		strings.Replace(good, "m=64", "m=064", 1),
		strings.Replace(good, "t=1", "t=1000", 1), strings.Replace(good, "t=1", "t=0", 1),
		strings.Replace(good, "p=1", "p=255", 1),
		strings.Replace(good, "p=1", "p=1,x=2", 1), strings.Replace(good, "p=1", "p=300", 1), good + "=", good + "$",
		" " + good,
		"$argon2id$v=19$m=64,t=1,p=1$" + b([]byte("salt")) + "$" + b(make([]byte, 32)),
		"$argon2id$v=19$m=64,t=1,p=1$" + b([]byte("saltsalt")) + "$" + b(make([]byte, 8)),
	} {
		if p, err := parsePHC(bad); err == nil {
			t.Errorf("%q was read as %s", bad, p)
		}
	}
}

func FuzzParsePHC(f *testing.F) {
	f.Add(dummyHash.String())
	f.Add("$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := parsePHC(s); err == nil && p.String() != s {
			t.Errorf("%q came back as %q", s, p)
		}
	})
}

// However many sign in, two hashes are made at a time; beyond the queue it is Busy.
func TestHashersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHashers()
		var now, most, done, busy atomic.Int64
		var all sync.WaitGroup
		for range 2 * hashersQueue {
			all.Go(func() {
				err := h.run(t.Context(), func() {
					if n := now.Add(1); n > most.Load() {
						most.Store(n)
					}
					time.Sleep(time.Second)
					now.Add(-1)
					done.Add(1)
				})
				if fault.KindOf(err) == fault.Busy {
					busy.Add(1)
				} else if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if most.Load() > hashersAtOne || done.Load() != hashersQueue || busy.Load() != hashersQueue {
			t.Errorf("%d at once, %d done, %d busy", most.Load(), done.Load(), busy.Load())
		}
		if err := h.run(t.Context(), func() {}); err != nil {
			t.Errorf("the seats were not given back: %v", err)
		}
		gone, stop := context.WithCancel(t.Context())
		hold := make(chan struct{})
		for range hashersAtOne {
			go func() { _ = h.run(t.Context(), func() { <-hold }) }()
		}
		synctest.Wait()
		stop()
		if err := h.run(gone, func() { t.Error("ran for nobody") }); err == nil {
			t.Error("waited on although the client is gone")
		}
		close(hold)
	})
}

func TestAttempts(t *testing.T) {
	t.Parallel()
	var a attempts
	for range 3 {
		if wait := a.take("x", 100, 60, 3); wait != 0 {
			t.Fatalf("refused early, wait %d", wait)
		}
	}
	if wait := a.take("x", 130, 60, 3); wait != 30 {
		t.Errorf("the fourth try in the window waits %d s, want 30", wait)
	}
	if wait := a.take("y", 130, 60, 3); wait != 0 {
		t.Error("another name is shut out too")
	}
	a.giveBack("x")
	if wait := a.take("x", 159, 60, 3); wait != 0 {
		t.Error("a try that was given back still counts")
	}
	if wait := a.take("x", 160, 60, 3); wait != 0 {
		t.Errorf("the window does not end after 60 s: wait %d", wait)
	}
	a.forget("x")
	a.giveBack("x")
	if got := a.was["x"]; got.n != 0 {
		t.Errorf("%+v is left", got)
	}
	for i := range 3 * maxAttempts {
		a.take("made up "+string(rune('0'+i%10))+strings.Repeat("z", i%1000)+time.Duration(i).String(), 200, 60, 3)
	}
	if len(a.was) > maxAttempts {
		t.Errorf("%d names are kept", len(a.was))
	}
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2::9": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64", "": "", "unix": "unix",
	} {
		if got := Network(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}
