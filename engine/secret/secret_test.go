package secret

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const (
	goldenID   = "8fJ2kQ0a"
	goldenBody = "Zx81Lm0s9dTgUeW3bVn4cYpRtGhKjMqN"
	goldenLive = "qbk_live_" + goldenID + goldenBody + "4QVNUO"
	goldenFlat = "kv_" + goldenID + goldenBody + "46rvDV"
)

// The golden values of contract.md §2.
func TestSecretGolden(t *testing.T) {
	t.Parallel()
	for text, f := range map[string]Family{goldenLive: FamilyLive, goldenFlat: FamilyKlinivo} {
		if got := sealSecret(f, goldenID, goldenBody).Text(); got != text {
			t.Errorf("sealed %s, want %s", got, text)
		}
		s, ok := Parse(text)
		if !ok || s.Family != f || s.ID != goldenID || s.Text() != text {
			t.Errorf("%s parsed as %#v, %v", text, s, ok)
		}
		if s.Prefix() != string(f)+goldenID {
			t.Errorf("prefix %q", s.Prefix())
		}
		if s.Hash() != sha256.Sum256([]byte(text)) || Hash(text) != s.Hash() {
			t.Error("the hash is not the SHA-256 of the whole text")
		}
	}
}

func TestParseSecretRefuses(t *testing.T) {
	t.Parallel()
	for why, text := range map[string]string{
		"empty":                "",
		"a family alone":       "qbk_live_",
		"no family":            goldenID + goldenBody + "4QVNUO",
		"another family":       "qbk_test_" + goldenID + goldenBody + "4QVNUO",
		"upper case family":    "KV_" + goldenID + goldenBody + "46rvDV",
		"wrong crc":            goldenLive[:len(goldenLive)-1] + "P",
		"cut":                  goldenLive[:len(goldenLive)-1],
		"longer":               goldenLive + "0",
		"space around":         " " + goldenLive,
		"newline after":        goldenLive + "\n",
		"one letter differs":   strings.Replace(goldenLive, "Zx8", "Zx9", 1),
		"case of one letter":   strings.Replace(goldenLive, "Zx8", "zx8", 1),
		"two letters swapped":  strings.Replace(goldenLive, "Zx8", "xZ8", 1),
		"outside the alphabet": sealSecret(FamilyLive, "8fJ2_Q0a", goldenBody).Text(),
		"a byte beyond ASCII":  sealSecret(FamilyLive, "8fJ2\xffQ0a", goldenBody).Text(),
		"a zero byte":          sealSecret(FamilyLive, "8fJ2\x00Q0a", goldenBody).Text(),
		"very long":            "kv_" + strings.Repeat("a", 1<<20),
	} {
		if s, ok := Parse(text); ok || s != (Secret{}) {
			t.Errorf("%s: accepted as %v", why, s)
		}
	}
}

func TestFamilies(t *testing.T) {
	t.Parallel()
	names := []string{"live", "test", "secret", "scoped", "public", "klinivo"}
	for i, f := range Families() {
		got, ok := FamilyNamed(names[i])
		if !ok || got != f || f.Name() != names[i] || !f.Valid() {
			t.Errorf("%s is named %q, want %q", f, f.Name(), names[i])
		}
		want := ChannelBearer
		if strings.HasPrefix(string(f), "kv") {
			want = ChannelAPIKey
		}
		if f.Channel() != want {
			t.Errorf("%s travels in %s", f, f.Channel())
		}
		if of, ok := FamilyOf(string(f) + "whatever"); !ok || of != f {
			t.Errorf("FamilyOf(%s…) = %s", f, of)
		}
	}
	if _, ok := FamilyNamed("root"); ok || Family("root_").Valid() || Family("").Valid() {
		t.Error("a seventh family")
	}
	if f, ok := FamilyOf("eyJhbGciOi"); ok {
		t.Errorf("a JWT taken for a key of %s", f)
	}
}

// Every new key parses to itself, and every single wrong letter is found.
func TestSecretTypos(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.SampledFrom(Families()).Draw(t, "family")
		s := New(f)
		if back, ok := Parse(s.Text()); !ok || back != s {
			t.Fatal("a new key does not parse to itself")
		}
		text := []byte(s.Text())
		at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		typo := rapid.Byte().Filter(func(c byte) bool { return c != text[at] }).Draw(t, "typo")
		text[at] = typo
		if _, ok := Parse(string(text)); ok {
			t.Fatalf("a key with byte %d changed was accepted", at)
		}
	})
}

func TestSecretDoesNotLeak(t *testing.T) {
	t.Parallel()
	s, _ := Parse(goldenFlat)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("key", "key", s, "in", map[string]any{"k": s})
	slog.New(slog.NewTextHandler(&log, nil)).Info("key", "key", s, "ptr", &s)
	body, err := json.Marshal(struct{ Key Secret }{s})
	if err != nil {
		t.Fatal(err)
	}
	out := log.String() + string(body) + fmt.Sprintf("%v %+v %#v %s %q %x", s, s, s, s, s, []any{s}) + fmt.Sprint(&s,
		[]Secret{s})
	if strings.Contains(out, goldenBody) || strings.Contains(out, fmt.Sprintf("%x", goldenBody)) {
		t.Errorf("the secret is in %s", out)
	}
	if !strings.Contains(out, s.Prefix()) {
		t.Errorf("the prefix is not in %s", out)
	}
}

func FuzzParseSecret(f *testing.F) {
	f.Add(goldenLive)
	f.Add(goldenFlat)
	f.Add("qual_scope_")
	f.Fuzz(func(t *testing.T, text string) {
		s, ok := Parse(text)
		if ok && (s.Text() != text || sealSecret(s.Family, s.ID, text[len(s.Prefix()):len(text)-secretCRC]).Text() != text) {
			t.Fatalf("%q parsed as something else", text)
		}
	})
}

func BenchmarkParseSecret(b *testing.B) {
	for b.Loop() {
		Parse(goldenLive)
	}
}
