package cmd

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"qualifybase/engine"
)

// importOptions are what every verb that imports a CSV file takes.
type importOptions struct {
	*global
	clinic, file string
	json         bool
}

// flags adds the options that all imports have.
func (o *importOptions) flags(c *cobra.Command, dryRun, skipBad *bool) {
	f := c.Flags()
	f.BoolVar(dryRun, "dry-run", false, "tell what would happen and write nothing")
	f.BoolVar(skipBad, "skip-bad", false, "import the good lines although others are faulty")
	clinicFlag(c, &o.clinic)
	jsonFlag(c, &o.json)
}

// importReport is the report of an import as it is told.
type importReport struct {
	columns []engine.CSVColumn
	rows    int
	bad     []engine.BadLine
	dryRun  bool
	written bool
	program any             // for --json
	preview func(io.Writer) // the first good rows, as a table
	did     string          // "leads: 2 created, 1 updated, 0 unchanged"
	would   string          // the same of a dry run
}

// run hands the file to one of the engine's imports and tells what became of it:
// to programs as JSON, to people with the faulty lines on the error stream.
func (o *importOptions) run(ctx context.Context, s stdio, verb string, do func(*session, io.Reader) (importReport, error)) error {
	file := s.in
	if o.file != "-" {
		f, err := os.Open(o.file)
		if err != nil {
			return err
		}
		defer f.Close()
		file = f
	}
	return o.withClinic(ctx, s, target{verb: verb, clinic: o.clinic}, func(at *session) error {
		r, err := do(at, file)
		if err == nil && r.dryRun && len(r.bad) > 0 {
			err = fmt.Errorf("%d of %d lines are faulty", len(r.bad), r.rows)
		} else if engine.KindOf(err) == engine.Invalid && len(r.bad) > 0 {
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
	Line    int             `json:"line"`
	Details []engine.Detail `json:"details"`
}

func columnsOf(list []engine.CSVColumn) []columnJSON {
	return mapList(list, func(c engine.CSVColumn) columnJSON { return columnJSON(c) })
}

func faultsOf(list []engine.BadLine) []faultJSON {
	return mapList(list, func(b engine.BadLine) faultJSON { return faultJSON(b) })
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
