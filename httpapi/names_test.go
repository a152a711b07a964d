package httpapi_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// names are the ids, secrets and cursors that replies have shown, each by the name
// that a transcript says instead.
type names struct {
	values map[string]string // by name
	order  []string          // values, longest first
	by     map[string]string // names by value
}

func newNames() *names { return &names{values: map[string]string{}, by: map[string]string{}} }

// add names a value: lead, then lead2, lead3.
func (n *names) add(hint, value string) string {
	name := hint
	for i := 2; n.values[name] != ""; i++ {
		name = fmt.Sprint(hint, i)
	}
	n.values[name], n.by[value] = value, name
	n.order = append(n.order, value)
	slices.SortStableFunc(n.order, func(a, b string) int { return len(b) - len(a) })
	return name
}

// Values that are not UUIDs and differ from run to run: by the field that shows
// them, the name that they get.
var opaque = map[string]string{
	"next_cursor": "cursor", "resume_cursor": "resume", "key": "api_key", "key_prefix": "prefix", "token": "token",
	"secret": "secret", "content_sha256": "content_sha256", "hash": "hash", "prev_hash": "prev_hash",
	"reason_ref": "reason_ref",
}

var (
	uuids   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	sayings = regexp.MustCompile(`\$[a-z][a-z0-9_]*`)
	humps   = regexp.MustCompile(`[A-Z]`)
)

// replace says the names of all known values in a text; unknown ids are named
// after the hint.
func (n *names) replace(text, hint string) string {
	for _, v := range n.order {
		if strings.Contains(text, v) {
			text = strings.ReplaceAll(text, v, "$"+n.by[v])
		}
	}
	return uuids.ReplaceAllStringFunc(text, func(id string) string {
		if hint == "" {
			hint = "id"
		}
		return "$" + n.add(hint, id)
	})
}

// fill puts the values in place of the names that a step says.
func (n *names) fill(w *stage, s *step, text string) string {
	return sayings.ReplaceAllStringFunc(text, func(name string) string {
		v, ok := n.values[name[1:]]
		if !ok && *update {
			w.Errorf("line %d: %s: no step before has shown %s", s.line, s.title, name)
			return name
		}
		if !ok {
			w.Fatalf("line %d: %s: no step before has shown %s", s.line, s.title, name)
		}
		return v
	})
}

// learn names what a reply shows for the first time and says the names in it. An
// id is called after what holds it; noun is what the reply itself is.
func (n *names) learn(v *tree, noun string) {
	for i, item := range v.items {
		field := ""
		if v.text == "{" {
			field = strings.ToLower(humps.ReplaceAllString(strings.Trim(v.names[i], `"`), "_$0"))
		}
		switch {
		case item.text == "{" && field != "" && field != "data":
			n.learn(item, field)
		case item.text == "{" || item.text == "[":
			n.learn(item, noun)
		case strings.HasPrefix(item.text, `"`):
			var text string
			if json.Unmarshal([]byte(item.text), &text) != nil || text == "" {
				continue
			}
			hint := strings.TrimSuffix(field, "_id")
			if field == "id" || field == "" {
				hint = noun
			}
			if name := opaque[field]; name != "" && n.by[text] == "" {
				n.add(name, text)
			}
			if said := n.replace(text, hint); said != text {
				quoted, _ := json.Marshal(said)
				item.text = string(quoted)
			}
		}
	}
}
