package bench

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"text/tabwriter"
)

// Figure is one line of the bench: what was measured, beside its limit or peer
// of the same run. A value is the median over rounds that took turns, because
// machines are noisy.
type Figure struct {
	Name    string  `json:"name"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"` // "x" = a ratio
	Bar     float64 `json:"bar,omitempty"`
	AtMost  bool    `json:"at_most,omitempty"` // the bar is an upper one
	Against string  `json:"against,omitempty"`
	Detail  string  `json:"detail,omitempty"`
}

// reached reports whether the bar was reached; a figure without one always is.
func (f Figure) reached() bool {
	return f.Bar == 0 || f.AtMost && f.Value <= f.Bar || !f.AtMost && f.Value >= f.Bar
}

// Print writes the table for people.
func Print(out io.Writer, figures []Figure) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "FIGURE\tREACHED\tBAR\t\tAGAINST\tDETAIL")
	for _, f := range figures {
		bar, verdict := "", ""
		if f.Bar != 0 {
			sign := "≥ "
			if f.AtMost {
				sign = "≤ "
			}
			bar, verdict = sign+number(f.Bar), "ok"
			if !f.reached() {
				verdict = "missed"
			}
		}
		fmt.Fprintf(w, "%s\t%s %s\t%s\t%s\t%s\t%s\n", f.Name, number(f.Value), f.Unit, bar, verdict, f.Against, f.Detail)
	}
	return w.Flush()
}

func number(v float64) string {
	digits := 2
	if math.Abs(v) >= 100 {
		digits = 0
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

// median of the values, which it sorts.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[len(values)/2]
}
