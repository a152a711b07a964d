package httpapi_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A transcript is a text file under testdata/transcripts: requests as curl would
// send them, and everything that each must leave behind.
//
//	# Prose, which nobody reads but people.
//	with sessions
//
//	=== 1. What happens
//	# Prose.
//	at 2026-04-27T07:00:00Z
//	POST /api/v1/leads
//	Authorization: Bearer $live
//	Content-Type: application/json
//
//	{"name": "Ada Example"}
//	--> 201 Created
//	Location: /api/v1/leads/$lead
//
//	{"data": {"id": "$lead", "name": "Ada Example", ...}}
//	event lead.created
//	audit lead.put ok $lead name
//
// "at" moves the clock, which stands still otherwise. "with" names what the world
// has beside the standard clinic (world_test.go says which). $lead is an id or a
// secret: the reply that shows it first gives it its name, later steps say it.
// "..." leaves out names of an object, items of a list or lines of a text; all else
// must be there as it is written, the events and the audit lines of a step too.
// Headers of the reply that say something of the resource must be listed; others,
// such as X-RateLimit-Remaining, are compared where they are.
//
// go test ./httpapi -run TestTranscripts -update writes what the server says.
type transcript struct {
	file  string
	prose []string
	with  []string // "sessions"
	steps []*step
}

// step is one request and what must come of it.
type step struct {
	line    int // where it begins in its file
	title   string
	prose   []string
	at      string // the clock's new time
	method  string
	target  string
	headers []string // "Name: value"
	body    string
	want    outcome
}

// outcome is what a request left behind, as it is written in a transcript.
type outcome struct {
	status  string // "201 Created"
	headers []string
	body    string
	events  []string
	audit   []string
}

func readTranscript(t *testing.T, file string) *transcript {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tr := &transcript{file: file}
	r := &lineReader{t: t, file: file, lines: strings.Split(strings.TrimRight(string(text), "\n"), "\n")}
	for !r.done() && !strings.HasPrefix(r.peek(), "===") {
		switch line := r.next(); {
		case strings.HasPrefix(line, "#"):
			tr.prose = append(tr.prose, line)
		case strings.HasPrefix(line, "with "):
			tr.with = append(tr.with, strings.TrimPrefix(line, "with "))
		case line != "":
			r.fail("want prose after #, with, or a step after ===")
		}
	}
	for !r.done() {
		tr.steps = append(tr.steps, r.step(len(tr.steps)+1))
	}
	if len(tr.steps) == 0 {
		t.Fatalf("%s has no steps", file)
	}
	return tr
}

type lineReader struct {
	t     *testing.T
	file  string
	lines []string
	at    int
}

func (r *lineReader) done() bool   { return r.at >= len(r.lines) }
func (r *lineReader) peek() string { return r.lines[r.at] }
func (r *lineReader) next() string { r.at++; return r.lines[r.at-1] }

func (r *lineReader) fail(format string, args ...any) {
	r.t.Helper()
	r.t.Fatalf("%s:%d: %s", r.file, r.at, fmt.Sprintf(format, args...))
}

// until takes the lines before one that begins with any of the prefixes, without
// the blank ones at either end.
func (r *lineReader) until(prefixes ...string) []string {
	start := r.at
	for !r.done() && !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(r.peek(), p) }) {
		r.at++
	}
	block := r.lines[start:r.at]
	for len(block) > 0 && block[0] == "" {
		block = block[1:]
	}
	for len(block) > 0 && block[len(block)-1] == "" {
		block = block[:len(block)-1]
	}
	return block
}

func (r *lineReader) step(n int) *step {
	title, ok := strings.CutPrefix(r.next(), fmt.Sprintf("=== %d. ", n))
	s := &step{line: r.at, title: title}
	if !ok && !*update {
		r.fail("want the heading === %d. and what happens", n)
	} else if _, rest, cut := strings.Cut(title, ". "); !ok && cut {
		s.title = rest
	}
	request := r.until("-->", "===")
	for len(request) > 0 && strings.HasPrefix(request[0], "#") {
		s.prose, request = append(s.prose, request[0]), request[1:]
	}
	if len(request) > 0 {
		if at, ok := strings.CutPrefix(request[0], "at "); ok {
			s.at, request = at, request[1:]
		}
	}
	if len(request) == 0 {
		r.fail("step %d has no request", n)
	}
	s.method, s.target, ok = strings.Cut(request[0], " ")
	if !ok || !strings.HasPrefix(s.target, "/") {
		r.fail("want a method and a path, not %q", request[0])
	}
	s.headers, s.body = r.message(request[1:])
	if r.done() || !strings.HasPrefix(r.peek(), "-->") {
		if !*update {
			r.fail("want --> and the status of step %d", n)
		}
		return s
	}
	s.want.status = strings.TrimSpace(strings.TrimPrefix(r.next(), "-->"))
	s.want.headers, s.want.body = r.message(r.until("event ", "audit ", "==="))
	for _, line := range r.until("===") {
		if ev, ok := strings.CutPrefix(line, "event "); ok {
			s.want.events = append(s.want.events, ev)
		} else if row, ok := strings.CutPrefix(line, "audit "); ok {
			s.want.audit = append(s.want.audit, row)
		} else if line != "" {
			r.fail("want event, audit or the next step, not %q", line)
		}
	}
	return s
}

