package cmd

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// zipBomb is 10 MiB of nothing, compressed.
func zipBomb() []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(make([]byte, 10<<20))
	_ = z.Close()
	return b.Bytes()
}

// badReceivers answer each path as a bad receiver would.
func badReceivers(t *testing.T) *httptest.Server {
	bomb, over := zipBomb(), make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/hang":
			<-over
		case "/drip":
			w.WriteHeader(500)
			for range 100 {
				if _, err := w.Write([]byte(".")); err != nil {
					return
				}
				_ = http.NewResponseController(w).Flush()
				select {
				case <-over:
					return
				case <-time.After(100 * time.Millisecond):
				}
			}
		case "/flood":
			w.WriteHeader(500)
			for range 160 {
				_, _ = w.Write(bytes.Repeat([]byte("x"), 64<<10))
			}
		case "/bomb":
			w.Header().Set("Content-Encoding", "gzip")
			w.WriteHeader(500)
			_, _ = w.Write(bomb)
		case "/moved":
			http.Redirect(w, r, "/fine", http.StatusTemporaryRedirect)
		case "/latin1":
			w.WriteHeader(500)
			_, _ = w.Write([]byte("caf\xe9 \x00 \xff\xfe"))
		case "/close":
			conn, _, _ := http.NewResponseController(w).Hijack()
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		case "/gone":
			w.WriteHeader(http.StatusGone)
		case "/fine":
			t.Error("a redirect was followed")
		}
	}))
	t.Cleanup(func() { close(over); srv.CloseClientConnections(); srv.Close() })
	return srv
}

// TestBadReceivers: what receivers do wrong ends as one failed attempt, told in few
// words, and harms nobody else.
func TestBadReceivers(t *testing.T) {
	c := startClinic(t, allowLoopback+"timeout = \"1s\"\nconnect_timeout = \"1s\"\n")
	srv, good := badReceivers(t), newInbox(t)
	c.hook(c.live, good.URL, "")
	want := map[string]string{"hang": "timeout 0", "drip": "bad_status 500", "flood": "bad_status 500",
		"bomb":  "bad_status 500",
		"moved": "redirect 307", "latin1": "bad_status 500", "close": "connect_failed 0", "gone": "gone 410"}
	hooks := map[string]string{}
	for name := range want {
		hooks[name], _ = c.hook(c.live, srv.URL+"/"+name, "")
	}
	c.lead("Ada")
	good.next(c, 1)
	for name, wanted := range want {
		var d map[string]any
		c.until(name+" tried", func() bool {
			list := c.call(200, "GET", "/webhooks/"+hooks[name]+"/deliveries", c.live, "")["data"].([]any)
			if len(list) == 1 && list[0].(map[string]any)["state"] == "pending" {
				d = c.call(200, "GET", "/deliveries/"+list[0].(map[string]any)["id"].(string), c.live, "")
				return d["attempts"] == 1.0 && len(d["attempt_log"].([]any)) == 1
			}
			return false
		})
		log := d["attempt_log"].([]any)[0].(map[string]any)
		status, _ := log["status"].(float64)
		text := log["response"].(string)
		if got := fmt.Sprintf("%v %.0f", d["last_error"], status); got != wanted {
			t.Errorf("%s: %s, want %s", name, got, wanted)
		}
		if len(text) > 4096 || !utf8.ValidString(text) || strings.Contains(text, "\x00") {
			t.Errorf("%s: kept %d bytes: %.20q", name, len(text), text)
		}
		h := c.call(200, "GET", "/webhooks/"+hooks[name], c.live, "")
		if gone := name == "gone"; h["enabled"] == gone || gone && h["disabled_reason"] != "gone" {
			t.Errorf("%s: %v", name, h)
		}
	}
}

// TestURLsRefused: what may not be sent to is refused when it is saved, and the
// answer names the field. Names that resolve to such addresses are the dialer's
// (webhook.TestNoConnectionToInnerTargets).
func TestURLsRefused(t *testing.T) {
	c := startClinic(t, "")
	for _, url := range []string{
		"", "crm.example.com", "ftp://crm.example.com/", "javascript:alert(1)", "http://crm.example.com/",
		"https://user:pw@crm.example.com/",
		"https://crm.example.com/#x", "https://crm.example.com:0/", "https://crm.example.com:99999/", "https:///hook",
		"https://localhost/",
		"https://intranet/", "https://a.localhost/", "https://127.0.0.1/", "https://10.1.2.3/", "https://172.16.0.1/",
		"https://192.168.1.1/",
		"https://169.254.169.254/latest/meta-data", "https://100.64.0.1/", "https://0.0.0.0/", "https://2130706433/",
		"https://0x7f000001/",
		"https://0177.0.0.1/", "https://127.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[fe80::1]/",
		"https://[fd00::1]/",
		"https://[fd00:ec2::254]/", "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://224.0.0.1/",
		"https://255.255.255.255/",
		"https://crm.example.com/" + strings.Repeat("x", 2048),
	} {
		status, reply, err := c.try("POST", "/webhooks", c.live, `{"url":"`+url+`","events":["*"]}`)
		fault, _ := reply["error"].(map[string]any)
		details, _ := fault["details"].([]any)
		if err != nil || status != 400 || fault["code"] != "VALIDATION_ERROR" || len(details) == 0 ||
			details[0].(map[string]any)["field"] != "url" {
			t.Errorf("%.60q: %d %v %v", url, status, reply, err)
		}
	}
	c.call(201, "POST", "/webhooks", c.live, `{"url":"https://crm.example.com/hook","events":["*"]}`)
}
