package booking

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
	"qualifybase/engine/scope"
	"qualifybase/engine/table"
)

// MaxImportAppointments bounds an import of appointments, each of which is booked
// by all rules, in one transaction.
const MaxImportAppointments = 5_000

// AppointmentImport says how a file of appointments is to be taken.
type AppointmentImport struct {
	DryRun  bool // report what would happen, write nothing
	SkipBad bool // import the good rows although others are faulty
	Past    bool // take what has already taken place, too; needs appointments:override
}

// AppointmentReport is what an import did, or would do.
type AppointmentReport struct {
	Columns []table.Column
	Rows    int // below the header, empty ones not counted
	Booked  int
	Known   int                  // rows with the id of an appointment that exists: left alone
	Bad     []act.BadLine        // every row that cannot be, in the order of the file
	Preview []AppointmentPreview // the first good rows
	Written bool                 // false after a dry run
}

// AppointmentPreview is a row and what becomes of it: "book" or "known".
type AppointmentPreview struct {
	Line        int
	Act         string
	Appointment Appointment
}

var (
	appointmentImport = act.Define("appointment.import", scope.AppointmentsWrite)
	appointmentExport = act.Define("appointment.export", scope.AppointmentsRead)
)

// ImportAppointments books the rows of a CSV file (ReadCSV) as Book does, each
// seeing those before it, in one transaction: if a row cannot be booked nothing
// is written, unless SkipBad. A dry run is the same transaction, undone. A
// person is named by patient_id or lead_id, else by name, e-mail or phone, which
// makes or finds a lead as PutLead does (and needs leads:write). Rows with the id
// of an appointment that exists are left alone, so an export can be read back.
// The error lists the first faulty rows by line; the report, which comes with it,
// lists all. Needs appointments:write.
func (e *Engine) ImportAppointments(ctx context.Context, c act.Caller, file io.Reader,
	o AppointmentImport) (AppointmentReport, error) {
	report := AppointmentReport{Bad: []act.BadLine{}, Preview: []AppointmentPreview{}}
	if err := e.mayImport(c, o); err != nil {
		return report, err
	}
	header, rows, err := table.Read(file, 0)
	if err != nil {
		return report, err
	}
	if report.Columns, err = mapAppointmentColumns(header); err != nil {
		return report, err
	}
	if len(rows) > MaxImportAppointments {
		return report, table.BadFile("Has more than %d rows: split it", MaxImportAppointments)
	}
	_, err = act.Do(ctx, e.Room, c, appointmentImport, func(w *Act) (struct{}, error) {
		if err := report.take(w, rows, o); err != nil {
			return struct{}{}, err
		}
		if len(report.Bad) > 0 && !o.SkipBad && !o.DryRun {
			return struct{}{}, act.RefusedRows(report.Bad, report.Rows)
		}
		if o.DryRun {
			return struct{}{}, act.ErrDryRun
		}
		w.Fields = []string{fmt.Sprintf("booked:%d", report.Booked), fmt.Sprintf("known:%d", report.Known)}
		report.Written = true
		return struct{}{}, nil
	})
	report.Written = report.Written && err == nil
	if errors.Is(err, act.ErrDryRun) {
		err = nil
	}
	return report, err
}

// mayImport checks the rights before a file is read.
func (e *Engine) mayImport(c act.Caller, o AppointmentImport) error {
	if err := e.Allow(c, appointmentImport); err != nil {
		return err
	}
	if o.Past {
		return e.Allow(c, act.Action{Name: appointmentImport.Name, Scope: scope.AppointmentsOverride})
	}
	return nil
}

// take books the rows and counts; one that cannot be booked is noted and has no effect.
func (p *AppointmentReport) take(w *Act, rows []table.Row, o AppointmentImport) error {
	plan, err := w.Plan(w.Caller.Clinic)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.Blank() {
			continue
		}
		p.Rows++
		var f fault.Faults
		var cells appointmentCells
		if row.Fault != "" {
			f.Add("line", "%s", row.Fault)
		} else {
			cells = appointmentOfCells(&f, plan, p.Columns, row.Cells)
		}
		if len(f) == 0 {
			if err := p.put(w, row.Line, cells, o); err != nil {
				refusal, ok := errors.AsType[*fault.Error](err)
				if !ok || refusal.Kind == fault.Internal || refusal.RetryAfter != 0 {
					return err
				}
				f = refusal.AsFaults()
			}
		}
		if len(f) > 0 {
			p.Bad = append(p.Bad, act.BadLine{Line: row.Line, Details: f})
		}
	}
	return nil
}

// put books one row in a savepoint of its own, with its own events and rows in the audit.
func (p *AppointmentReport) put(w *Act, line int, cells appointmentCells, o AppointmentImport) error {
	what, a := "known", Appointment{}
	err := w.Savepoint(func() (err error) {
		if cells.id != "" {
			if a, err = w.Appointment(w.Caller.Clinic, w.Caller.Test, cells.id); fault.KindOf(err) != fault.NotFound {
				return err
			}
		}
		what = "book"
		a, err = w.importOne(cells, o)
		return err
	})
	if err != nil {
		return err
	}
	if what == "book" {
		p.Booked++
	} else {
		p.Known++
	}
	if len(p.Preview) < act.PreviewRows {
		p.Preview = append(p.Preview, AppointmentPreview{line, what, a})
	}
	return nil
}

