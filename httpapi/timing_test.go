package httpapi

import (
	"context"
	"hash/crc32"
	"slices"
	"strings"
	"testing"
	"time"

	"qualifybase/engine/enginetest/proof"
	"qualifybase/engine/fault"
	"qualifybase/engine/secret"
)

// TestTimingTellsNothing: a wrong key whose id exists takes as long to refuse as
// one whose id does not (proof.md §3.2). Interleaved samples, medians compared in
// the same run.
func TestTimingTellsNothing(t *testing.T) {
	w := newWorld(t)
	_, known, _ := strings.Cut(w.live, "Bearer ")
	prefix := known[:len("qbk_live_")+8]
	guess := func(prefix string) string { // a whole key of this id with a secret of nobody's
		fresh := secret.New(secret.FamilyLive).Text()
		return sealed(t, prefix+fresh[len(prefix):len(fresh)-6])
	}
	const samples = 10_000
	var hit, miss [samples]time.Duration
	ctx := context.Background()
	for i := range samples {
		for _, c := range []struct {
			text string
			at   *time.Duration
		}{{guess(prefix), &hit[i]}, {guess("qbk_live_"), &miss[i]}} {
			start := time.Now()
			_, err := w.e.AuthenticateKey(ctx, c.text)
			*c.at = time.Since(start)
			if fault.KindOf(err) != fault.InvalidKey {
				t.Fatal(err)
			}
		}
	}
	slices.Sort(hit[:])
	slices.Sort(miss[:])
	ratio := float64(hit[samples/2]) / float64(miss[samples/2])
	proof.Row(t, "§3.2", "timing of known and unknown key prefixes indistinguishable over 10,000 samples",
		"%d pairs: median known %v, unknown %v, ratio %.2f", samples, hit[samples/2], miss[samples/2], ratio)
	if ratio < 0.8 || ratio > 1.25 {
		t.Errorf("a known id takes %.2f times as long as an unknown one", ratio)
	}
}

// sealed adds the checksum of a key's text (contract.md §2).
func sealed(t *testing.T, text string) string {
	t.Helper()
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	var crc [6]byte
	sum := crc32.ChecksumIEEE([]byte(text))
	for i := range crc {
		crc[5-i] = digits[sum%62]
		sum /= 62
	}
	text += string(crc[:])
	if _, ok := secret.Parse(text); !ok {
		t.Fatalf("%s is no whole key", text)
	}
	return text
}
