package upkeep

import (
	"os"
	"path/filepath"
	"testing"
)

// Damage of every kind in a backup is found: one bit in every k-th byte of a small
// one, through the whole of verify (proof.md R8). Package backup flips the rest.
func TestVerifyFlips(t *testing.T) {
	d := newClinic(t, 1)
	file := backUp(t, d, filepath.Join(t.TempDir(), "b.tar"))
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	found, tried := 0, 0
	for at := 0; at < len(text); at += len(text) / 97 {
		text[at] ^= 1 << (at % 8)
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		text[at] ^= 1 << (at % 8)
		tried++
		if _, err := d.VerifyFile(t.Context(), file, ""); kindOf(err) == Damaged {
			found++
		} else {
			t.Errorf("byte %d of %d: %v", at, len(text), err)
		}
	}
	t.Logf("%d of %d flips found", found, tried)
}
