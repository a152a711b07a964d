package access

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"sync"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/secret"
)

// Identity is whom a credential belongs to.
type Identity struct {
	Caller    act.Caller // without IP, RequestID and Idempotency, which the face knows
	Key       *Key       // nil for a session
	PerMinute int        // requests a minute; 0 = unlimited
}

// Why a key is refused: for the log alone. A caller hears one and the same
// answer (contract.md §2).
var (
	errKeyText    = errors.New("the text is no key: family, length, alphabet or checksum")
	errKeyUnknown = errors.New("unknown key id")
	errKeyWrong   = errors.New("wrong secret for the key id")
	errKeyRevoked = errors.New("the key is revoked")
	errKeyExpired = errors.New("the key is expired")
)

func badKey(why error) error {
	return &fault.Error{Kind: fault.InvalidKey, Message: "Invalid or expired API key", Err: why}
}

// nobody's hash, compared when the key id is unknown so that both take as long.
const nobody = "0000000000000000000000000000000000000000000000000000000000000000"

// AuthenticateKey finds the caller of an API key's text. Every refusal is one
// InvalidKey; its Err says why, for the log. Which header a family travels in is
// the face's matter (Family.Channel). It runs on every request.
func (e *Engine) AuthenticateKey(ctx context.Context, text string) (Identity, error) {
	plain, ok := secret.Parse(text)
	if !ok {
		return Identity{}, badKey(errKeyText)
	}
	tier := ""
	k, err := act.View(ctx, e.Room, func(r Reader) (*Key, error) {
		k, err := r.KeyByLookup(plain.Family, plain.ID)
		if err == nil && k.RatePerMinute == nil {
			tier, err = tierOf(r, k.Clinic)
		}
		return &k, err
	})
	known := err == nil
	if !known && fault.KindOf(err) != fault.NotFound {
		return Identity{}, err
	}
	want := nobody
	if known {
		want = k.Hash
	}
	if same := sameHash(plain, want); !known {
		return Identity{}, badKey(errKeyUnknown)
	} else if !same {
		e.readKeyAgain(ctx, plain.Family)
		return Identity{}, badKey(errKeyWrong)
	}
	now := e.Now().Unix()
	switch k.Ended(now) {
	case "revoked":
		return Identity{}, badKey(errKeyRevoked)
	case "expired":
		return Identity{}, badKey(errKeyExpired)
	}
	e.recordUse(k, now)
	id := Identity{Key: k, PerMinute: e.perMinute(k, tier), Caller: act.Caller{
		Clinic: k.Clinic, Kind: act.ActorKey, ID: k.ID, Label: k.Prefix(), Scopes: k.Scopes,
		Test: k.Family == secret.FamilyTest, Family: k.Family,
	}}
	return id, nil
}

// lookAgain asks for an id that nobody has. The store knows live keys by heart
// and must search for others; without this the time of a refusal would tell
// whether the id exists (proof.md §3.2).
func (e *Engine) readKeyAgain(ctx context.Context, f secret.Family) {
	_, _ = act.View(ctx, e.Room, func(r Reader) (Key, error) { return r.KeyByLookup(f, secret.NewToken(secret.SecretID)) })
}

// sameHash compares the secret's hash with a stored one in constant time.
func sameHash(s secret.Secret, stored string) bool {
	hash := s.Hash()
	var text [2 * len(hash)]byte
	hex.Encode(text[:], hash[:])
	return subtle.ConstantTimeCompare(text[:], []byte(stored)) == 1
}

// usage remembers when the last use of each key was handed to the store, for the
// row that a reader sees may be older.
type usage struct {
	mu   sync.Mutex
	told map[string]int64
}

const usageEvery = 60 // seconds between two writes of a key's last_used_at

// used notes the use of a key, at most once a minute, without making the request wait.
func (e *Engine) recordUse(k *Key, now int64) {
	if now-k.LastUsedAt < usageEvery {
		return
	}
	id := k.ID
	e.usage.mu.Lock()
	due := now-e.usage.told[id] >= usageEvery
	if due {
		if e.usage.told == nil {
			e.usage.told = map[string]int64{}
		}
		e.usage.told[id] = now
	}
	e.usage.mu.Unlock()
	if due {
		act.Enqueue(e.Room, act.Caller{Clinic: k.Clinic}, act.Action{}, act.OK, func(w *Act) error {
			return w.TouchKey(id, now)
		})
	}
}

// PublicOrigins are the origins of all live browser keys of all clinics: what a
// preflight, which carries no key, is answered from. Match with OriginAllowed.
func (e *Engine) PublicOrigins(ctx context.Context) ([]string, error) {
	return act.View(ctx, e.Room, func(r Reader) ([]string, error) { return r.PublicOrigins(e.Now().Unix()) })
}

// KeyCheck is what a key's text alone tells.
type KeyCheck struct {
	Family secret.Family // "" = of none
	Prefix string        // the visible part, once the text is whole
	Fault  string        // "" = family, length, alphabet and checksum are right
}

// CheckKeyText reads a key's text without any look-up, for `qb keys check`: is
// it whole, or mistyped, or cut off? It cannot say whether the key is live. No
// part of the secret is in the answer.
func CheckKeyText(text string) KeyCheck {
	family, ok := secret.FamilyOf(text)
	if !ok {
		return KeyCheck{Fault: "It does not begin as a key does"}
	}
	check := KeyCheck{Family: family}
	after := text[len(family):]
	switch {
	case len(after) < secret.SecretAfter:
		check.Fault = "It is cut off: too few characters after the family"
	case len(after) > secret.SecretAfter:
		check.Fault = "It has too many characters after the family"
	default:
		secret, whole := secret.Parse(text)
		if !whole {
			check.Fault = "A character is wrong: the checksum at the end does not fit"
			break
		}
		check.Prefix = secret.Prefix()
	}
	return check
}

// perMinute is how many requests a key may make in a minute: its own limit, else
// that of its clinic's tier, else the configured default (contract.md §5).
func (e *Engine) perMinute(k *Key, tier string) int {
	if k.RatePerMinute != nil {
		return *k.RatePerMinute
	}
	if rate, ok := e.opt.Tiers[tier]; ok {
		return rate
	}
	return e.opt.RatePerMinute
}

// tierOf is the tier of a clinic, "" where none was given to it.
func tierOf(r Reader, clinic int64) (string, error) {
	plan, err := r.Plan(clinic)
	if err != nil {
		return "", err
	}
	return plan.Clinic.Settings.Tier, nil
}
