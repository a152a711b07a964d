package cmd

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"qualifybase/engine"
	"qualifybase/httpapi"
)

func newAppointmentsCommand(g *global) *cobra.Command {
	c := group("appointments", "Import and export appointments as CSV", newAppointmentsImport(g), newAppointmentsExport(g))
	c.Long = "Import and export appointments as CSV. An export can be imported again."
	return c
}

type appointmentsImportOptions struct {
	*global
	clinic, file string
	how          engine.AppointmentImport
	json         bool
}

func newAppointmentsImport(g *global) *cobra.Command {
	o := appointmentsImportOptions{global: g}
	c := &cobra.Command{
		Use:   "import FILE.csv",
		Short: "Book appointments from a CSV file, all or none",
		Long: `Book appointments from a CSV file (- is standard input) by all the rules of
booking, in one transaction: if a line cannot be booked, every such line is told
with its number and nothing is imported. The first line names the columns, in the
words of common calendars too ("Datum", "Uhrzeit", "Arzt"): when (scheduled_at, or
date and time), until when (ends_at, duration_minutes or a service), who
(patient_id, lead_id, or name, email, phone, which make or find a lead), with whom,
where and what (ids or names). Times without an offset are on the clinic's clock.

--dry-run tells what would happen: how each column is understood, the first
appointments, and every faulty line.`,
		Example: `  qb appointments import calendar.csv --dry-run
  qb appointments import calendar.csv --past`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.file = args[0]
			return runAppointmentsImport(c.Context(), streams(c), o)
		},
	}
	f := c.Flags()
	f.BoolVar(&o.how.DryRun, "dry-run", false, "tell what would happen and write nothing")
	f.BoolVar(&o.how.SkipBad, "skip-bad", false, "import the good lines although others are faulty")
	f.BoolVar(&o.how.Past, "past", false, "import what has already taken place, too")
	clinicFlag(c, &o.clinic)
	jsonFlag(c, &o.json)
	return c
}

func runAppointmentsImport(ctx context.Context, s stdio, o appointmentsImportOptions) error {
	file := s.in
	if o.file != "-" {
		f, err := os.Open(o.file)
		if err != nil {
			return err
		}
		defer f.Close()
		file = f
	}
	return o.visit(ctx, s, errand{verb: "appointments import", clinic: o.clinic}, func(f *office) error {
		report, err := f.engine.ImportAppointments(ctx, f.caller, file, o.how)
		if err == nil && o.how.DryRun && len(report.Bad) > 0 {
			err = fmt.Errorf("%d of %d lines are faulty", len(report.Bad), report.Rows)
		} else if engine.KindOf(err) == engine.Invalid && len(report.Bad) > 0 {
			err = fmt.Errorf("%d of %d lines are faulty; nothing was imported", len(report.Bad), report.Rows)
		}
		if o.json {
			if e := printJSON(s.out, appointmentImportOf(report)); e != nil {
				return e
			}
		} else {
			tellAppointmentImport(s, report, o.how)
		}
		if err != nil {
			return &failure{exitFailure, err} // the file is at fault, not the command line
		}
		return nil
	})
}

// tellAppointmentImport writes the outcome for a person: faulty lines to the error stream.
func tellAppointmentImport(s stdio, r engine.AppointmentReport, how engine.AppointmentImport) {
	if how.DryRun {
		tellColumns(s.out, r.Columns)
		type row = engine.AppointmentPreview
		_ = printList(s.out, false, r.Preview,
			column[row]{"LINE", func(p row) string { return strconv.Itoa(p.Line) }},
			column[row]{"WOULD", func(p row) string { return p.Act }},
			column[row]{"START", func(p row) string { return when(p.Appointment.StartsAt) }},
			column[row]{"END", func(p row) string { return when(p.Appointment.EndsAt) }},
			column[row]{"PROVIDER", func(p row) string { return strconv.FormatInt(p.Appointment.ProviderID, 10) }},
			column[row]{"STATUS", func(p row) string { return string(p.Appointment.Status) }},
		)
	}
	tellFaulty(s.err, r.Bad)
	switch {
	case r.Written:
		fmt.Fprintf(s.out, "%d appointments: %d booked, %d known", r.Rows, r.Booked, r.Known)
	case how.DryRun:
		fmt.Fprintf(s.out, "%d appointments: would book %d, leave %d known", r.Rows, r.Booked, r.Known)
	default:
		return
	}
	if len(r.Bad) > 0 {
		fmt.Fprintf(s.out, ", %d faulty", len(r.Bad))
	}
	fmt.Fprintln(s.out)
}

