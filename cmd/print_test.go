package cmd

import (
	"strings"
	"testing"
)

type pet struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

func TestPrintList(t *testing.T) {
	columns := []column[pet]{
		{"ID", func(p pet) string { return strings.Repeat("1", p.ID) }},
		{"NAME", func(p pet) string { return p.Name }},
	}
	pets := []pet{{1, "Käthe & Co"}, {4, "evil\x1b]0;title\a\ttab\u202e"}, {2, ""}}
	for _, c := range []struct {
		pets []pet
		json bool
		want string
	}{
		{pets, false, "ID    NAME\n1     Käthe & Co\n1111  evil\ufffd]0;title\ufffd\ufffdtab\ufffd\n11    -\n"},
		{nil, false, "ID  NAME\n"},
		{nil, true, "[]\n"},
		{pets[:1], true, "[\n  {\n    \"id\": 1,\n    \"name\": \"Käthe & Co\"\n  }\n]\n"},
	} {
		var out strings.Builder
		if err := printList(&out, c.json, c.pets, columns...); err != nil {
			t.Fatal(err)
		}
		if out.String() != c.want {
			t.Errorf("got\n%s\nwant\n%s", out.String(), c.want)
		}
	}
}

func TestFormatTime(t *testing.T) {
	if got := formatTime(0) + " " + formatTime(1777273200); got != " 2026-04-27T07:00:00Z" {
		t.Error(got)
	}
}
