// Package webhook is the face that speaks first: it takes deliveries from the
// engine's Outbox, signs them and posts them to the endpoints of the clinics,
// through a dialer that reaches only where the operator lets it (webhooks.md).
package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"strconv"
	"strings"
	"sync"

	"qualifybase/engine/secret"
)

// DefaultSignatureHeader carries the hex signature unless the endpoint names
// another; KlinivoSignatureHeader is the default of endpoints made with a kv_ key.
const (
	DefaultSignatureHeader = "X-QualifyBase-Signature"
	KlinivoSignatureHeader = "X-Klinivo-Signature"
)

// ErrSecret tells that a signing secret is not "whsec_" and base64.
var ErrSecret = errors.New("not a signing secret: want whsec_ and base64")

// Signatures are the values of the signature headers of one attempt.
type Signatures struct {
	Hex      string // t=…,v1=…: Klinivo's scheme
	Standard string // v1,… : the webhook-signature of Standard Webhooks
}

// Signer signs for one endpoint with both schemes (webhooks.md "Signing"). It
// keeps its hash states, and is safe for concurrent use.
type Signer struct {
	mu       sync.Mutex
	new, old pair // old is empty outside a rotation
	head     []byte
	sum      []byte
}

// pair is one secret as the keys of the two schemes: the whole string for the hex
// one, the decoded bytes for the standard one.
type pair struct{ hex, std hash.Hash }

// NewSigner makes a signer from the secret and, during a rotation, the old one
// ("" otherwise).
func NewSigner(secret, old string) (*Signer, error) {
	s := &Signer{}
	var err error
	if s.new, err = newPair(secret); err != nil {
		return nil, err
	}
	if old != "" {
		if s.old, err = newPair(old); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func newPair(plain string) (pair, error) {
	text, ok := strings.CutPrefix(plain, secret.WebhookSecretPrefix)
	if !ok {
		return pair{}, ErrSecret
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) == 0 {
		return pair{}, ErrSecret
	}
	return pair{hmac.New(sha256.New, []byte(plain)), hmac.New(sha256.New, key)}, nil
}

// Sign signs the body of the event at a Unix second. During a rotation the hex
// header is t, old, new, old: the printed Node snippet reads the first v1 and the
// printed Python snippet the last, so neither breaks before its receiver changes,
// and a verifier that loops finds either. The standard header lists new and old.
func (s *Signer) Sign(eventID string, at int64, body []byte) Signatures {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := strconv.FormatInt(at, 10)
	s.head = append(append(s.head[:0], t...), '.')
	fresh := ",v1=" + hex.EncodeToString(s.mac(s.new.hex, body))
	var stale string
	if s.old.hex != nil {
		stale = ",v1=" + hex.EncodeToString(s.mac(s.old.hex, body))
	}
	s.head = append(append(append(append(s.head[:0], eventID...), '.'), t...), '.')
	std := "v1," + base64.StdEncoding.EncodeToString(s.mac(s.new.std, body))
	if s.old.std != nil {
		std += " v1," + base64.StdEncoding.EncodeToString(s.mac(s.old.std, body))
	}
	return Signatures{"t=" + t + stale + fresh + stale, std}
}

// mac is the HMAC of head and body; the result is valid until the next call.
func (s *Signer) mac(h hash.Hash, body []byte) []byte {
	h.Reset()
	h.Write(s.head)
	h.Write(body)
	s.sum = h.Sum(s.sum[:0])
	return s.sum
}
