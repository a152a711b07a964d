// Package uuid makes and reads UUIDs of version 7.
package uuid

import (
	"crypto/rand"
	"encoding/hex"
	"sync"
	"time"
)

// Ids makes UUIDv7s that only grow. Between the millisecond and the random tail
// stands a 26-bit counter (RFC 9562 §6.2, method 1) that begins at a random
// point of its lower half, so that a millisecond has room for 33 million ids.
type Ids struct {
	mu      sync.Mutex
	last    uint64 // milliseconds since 1970 of the latest id
	counter uint32 // 26 bits, counts within last
	random  randomness
}

var processIDs Ids

// New returns a UUIDv7 as lower-case text, greater than every id this process
// made before. When the clock stands still or goes back, the id keeps the latest
// millisecond and counts on: order is worth more than the exact time in it.
// Safe for concurrent use.
func New(now time.Time) string { return processIDs.Next(now) }

// Next returns an id that is greater than every one before (see New).
func (g *Ids) Next(now time.Time) string {
	const (
		counterMask = 1<<26 - 1
		latest      = 1<<48 - 1 // the year 10889
	)
	ms := uint64(max(now.UnixMilli(), 0)) // #nosec G115 -- not negative
	g.mu.Lock()
	random := g.random.eight()
	switch {
	case ms > g.last && ms <= latest:
		g.last, g.counter = ms, uint32(random>>38)&(counterMask>>1)
	case g.counter < counterMask:
		g.counter++
	default: // the counter is full: borrow the next millisecond
		g.last, g.counter = g.last+1, 0
	}
	last, counter := g.last, uint64(g.counter)
	tail := g.random.eight()
	g.mu.Unlock()

	var b [16]byte
	put48(b[0:6], last)
	b[6] = 0x70 | byte(counter>>22)   // version 7, the counter's top 4 bits
	b[7] = byte(counter >> 14)        // the next 8
	b[8] = 0x80 | byte(counter>>8)&63 // variant, the next 6
	b[9] = byte(counter)              // the last 8
	put48(b[10:16], tail)
	return formatUUID(b)
}

func put48(b []byte, v uint64) {
	for i := range 6 {
		b[i] = byte(v >> (40 - 8*i)) // #nosec G115 -- one byte at a time
	}
}

func formatUUID(b [16]byte) string {
	var t [36]byte
	hex.Encode(t[0:8], b[0:4])
	hex.Encode(t[9:13], b[4:6])
	hex.Encode(t[14:18], b[6:8])
	hex.Encode(t[19:23], b[8:10])
	hex.Encode(t[24:36], b[10:16])
	t[8], t[13], t[18], t[23] = '-', '-', '-', '-'
	return string(t[:])
}

// Valid reports whether s is a UUID in the one spelling we give out: 36
// characters, lower case. Any version passes: an importer may have brought ids.
func Valid(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case c >= '0' && c <= '9' || c >= 'a' && c <= 'f':
		default:
			return false
		}
	}
	return true
}

// randomness hands out crypto/rand in small portions: one system call per 4 KiB
// instead of one per id. Not safe for concurrent use.
type randomness struct {
	buf  [4096]byte
	left int
}

func (r *randomness) eight() uint64 {
	if r.left < 8 {
		fillRandom(r.buf[:])
		r.left = len(r.buf)
	}
	b := r.buf[len(r.buf)-r.left:][:8]
	r.left -= 8
	var v uint64
	for i, c := range b {
		v = v<<8 | uint64(c)
		b[i] = 0
	}
	return v
}

// fillRandom never fails: crypto/rand ends the process rather than return an error.
func fillRandom(b []byte) { _, _ = rand.Read(b) }
