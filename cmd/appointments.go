package cmd

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
)

func newAppointmentsCommand(g *global) *cobra.Command {
	c := group("appointments", "Import and export appointments as CSV", newAppointmentsImport(g), newAppointmentsExport(g))
	c.Long = "Import and export appointments as CSV. An export can be imported again."
	return c
}

func newAppointmentsImport(g *global) *cobra.Command {
	var how booking.AppointmentImport
	c := newCSVImport(g, "appointments", &how.DryRun, &how.SkipBad,
		func(ctx context.Context, at *session, file io.Reader) (importReport, error) {
			r, err := at.engine.ImportAppointments(ctx, at.caller, file, how)
			out := reported(r, how.DryRun, appointmentPreviewColumns...)
			out.program = appointmentImportJSON{columnsOf(r.Columns), r.Rows, r.Created, r.Unchanged, faultsOf(r.Bad),
				r.Written}
			out.did = fmt.Sprintf("appointments: %d booked, %d known", r.Created, r.Unchanged)
			out.would = fmt.Sprintf("appointments: would book %d, leave %d known", r.Created, r.Unchanged)
			return out, err
		})
	c.Short = "Book appointments from a CSV file, all or none"
	c.Long = `Book appointments from a CSV file (- is standard input) by all the rules of
booking, in one transaction: if a line cannot be booked, every such line is told
with its number and nothing is imported. The first line names the columns, in the
words of common calendars too ("Datum", "Uhrzeit", "Arzt"): when (scheduled_at, or
date and time), until when (ends_at, duration_minutes or a service), who
(patient_id, lead_id, or name, email, phone, which make or find a lead), with whom,
where and what (ids or names). Times without an offset are on the clinic's clock.

--dry-run tells what would happen: how each column is understood, the first
appointments, and every faulty line.`
	c.Example = `  qb appointments import calendar.csv --dry-run
  qb appointments import calendar.csv --past`
	c.Flags().BoolVar(&how.Past, "past", false, "import what has already taken place, too")
	return c
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

var appointmentPreviewColumns = []column[act.Preview[booking.Appointment]]{
	{"WOULD", func(p act.Preview[booking.Appointment]) string {
		if p.Took == act.TookNew {
			return "book"
		}
		return "known"
	}},
	{"START", func(p act.Preview[booking.Appointment]) string { return formatTime(p.Row.StartsAt) }},
	{"END", func(p act.Preview[booking.Appointment]) string { return formatTime(p.Row.EndsAt) }},
	{"PROVIDER", func(p act.Preview[booking.Appointment]) string { return strconv.FormatInt(p.Row.ProviderID, 10) }},
	{"STATUS", func(p act.Preview[booking.Appointment]) string { return string(p.Row.Status) }},
}

type appointmentsExportOptions struct {
	*global
	clinic, out, status, from, to string
	query                         booking.AppointmentQuery
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
	outFlag(c, &o.out)
	clinicFlag(c, &o.clinic)
	return c
}

func runAppointmentsExport(ctx context.Context, s stdio, o appointmentsExportOptions) error {
	var from, to calendar.Moment
	if err := readMoment("--from", o.from, &from); err != nil {
		return err
	}
	if err := readMoment("--to", o.to, &to); err != nil {
		return err
	}
	o.query.Status = booking.Status(o.status)
	return o.withClinic(ctx, s, target{verb: "appointments export", clinic: o.clinic}, func(at *session) error {
		zone, err := calendar.LoadZone(at.clinic.TimeZone)
		if err != nil {
			return err
		}
		o.query.From, o.query.To = from.In(zone), to.In(zone)
		return exportCSV(s, o.out, "appointment", func(w io.Writer) (int, error) {
			return at.engine.ExportAppointments(ctx, at.caller, o.query, w)
		})
	})
}
