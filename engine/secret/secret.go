// Package secret makes and recognises keys and secrets, hashes them, and seals what must
// be read again.
package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"hash/crc32"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"

	"qualifybase/engine/text"
)

// Family is the beginning of a key's text; it decides what the key may be used
// for and in which header it travels (contract.md §1 and §2).
type Family string

// The six families.
const (
	FamilyLive Family = "qbk_live_" // a clinic's own back end
	FamilyTest Family = "qbk_test_" // the same, in rows that never touch live ones
	// #nosec G101 -- a prefix, no secret
	FamilySecret  Family = "qual_sk_"    // server-side research
	FamilyScoped  Family = "qual_scope_" // exactly the listed scopes
	FamilyPublic  Family = "qual_pk_"    // a browser, from listed origins
	FamilyKlinivo Family = "kv_"         // Klinivo clients: the flat wire form
)

// families pairs each family with its name on the command line and in requests.
var families = []struct {
	family Family
	name   string
}{
	{FamilyLive, "live"}, {FamilyTest, "test"}, {FamilySecret, "secret"},
	{FamilyScoped, "scoped"}, {FamilyPublic, "public"}, {FamilyKlinivo, "klinivo"},
}

// Channel is the header that carries a credential, and so the wire form of the reply.
type Channel string

// The two channels.
const (
	ChannelBearer Channel = "Authorization" // "Authorization: Bearer <key>": the standard form
	// #nosec G101 -- a header's name
	ChannelAPIKey Channel = "X-API-Key" // "X-API-Key: <key>": the flat form
)

// Families lists all families in the order of contract.md §2.
func Families() []Family {
	all := make([]Family, len(families))
	for i, f := range families {
		all[i] = f.family
	}
	return all
}

// Words lists the families as text.
func (Family) Words() []string { return text.Words(Families()) }

// FamilyNamed finds a family by its command line name: live, test, secret,
// scoped, public or klinivo.
func FamilyNamed(name string) (Family, bool) {
	for _, f := range families {
		if f.name == name {
			return f.family, true
		}
	}
	return "", false
}

// FamilyOf finds the family that a text begins with, whatever follows: enough to
// tell a caller which header the key belongs in, not enough to trust it.
func FamilyOf(text string) (Family, bool) {
	if text == "" || text[0] != 'q' && text[0] != 'k' { // called for every letter of a query string
		return "", false
	}
	for _, f := range families {
		if strings.HasPrefix(text, string(f.family)) {
			return f.family, true
		}
	}
	return "", false
}

// wholeKeys finds what goes on after a key's prefix, be it whole or not.
var wholeKeys = regexp.MustCompile(`(qbk_live_|qbk_test_|qual_sk_|qual_scope_|qual_pk_|kv_)([0-9A-Za-z]{8})[0-9A-Za-z]+`)

// Mask leaves of everything in a text that looks like one of our keys the
// prefix alone, and reports whether there was any: for messages that repeat what
// somebody typed.
func Mask(text string) (masked string, found bool) {
	masked = wholeKeys.ReplaceAllString(text, "$1$2…")
	return masked, masked != text
}

// Name is the family's command line name, "" for an unknown family.
func (f Family) Name() string {
	for _, known := range families {
		if known.family == f {
			return known.name
		}
	}
	return ""
}

// Valid reports whether f is one of the six.
func (f Family) Valid() bool { return f.Name() != "" }

// Channel is the header the family belongs in; in the other one it is a 401.
func (f Family) Channel() Channel {
	if f == FamilyKlinivo {
		return ChannelAPIKey
	}
	return ChannelBearer
}

// Lengths of the parts after the family, in characters.
const (
	SecretID    = 8
	secretBody  = 32
	secretCRC   = 6
	SecretAfter = SecretID + secretBody + secretCRC
)

// Secret is a key's whole text, "<family><id 8><secret 32><crc 6>". It prints
// and logs as its prefix; only Text gives it away.
type Secret struct {
	Family Family
	ID     string // eight characters, what a look-up goes by
	text   string
}

// New makes a key of the family from crypto/rand. The id may exist
// already (one in 2·10¹⁴): the unique column decides, and the caller tries again.
func New(f Family) Secret {
	return sealSecret(f, NewToken(SecretID), NewToken(secretBody))
}

func sealSecret(f Family, id, body string) Secret {
	text := string(f) + id + body
	return Secret{Family: f, ID: id, text: text + checksum(text)}
}

// Parse reads a key's text. It refuses any other family, length, alphabet
// or checksum; a text of a family's right length costs the same work whatever is
// wrong with it. The checksum keeps typos away from the database, it is no
// proof: anybody can compute it, so compare hashes.
func Parse(text string) (Secret, bool) {
	f, ok := FamilyOf(text)
	if !ok || len(text) != len(f)+SecretAfter {
		return Secret{}, false
	}
	foreign := 0
	for i := len(f); i < len(text); i++ {
		foreign |= 1 - int(inBase62[text[i]])
	}
	body := len(text) - secretCRC
	same := subtle.ConstantTimeCompare([]byte(checksum(text[:body])), []byte(text[body:]))
	if same&(1-foreign) != 1 {
		return Secret{}, false
	}
	return Secret{Family: f, ID: text[len(f) : len(f)+SecretID], text: text}, true
}

// inBase62 is 1 for every byte of the alphabet.
var inBase62 = func() (table [256]byte) {
	for _, c := range []byte(Base62) {
		table[c] = 1
	}
	return table
}()

// checksum is the CRC-32 (IEEE) of the text as six base62 digits.
func checksum(text string) string {
	sum := crc32.ChecksumIEEE([]byte(text))
	var digits [secretCRC]byte
	for i := range digits {
		digits[i] = Base62[sum%62]
		sum /= 62
	}
	slices.Reverse(digits[:])
	return string(digits[:])
}

// Text is the whole key: for the one reply that shows it, and for nothing else.
func (s Secret) Text() string { return s.text }

// Prefix is the visible part, family and id ("kv_abc12345").
func (s Secret) Prefix() string { return string(s.Family) + s.ID }

// Hash is what is stored instead of the text.
func (s Secret) Hash() [32]byte { return Hash(s.text) }

// Hash is the SHA-256 of a key's whole text. The text carries 190 random
// bits, so a fast hash is enough. Compare with crypto/subtle.
func Hash(text string) [32]byte { return sha256.Sum256([]byte(text)) }

// String is the prefix, so that a careless print shows nothing.
func (s Secret) String() string { return s.Prefix() + "…" }

// GoString is String, for %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue is String, for slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is String, for every encoder: the reply that shows a key takes Text itself.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// NewToken returns n base62 characters from crypto/rand, each of the 62 equally
// likely: 5.95 bits a character, 32 of them for a secret.
func NewToken(n int) string { return TokenFrom(rand.Reader, n) }

// TokenFrom is NewToken with the randomness of r.
func TokenFrom(r io.Reader, n int) string {
	const fair = 256 - 256%62 // bytes from here on would favour the first letters
	token := make([]byte, 0, n)
	buf := make([]byte, n+n/8+8)
	for len(token) < n {
		if _, err := io.ReadFull(r, buf); err != nil {
			panic("no randomness: " + err.Error()) // crypto/rand.Reader never fails
		}
		for _, c := range buf {
			if c < fair && len(token) < n {
				token = append(token, Base62[c%62])
			}
		}
	}
	return string(token)
}

// Base62 is the alphabet of keys and tokens: one double click selects it all.
const Base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
