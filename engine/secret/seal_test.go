package secret

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestSealOpen(t *testing.T) {
	t.Parallel()
	s, err := NewSealer(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	other, _ := NewSealer(bytes.Repeat([]byte{8}, 32))
	const secret = "whsec_canary"
	sealed := s.Seal(secret, SealedFor("a"))
	if bytes.Contains(sealed, []byte("canary")) {
		t.Fatal("the secret shows")
	}
	if bytes.Equal(sealed, s.Seal(secret, SealedFor("a"))) {
		t.Fatal("equal secrets look equal")
	}
	if got, err := s.Open(sealed, SealedFor("a")); err != nil || got != secret {
		t.Fatalf("%q, %v", got, err)
	}
	if _, err := s.Open(sealed, SealedFor("b")); !errors.Is(err, ErrSealed) {
		t.Errorf("another owner: %v", err)
	}
	if _, err := other.Open(sealed, SealedFor("a")); !errors.Is(err, ErrSealed) {
		t.Errorf("another key: %v", err)
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := s.Open(bad, SealedFor("a")); !errors.Is(err, ErrSealed) {
			t.Errorf("byte %d flipped: %v", i, err)
		}
		if _, err := s.Open(sealed[:i], SealedFor("a")); !errors.Is(err, ErrSealed) {
			t.Errorf("cut at %d: %v", i, err)
		}
	}
}

func TestOpenSealer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var sealers [8]*Sealer
	var wg sync.WaitGroup
	for i := range sealers {
		wg.Go(func() {
			s, err := OpenSealer(dir)
			if err != nil {
				t.Error(err)
			}
			sealers[i] = s
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	sealed := sealers[0].Seal("x", "o")
	for i, s := range sealers {
		if got, err := s.Open(sealed, "o"); err != nil || got != "x" {
			t.Errorf("sealer %d has another key: %v", i, err)
		}
	}
	path := filepath.Join(dir, SealKeyFile)
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v; want mode 0600", info.Mode(), err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("%d files left, want the key alone", len(left))
	}
	again, err := OpenSealer(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Open(sealed, "o"); err != nil {
		t.Error("the key changed between two starts")
	}
	os.Chmod(path, 0o644)
	if _, err := OpenSealer(dir); err == nil {
		t.Error("a key that others can read was taken")
	}
	os.Chmod(path, 0o600)
	os.WriteFile(path, []byte("abcd\n"), 0o600)
	if _, err := OpenSealer(dir); err == nil {
		t.Error("a damaged key was taken")
	}
}
