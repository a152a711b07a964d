package cmd

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/people"
)

func newLeadsCommand(g *global) *cobra.Command {
	c := group("leads", "Import and export leads as CSV", newLeadsImport(g), newLeadsExport(g))
	c.Long = "Import and export leads as CSV. An export can be imported again."
	return c
}

func newLeadsImport(g *global) *cobra.Command {
	var how people.LeadImport
	c := newCSVImport(g, "leads", &how.DryRun, &how.SkipBad,
		func(ctx context.Context, at *session, file io.Reader) (importReport, error) {
			r, err := at.engine.ImportLeads(ctx, at.caller, file, how)
			return upserted("leads", r, how.DryRun, leadPreviewColumns...), err
		})
	c.Short = "Create or update leads from a CSV file, all or none"
	c.Long = `Create or update leads from a CSV file (- is standard input), as POST /leads would
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
leads, and every faulty line.`
	c.Example = `  qb leads import contacts.csv --dry-run
  qb leads import contacts.csv --source "old CRM"`
	c.Flags().StringVar(&how.Source, "source", "csv", "the source of leads that name none, as `TEXT`")
	return c
}

var leadPreviewColumns = []column[act.Preview[people.Lead]]{
	{"WOULD", func(p act.Preview[people.Lead]) string { return string(p.Took) }},
	{"NAME", func(p act.Preview[people.Lead]) string { return p.Row.Name }},
	{"EMAIL", func(p act.Preview[people.Lead]) string { return p.Row.Email }},
	{"PHONE", func(p act.Preview[people.Lead]) string { return p.Row.Phone }},
	{"STATUS", func(p act.Preview[people.Lead]) string { return string(p.Row.Status) }},
}

type leadsExportOptions struct {
	*global
	clinic, out, status, since string
	query                      people.LeadQuery
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
	outFlag(c, &o.out)
	clinicFlag(c, &o.clinic)
	return c
}

func runLeadsExport(ctx context.Context, s stdio, o leadsExportOptions) error {
	var since calendar.Moment
	if err := readMoment("--updated-since", o.since, &since); err != nil {
		return err
	}
	o.query.Status = people.LeadStatus(o.status)
	return o.withClinic(ctx, s, target{verb: "leads export", clinic: o.clinic}, func(at *session) error {
		if since.Set {
			zone, err := calendar.LoadZone(at.clinic.TimeZone)
			if err != nil {
				return err
			}
			at := since.In(zone)
			o.query.UpdatedSince = &at
		}
		return exportCSV(s, o.out, "lead", func(w io.Writer) (int, error) {
			return at.engine.ExportLeads(ctx, at.caller, o.query, w)
		})
	})
}
