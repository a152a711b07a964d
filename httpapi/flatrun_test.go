package httpapi_test

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"qualifybase/engine/flat"
	"qualifybase/engine/scope"
)

// TestTranscriptsInTheFlatForm plays the steps of $live once more with a kv_ key:
// the requests respelled as a client of the flat form writes them, and the same
// replies, events and audit lines expected, respelled likewise.
func TestTranscriptsInTheFlatForm(t *testing.T) {
	if *update {
		t.Skip("the files are written from the standard form")
	}
	for _, file := range transcripts(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			tr := readTranscript(t, file)
			w := newStage(t, tr.with, true)
			for _, s := range tr.steps {
				if f, ok := flatStep(t, s); ok {
					got := w.play(f)
					got.body = neutral(got.body)
					w.compare(file, f, f.want, got)
				} else {
					w.compare(file, s, s.want, w.play(s))
				}
			}
			w.close(tr.steps)
		})
	}
}

const bearer = "Authorization: Bearer $live"

// flatStep respells a step of $live; false for the steps of others.
func flatStep(t *testing.T, s *step) (*step, bool) {
	t.Helper()
	f, ok := *s, false
	f.headers = nil
	for _, h := range s.headers {
		if h == bearer {
			h, ok = "X-API-Key: $live", true
		}
		f.headers = append(f.headers, h)
	}
	if !ok || strings.Contains(s.target, "$live") {
		return s, false
	}
	path, query, _ := strings.Cut(s.target, "?")
	f.target = path
	for i, pair := range strings.Split(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if query != "" {
			f.target += string("?&"[min(i, 1)]) + flat.Name(name) + "=" + value
		}
	}
	if json.Valid([]byte(s.body)) {
		f.body = string(flat.Append(nil, []byte(s.body)))
	}
	f.want.headers = nil
	for _, h := range s.want.headers {
		if !strings.Contains(h, "RateLimit") { // of another key
			f.want.headers = append(f.want.headers, h)
		}
	}
	if v, err := parseTree(string(flat.Append(nil, []byte(s.want.body)))); err == nil {
		f.want.body = flatten(v).String()
	}
	f.want.body = neutral(f.want.body)
	return &f, true
}

// flatten takes the envelope off a reply whose names are flat already.
func flatten(v *tree) *tree {
	if data := v.get("data"); data != nil && len(v.items) == 1 {
		return data
	}
	if fault := v.get("error"); fault != nil && fault.text == "{" {
		for i, name := range fault.names {
			if name == `"code"` {
				fault.names[i], fault.items[i] = `"error"`, &tree{text: strings.ToLower(fault.items[i].text)}
			}
		}
		return fault
	}
	return v
}

var (
	words  = regexp.MustCompile(`[a-z0-9]+(_[a-z0-9]+)+`)
	scopes = regexp.MustCompile(`[A-Z]+_[A-Z]+`)
)

// neutral spells what each form spells its own way alike: names of fields and
// scopes inside messages, and the signature header of a webhook. Values with an
// underscore inside messages change with them.
func neutral(body string) string {
	v, err := parseTree(body)
	if err != nil {
		return body
	}
	var walk func(*tree)
	walk = func(v *tree) {
		for i, item := range v.items {
			if v.text == "{" && (v.names[i] == `"message"` || v.names[i] == `"field"`) {
				item.text = words.ReplaceAllStringFunc(item.text, flat.Name)
				item.text = scopes.ReplaceAllStringFunc(item.text, func(word string) string {
					if s, ok := scope.Parse(word); ok {
						return s.String()
					}
					return word
				})
			}
			item.text = strings.ReplaceAll(item.text, "X-QualifyBase-Signature", "X-Klinivo-Signature")
			walk(item)
		}
	}
	walk(v)
	return v.String()
}
