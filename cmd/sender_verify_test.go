package cmd

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// TestReceiversVerifyRealDeliveries: Klinivo's printed functions, run by Node and
// Python as they are printed, and the Standard Webhooks library accept what the
// whole product sends, before, during and after a rotation.
func TestReceiversVerifyRealDeliveries(t *testing.T) {
	c := startClinic(t, allowLoopback)
	box := newInbox(t)
	id, first := c.hook(c.kv, box.URL+"/hook", "")
	c.lead("Ada")
	before := box.next(c, 1)
	if before.header.Get("X-Qualifybase-Event") != "lead.created" || !strings.Contains(string(before.body), `"clinicId":"`) ||
		before.header.Get("X-Klinivo-Signature") == "" || before.header.Get("X-Qualifybase-Signature") != "" {
		t.Errorf("arrived %v %s", before.header, before.body)
	}
	second := c.call(200, "POST", "/webhooks/"+id+"/rotate-secret", c.kv, "")["secret"].(string)
	c.lead("Ben")
	during := box.next(c, 2)
	c.call(200, "POST", "/webhooks/"+id+"/finish-rotation", c.kv, "")
	c.lead("Cleo")
	after := box.next(c, 3)
	for _, x := range []struct {
		name     string
		a        arrival
		secret   string
		printed  bool // the printed snippets look at one signature alone
		standard bool
	}{
		{"before", before, first, true, true},
		{"before, wrong secret", before, second, false, false},
		{"during, receiver not yet changed", during, first, true, true},
		{"during, receiver changed", during, second, false, true},
		{"after, receiver changed", after, second, true, true},
		{"after, old secret", after, first, false, false},
		{"changed body", arrival{before.header, append([]byte(" "), before.body...), before.at}, first, false, false},
	} {
		w, err := standardwebhooks.NewWebhook(x.secret)
		if err == nil {
			err = w.Verify(x.a.body, x.a.header)
		}
		if (err == nil) != x.standard {
			t.Errorf("%s: the Standard Webhooks library says %v", x.name, err)
		}
		for _, f := range []struct{ bin, file, tail string }{
			{"node", "klinivo.js", "\nconst c = JSON.parse(require('fs').readFileSync(0, 'utf8'));\nconsole.log(verifySignature(c.body, c.header, c.secret));"},
			{"python3", "klinivo.py", "\nimport json, sys\nc = json.load(sys.stdin)\nprint(str(verify_signature(c[\"body\"].encode(), c[\"header\"], c[\"secret\"])).lower())"},
		} {
			bin, err := exec.LookPath(f.bin)
			if err != nil {
				t.Logf("%s is not installed: its printed snippet cannot be run here", f.bin)
				continue
			}
			source, err := os.ReadFile(filepath.Join("..", "webhook", "testdata", f.file))
			if err != nil {
				t.Fatal(err)
			}
			if got := runVerifier(t, bin, string(source), f.tail, x.a, x.secret, "X-Klinivo-Signature"); got != x.printed {
				t.Errorf("%s: the snippet for %s says %v", x.name, f.bin, got)
			}
		}
	}
}
