package cmd

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"qualifybase/engine/act"
	"qualifybase/engine/people"
	"qualifybase/httpapi/record"
)

func newPatientsCommand(g *global) *cobra.Command {
	c := group("patients", "Import, export and erase patients", newPatientsImport(g), newPatientsExport(g),
		newPatientsErase(g))
	c.Long = `Import and export patients as CSV; give a person everything that is kept about
them; erase a person.`
	return c
}

func newPatientsImport(g *global) *cobra.Command {
	var how people.PatientImport
	c := newCSVImport(g, "patients", &how.DryRun, &how.SkipBad,
		func(ctx context.Context, at *session, file io.Reader) (importReport, error) {
			r, err := at.engine.ImportPatients(ctx, at.caller, file, how)
			return upserted("patients", r, how.DryRun, patientPreviewColumns...), err
		})
	c.Short = "Create or update patients from a CSV file, all or none"
	c.Long = `Create or update patients from a CSV file (- is standard input) in one transaction:
if a line is faulty, every faulty line is told with its number and nothing is
imported. The first line names the columns, in the words of common practice systems
too ("Patientennummer", "Geburtsdatum", "Handy"); commas, semicolons or tabs, UTF-8
or Windows-1252.

A line is the patient with its medical record number (mrn), else who is certainly
the same, else a new one; a line that is probably somebody on file is faulty, so
that a person decides. Importing a file twice changes nothing more.

--dry-run tells what would happen: how each column is understood, the first
patients, and every faulty line.`
	c.Example = `  qb patients import register.csv --dry-run
  qb patients import register.csv --skip-bad`
	c.Flags().BoolVar(&how.AllowDuplicates, "allow-duplicates", false,
		"make a record although somebody like that is on file")
	return c
}

var patientPreviewColumns = []column[act.Preview[people.Patient]]{
	{"WOULD", func(p act.Preview[people.Patient]) string { return string(p.Took) }},
	{"MRN", func(p act.Preview[people.Patient]) string { return p.Row.MRN }},
	{"GIVEN", func(p act.Preview[people.Patient]) string { return p.Row.GivenName }},
	{"FAMILY", func(p act.Preview[people.Patient]) string { return p.Row.FamilyName }},
	{"BORN", func(p act.Preview[people.Patient]) string {
		if p.Row.BirthDate == nil {
			return ""
		}
		return p.Row.BirthDate.String()
	}},
	{"EMAIL", func(p act.Preview[people.Patient]) string { return p.Row.Email }},
}

type patientsExportOptions struct {
	*global
	clinic, out, status string
	id                  int64
	query               people.PatientQuery
}

func newPatientsExport(g *global) *cobra.Command {
	o := patientsExportOptions{global: g}
	c := &cobra.Command{
		Use:   "export [ID]",
		Short: "Write all patients as CSV, or everything about one as JSON",
		Long: `Without an ID: write patients as CSV (UTF-8, comma, RFC 4180), without merged and
restricted records. Cells that a spreadsheet would run as a formula begin with an
apostrophe; 'qb patients import' takes it off again.

With an ID: write everything that is kept about that person as JSON, the same as
GET /patients/ID/export: their record and those merged into it, what they left as a
lead, appointments, consultations, notes in every version, prescriptions, and who
opened the record.`,
		Example: `  qb patients export > patients.csv
  qb patients export 7 --out for-the-patient.json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				var err error
				if o.id, err = patientID(args[0]); err != nil {
					return err
				}
				if o.query.Q != "" || o.status != "" {
					return usageError("--q and --status choose from the list; leave out the ID, or them")
				}
			}
			return runPatientsExport(c.Context(), streams(c), o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.status, "status", "", "patients of this `STATUS`: active, inactive or deceased")
	f.StringVar(&o.query.Q, "q", "", "patients whose name, e-mail, phone or MRN begins with `TEXT`")
	outFlag(c, &o.out)
	clinicFlag(c, &o.clinic)
	return c
}

// patientID reads the number of a patient.
func patientID(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 {
		return 0, usageError("ID must be the number of a patient")
	}
	return id, nil
}

func runPatientsExport(ctx context.Context, s stdio, o patientsExportOptions) error {
	o.query.Status = people.PatientStatus(o.status)
	return o.withClinic(ctx, s, target{verb: "patients export", clinic: o.clinic}, func(at *session) error {
		if o.id != 0 {
			_, err := toFile(s.out, o.out, func(w io.Writer) (int, error) {
				x, err := at.engine.ExportPatient(ctx, at.caller, o.id)
				if err != nil {
					return 0, err
				}
				return 1, printJSON(w, record.ExportOf(x))
			})
			return err
		}
		return exportCSV(s, o.out, "patient", func(w io.Writer) (int, error) {
			return at.engine.ExportPatients(ctx, at.caller, o.query, w)
		})
	})
}

type patientsEraseOptions struct {
	*global
	clinic string
	id     int64
	yes    bool
}

func newPatientsErase(g *global) *cobra.Command {
	o := patientsEraseOptions{global: g}
	c := &cobra.Command{
		Use:   "erase ID",
		Short: "Erase a person, for good",
		Long: `Erase a person: their leads are deleted, the record and those merged into it are
restricted and pseudonymised, texts of appointments, unsigned notes, kept replies
and webhook bodies are emptied. Signed notes and issued prescriptions stay. It
cannot be undone, and 'qb restore' erases the person again: a tombstone, which
holds numbers alone, is kept in the database and beside it.`,
		Example: `  qb patients export 7 --out copy-for-the-patient.json
  qb patients erase 7 --yes`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			if o.id, err = patientID(args[0]); err != nil {
				return err
			}
			if !o.yes {
				return usageError("erasing cannot be undone; say --yes")
			}
			return runPatientsErase(c.Context(), streams(c), o)
		},
	}
	c.Flags().BoolVar(&o.yes, "yes", false, "yes, erase")
	clinicFlag(c, &o.clinic)
	return c
}

func runPatientsErase(ctx context.Context, s stdio, o patientsEraseOptions) error {
	return o.withClinic(ctx, s, target{verb: "patients erase", clinic: o.clinic}, func(at *session) error {
		if _, err := at.engine.ErasePatient(ctx, at.caller, o.id); err != nil {
			return err
		}
		fmt.Fprintf(s.out, "patient %d is erased\n", o.id)
		return nil
	})
}
