package webhook

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"pgregory.net/rapid"

	"qualifybase/engine/secret"
)

func signer(t testing.TB, secret, old string) *Signer {
	t.Helper()
	s, err := NewSigner(secret, old)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The values were computed with openssl dgst -hmac, not with this code.
func TestSignGolden(t *testing.T) {
	t.Parallel()
	s := signer(t, goldenSecret, "")
	for range 2 { // the hash states are reused
		got := s.Sign("evt_1", 1777190400, []byte(`{"id":"evt_1"}`))
		if got.Hex != goldenHex || got.Standard != goldenStandard {
			t.Fatalf("got %q\nand %q", got.Hex, got.Standard)
		}
	}
}

func TestSecretShape(t *testing.T) {
	t.Parallel()
	plain := secret.NewWebhookSecret()
	if !regexp.MustCompile(`^whsec_[A-Za-z0-9+/]{48}$`).MatchString(plain) {
		t.Fatalf("secret %q", plain)
	}
	if plain == secret.NewWebhookSecret() {
		t.Fatal("two secrets are equal")
	}
	for _, bad := range []string{"", "whsec_", "whsec_***", "abc", "sk_" + plain[6:]} {
		if _, err := NewSigner(bad, ""); err == nil {
			t.Errorf("%q made a signer", bad)
		}
		if bad != "" {
			if _, err := NewSigner(plain, bad); err == nil {
				t.Errorf("%q passed as the old secret", bad)
			}
		}
	}
}

// The official library verifies every body, with the new and, in a rotation, with
// the old secret; never a changed body, id or time.
func TestStandardWebhooksLibraryVerifies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fresh, old := secret.NewWebhookSecret(), secret.NewWebhookSecret()
		body := rapid.SliceOfN(rapid.Byte(), 0, 2000).Draw(t, "body")
		rotating := rapid.Bool().Draw(t, "rotating")
		s, err := NewSigner(fresh, map[bool]string{true: old}[rotating])
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now().Unix()
		h := http.Header{}
		h.Set("webhook-id", "evt_x")
		h.Set("webhook-timestamp", itoa(now))
		h.Set("webhook-signature", s.Sign("evt_x", now, body).Standard)
		verify := func(secret string, body []byte) error {
			w, err := standardwebhooks.NewWebhook(secret)
			if err != nil {
				t.Fatal(err)
			}
			return w.Verify(body, h)
		}
		if err := verify(fresh, body); err != nil {
			t.Fatalf("new secret: %v", err)
		}
		if err := verify(old, body); (err == nil) != rotating {
			t.Fatalf("old secret, rotating %v: %v", rotating, err)
		}
		if verify(fresh, append(body[:len(body):len(body)], 'x')) == nil {
			t.Fatal("a longer body verified")
		}
		h.Set("webhook-id", "evt_y")
		if verify(fresh, body) == nil {
			t.Fatal("another id verified")
		}
	})
}

func TestRotationOrder(t *testing.T) {
	t.Parallel()
	fresh, old := secret.NewWebhookSecret(), secret.NewWebhookSecret()
	body := []byte(`{}`)
	now := int64(1777190400)
	one := strings.TrimPrefix(signer(t, fresh, "").Sign("evt", now, body).Hex, "t=1777190400,")
	two := strings.TrimPrefix(signer(t, old, "").Sign("evt", now, body).Hex, "t=1777190400,")
	got := signer(t, fresh, old).Sign("evt", now, body)
	if want := "t=1777190400," + two + "," + one + "," + two; got.Hex != want {
		t.Errorf("hex header %q\nwant %q", got.Hex, want)
	}
	want := signer(t, fresh, "").Sign("evt", now, body).Standard + " " +
		signer(t, old, "").Sign("evt", now, body).Standard
	if got.Standard != want {
		t.Errorf("standard header %q\nwant %q", got.Standard, want)
	}
}

// The two snippets printed in Klinivo's document, run as they are printed.
func TestPrintedSnippets(t *testing.T) {
	foreign := []struct{ name, file, tail string }{
		{"node", "klinivo.js", `
const c = JSON.parse(require('fs').readFileSync(0, 'utf8'));
console.log(verifySignature(c.body, c.header, c.secret));`},
		{"python3", "klinivo.py", `
import json, sys
c = json.load(sys.stdin)
print(str(verify_signature(c["body"].encode(), c["header"], c["secret"])).lower())`},
	}
	fresh, old := secret.NewWebhookSecret(), secret.NewWebhookSecret()
	body := `{"id":"evt_1","data":{"name":"Zoë 🦷"}}`
	at := time.Now().Unix()
	plain := signer(t, fresh, "").Sign("evt_1", at, []byte(body)).Hex
	rotating := signer(t, fresh, old).Sign("evt_1", at, []byte(body)).Hex
	cases := []struct {
		name, body, header, secret string
		want                       string
	}{
		{"plain", body, plain, fresh, "true"},
		{"plain, changed body", body + " ", plain, fresh, "false"},
		{"plain, wrong secret", body, plain, old, "false"},
		{"rotating, receiver not yet changed", body, rotating, old, "true"},
		{"rotating, receiver not yet changed, changed body", body + " ", rotating, old, "false"},
		{"rotation finished, receiver changed", body, plain, fresh, "true"},
	}
	for _, f := range foreign {
		t.Run(f.name, func(t *testing.T) {
			bin, err := exec.LookPath(f.name)
			if err != nil {
				t.Skipf("%s is not installed: the printed snippet cannot be run here", f.name)
			}
			source, err := os.ReadFile(filepath.Join("testdata", f.file))
			if err != nil {
				t.Fatal(err)
			}
			script := filepath.Join(t.TempDir(), f.file)
			if err := os.WriteFile(script, []byte(string(source)+f.tail+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, c := range cases {
				in, _ := json.Marshal(map[string]string{"body": c.body, "header": c.header, "secret": c.secret})
				cmd := exec.Command(bin, script)
				cmd.Stdin = strings.NewReader(string(in))
				out, err := cmd.CombinedOutput()
				if err != nil || strings.TrimSpace(string(out)) != c.want {
					t.Errorf("%s: %s, %v; want %s", c.name, out, err, c.want)
				}
			}
		})
	}
}

func BenchmarkSign(b *testing.B) {
	s := signer(b, secret.NewWebhookSecret(), "")
	body := make([]byte, 400)
	b.ReportAllocs()
	for b.Loop() {
		s.Sign("evt_0196", 1777190400, body)
	}
}

const (
	goldenSecret   = "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6"
	goldenHex      = "t=1777190400,v1=9542a2fb07f7d5d97843a8009b9fd779bf850b590db38e18242441ab4679b7b4"
	goldenStandard = "v1,MXxFArlH0Xdx/t0pzGh9b5RAp8IpduSZIZtf6sWAHfM="
)
