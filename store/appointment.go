package store

import (
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/text"

	"strings"
)

// footprint is an end of the provider's occupancy row; an appointment without one
// (it was never live here) shows the bare time.
func footprint(end, bare string) string {
	return "coalesce((SELECT " + end + " FROM occupancy WHERE appointment_id = appointments.id AND " +
		"resource = 'p' || provider_id), " + bare + ")"
}

var footprintStart, footprintEnd = footprint("s", "starts_at"), footprint("e", "ends_at")

func appointmentColumns(c *columns, a *booking.Appointment) {
	c.fixed("id").text(&a.ID)
	c.fixed("clinic").int(&a.Clinic)
	c.fixed("test").bool(&a.Test)
	c.column("lead_id").textOrNull(&a.LeadID)
	c.column("patient_id").intOrNull(&a.PatientID)
	c.column("provider_id").int(&a.ProviderID)
	c.column("location_id").intOrNull(&a.LocationID)
	c.column("service_id").intOrNull(&a.ServiceID)
	c.column("title").text(&a.Title)
	c.column("notes").text(&a.Notes)
	c.column("status").text((*string)(&a.Status))
	c.column("starts_at").int(&a.StartsAt)
	c.column("ends_at").int(&a.EndsAt)
	c.derived(footprintStart).int(&a.Footprint.Start)
	c.derived(footprintEnd).int(&a.Footprint.End)
	c.column("time_zone").text(&a.TimeZone)
	c.column("local_date").day(&a.LocalDate)
	c.column("checked_in_at").intOrNull(&a.CheckedInAt)
	c.column("cancellation_reason").text(&a.CancelReason)
	c.column("late_cancel").bool(&a.LateCancel)
	c.column("source").text(&a.Source)
	c.column("series_id").textOrNull(&a.SeriesID)
	c.column("rebooked_from").textOrNull(&a.RebookedFrom)
	c.column("assigned").text(&a.Assigned)
	override, undo := (*waiverDoc)(a.Override), (*undoDoc)(a.Undo)
	optional(c.column("override"), &override)
	optional(c.column("undo"), &undo)
	a.Override, a.Undo = (*booking.Waiver)(override), (*booking.Undo)(undo)
	c.column("sequence").int(&a.Sequence)
	c.meta(&a.Meta)
}

var (
	appointmentTable  = newTable("appointments", "appointment", ofClinic, appointmentColumns)
	selectAppointment = appointmentTable.selects
	appointmentByID   = selectAppointment + " WHERE id = ? AND clinic = ? AND test = ?"
)

func scanAppointment(r *row) (a booking.Appointment) {
	appointmentColumns(scanning(r), &a)
	return a
}

// Appointment implements engine.Reader.
func (r *reads) Appointment(clinic int64, test bool, id string) (booking.Appointment, error) {
	return one(r, "appointment", scanAppointment, appointmentByID, id, clinic, test)
}

func appointmentsWhere(q booking.AppointmentQuery) *where {
	w := tenant(q.Clinic, q.Test, q.PatientID != 0 || q.LeadID != "")
	if q.From != 0 {
		w.and("starts_at >= ?", q.From)
	}
	if q.To != 0 {
		w.and("starts_at < ?", q.To)
	}
	w.andText("status", string(q.Status))
	w.andNumber("provider_id", q.ProviderID)
	w.andNumber("patient_id", q.PatientID)
	w.andText("lead_id", q.LeadID)
	return w
}

// Appointments implements engine.Reader.
func (r *reads) Appointments(q booking.AppointmentQuery, after act.Position, limit int) ([]booking.Appointment, error) {
	w := appointmentsWhere(q)
	text, err := r.page(w, "appointments", q.Clinic, q.Test, q.UpdatedSince, after, textID, limit)
	if err != nil {
		return nil, err
	}
	return list(r, scanAppointment, selectAppointment+text, w.args...)
}

// CountAppointments implements engine.Reader.
func (r *reads) CountAppointments(q booking.AppointmentQuery) (int64, error) {
	return r.counted(appointmentsWhere(q), "appointments", q.Clinic, q.Test, q.UpdatedSince)
}

// FirstAppointmentChange implements engine.Reader.
func (r *reads) FirstAppointmentChange(clinic int64, test bool, since int64) (int64, error) {
	return r.firstChange("appointments", clinic, test, since)
}

