package access

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"qualifybase/engine/fault"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// The cost of a password hash: argon2id with 19 MiB, two passes, one lane, the
// least memory that OWASP's password storage sheet recommends. More memory would
// not fit the product's budget of 64 MiB; one lane, since a login has no claim
// on the second core of a small machine. Stored hashes carry their own
// parameters, so that raising these upgrades each user at the next sign-in.
const (
	argonMemory  = 19 << 10 // KiB
	argonPasses  = 2
	argonLanes   = 1
	argonSalt    = 16 // bytes
	argonLength  = 32 // bytes
	hashersAtOne = 2  // hashes computed at the same time: at most 38 MiB
	hashersQueue = 64 // sign-ins that may wait for one; more are answered Busy
)

// The length of a password in characters, after NFKC. NIST SP 800-63B asks for
// long ones and no rules of composition.
const (
	MinPassword = 12
	MaxPassword = 256
)

// hashers bounds how many passwords are hashed at once, so that a crowd at the
// login cannot eat the memory.
type hashers struct {
	seats   chan struct{}
	waiting atomic.Int64
}

func newHashers() *hashers { return &hashers{seats: make(chan struct{}, hashersAtOne)} }

// run does the work when a seat is free. Busy when too many wait; ctx ends the wait.
func (h *hashers) run(ctx context.Context, work func()) error {
	if h.waiting.Add(1) > hashersQueue {
		h.waiting.Add(-1)
		return &fault.Error{Kind: fault.Busy, Message: "Too many people sign in at once; try again",
			RetryAfter: 2 * time.Second}
	}
	defer h.waiting.Add(-1)
	select {
	case h.seats <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-h.seats }()
	work()
	return nil
}

// cleanPassword checks a new password. It never repeats it.
func cleanPassword(f *fault.Faults, field, password, emailKey string) string {
	if !utf8.ValidString(password) {
		f.Add(field, "Must be valid UTF-8")
		return ""
	}
	password = norm.NFKC.String(password)
	switch n := utf8.RuneCountInString(password); {
	case n < MinPassword || n > MaxPassword:
		f.Add(field, "Must have %d to %d characters", MinPassword, MaxPassword)
	case strings.ContainsFunc(password, func(r rune) bool { return r < ' ' || r == 0x7f }):
		f.Add(field, "Must not contain control characters")
	case repeatsOneRune(password):
		f.Add(field, "Must not be one character repeated")
	case emailKey != "" && strings.EqualFold(password, emailKey):
		f.Add(field, "Must not be the e-mail address")
	}
	return password
}

func repeatsOneRune(s string) bool {
	first, _ := utf8.DecodeRuneInString(s)
	return strings.Trim(s, string(first)) == ""
}

// phc is a password hash with its parameters, in the PHC string form:
// $argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>.
type phc struct {
	memory, passes uint32
	lanes          uint8
	salt, hash     []byte
}

func (p phc) String() string {
	b := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.memory, p.passes, p.lanes,
		b.EncodeToString(p.salt), b.EncodeToString(p.hash))
}

var errPHC = errors.New("the stored password hash is damaged or of an unknown form")

// parsePHC reads what String writes. The limits keep a damaged or planted row
// from asking for all the memory of the machine.
func parsePHC(s string) (phc, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return phc{}, errPHC
	}
	var p phc
	var rest string
	if n, _ := fmt.Sscanf(parts[3]+"\n", "m=%d,t=%d,p=%d%s\n", &p.memory, &p.passes, &p.lanes, &rest); n != 3 {
		return phc{}, errPHC
	}
	var err1, err2 error
	p.salt, err1 = base64.RawStdEncoding.Strict().DecodeString(parts[4])
	p.hash, err2 = base64.RawStdEncoding.Strict().DecodeString(parts[5])
	switch {
	case err1 != nil || err2 != nil,
		p.memory < 8 || p.memory > 256<<10, p.passes < 1 || p.passes > 16, p.lanes < 1 || p.lanes > 16,
		len(p.salt) < 8 || len(p.salt) > 64, len(p.hash) < 16 || len(p.hash) > 64, p.String() != s:
		return phc{}, errPHC
	}
	return p, nil
}

// current reports whether the hash has today's cost.
func (p phc) current() bool {
	return p.memory == argonMemory && p.passes == argonPasses && p.lanes == argonLanes && len(p.hash) == argonLength
}

func (p phc) of(password string) []byte {
	return argon2.IDKey([]byte(norm.NFKC.String(password)), p.salt, p.passes, p.memory, p.lanes,
		uint32(len(p.hash))) // #nosec G115 -- at most 64
}

// hashPassword makes the PHC string of a cleaned password.
func (e *Engine) hashPassword(ctx context.Context, password string) (string, error) {
	p := phc{memory: argonMemory, passes: argonPasses, lanes: argonLanes, salt: make([]byte, argonSalt),
		hash: make([]byte, argonLength)}
	_, _ = rand.Read(p.salt)
	err := e.hashers.run(ctx, func() { p.hash = p.of(password) })
	return p.String(), err
}

// dummyHash is hashed against when there is no such user, so that both
// answers take as long. No password has the hash of zeros.
var dummyHash = phc{memory: argonMemory, passes: argonPasses, lanes: argonLanes,
	salt: make([]byte, argonSalt), hash: make([]byte, argonLength)}

// checkPassword reports whether the password fits the stored hash; with stored ""
// it does the same work and says no. stale asks for a new hash at today's cost.
func (e *Engine) checkPassword(ctx context.Context, stored, password string) (ok, stale bool, err error) {
	p := dummyHash
	if stored != "" {
		if p, err = parsePHC(stored); err != nil {
			return false, false, err
		}
	}
	err = e.hashers.run(ctx, func() {
		ok = subtle.ConstantTimeCompare(p.of(password), p.hash) == 1
	})
	return ok && stored != "", !p.current(), err
}
