package sqlite

import (
	"modernc.org/libc"
	"modernc.org/libc/sys/types"
)

// arena is memory that SQLite can read, given out and taken back like a stack.
// What does not fit is allocated by itself.
type arena struct {
	tls   *libc.TLS
	base  uintptr
	used  int
	extra []piece
}

// piece is an allocation of its own, to be freed when the stack falls below at.
type piece struct {
	p  uintptr
	at int
}

const arenaSize = 64 << 10

func (a *arena) init(tls *libc.TLS) error {
	a.tls, a.base = tls, libc.Xmalloc(tls, arenaSize)
	if a.base == 0 {
		return errOutOfMemory
	}
	return nil
}

// take gives n bytes, aligned to 8.
func (a *arena) take(n int) uintptr {
	size := (n + 8) &^ 7 // at least one more, so that nothing has no address
	if a.used+size <= arenaSize {
		p := a.base + uintptr(a.used) // #nosec G115 -- not negative
		a.used += size
		return p
	}
	p := libc.Xmalloc(a.tls, types.Size_t(size)) // #nosec G115 -- not negative
	if p == 0 {
		panic(errOutOfMemory) // whoever runs the statement rolls back, as after any panic
	}
	a.extra = append(a.extra, piece{p, a.used})
	a.used += 8 // so that a later mark lies above it
	return p
}

// text copies a string, with a zero behind it.
func (a *arena) text(s string) uintptr {
	p := a.take(len(s))
	b := libc.GoBytes(p, len(s)+1)
	copy(b, s)
	b[len(s)] = 0
	return p
}

func (a *arena) bytes(v []byte) uintptr {
	p := a.take(len(v))
	copy(libc.GoBytes(p, len(v)), v)
	return p
}

// pointer gives room for a pointer, which is zero.
func (a *arena) pointer() uintptr {
	p := a.take(8)
	clear(libc.GoBytes(p, 8))
	return p
}

// free takes back everything given out since used was mark.
func (a *arena) free(mark int) {
	for n := len(a.extra); n > 0 && a.extra[n-1].at >= mark; n-- {
		libc.Xfree(a.tls, a.extra[n-1].p)
		a.extra = a.extra[:n-1]
	}
	a.used = mark
}

// drop gives all of it back.
func (a *arena) drop() {
	a.free(0)
	if a.base != 0 {
		libc.Xfree(a.tls, a.base)
		a.base = 0
	}
}
