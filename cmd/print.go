package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"
)

// column is one column of a listing for people: its head and its cell of an item.
type column[T any] struct {
	head string
	cell func(T) string
}

// printList prints a listing: for people aligned columns under one line of
// heads, with asJSON one array of the items as they are on the wire.
func printList[T any](w io.Writer, asJSON bool, items []T, columns ...column[T]) error {
	if asJSON {
		if items == nil {
			items = []T{} // an empty list is [], never null
		}
		return printJSON(w, items)
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, c := range columns {
		fmt.Fprint(tw, c.head, cellEnd(i, len(columns)))
	}
	for _, item := range items {
		for i, c := range columns {
			cell := printable(c.cell(item), "")
			if cell == "" {
				cell = "-"
			}
			fmt.Fprint(tw, cell, cellEnd(i, len(columns)))
		}
	}
	return tw.Flush()
}

// printRows is printList for items that look otherwise on the wire.
func printRows[T, U any](w io.Writer, asJSON bool, items []T, wire func(T) U, columns ...column[T]) error {
	if asJSON {
		return printJSON(w, mapList(items, wire))
	}
	return printList(w, false, items, columns...)
}

// cellEnd closes a cell: the last one of a row without padding, so that no line
// ends in blanks.
func cellEnd(i, n int) string {
	if i == n-1 {
		return "\n"
	}
	return "\t"
}

// printJSON prints one value, indented, and as it is: no HTML escapes.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// printable makes text safe for a terminal: a name that came in through the API
// must not move the cursor or rewrite the window title. Runes in keep stay.
func printable(s, keep string) string {
	return strings.Map(func(r rune) rune {
		if (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) && !strings.ContainsRune(keep, r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// formatTime writes UTC seconds as a listing shows them; 0 is no time.
func formatTime(sec int64) string {
	if sec == 0 {
		return ""
	}
	return time.Unix(sec, 0).UTC().Format(time.RFC3339)
}

// mapList makes what a listing shows of every item.
func mapList[T, U any](list []T, as func(T) U) []U {
	out := make([]U, len(list))
	for i, v := range list {
		out[i] = as(v)
	}
	return out
}

// jsonFlag gives a listing its --json.
func jsonFlag(c *cobra.Command, to *bool) {
	c.Flags().BoolVar(to, "json", false, "print JSON")
}
