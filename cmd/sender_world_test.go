package cmd

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// childEnv makes the test binary a qb: what is killed must be a process.
const childEnv = "QB_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(Main(os.Args[1:], os.DirFS("..")))
	}
	os.Exit(m.Run())
}

// clinicProcess is a whole qb: a data directory, `qb serve` on it as a child, and keys.
type clinicProcess struct {
	testing.TB
	dir  string
	url  string
	live string // Authorization: a key with everything webhooks need
	kv   string // a kv_ key
	cmd  *exec.Cmd
	err  bytes.Buffer
}

// startClinic makes a clinic and serves it; toml is appended to its configuration.
func startClinic(t testing.TB, toml string) *clinicProcess {
	t.Helper()
	c := &clinicProcess{TB: t, dir: filepath.Join(t.TempDir(), "data")}
	c.qb("init", "--name", "Praxis", "--timezone", "Europe/Berlin", "--hours", "Mon-Sun 00:00-24:00")
	if err := os.WriteFile(filepath.Join(c.dir, "qb.toml"), []byte(toml), 0o600); err != nil {
		t.Fatal(err)
	}
	c.live = c.qb("keys", "create", "--name", "live", "--rate", "0")
	c.kv = c.qb("keys", "create", "--name", "kv", "--family", "klinivo", "--scopes", "MANAGE_WEBHOOKS,WRITE_PATIENTS",
		"--rate", "0")
	c.serve()
	t.Cleanup(func() { c.kill(os.Interrupt) })
	return c
}

func (c *clinicProcess) command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], append([]string{"--data", c.dir}, args...)...)
	cmd.Env = append(os.Environ(), childEnv+"=1")
	return cmd
}

// qb runs a verb and gives its standard output.
func (c *clinicProcess) qb(args ...string) string {
	c.Helper()
	var fault bytes.Buffer
	cmd := c.command(args...)
	cmd.Stderr = &fault
	out, err := cmd.Output()
	if err != nil {
		c.Fatalf("qb %s: %v %s", strings.Join(args, " "), err, &fault)
	}
	return strings.TrimSpace(string(out))
}

// serve starts the server and waits until it answers.
func (c *clinicProcess) serve() {
	c.Helper()
	c.cmd = c.command("serve", "--listen", "127.0.0.1:0")
	c.cmd.Stderr = &c.err
	out, err := c.cmd.StdoutPipe()
	if err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		c.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = c.cmd.Wait()
		c.Fatalf("qb serve: %v: %s", err, &c.err)
	}
	c.url = strings.TrimPrefix(strings.TrimSpace(line), "listening on ")
}

// kill ends the server by a signal and waits for its end.
func (c *clinicProcess) kill(signal os.Signal) {
	if c.cmd == nil {
		return
	}
	_ = c.cmd.Process.Signal(signal)
	_ = c.cmd.Wait()
	c.cmd = nil
}

// try sends a request with a key of either channel; the error is the connection's.
func (c *clinicProcess) try(method, path, key, body string) (status int, reply map[string]any, err error) {
	r, err := http.NewRequest(method, c.url+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if strings.HasPrefix(key, "kv_") {
		r.Header.Set("X-API-Key", key)
	} else {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, nil, err
	}
	_ = json.Unmarshal(text, &reply)
	if inner, ok := reply["data"].(map[string]any); ok && len(reply) == 1 {
		reply = inner
	}
	return res.StatusCode, reply, nil
}

// call is try that must get the status.
func (c *clinicProcess) call(want int, method, path, key, body string) map[string]any {
	c.Helper()
	status, reply, err := c.try(method, path, key, body)
	if err != nil || status != want {
		c.Fatalf("%s %s: %d %v, %v; want %d", method, path, status, reply, err, want)
	}
	return reply
}

// hook makes a webhook and gives its id and secret.
func (c *clinicProcess) hook(key, url, more string) (id, secret string) {
	c.Helper()
	h := c.call(201, "POST", "/webhooks", key, `{"url":"`+url+`","events":["*"]`+more+`}`)
	return h["id"].(string), h["secret"].(string)
}

// lead makes a lead: one event.
func (c *clinicProcess) lead(name string) string {
	c.Helper()
	return c.call(201, "POST", "/leads", c.live, `{"name":"`+name+`"}`)["id"].(string)
}

// until waits for something that must come soon.
func (c *clinicProcess) until(what string, ok func() bool) {
	c.Helper()
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	c.Fatalf("%s: never happened", what)
}

// arrival is what a receiver was sent.
type arrival struct {
	header http.Header
	body   []byte
	at     time.Time
}

// inbox is a receiver on loopback that answers 200 and keeps what came.
type inbox struct {
	*httptest.Server
	mu   sync.Mutex
	list []arrival
}

func newInbox(t testing.TB) *inbox {
	b := &inbox{}
	b.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.list = append(b.list, arrival{r.Header.Clone(), body, time.Now()})
	}))
	t.Cleanup(b.Close)
	return b
}

func (b *inbox) all() []arrival {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]arrival{}, b.list...)
}

// next waits for the n-th arrival, from 1.
func (b *inbox) next(c *clinicProcess, n int) arrival {
	c.Helper()
	c.until(fmt.Sprintf("arrival %d", n), func() bool { return len(b.all()) >= n })
	return b.all()[n-1]
}

const allowLoopback = "[webhooks]\nallow = [\"127.0.0.1/32\"]\n"

// verdicts runs a verifier of another language once over all cases and gives
// what it says of each. tail reads the cases as JSON from standard input and prints
// a line of true or false for each.
func verdicts(t testing.TB, command []string, file, source, tail string, cases []verification, header string) []bool {
	t.Helper()
	script := filepath.Join(t.TempDir(), file)
	if err := os.WriteFile(script, []byte(source+tail+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var list []map[string]string
	for _, c := range cases {
		list = append(list, map[string]string{"body": string(c.a.body), "header": c.a.header.Get(header), "secret": c.secret})
	}
	in, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], append(command[1:], script)...)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.CombinedOutput()
	words := strings.Fields(string(out))
	if err != nil || len(words) != len(cases) {
		t.Fatalf("%s: %v %s", file, err, out)
	}
	var said []bool
	for _, w := range words {
		said = append(said, w == "true")
	}
	return said
}

// verification is a delivery and the secret that a receiver checks it with.
type verification struct {
	name     string
	a        arrival
	secret   string
	printed  bool // what the printed snippets say: they look at one signature alone
	standard bool // what every other verifier says
}

// post makes a lead; false when it was not acknowledged.
func post(url, key string, body []byte) bool {
	r, err := http.NewRequest("POST", url+"/api/v1/leads", bytes.NewReader(body))
	if err != nil {
		return false
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return err == nil && res.StatusCode == http.StatusCreated
}

// hmacHex is the hex HMAC-SHA256 that Klinivo's scheme asks for, worked out apart
// from the product's own signer.
func hmacHex(secret, text string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}
