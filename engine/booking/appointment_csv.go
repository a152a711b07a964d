package booking

import (
	"context"
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

var (
	appointmentImport = act.Define("appointment.import", scope.AppointmentsWrite)
	appointmentExport = act.Define("appointment.export", scope.AppointmentsRead)
)

// ImportAppointments books the rows of a CSV file (act.ImportCSV) as Book does. A person
// is named by patient_id or lead_id, else by name, e-mail or phone, which makes or
// finds a lead as PutLead does (and needs leads:write). Rows with the id of an
// appointment that exists are left alone, so an export can be read back. Needs
// appointments:write.
func (e *Engine) ImportAppointments(ctx context.Context, c act.Caller, file io.Reader,
	o AppointmentImport) (act.ImportReport[Appointment], error) {
	if err := e.mayImport(c, o); err != nil {
		return act.ImportReport[Appointment]{}, err
	}
	return act.ImportCSV(ctx, e.Room, c, file, act.ImportOptions{DryRun: o.DryRun, SkipBad: o.SkipBad},
		act.Import[*Act, Appointment]{
			Action: appointmentImport, Row: appointmentBook, MaxRows: MaxImportAppointments,
			Columns: takeAppointmentColumns,
			Begin: func(w *Act) (func(*Act, table.Cells) (act.Took, Appointment, error), error) {
				plan, err := w.Plan(w.Caller.Clinic)
				return func(own *Act, cells table.Cells) (act.Took, Appointment, error) {
					return own.takeAppointment(plan, cells, o)
				}, err
			},
			Counted: func(r *act.ImportReport[Appointment]) []string {
				return []string{fmt.Sprintf("booked:%d", r.Created), fmt.Sprintf("known:%d", r.Unchanged)}
			},
		})
}

// mayImport checks the rights before a file is read.
func (e *Engine) mayImport(c act.Caller, o AppointmentImport) error {
	if err := e.Allow(c, appointmentImport); err != nil || !o.Past {
		return err
	}
	return e.Allow(c, act.Action{Name: appointmentImport.Name, Scope: scope.AppointmentsOverride})
}

// takeAppointment takes one row: the person, the booking, the state. One with the id
// of an appointment that exists is left alone.
func (w *Act) takeAppointment(plan *directory.Plan, cells table.Cells, o AppointmentImport) (act.Took, Appointment,
	error) {
	var f fault.Faults
	row := appointmentOfCells(&f, plan, cells)
	if err := f.Err(); err != nil {
		return "", Appointment{}, err
	}
	if row.id != "" {
		a, err := w.Appointment(w.Caller.Clinic, w.Caller.Test, row.id)
		if fault.KindOf(err) != fault.NotFound {
			w.Quiet = true
			return act.TookKnown, a, err
		}
	}
	b := row.Booking
	if b.LeadID == "" && b.PatientID == 0 && row.names() {
		lead, err := w.importLead(row.lead)
		if err != nil {
			return "", Appointment{}, err
		}
		b.LeadID = lead.ID
	}
	if o.Past && b.StartsAt != 0 && b.StartsAt < w.Now {
		b.AllowHours, b.Reason = true, "imported"
	}
	if err := b.check(w.Caller); err != nil {
		return "", Appointment{}, err
	}
	a, err := w.book(b)
	if err == nil && row.status != "" && row.status != a.Status {
		err = w.reach(&a, row.status)
	}
	return act.TookNew, a, err
}

// reach takes a new appointment on to the state that its row says.
func (w *Act) reach(a *Appointment, status Status) error {
	t := transitionTo(status)
	if t == nil || t.to == Cancelled {
		return fault.BadField("status", "Only scheduled, confirmed, completed and no_show can be imported")
	}
	before := *a
	if err := w.transit(a, t, ""); err != nil {
		return err
	}
	_, err := w.saved(before, a)
	return err
}

// importLead makes or finds the lead that a row names.
func (w *Act) importLead(d people.LeadDraft) (people.Lead, error) {
	if !w.Caller.May(scope.LeadsWrite) {
		return people.Lead{}, w.Caller.Lacks(scope.LeadsWrite)
	}
	var put people.LeadPut
	err := act.Sub(w.Act, w.e.In, people.LeadUpdate, func(own *Act) (err error) {
		if put, err = own.people().PutLead(d, "csv"); put.Created {
			own.Action = people.LeadCreate
		}
		own.EntityID, own.PatientID = put.Lead.ID, put.Lead.PatientID
		return err
	})
	return put.Lead, err
}

// ExportAppointments writes the appointments of a query as CSV (act.ExportCSV), with
// times on the clock where they take place; ImportAppointments reads it back. The
// result is their number. Needs appointments:read.
func (e *Engine) ExportAppointments(ctx context.Context, c act.Caller, q AppointmentQuery, out io.Writer) (int, error) {
	if err := e.Allow(c, appointmentExport); err != nil {
		return 0, err
	}
	q.Clinic, q.Test, q.UpdatedSince = c.Clinic, c.Test, nil
	if err := q.check(); err != nil {
		return 0, err
	}
	var plan *directory.Plan
	return act.ExportCSV(ctx, e.Room, c, out, act.Export[Reader, Appointment]{
		Action: appointmentExport, Header: appointmentExportNames,
		Rows: func(r Reader, after act.Position, limit int) (_ []Appointment, err error) {
			if plan, err = r.Plan(c.Clinic); err != nil {
				return nil, err
			}
			return r.Appointments(q, after, limit)
		},
		Cells: func(a Appointment) []string { return a.exportCells(plan) },
		Place: func(a Appointment) act.Position { return act.Placed(a.ID, a.Meta) },
		Audit: func(page []Appointment) (int64, []string) {
			fields := act.ListFields(q.filters(), page, func(a Appointment) string { return a.ID })
			return q.PatientID, act.OfPatients(q.PatientID, fields, page, Appointment.patient)
		},
	})
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
		a.ID, string(a.Status), local(a.StartsAt), local(a.EndsAt), a.TimeZone, act.IDCell(a.ProviderID), provider,
		act.IDCell(a.LocationID), location, act.IDCell(a.ServiceID), service, act.IDCell(a.PatientID), a.LeadID,
		a.Title, a.Notes, a.CancelReason, a.Source, calendar.UTC(a.CreatedAt), calendar.UTC(a.UpdatedAt),
	}
}

var appointmentExportNames = strings.Fields(`id status scheduled_at ends_at time_zone provider_id provider
	location_id location service_id service patient_id lead_id title notes cancellation_reason source
	created_at updated_at`)
