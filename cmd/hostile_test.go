package cmd

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"qualifybase/engine/enginetest/proof"
)

// hostile are requests that mean harm: the text after the request line, the
// Content-Length being added, or all of it where raw is set.
var hostile = map[string]struct {
	body    string
	headers string
	raw     string
}{
	"deep lists": {body: `{"name":"x","metadata":` + strings.Repeat("[", 500_000) +
		strings.Repeat("]", 500_000) + `}`},
	"deep objects": {body: `{"metadata":` + strings.Repeat(`{"a":`, 100_000) + "1" +
		strings.Repeat("}", 100_000) + `}`},
	"deep and open":     {body: strings.Repeat("[", 1_000_000)},
	"duplicate keys":    {body: `{"name":"a","name":"b"}`},
	"duplicate deep":    {body: `{"name":"a","metadata":{"x":{"y":1,"y":2}}}`},
	"bad UTF-8":         {body: "{\"name\":\"\xff\xfe\"}"},
	"lone surrogate":    {body: `{"name":"\ud800"}`},
	"NUL":               {body: `{"name":"a\u0000b"}`},
	"many keys":         {body: "{" + strings.Repeat(`"k":1,`, 100_000) + `"z":1}`},
	"many unknown keys": {body: unknownKeys(50_000)},
	"huge number":       {body: `{"name":"a","metadata":{"n":1e999999999}}`},
	"long number":       {body: `{"name":"a","metadata":{"n":` + strings.Repeat("9", 900_000) + `}}`},
	"long string":       {body: `{"name":"` + strings.Repeat("x", 1_000_000) + `"}`},
	"null":              {body: `null`},
	"data after":        {body: `{"name":"a"} {"name":"b"}`},
	"too large":         {body: `{"notes":"` + strings.Repeat("x", 3<<20) + `"}`},
	"far too large":     {body: `{"notes":"` + strings.Repeat("x", 24<<20) + `"}`},
	"compressed":        {body: "\x1f\x8b\x08", headers: "Content-Encoding: gzip\r\n"},
	"many tags":         {body: `{"name":"a","tags":[` + strings.Repeat(`"t",`, 200_000) + `"t"]}`},
	"100 KiB header":    {body: `{"name":"a"}`, headers: "X-Long: " + strings.Repeat("x", 100<<10) + "\r\n"},
	"many headers":      {body: `{"name":"a"}`, headers: strings.Repeat("X-Many: x\r\n", 9000)},
	"long key":          {body: `{"name":"a"}`, headers: "X-API-Key: " + strings.Repeat("k", 60_000) + "\r\n"},
	"control in a key":  {body: `{"name":"a"}`, headers: "Idempotency-Key: a\x01b\r\n"},
	"long idempotency":  {body: `{"name":"a"}`, headers: "Idempotency-Key: " + strings.Repeat("k", 300) + "\r\n"},
	"long query":        {raw: "GET /api/v1/leads?q=" + strings.Repeat("x", 40_000) + " HTTP/1.1\r\nHost: qb\r\n%s\r\n"},
	"many parameters":   {raw: "GET /api/v1/leads?" + strings.Repeat("a=1&", 10_000) + " HTTP/1.1\r\nHost: qb\r\n%s\r\n"},
	"bad escapes":       {raw: "GET /api/v1/leads?q=%%zz&limit=%%00 HTTP/1.1\r\nHost: qb\r\n%s\r\n"},
	"long path":         {raw: "GET /api/v1/leads/" + strings.Repeat("x", 40_000) + " HTTP/1.1\r\nHost: qb\r\n%s\r\n"},
	"unknown method":    {raw: "BREW /api/v1/leads HTTP/1.1\r\nHost: qb\r\n%s\r\n"},
	"two lengths differ": {raw: "POST /api/v1/leads HTTP/1.1\r\nHost: qb\r\n%sContent-Length: 2\r\nContent-Length: " +
		"3\r\n\r\n{}"},
}

