package cmd

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"qualifybase/engine"
	"qualifybase/httpapi/wire"
)

func newLeadsCommand(g *global) *cobra.Command {
	c := group("leads", "Import and export leads as CSV", newLeadsImport(g), newLeadsExport(g))
	c.Long = "Import and export leads as CSV. An export can be imported again."
	return c
}

type leadsImportOptions struct {
	importOptions
	how engine.LeadImport
}

func newLeadsImport(g *global) *cobra.Command {
	o := leadsImportOptions{importOptions: importOptions{global: g}}
	c := &cobra.Command{
		Use:   "import FILE.csv",
		Short: "Create or update leads from a CSV file, all or none",
		Long: `Create or update leads from a CSV file (- is standard input), as POST /leads would
one by one, in one transaction: if a line is faulty, every faulty line is told
with its number and nothing is imported. The first line names the columns, in the
words of common address books too ("Vorname", "E-Mail", "Mobile Phone"); commas,
semicolons or tabs, UTF-8 or Windows-1252.

Importing a file twice changes nothing more. A line means the lead of its id, as
'qb leads export' writes it beside external_id; without one that of its source and
external_id, else of its e-mail, else of its phone with the same name; a line that
has none of these is known if a lead of its source says just the same. An id that
is no lead's here is a fault: take the column out to make new leads.

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
	c.Flags().StringVar(&o.how.Source, "source", "csv", "the source of leads that name none, as `TEXT`")
	o.flags(c, &o.how.DryRun, &o.how.SkipBad)
	return c
}

func runLeadsImport(ctx context.Context, s stdio, o leadsImportOptions) error {
	return o.run(ctx, s, "leads import", func(at *session, file io.Reader) (importReport, error) {
		r, err := at.engine.ImportLeads(ctx, at.caller, file, o.how)
		return importReport{
			columns: r.Columns, rows: r.Rows, bad: r.Bad, dryRun: o.how.DryRun, written: r.Written,
			program: importJSON{columnsOf(r.Columns), r.Rows, r.Created, r.Updated, r.Unchanged, faultsOf(r.Bad), r.Written},
			preview: func(out io.Writer) { previewLeads(out, r.Preview) },
			did:     fmt.Sprintf("leads: %d created, %d updated, %d unchanged", r.Created, r.Updated, r.Unchanged),
			would:   fmt.Sprintf("leads: would create %d, update %d, leave %d unchanged", r.Created, r.Updated, r.Unchanged),
		}, err
	})
}

func previewLeads(out io.Writer, rows []engine.LeadPreview) {
	type row = engine.LeadPreview
	_ = printList(out, false, rows,
		column[row]{"LINE", func(p row) string { return strconv.Itoa(p.Line) }},
		column[row]{"WOULD", func(p row) string { return p.Act }},
		column[row]{"NAME", func(p row) string { return p.Lead.Name }},
		column[row]{"EMAIL", func(p row) string { return p.Lead.Email }},
		column[row]{"PHONE", func(p row) string { return p.Lead.Phone }},
		column[row]{"STATUS", func(p row) string { return string(p.Lead.Status) }},
	)
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
	var since wire.When
	if err := readWhen("--updated-since", o.since, &since); err != nil {
		return err
	}
	o.query.Status = engine.LeadStatus(o.status)
	return o.withClinic(ctx, s, target{verb: "leads export", clinic: o.clinic}, func(at *session) error {
		if since.Set {
			zone, err := engine.LoadZone(at.clinic.TimeZone)
			if err != nil {
				return err
			}
			at := inZone(since, zone)
			o.query.UpdatedSince = &at
		}
		n, err := toFile(s.out, o.out, func(w io.Writer) (int, error) {
			return at.engine.ExportLeads(ctx, at.caller, o.query, w)
		})
		if err != nil {
			return asFlags(err, nil)
		}
		fmt.Fprintf(s.err, "%d %s\n", n, plural(n, "lead"))
		return nil
	})
}