// importOne books a row: the person, the booking, the state.
func (w *Act) importOne(cells appointmentCells, o AppointmentImport) (Appointment, error) {
	b := cells.Booking
	if b.LeadID == "" && b.PatientID == 0 && cells.names() {
		lead, err := w.importLead(cells.lead)
		if err != nil {
			return Appointment{}, err
		}
		b.LeadID = lead.ID
	}
	if o.Past && b.StartsAt != 0 && b.StartsAt < w.Now {
		b.AllowHours, b.Reason = true, "imported"
	}
	if err := b.check(w.Caller); err != nil {
		return Appointment{}, err
	}
	var a Appointment
	err := act.Sub(w.Act, w.e.In, appointmentBook, func(own *Act) (err error) {
		if a, err = own.book(b); err != nil || cells.status == "" || cells.status == a.Status {
			return err
		}
		before := a
		t := towards(cells.status)
		if t == nil || t.to == Cancelled {
			return fault.BadField("status", "Only scheduled, confirmed, completed and no_show can be imported")
		}
		if err := own.transit(&a, t, ""); err != nil {
			return err
		}
		_, err = own.saved(before, &a)
		return err
	})
	return a, err
}

// importLead makes or finds the lead that a row names.
func (w *Act) importLead(d people.LeadDraft) (people.Lead, error) {
	if !w.Caller.May(scope.LeadsWrite) {
		return people.Lead{}, w.Caller.Lacks(scope.LeadsWrite)
	}
	home, err := w.Clinic(w.Caller.Clinic)
	if err != nil {
		return people.Lead{}, err
	}
	var f fault.Faults
	fields := d.Cleaned(&f, home.Country)
	fields.Usual = "csv"
	if err := f.Err(); err != nil {
		return people.Lead{}, err
	}
	var put people.LeadPut
	err = act.Sub(w.Act, w.e.In, people.LeadUpdate, func(own *Act) (err error) {
		if put, err = own.people().PutLead(fields); put.Created {
			own.Action = people.LeadCreate
		}
		own.EntityID, own.PatientID = put.Lead.ID, put.Lead.PatientID
		return err
	})
	return put.Lead, err
}

// ExportAppointments writes the appointments of a query as CSV, page by page, with
// times on the clock where they take place; ImportAppointments reads it back. The
// result is their number. Each page is a row in the audit. Needs appointments:read.
func (e *Engine) ExportAppointments(ctx context.Context, c act.Caller, q AppointmentQuery, out io.Writer) (int, error) {
	if err := e.Allow(c, appointmentExport); err != nil {
		return 0, err
	}
	q.Clinic, q.Test, q.UpdatedSince = c.Clinic, c.Test, nil
	if err := q.check(); err != nil {
		return 0, err
	}
	n, broken := 0, error(nil)
	err := table.Write(out, appointmentExportNames, func(yield func([]string) bool) {
		var after act.Position
		for more := true; more; {
			var page []Appointment
			var plan *directory.Plan
			page, broken = act.View(ctx, e.Room, func(r Reader) (_ []Appointment, err error) {
				if plan, err = r.Plan(c.Clinic); err != nil {
					return nil, err
				}
				return r.Appointments(q, after, act.ExportPage)
			})
			if broken != nil {
				return
			}
			if len(page) > 0 {
				fields := act.ListFields(q.filters(), page, func(a Appointment) string { return a.ID })
				e.AuditRead(c, appointmentExport, "", q.PatientID, act.OfPatients(q.PatientID, fields, page,
					Appointment.patient)...)
			}
			for _, a := range page {
				after = act.Placed(a.ID, a.Meta)
				if n++; !yield(a.exportCells(plan)) {
					return
				}
			}
			more = len(page) == act.ExportPage
		}
	})
	if err == nil {
		err = broken
	}
	return n, err
}

// exportCells is an appointment as a row of an export.
func (a Appointment) exportCells(plan *directory.Plan) []string {
	zone, err := calendar.LoadZone(a.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	local := func(unix int64) string { return time.Unix(unix, 0).In(zone).Format(time.RFC3339) }
	var provider, location, service string
	if p := plan.Provider(a.ProviderID); p != nil {
		provider = p.DisplayName
	}
	if l := plan.Location(a.LocationID); l != nil {
		location = l.Name
	}
	if s := plan.Service(a.ServiceID); s != nil {
		service = s.Name
	}
	return []string{
		a.ID, string(a.Status), local(a.StartsAt), local(a.EndsAt), a.TimeZone, idOrNot(a.ProviderID), provider,
		idOrNot(a.LocationID), location, idOrNot(a.ServiceID), service, idOrNot(a.PatientID), a.LeadID,
		a.Title, a.Notes, a.CancelReason, a.Source, calendar.UTC(a.CreatedAt), calendar.UTC(a.UpdatedAt),
	}
}

var appointmentExportNames = strings.Fields(`id status scheduled_at ends_at time_zone provider_id provider location_id location
	service_id service patient_id lead_id title notes cancellation_reason source created_at updated_at`)

func idOrNot(id int64) string {
	if id == 0 {
		return ""
	}
	return act.IDText(id)
}
