package httpapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// tree is a JSON value that keeps the order of its names and the text of its
// numbers. In an expectation "..." stands for further names of an object, or
// further items of a list, which nobody compares.
type tree struct {
	text  string // of a string, number, true, false, null; or "{", "[", "..."
	names []string
	items []*tree
	wide  int // of the value on one line, once it was asked for
}

// maxLine is how wide a line of a printed tree may be.
const maxLine = 110

// parseTree reads one JSON value, "..." allowed.
func parseTree(text string) (*tree, error) {
	p := &treeParser{rest: text}
	v := p.value()
	if p.skip(); p.err == nil && p.rest != "" {
		p.fail("the end")
	}
	return v, p.err
}

type treeParser struct {
	rest string
	err  error
}

func (p *treeParser) fail(want string) {
	if p.err == nil {
		p.err = fmt.Errorf("want %s at %.40q", want, p.rest)
	}
	p.rest = ""
}

func (p *treeParser) skip() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

func (p *treeParser) take(prefix string) bool {
	p.skip()
	rest, ok := strings.CutPrefix(p.rest, prefix)
	p.rest = rest
	return ok
}

func (p *treeParser) value() *tree {
	switch {
	case p.take("..."):
		return &tree{text: "..."}
	case p.take("{"):
		return p.container("{", "}")
	case p.take("["):
		return p.container("[", "]")
	}
	return &tree{text: p.scalar()}
}

func (p *treeParser) container(open, end string) *tree {
	v := &tree{text: open}
	for !p.take(end) {
		if len(v.items) > 0 && !p.take(",") {
			p.fail("a comma or " + end)
		}
		if p.err != nil {
			return v
		}
		name := ""
		if open == "{" {
			if p.take("...") {
				v.names, v.items = append(v.names, "..."), append(v.items, &tree{text: "..."})
				continue
			}
			name = p.scalar()
			if !p.take(":") {
				p.fail("a colon")
			}
		}
		v.names, v.items = append(v.names, name), append(v.items, p.value())
	}
	return v
}

// scalar takes a string, number or word as it is written.
func (p *treeParser) scalar() string {
	p.skip()
	n := 0
	if strings.HasPrefix(p.rest, `"`) {
		for n = 1; n < len(p.rest) && p.rest[n] != '"'; n++ {
			if p.rest[n] == '\\' {
				n++
			}
		}
		n++
	} else {
		n = strings.IndexAny(p.rest+",", ",]}: \t\r\n")
	}
	if n > len(p.rest) || !json.Valid([]byte(p.rest[:n])) {
		p.fail("a JSON value")
		return "null"
	}
	text := p.rest[:n]
	p.rest = p.rest[n:]
	return text
}

// get is the value of a name, nil if there is none.
func (v *tree) get(name string) *tree {
	if i := slices.Index(v.names, `"`+name+`"`); v.text == "{" && i >= 0 {
		return v.items[i]
	}
	return nil
}

// elided tells an object or list whose expectation ends with "...".
func (v *tree) elided() bool {
	return len(v.items) > 0 && v.items[len(v.items)-1].text == "..."
}

// like leaves out of v what the expectation leaves out.
func (v *tree) like(want *tree) *tree {
	if want == nil || want.text != v.text || len(v.items) == 0 {
		return v
	}
	out := &tree{text: v.text}
	for i, item := range v.items {
		var by *tree
		switch {
		case v.text == "[" && i < len(want.items):
			by = want.items[i]
		case v.text == "{":
			if at := slices.Index(want.names, v.names[i]); at >= 0 {
				by = want.items[at]
			}
		}
		if want.elided() && (by == nil || by.text == "...") {
			continue
		}
		out.names, out.items = append(out.names, v.names[i]), append(out.items, item.like(by))
	}
	if want.elided() {
		out.names, out.items = append(out.names, "..."), append(out.items, &tree{text: "..."})
	}
	return out
}

// String prints the value; what fits stands on one line.
func (v *tree) String() string {
	var b strings.Builder
	v.print(&b, "", 0)
	return b.String()
}

func (v *tree) print(b *strings.Builder, indent string, used int) {
	end := map[string]string{"{": "}", "[": "]"}[v.text]
	if end == "" || len(v.items) == 0 || len(indent)+used+v.width() < maxLine {
		v.short(b)
		return
	}
	b.WriteString(v.text)
	for i, item := range v.items {
		b.WriteString("\n" + indent + "  ")
		name := v.name(i)
		b.WriteString(name)
		item.print(b, indent+"  ", len(name))
		if i < len(v.items)-1 {
			b.WriteByte(',')
		}
	}
	b.WriteString("\n" + indent + end)
}

// name is what stands before the item: its name, or nothing.
func (v *tree) name(i int) string {
	if v.text == "[" || v.names[i] == "..." {
		return ""
	}
	return v.names[i] + ": "
}

func (v *tree) short(b *strings.Builder) {
	b.WriteString(v.text)
	if v.text != "{" && v.text != "[" {
		return
	}
	for i, item := range v.items {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(v.name(i))
		item.short(b)
	}
	b.WriteByte(v.text[0] + 2) // } or ]
}

func (v *tree) width() int {
	if v.wide == 0 {
		v.wide = len(v.text)
		for i, item := range v.items {
			v.wide += len(v.name(i)) + item.width() + len(", ")
		}
	}
	return v.wide
}

// TestTranscriptElision: "..." leaves out what follows, and nothing before it.
func TestTranscriptElision(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ want, got, shown string }{
		{`{"a": 1, ...}`, `{"a":1,"b":2}`, `{"a": 1, ...}`},
		{`{"a": 1, ...}`, `{"b":2,"a":3}`, `{"a": 3, ...}`},
		{`{"a": 1}`, `{"a":1,"b":2}`, `{"a": 1, "b": 2}`},
		{`{"a": 1, ...}`, `{"b":2}`, `{...}`},
		{`[{"a": 1, ...}, ...]`, `[{"a":1,"b":2},{"c":3}]`, `[{"a": 1, ...}, ...]`},
		{`[{"a": 1, ...}]`, `[{"a":1,"b":2},{"c":3}]`, `[{"a": 1, ...}, {"c": 3}]`},
		{`{"a": {"b": 1.50, ...}}`, `{"a":{"b":1.50,"c":[]}}`, `{"a": {"b": 1.50, ...}}`},
	} {
		want, err := parseTree(c.want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseTree(c.got)
		if err != nil {
			t.Fatal(err)
		}
		if shown := got.like(want).String(); shown != c.shown {
			t.Errorf("%s like %s is shown as %s, want %s", c.got, c.want, shown, c.shown)
		}
	}
}
