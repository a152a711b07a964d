package secret

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// SealKeyFile is the name of the key file inside the data directory. It is not in
// the database, so that a stolen copy of the database opens no secret; a backup
// must carry it beside the database.
const SealKeyFile = "secrets.key"

// ErrSealed tells that a sealed value does not open: another key file, another
// owner, or damage.
var ErrSealed = errors.New("the secret does not open with this key file; restore " + SealKeyFile +
	" from the backup, or rotate the secret")

// Sealer keeps secrets at rest (webhooks.md "Signing"): AES-256-GCM, with the
// owner as associated data, so that a value copied to another row does not open.
// It is safe for concurrent use.
type Sealer struct {
	aead cipher.AEAD
	id   [4]byte
}

// sealVersion opens every sealed value; key id, nonce and ciphertext follow.
const sealVersion = 1

// NewSealer makes a Sealer from 32 bytes.
func NewSealer(key []byte) (*Sealer, error) {
	if len(key) != 32 {
		return nil, fmt.Errorf("a sealing key has 32 bytes, this one %d", len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	s := &Sealer{aead: aead}
	m := hmac.New(sha256.New, key)
	m.Write([]byte("qualifybase sealing key id"))
	copy(s.id[:], m.Sum(nil))
	return s, nil
}

// OpenSealer reads the key file of a data directory and makes it on first use. Two
// processes that come first at once end with the same key.
func OpenSealer(dir string) (*Sealer, error) {
	path := filepath.Join(dir, SealKeyFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := makeSealKey(dir, path); err != nil {
			return nil, fmt.Errorf("making %s: %w", SealKeyFile, err)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", SealKeyFile, err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s can be read by others (mode %04o); run chmod 600 on it", SealKeyFile, info.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", SealKeyFile, err)
	}
	key, err := hex.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil || len(key) != 32 {
		return nil, fmt.Errorf("%s is damaged (want 64 hex digits); restore it from the backup", SealKeyFile)
	}
	return NewSealer(key)
}

// makeSealKey writes a whole file under another name and links it into place: the
// name never shows half a key, and a link never replaces a key that is there.
func makeSealKey(dir, path string) error {
	tmp, err := os.CreateTemp(dir, SealKeyFile+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	key := make([]byte, 32)
	rand.Read(key) // never fails
	_, err = fmt.Fprintf(tmp, "%x\n", key)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(dir)
}

// syncDir makes the new name durable; where directories cannot be synced, the
// file system does it alone.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Seal encrypts a secret for its owner; SealedFor spells the owner of a webhook's.
func (s *Sealer) Seal(secret, owner string) []byte {
	out := append([]byte{sealVersion}, s.id[:]...)
	return s.aead.Seal(out, nil, []byte(secret), []byte(owner)) // #nosec G407 -- NewGCMWithRandomNonce brings its own
}

// Open is the inverse of Seal. Every failure is an ErrSealed.
func (s *Sealer) Open(sealed []byte, owner string) (string, error) {
	head := 1 + len(s.id)
	switch {
	case len(sealed) < head || sealed[0] != sealVersion:
		return "", fmt.Errorf("%w (not a sealed value)", ErrSealed)
	case !bytes.Equal(sealed[1:head], s.id[:]):
		return "", fmt.Errorf("%w (sealed with key %x, the file has key %x)", ErrSealed, sealed[1:head], s.id)
	}
	plain, err := s.aead.Open(nil, nil, sealed[head:], []byte(owner))
	if err != nil {
		return "", ErrSealed
	}
	return string(plain), nil
}

// SealedFor is the owner of a webhook's secrets, the old one of a rotation
// included, so that rotating moves the sealed bytes as they are.
func SealedFor(webhookID string) string { return "webhook secret of " + webhookID }

// NewWebhookSecret makes a signing secret: "whsec_" and the base64 of 36 random
// bytes, 54 characters in all (webhooks.md "Signing").
func NewWebhookSecret() string {
	b := make([]byte, 36)
	rand.Read(b) // never fails
	return WebhookSecretPrefix + base64.StdEncoding.EncodeToString(b)
}

// WebhookSecretPrefix opens every signing secret.
const WebhookSecretPrefix = "whsec_"
