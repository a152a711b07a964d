package cmd

import (
	"strings"
	"testing"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
)

// What a person reads of an import: a fault of a whole line without a field, and
// a word where there is nothing to import.
func TestPrintImport(t *testing.T) {
	bad := []act.BadLine{{Line: 6, Details: []fault.Detail{{Field: "line", Message: "The line has too few cells"},
		{Field: "email", Message: "Must be an address"}}}}
	for _, c := range []struct {
		r         importReport
		out, said string
	}{
		{importReport{rows: 2, bad: bad, written: true, did: "leads: 1 created"}, "2 leads: 1 created, 1 faulty\n",
			"line 6: The line has too few cells\nline 6: email: Must be an address\n"},
		{importReport{written: true, did: "leads: 0 created"},
			"no rows: there is nothing below the line that names the columns\n", ""},
		{importReport{rows: 1, bad: bad[:1]}, "", "line 6: The line has too few cells\nline 6: email: Must be an address\n"},
	} {
		var out, said strings.Builder
		c.r.print(stdio{strings.NewReader(""), &out, &said})
		if out.String() != c.out || said.String() != c.said {
			t.Errorf("got %q and %q\nwant %q and %q", out.String(), said.String(), c.out, c.said)
		}
	}
}
