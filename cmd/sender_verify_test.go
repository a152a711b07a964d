package cmd

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// TestReceiversVerifyRealDeliveries: Klinivo's printed functions, run by Node and
// Python as they are printed, the Standard Webhooks library and the functions of
// our README judge what the whole product sends, before, during and after a rotation.
func TestReceiversVerifyRealDeliveries(t *testing.T) {
	cases := rotated(t)
	for _, x := range cases {
		w, err := standardwebhooks.NewWebhook(x.secret)
		if err == nil {
			err = w.Verify(x.a.body, x.a.header)
		}
		if (err == nil) != x.standard && x.name != "old time" { // it has its own time header
			t.Errorf("%s: the Standard Webhooks library says %v", x.name, err)
		}
	}
	for _, v := range verifiers(t) {
		t.Run(v.name, func(t *testing.T) {
			if _, err := exec.LookPath(v.command[0]); err != nil {
				t.Skipf("%s is not installed: its function cannot be run here", v.command[0])
			}
			for i, said := range verdicts(t, v.command, v.file, v.source, v.tail, cases, "X-Klinivo-Signature") {
				want := cases[i].standard
				if v.printed {
					want = cases[i].printed
				}
				if said != want {
					t.Errorf("%s: %v, want %v", cases[i].name, said, want)
				}
			}
		})
	}
}

// rotated sends deliveries before, during and after a rotation to a kv_ webhook.
func rotated(t *testing.T) []verification {
	c := startClinic(t, allowLoopback)
	box := newInbox(t)
	id, first := c.hook(c.kv, box.URL+"/hook", "")
	c.lead("Ada")
	before := box.next(c, 1)
	if before.header.Get("X-Qualifybase-Event") != "lead.created" ||
		!strings.Contains(string(before.body), `"clinicId":"`) ||
		before.header.Get("X-Klinivo-Signature") == "" || before.header.Get("X-Qualifybase-Signature") != "" {
		t.Errorf("arrived %v %s", before.header, before.body)
	}
	second := c.call(200, "POST", "/webhooks/"+id+"/rotate-secret", c.kv, "")["secret"].(string)
	c.lead("Zoë 🦷")
	during := box.next(c, 2)
	c.call(200, "POST", "/webhooks/"+id+"/finish-rotation", c.kv, "")
	c.lead("Cleo")
	after := box.next(c, 3)
	changed, old := before, before
	changed.body = append([]byte(" "), before.body...)
	old.header = http.Header{"X-Klinivo-Signature": {signedAt(t, before.body, first, before.at.Unix()-301)}}
	return []verification{
		{"before", before, first, true, true},
		{"before, wrong secret", before, second, false, false},
		{"during, receiver not yet changed", during, first, true, true},
		{"during, receiver changed", during, second, false, true},
		{"after, receiver changed", after, second, true, true},
		{"after, old secret", after, first, false, false},
		{"changed body", changed, first, false, false},
		{"old time", old, first, true, false}, // the printed snippets look at no clock
	}
}

// verifier is a function of another language that takes body, header and secret.
type verifier struct {
	name, file, source, tail string
	command                  []string
	printed                  bool
}

// verifiers are the printed snippets and the README's.
func verifiers(t *testing.T) []verifier {
	t.Helper()
	node := func(name string) string {
		return "\nfor (const c of JSON.parse(require('fs').readFileSync(0, 'utf8'))) console.log(" + name +
			"(c.body, c.header, c.secret));"
	}
	python := func(name string) string {
		return "\nimport json, sys\nfor c in json.load(sys.stdin):\n    print(str(" + name +
			"(c['body'].encode(), c['header'], c['secret'])).lower())"
	}
	golang := `
func main() {
	var cases []struct{ Body, Header, Secret string }
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		panic(err)
	}
	for _, c := range cases {
		fmt.Println(verify([]byte(c.Body), c.Header, c.Secret, 5*time.Minute))
	}
}`
	php := "\nforeach (json_decode(file_get_contents('php://stdin'), true) as $c) echo verify($c['body'], " +
		"$c['header'], $c['secret']) ? \"true\\n\" : \"false\\n\";"
	ruby := "\nrequire 'json'\nJSON.parse($stdin.read).each { |c| puts verify(c['body'], c['header'], c['secret']) }"
	read := func(file string) string {
		text, err := os.ReadFile(filepath.Join("..", file))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	readme := read("README.md")
	fenced := func(language string) string {
		_, rest, ok := strings.Cut(readme, "```"+language+"\n")
		code, _, closed := strings.Cut(rest, "```")
		if !ok || !closed || !strings.Contains(code, "verify(") {
			t.Fatalf("the README has no verify in %s", language)
		}
		return code
	}
	head := "package main\n\nimport " +
		"(\n\"crypto/hmac\"\n\"crypto/sha256\"\n\"encoding/hex\"\n\"encoding/json\"\n" +
		"\"fmt\"\n\"os\"\n\"strconv\"\n\"strings\"\n\"time\"\n)\n\n"
	return []verifier{
		{"printed for Node", "klinivo.js", read("webhook/testdata/klinivo.js"), node("verifySignature"),
			[]string{"node"}, true},
		{"printed for Python", "klinivo.py", read("webhook/testdata/klinivo.py"), python("verify_signature"),
			[]string{"python3"}, true},
		{"README, Node", "verify.js", fenced("js"), node("verify"), []string{"node"}, false},
		{"README, Python", "verify.py", fenced("python"), python("verify"), []string{"python3"}, false},
		{"README, Go", "verify.go", head + fenced("go"), golang, []string{"go", "run"}, false},
		{"README, PHP", "verify.php", "<?php\n" + fenced("php"), php, []string{"php"}, false},
		{"README, Ruby", "verify.rb", fenced("ruby"), ruby, []string{"ruby"}, false},
	}
}

// signedAt is the header of a body as it would have been signed at another time.
func signedAt(t *testing.T, body []byte, secret string, at int64) string {
	t.Helper()
	stamp := strconv.FormatInt(at, 10)
	return "t=" + stamp + ",v1=" + hmacHex(secret, stamp+"."+string(body))
}