// nobodys are the requests that net/http refuses before any handler: HTTP itself is
// broken, so that there is no request to which an envelope could belong.
var nobodys = map[string]bool{"two lengths differ": true, "control in a key": true}

func unknownKeys(n int) string {
	var b strings.Builder
	b.WriteString("{")
	for i := range n {
		fmt.Fprintf(&b, `"k%d":1,`, i)
	}
	b.WriteString(`"z":1}`)
	return b.String()
}

// Every hostile request is answered 4xx in the envelope, many at once too; the
// memory grows within bounds and nothing panics (proof.md R11).
func TestHostileRequests(t *testing.T) {
	s := newSite(t, "")
	p := s.serve()
	p.must(http.StatusCreated, "POST", "/leads", `{"name":"Ada"}`)
	before := p.memory()
	statuses := map[int]int{}
	var mu sync.Mutex
	for range proof.Times(1, 3, 20) {
		var wait sync.WaitGroup
		for name, h := range hostile {
			wait.Go(func() {
				status, body, err := p.attack(h.raw, h.headers, h.body)
				mu.Lock()
				defer mu.Unlock()
				statuses[status]++
				if err != nil || status < 400 || status > 499 {
					t.Errorf("%s: %d %v %.200s", name, status, err, body)
				} else if !envelope(body) && !nobodys[name] {
					t.Errorf("%s: %d is not in the envelope: %.200s", name, status, body)
				}
			})
		}
		wait.Wait()
	}
	grown := p.memory() - before
	if grown > 50 {
		t.Errorf("the memory grew by %d MiB", grown)
	}
	if log := p.log.String(); strings.Contains(log, "panic") || strings.Contains(log, "level=ERROR") {
		t.Errorf("the log says %.2000s", log)
	}
	p.must(http.StatusOK, "GET", "/leads", "")
	proof.Row(t, "R11", "4xx in the envelope, memory + ≤ 50 MiB, 0 panics",
		"%d kinds of request at once: all 4xx %v, memory + %d MiB at the most, 0 panics", len(hostile), statuses, grown)
}

// attack sends a request as bytes and reads the answer.
func (p *serverProcess) attack(raw, headers, body string) (int, []byte, error) {
	address, err := url.Parse(p.url)
	if err != nil {
		return 0, nil, err
	}
	c, err := net.Dial("tcp", address.Host)
	if err != nil {
		return 0, nil, err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if !strings.Contains(headers, "X-API-Key") {
		headers += "Authorization: Bearer " + p.s.key + "\r\n"
	}
	text := fmt.Sprintf("POST /api/v1/leads HTTP/1.1\r\nHost: qb\r\n%sContent-Type: "+
		"application/json\r\nContent-Length: %d\r\n\r\n%s", headers, len(body), body)
	if raw != "" {
		text = fmt.Sprintf(raw, headers)
	}
	go func() { _, _ = io.Copy(c, strings.NewReader(text)) }() // the answer may come before the end
	reply, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, nil, err
	}
	defer reply.Body.Close()
	answer, err := io.ReadAll(reply.Body)
	return reply.StatusCode, answer, err
}

// envelope tells an error of ours, in either form.
func envelope(body []byte) bool {
	var e struct{ Error any }
	if json.Unmarshal(body, &e) != nil {
		return false
	}
	switch x := e.Error.(type) {
	case string:
		return x != ""
	case map[string]any:
		return x["code"] != nil && x["message"] != nil
	}
	return false
}

// memory is the most that the process has held, in MiB; 0 where nobody tells.
func (p *serverProcess) memory() int {
	text, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "status"))
	_, after, _ := bytes.Cut(text, []byte("VmHWM:"))
	line, _, _ := bytes.Cut(after, []byte("kB"))
	n, _ := strconv.Atoi(string(bytes.TrimSpace(line)))
	return n / 1024
}