// LiveAppointments implements engine.Reader, oldest start first.
func (r *reads) LiveAppointments(clinic int64, from int64) ([]directory.Booked, error) {
	return list(r, func(row *row) directory.Booked {
		a := scanAppointment(row)
		return directory.Booked{
			ID: a.ID, Test: a.Test, ProviderID: a.ProviderID, LocationID: a.LocationID, ServiceID: a.ServiceID,
			Span: calendar.Span{Start: a.StartsAt, End: a.EndsAt}, Footprint: a.Footprint,
		}
	}, selectAppointment+` WHERE clinic = ? AND test IN (0, 1) AND starts_at >= ?
		AND status IN ('scheduled', 'confirmed') ORDER BY starts_at, id`, clinic, from)
}

// liveStatuses are booking.LiveStatuses as a list of SQL.
var liveStatuses = "('" + strings.Join(text.Words(booking.LiveStatuses), "', '") + "')"

// BookedOn implements engine.Reader. No zone is further than a day from UTC,
// which bounds the search by the index.
func (r *reads) BookedOn(provider, service int64, test bool, day calendar.Date) (int, error) {
	column, id := "provider_id", provider
	if service > 0 {
		column, id = "service_id", service
	}
	midnight := int64(day) * daySeconds
	n, err := r.number("SELECT count(*) FROM appointments WHERE "+column+" = ? AND test = ? AND starts_at >= ? AND "+
		"starts_at < ? AND local_date = ? AND status IN "+liveStatuses,
		id, test, midnight-daySeconds, midnight+2*daySeconds, day.String())
	return int(n), err
}

// BookedMinutes implements engine.Reader.
func (r *reads) BookedMinutes(provider int64, test bool, window calendar.Span) (int64, error) {
	return r.number("SELECT sum((ends_at - starts_at) / 60) FROM appointments WHERE provider_id = ? AND test = ? "+
		"AND starts_at >= ? AND starts_at < ? AND status IN "+liveStatuses,
		provider, test, window.Start, window.End)
}

// person is the condition that finds somebody's appointments by index; ok is
// false when there is nobody to look for.
func person(leadID string, patientID int64) (cond string, args []any, ok bool) {
	switch {
	case leadID != "" && patientID != 0:
		return "(lead_id = ? OR patient_id = ?)", []any{leadID, patientID}, true
	case leadID != "":
		return "lead_id = ?", []any{leadID}, true
	case patientID != 0:
		return "patient_id = ?", []any{patientID}, true
	}
	return "", nil, false
}

// LastProvider implements engine.Reader.
func (r *reads) LastProvider(clinic int64, test bool, leadID string, patientID int64, since int64) (int64, error) {
	who, args, ok := person(leadID, patientID)
	if !ok {
		return 0, nil
	}
	return r.number("SELECT provider_id FROM appointments WHERE "+who+
		" AND starts_at >= ? AND clinic = ? AND test = ? AND status = 'completed' ORDER BY starts_at DESC LIMIT 1",
		append(args, since, clinic, test)...)
}

// PersonBusy implements engine.Reader. No appointment is longer than a day.
func (r *reads) PersonBusy(clinic int64, test bool, leadID string, patientID int64, span calendar.Span,
	except string) (string, error) {
	who, args, ok := person(leadID, patientID)
	if !ok {
		return "", nil
	}
	var id string
	_, err := r.get("SELECT id FROM appointments WHERE "+who+
		" AND starts_at > ? AND starts_at < ? AND ends_at > ? AND clinic = ? AND test = ? AND id <> ? "+
		"AND status IN "+liveStatuses+" LIMIT 1",
		func(row *row) { id = row.text() },
		append(args, span.Start-calendar.MaxFootprint, span.End, span.Start, clinic, test, except)...)
	return id, err
}

// InsertAppointment implements engine.Tx. Its Footprint goes into the occupancy
// rows, which the use case writes.
func (t *tx) InsertAppointment(a booking.Appointment) error {
	c := t.inserting()
	appointmentColumns(c, &a)
	_, err := t.insert(appointmentTable, c)
	return err
}

// UpdateAppointment implements engine.Tx.
func (t *tx) UpdateAppointment(a booking.Appointment) error {
	c := t.updating()
	appointmentColumns(c, &a)
	return t.update(appointmentTable, c, a.ID, a.Clinic)
}
