package httpapi_test

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"qualifybase/engine"
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
			w := newStage(t, tr.with)
			w.said.values["live"] = w.kv // also where a step sends it elsewhere than in the header
			for _, s := range tr.steps {
				if f, ok := flatStep(t, s); ok {
					got := w.play(f)
					got.body = neutral(got.body)
					w.compare(file, f, f.want, got)
				} else {
					w.compare(file, s, s.want, w.play(s))
				}
			}
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
			f.target += string("?&"[min(i, 1)]) + engine.FlatName(name) + "=" + value
		}
	}
	if json.Valid([]byte(s.body)) {
		f.body = string(engine.AppendFlat(nil, []byte(s.body)))
	}
	f.want.headers = nil
	for _, h := range s.want.headers {
		if !strings.Contains(h, "RateLimit") { // of another key
			f.want.headers = append(f.want.headers, h)
		}
	}
	if v, err := parseTree(string(engine.AppendFlat(nil, []byte(s.want.body)))); err == nil {
		f.want.body = flatten(v).String()
	}
	f.want.body = strings.ReplaceAll(neutral(f.want.body), "X-QualifyBase-Signature", "X-Klinivo-Signature")
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
	told  = regexp.MustCompile(`"(message|field)": "(?:[^"\\]|\\.)*"`)
	words = regexp.MustCompile(`[a-z0-9]+(_[a-z0-9]+)+`)
)

// neutral spells the names inside messages, which each form spells its own way,
// alike; so do values with an underscore.
func neutral(body string) string {
	return told.ReplaceAllStringFunc(body, func(text string) string {
		return words.ReplaceAllStringFunc(text, engine.FlatName)
	})
}