// tellColumns says how the columns of a file are understood.
func tellColumns(out io.Writer, columns []engine.CSVColumn) {
	for _, c := range columns {
		field := c.Field
		if field == "" {
			field = "not imported"
		}
		fmt.Fprintf(out, "column %s: %s\n", strconv.Quote(clean(c.Header, "")), field)
	}
}

// tellFaulty names every faulty line of a file.
func tellFaulty(out io.Writer, faulty []engine.BadLine) {
	for _, bad := range faulty {
		for _, d := range bad.Details {
			fmt.Fprintf(out, "line %d: %s: %s\n", bad.Line, d.Field, clean(d.Message, ""))
		}
	}
}

// appointmentImportJSON is the report of an import for programs.
type appointmentImportJSON struct {
	Columns []columnJSON `json:"columns"`
	Rows    int          `json:"rows"`
	Booked  int          `json:"booked"`
	Known   int          `json:"known"`
	Faulty  []faultJSON  `json:"faulty"`
	Written bool         `json:"written"`
}

func appointmentImportOf(r engine.AppointmentReport) appointmentImportJSON {
	return appointmentImportJSON{
		each(r.Columns, func(c engine.CSVColumn) columnJSON { return columnJSON(c) }), r.Rows, r.Booked, r.Known,
		each(r.Bad, func(b engine.BadLine) faultJSON { return faultJSON(b) }), r.Written,
	}
}

type appointmentsExportOptions struct {
	*global
	clinic, out, status, from, to string
	query                         engine.AppointmentQuery
}

func newAppointmentsExport(g *global) *cobra.Command {
	o := appointmentsExportOptions{global: g}
	c := &cobra.Command{
		Use:   "export",
		Short: "Write appointments as CSV to standard output or a file",
		Long: `Write appointments as CSV (UTF-8, comma, RFC 4180), with times on the clock where
they take place. Cells that a spreadsheet would run as a formula begin with an
apostrophe; 'qb appointments import' takes it off again.`,
		Example: `  qb appointments export > appointments.csv
  qb appointments export --from 2026-04-27 --to 2026-05-04 --out week.csv`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runAppointmentsExport(c.Context(), streams(c), o) },
	}
	f := c.Flags()
	f.StringVar(&o.from, "from", "", "appointments that start at or after this `TIME` or date")
	f.StringVar(&o.to, "to", "", "appointments that start before this `TIME` or date")
	f.StringVar(&o.status, "status", "", "appointments of this `STATUS`, such as confirmed")
	f.Int64Var(&o.query.ProviderID, "provider-id", 0, "appointments of the provider with this `ID`")
	f.Int64Var(&o.query.PatientID, "patient-id", 0, "appointments of the patient with this `ID`")
	f.StringVarP(&o.out, "out", "o", "", "`FILE` to make; it must not exist")
	clinicFlag(c, &o.clinic)
	return c
}

func runAppointmentsExport(ctx context.Context, s stdio, o appointmentsExportOptions) error {
	var from, to httpapi.When
	if err := readWhen("--from", o.from, &from); err != nil {
		return err
	}
	if err := readWhen("--to", o.to, &to); err != nil {
		return err
	}
	o.query.Status = engine.Status(o.status)
	return o.visit(ctx, s, errand{verb: "appointments export", clinic: o.clinic}, func(f *office) error {
		zone, err := engine.LoadZone(f.clinic.TimeZone)
		if err != nil {
			return err
		}
		o.query.From, o.query.To = inZone(from, zone), inZone(to, zone)
		n, err := toFile(s.out, o.out, func(w io.Writer) (int, error) {
			return f.engine.ExportAppointments(ctx, f.caller, o.query, w)
		})
		if err != nil {
			return asFlags(err, nil)
		}
		fmt.Fprintf(s.err, "%d %s\n", n, plural(n, "appointment"))
		return nil
	})
}
