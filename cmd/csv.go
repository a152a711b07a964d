package cmd

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/table"
	"qualifybase/httpapi"
)

// csvImport is a verb that imports a CSV file by one use case of the engine.
type csvImport struct {
	*global
	verb         string // for the audit: "leads import"
	clinic, file string
	json         bool
	do           func(context.Context, *session, io.Reader) (importReport, error)
}

// newCSVImport makes the verb of a group such as leads, with the flags that all imports
// have; the caller adds its words and the flags of its own.
func newCSVImport(
	g *global, group string, dryRun, skipBad *bool, do func(context.Context, *session, io.Reader) (importReport, error),
) *cobra.Command {
	o := csvImport{global: g, verb: group + " import", do: do}
	c := &cobra.Command{
		Use:  "import FILE.csv",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.file = args[0]
			return runCSVImport(c.Context(), streams(c), o)
		},
	}
	c.Flags().BoolVar(dryRun, "dry-run", false, "tell what would happen and write nothing")
	c.Flags().BoolVar(skipBad, "skip-bad", false, "import the good lines although others are faulty")
	clinicFlag(c, &o.clinic)
	jsonFlag(c, &o.json)
	return c
}

// importReport is the report of an import as it is told.
type importReport struct {
	columns []table.Column
	rows    int
	bad     []act.BadLine
	dryRun  bool
	written bool
	program any             // for --json
	preview func(io.Writer) // the first good rows, as a table
	did     string          // "leads: 2 created, 1 updated, 0 unchanged"
	would   string          // the same of a dry run
}

// runCSVImport hands the file to the use case and tells what became of it: to programs
// as JSON, to people with the faulty lines on the error stream.
func runCSVImport(ctx context.Context, s stdio, o csvImport) error {
	file := s.in
	if o.file != "-" {
		f, err := os.Open(o.file)
		if err != nil {
			return err
		}
		defer f.Close()
		file = f
	}
	return o.withClinic(ctx, s, target{verb: o.verb, clinic: o.clinic}, func(at *session) error {
		r, err := o.do(ctx, at, file)
		if err == nil && r.dryRun && len(r.bad) > 0 {
			err = fmt.Errorf("%d of %d lines are faulty", len(r.bad), r.rows)
		} else if fault.KindOf(err) == fault.Invalid && len(r.bad) > 0 {
			err = fmt.Errorf("%d of %d lines are faulty; nothing was imported", len(r.bad), r.rows)
		}
		if o.json {
			if e := printJSON(s.out, r.program); e != nil {
				return e
			}
		} else {
			r.print(s)
		}
		if err != nil {
			return &failure{exitFailure, err} // the file is at fault, not the command line
		}
		return nil
	})
}

// print writes the outcome for a person.
func (r *importReport) print(s stdio) {
	if r.dryRun {
		for _, c := range r.columns {
			field := c.Field
			if field == "" {
				field = "not imported"
			}
			fmt.Fprintf(s.out, "column %s: %s\n", strconv.Quote(printable(c.Header, "")), field)
		}
		r.preview(s.out)
	}
	for _, bad := range r.bad {
		for _, d := range bad.Details {
			field := d.Field + ": "
			if d.Field == "line" { // the row as a whole
				field = ""
			}
			fmt.Fprintf(s.err, "line %d: %s%s\n", bad.Line, field, printable(d.Message, ""))
		}
	}
	text := r.did
	switch {
	case r.rows == 0 && (r.written || r.dryRun):
		fmt.Fprintln(s.out, "no rows: there is nothing below the line that names the columns")
		return
	case r.written:
	case r.dryRun:
		text = r.would
	default:
		return
	}
	if len(r.bad) > 0 {
		text += fmt.Sprintf(", %d faulty", len(r.bad))
	}
	fmt.Fprintf(s.out, "%d %s\n", r.rows, text)
}

// reported is what the engine reports of an import, with a preview of the columns. The
// caller adds the counts in the words of its noun.
func reported[T any](r act.ImportReport[T], dryRun bool, columns ...column[act.Preview[T]]) importReport {
	line := column[act.Preview[T]]{"LINE", func(p act.Preview[T]) string { return strconv.Itoa(p.Line) }}
	return importReport{
		columns: r.Columns, rows: r.Rows, bad: r.Bad, dryRun: dryRun, written: r.Written,
		preview: func(out io.Writer) {
			_ = printList(out, false, r.Preview, append([]column[act.Preview[T]]{line}, columns...)...)
		},
	}
}

// upserted is reported for people, whose rows are created, updated or known.
func upserted[T any](noun string, r act.ImportReport[T], dryRun bool, columns ...column[act.Preview[T]]) importReport {
	out := reported(r, dryRun, columns...)
	out.program = importJSON{columnsOf(r.Columns), r.Rows, r.Created, r.Updated, r.Unchanged, faultsOf(r.Bad), r.Written}
	out.did = fmt.Sprintf("%s: %d created, %d updated, %d unchanged", noun, r.Created, r.Updated, r.Unchanged)
	out.would = fmt.Sprintf("%s: would create %d, update %d, leave %d unchanged", noun, r.Created, r.Updated, r.Unchanged)
	return out
}

// importJSON is the report of an import of leads or patients for programs.
type importJSON struct {
	Columns   []columnJSON `json:"columns"`
	Rows      int          `json:"rows"`
	Created   int          `json:"created"`
	Updated   int          `json:"updated"`
	Unchanged int          `json:"unchanged"`
	Faulty    []faultJSON  `json:"faulty"`
	Written   bool         `json:"written"`
}

type columnJSON struct {
	Header string `json:"header"`
	Field  string `json:"field"` // "" = not imported
}

type faultJSON struct {
	Line    int              `json:"line"`
	Details []httpapi.Detail `json:"details"`
}

func columnsOf(list []table.Column) []columnJSON {
	return mapList(list, func(c table.Column) columnJSON { return columnJSON(c) })
}

func faultsOf(list []act.BadLine) []faultJSON {
	return mapList(list, func(b act.BadLine) faultJSON {
		return faultJSON{b.Line, mapList(b.Details, func(d fault.Detail) httpapi.Detail { return httpapi.Detail(d) })}
	})
}

// outFlag gives an export its --out.
func outFlag(c *cobra.Command, to *string) {
	c.Flags().StringVarP(to, "out", "o", "", "`FILE` to make; it must not exist")
}

// exportCSV lets a use case write its rows to a new file or to standard output, and
// tells how many there were of the noun.
func exportCSV(s stdio, out, noun string, write func(io.Writer) (int, error)) error {
	n, err := toFile(s.out, out, write)
	if err != nil {
		return asFlags(err, nil)
	}
	fmt.Fprintf(s.err, "%d %s\n", n, plural(n, noun))
	return nil
}

// toFile lets fn write to a new file, readable by its owner alone, or where no
// name is given to out. A file that fails half-way is removed.
func toFile(out io.Writer, name string, fn func(io.Writer) (int, error)) (n int, err error) {
	if name == "" {
		return fn(out)
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	n, err = fn(f)
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		_ = os.Remove(name)
	}
	return n, err
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return strings.TrimSuffix(word, "s") + "s"
}
