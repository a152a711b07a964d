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
	"qualifybase/httpapi"
)

func newLeadsCommand(g *global) *cobra.Command {
	c := group("leads", "Import and export leads as CSV", newLeadsImport(g), newLeadsExport(g))
	c.Long = "Import and export leads as CSV. An export can be imported again."
	return c
}

type leadsImportOptions struct {
	*global
	clinic, file string
	how          engine.LeadImport
	json         bool
}

func newLeadsImport(g *global) *cobra.Command {
	o := leadsImportOptions{global: g}
	c := &cobra.Command{
		Use:   "import FILE.csv",
		Short: "Create or update leads from a CSV file, all or none",
		Long: `Create or update leads from a CSV file (- is standard input), as POST /leads would
one by one, in one transaction: if a line is faulty, every faulty line is told
with its number and nothing is imported. The first line names the columns, in the
words of common address books too ("Vorname", "E-Mail", "Mobile Phone"); commas,
semicolons or tabs, UTF-8 or Windows-1252. Importing a file twice changes nothing
more.

--dry-run tells what would happen: how each column is understood, the first
leads, and every faulty line.`,
		Example: `  qb leads import contacts.csv --dry-run
  qb leads import contacts.csv --source "old CRM"`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.file = args[0]
			return runLeadsImport(c.Context(), streams(c), o)
		},
	}
	f := c.Flags()
	f.BoolVar(&o.how.DryRun, "dry-run", false, "tell what would happen and write nothing")
	f.BoolVar(&o.how.SkipBad, "skip-bad", false, "import the good lines although others are faulty")
	f.StringVar(&o.how.Source, "source", "csv", "the source of leads that name none, as `TEXT`")
	clinicFlag(c, &o.clinic)
	jsonFlag(c, &o.json)
	return c
}

func runLeadsImport(ctx context.Context, s stdio, o leadsImportOptions) error {
	file := s.in
	if o.file != "-" {
		f, err := os.Open(o.file)
		if err != nil {
			return err
		}
		defer f.Close()
		file = f
	}
	return o.visit(ctx, s, errand{verb: "leads import", clinic: o.clinic}, func(f *office) error {
		report, err := f.engine.ImportLeads(ctx, f.caller, file, o.how)
		if err == nil && o.how.DryRun && len(report.Bad) > 0 {
			err = fmt.Errorf("%d of %d lines are faulty", len(report.Bad), report.Rows)
		} else if engine.KindOf(err) == engine.Invalid && len(report.Bad) > 0 {
			err = fmt.Errorf("%d of %d lines are faulty; nothing was imported", len(report.Bad), report.Rows)
		}
		if o.json {
			if e := printJSON(s.out, importOf(report)); e != nil {
				return e
			}
		} else {
			tellImport(s, report, o.how)
		}
		if err != nil {
			return &failure{exitFailure, err} // the file is at fault, not the command line
		}
		return nil
	})
}

// tellImport writes the outcome for a person: faulty lines to the error stream.
func tellImport(s stdio, r engine.LeadReport, how engine.LeadImport) {
	if how.DryRun {
		tellColumns(s.out, r.Columns)
		_ = printList(s.out, false, r.Preview,
			column[engine.LeadPreview]{"LINE", func(p engine.LeadPreview) string { return strconv.Itoa(p.Line) }},
			column[engine.LeadPreview]{"WOULD", func(p engine.LeadPreview) string { return p.Act }},
			column[engine.LeadPreview]{"NAME", func(p engine.LeadPreview) string { return p.Lead.Name }},
			column[engine.LeadPreview]{"EMAIL", func(p engine.LeadPreview) string { return p.Lead.Email }},
			column[engine.LeadPreview]{"PHONE", func(p engine.LeadPreview) string { return p.Lead.Phone }},
			column[engine.LeadPreview]{"STATUS", func(p engine.LeadPreview) string { return string(p.Lead.Status) }},
		)
	}
	tellFaulty(s.err, r.Bad)
	switch {
	case r.Written:
		fmt.Fprintf(s.out, "%d leads: %d created, %d updated, %d unchanged", r.Rows, r.Created, r.Updated, r.Unchanged)
	case how.DryRun:
		fmt.Fprintf(s.out, "%d leads: would create %d, update %d, leave %d unchanged", r.Rows, r.Created, r.Updated, r.Unchanged)
	default:
		return
	}
	if len(r.Bad) > 0 {
		fmt.Fprintf(s.out, ", %d faulty", len(r.Bad))
	}
	fmt.Fprintln(s.out)
}

// importJSON is the report of an import for programs.
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

func importOf(r engine.LeadReport) importJSON {
	return importJSON{
		each(r.Columns, func(c engine.CSVColumn) columnJSON { return columnJSON(c) }), r.Rows, r.Created, r.Updated, r.Unchanged,
		each(r.Bad, func(b engine.BadLine) faultJSON { return faultJSON(b) }), r.Written,
	}
}

type leadsExportOptions struct {
	*global
	clinic, out, status, since string
	query                      engine.LeadQuery
}

func newLeadsExport(g *global) *cobra.Command {
	o := leadsExportOptions{global: g}
	c := &cobra.Command{
		Use:   "export",
		Short: "Write leads as CSV to standard output or a file",
		Long: `Write leads as CSV (UTF-8, comma, RFC 4180). Cells that a spreadsheet would run as
a formula begin with an apostrophe; 'qb leads import' takes it off again.`,
		Example: `  qb leads export > leads.csv
  qb leads export --status qualified --out qualified.csv`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runLeadsExport(c.Context(), streams(c), o) },
	}
	f := c.Flags()
	f.StringVar(&o.status, "status", "", "leads of this `STATUS`, such as qualified")
	f.StringVar(&o.query.Source, "source", "", "leads of this source, as `TEXT`")
	f.StringVar(&o.query.Q, "q", "", "leads whose name, e-mail or phone begins with `TEXT`")
	f.StringVar(&o.since, "updated-since", "", "leads changed since this `TIME` or date")
	f.StringVarP(&o.out, "out", "o", "", "`FILE` to make; it must not exist")
	clinicFlag(c, &o.clinic)
	return c
}

func runLeadsExport(ctx context.Context, s stdio, o leadsExportOptions) error {
	var since httpapi.When
	if err := readWhen("--updated-since", o.since, &since); err != nil {
		return err
	}
	o.query.Status = engine.LeadStatus(o.status)
	return o.visit(ctx, s, errand{verb: "leads export", clinic: o.clinic}, func(f *office) error {
		if since.Set {
			zone, err := engine.LoadZone(f.clinic.TimeZone)
			if err != nil {
				return err
			}
			at := inZone(since, zone)
			o.query.UpdatedSince = &at
		}
		n, err := toFile(s.out, o.out, func(w io.Writer) (int, error) {
			return f.engine.ExportLeads(ctx, f.caller, o.query, w)
		})
		if err != nil {
			return asFlags(err, nil)
		}
		fmt.Fprintf(s.err, "%d %s\n", n, plural(n, "lead"))
		return nil
	})
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