// message parts the headers from the body, which stands after a blank line.
func (r *lineReader) message(lines []string) (headers []string, body string) {
	for i, line := range lines {
		if line == "" {
			return headers, strings.TrimSpace(strings.Join(lines[i:], "\n"))
		}
		if name, _, ok := strings.Cut(line, ": "); !ok || strings.ContainsAny(name, ` {"`) {
			if i == 0 { // a reply that has no headers worth a line
				return nil, strings.Join(lines, "\n")
			}
			r.fail("want a header or a blank line, not %q", line)
		}
		headers = append(headers, line)
	}
	return headers, ""
}

// String is the transcript as a file.
func (tr *transcript) String() string {
	var b strings.Builder
	for _, line := range tr.prose {
		b.WriteString(line + "\n")
	}
	for _, what := range tr.with {
		b.WriteString("with " + what + "\n")
	}
	for i, s := range tr.steps {
		fmt.Fprintf(&b, "\n=== %d. %s\n", i+1, s.title)
		for _, line := range s.prose {
			b.WriteString(line + "\n")
		}
		if s.at != "" {
			b.WriteString("at " + s.at + "\n")
		}
		b.WriteString(s.method + " " + s.target + "\n")
		writeMessage(&b, s.headers, s.body)
		b.WriteString("--> " + s.want.status + "\n")
		writeMessage(&b, s.want.headers, s.want.body)
		for _, ev := range s.want.events {
			b.WriteString("event " + ev + "\n")
		}
		for _, row := range s.want.audit {
			b.WriteString("audit " + row + "\n")
		}
	}
	return b.String()
}

func writeMessage(b *strings.Builder, headers []string, body string) {
	for _, h := range headers {
		b.WriteString(h + "\n")
	}
	if body != "" {
		b.WriteString("\n" + body + "\n")
	}
}

// TestTranscripts runs every transcript in a clinic of its own.
func TestTranscripts(t *testing.T) {
	for _, file := range transcripts(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			tr := readTranscript(t, file)
			w := newStage(t, tr.with, false)
			for _, s := range tr.steps {
				got := w.play(s)
				if *update {
					s.want = got
					continue
				}
				w.compare(file, s, s.want, got)
			}
			w.close(tr.steps)
			if *update {
				golden(t, file, tr.String())
			}
		})
	}
}

func transcripts(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/transcripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	return files
}

// compare says which parts of a step's outcome are not as they were written.
func (w *stage) compare(file string, s *step, want, got outcome) {
	w.Helper()
	for _, diff := range differences(want, got) {
		w.Errorf("%s:%d: %s\n%s %s: the %s", file, s.line, s.title, s.method, s.target, diff)
	}
}

func differences(want, got outcome) (list []string) {
	for _, part := range []struct{ name, want, got string }{
		{"status differs", want.status, got.status},
		{"headers differ", strings.Join(want.headers, "\n"), strings.Join(got.headers, "\n")},
		{"body differs", want.body, got.body},
		{"events differ", strings.Join(want.events, "\n"), strings.Join(got.events, "\n")},
		{"audit differs", strings.Join(want.audit, "\n"), strings.Join(got.audit, "\n")},
	} {
		if diff := firstDifference(part.want, part.got); diff != "" {
			list = append(list, part.name+", "+diff)
		}
	}
	return list
}

// TestTranscriptSaysWhatDiffers: a part that is not as it was written is named, and
// nothing else is.
func TestTranscriptSaysWhatDiffers(t *testing.T) {
	t.Parallel()
	good := outcome{"201 Created", []string{`ETag: "1"`}, "{}", []string{"lead.created"}, []string{"lead.put ok"}}
	if list := differences(good, good); len(list) > 0 {
		t.Errorf("the same outcome differs: %q", list)
	}
	for part, spoil := range map[string]func(*outcome){
		"status differs": func(o *outcome) { o.status = "200 OK" },
		"headers differ": func(o *outcome) { o.headers = nil },
		"body differs":   func(o *outcome) { o.body = `{"a": 1}` },
		"events differ":  func(o *outcome) { o.events = append(slices.Clone(o.events), "lead.updated") },
		"audit differs":  func(o *outcome) { o.audit = nil },
	} {
		bad := good
		spoil(&bad)
		if list := differences(good, bad); len(list) != 1 || !strings.HasPrefix(list[0], part) {
			t.Errorf("want one difference, %q; got %q", part, list)
		}
	}
}

// The headers that a transcript must list where a reply has them.
var telling = []string{
	"Location", "ETag", "Idempotent-Replayed", "Retry-After", "Allow", "WWW-Authenticate", "Access-Control-Allow-Origin",
}

// headersOf are the telling headers of a reply, and those that the expectation
// lists beside them.
func (w *stage) headersOf(h http.Header, want []string) (list []string) {
	for _, line := range want {
		name, _, _ := strings.Cut(line, ": ")
		if !slices.Contains(telling, name) && name != "Content-Type" {
			list = append(list, name+": "+w.said.replace(h.Get(name), ""))
		}
	}
	for _, name := range telling {
		v := h.Get(name)
		if hash := strings.Trim(v, `"`); name == "ETag" && len(hash) > 16 && w.said.by[hash] == "" {
			w.said.add("etag", hash) // of a document, which has no versions
		}
		if v != "" {
			list = append(list, name+": "+w.said.replace(v, ""))
		}
	}
	if kind := h.Get("Content-Type"); kind != "" && !strings.HasPrefix(kind, "application/json") {
		list = append(list, "Content-Type: "+kind)
	}
	return list
}
