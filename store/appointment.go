package store

import (
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
)

// The footprint is that of the provider's occupancy row; a row without one (it
// was never live here) shows the bare times.
const selectAppointment = `SELECT id, clinic, test, lead_id, patient_id, provider_id, location_id, service_id, title, notes,
	status, starts_at, ends_at,
	coalesce((SELECT s FROM occupancy WHERE appointment_id = appointments.id AND resource = 'p' || provider_id), starts_at),
	coalesce((SELECT e FROM occupancy WHERE appointment_id = appointments.id AND resource = 'p' || provider_id), ends_at),
	time_zone, local_date, checked_in_at, cancellation_reason, late_cancel, source, series_id, rebooked_from,
	assigned, override, undo, sequence, version, change, created_at, updated_at, created_by, updated_by FROM appointments`

func scanAppointment(r *row) booking.Appointment {
	a := booking.Appointment{
		ID: r.text(), Clinic: r.int(), Test: r.bool(), LeadID: r.text(), PatientID: r.int(), ProviderID: r.int(),
		LocationID: r.int(), ServiceID: r.int(), Title: r.text(), Notes: r.text(), Status: booking.Status(r.text()),
		StartsAt: r.int(), EndsAt: r.int(), Footprint: calendar.Span{Start: r.int(), End: r.int()}, TimeZone: r.text(),
	}
	if d := r.date(); d != nil {
		a.LocalDate = *d
	}
	a.CheckedInAt, a.CancelReason, a.LateCancel, a.Source = r.int(), r.text(), r.bool(), r.text()
	a.SeriesID, a.RebookedFrom, a.Assigned = r.text(), r.text(), r.text()
	var override *waiverDoc
	var undo *undoDoc
	r.json(&override)
	r.json(&undo)
	a.Override, a.Undo = (*booking.Waiver)(override), (*booking.Undo)(undo)
	a.Sequence, a.Meta = r.int(), r.meta()
	return a
}

// Appointment implements engine.Reader.
func (r *reads) Appointment(clinic int64, test bool, id string) (booking.Appointment, error) {
	return one(r, "appointment", scanAppointment, selectAppointment+" WHERE id = ? AND clinic = ? AND test = ?", id,
		clinic, test)
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

const liveStatus = "status IN ('scheduled', 'confirmed', 'completed')"

// BookedOn implements engine.Reader. No zone is further than a day from UTC,
// which bounds the search by the index.
func (r *reads) BookedOn(provider, service int64, test bool, day calendar.Date) (int, error) {
	column, id := "provider_id", provider
	if service > 0 {
		column, id = "service_id", service
	}
	midnight := int64(day) * daySeconds
	n, err := r.number("SELECT count(*) FROM appointments WHERE "+column+" = ? AND test = ? AND starts_at >= ? AND "+
		"starts_at < ? AND local_date = ? AND "+liveStatus,
		id, test, midnight-daySeconds, midnight+2*daySeconds, day.String())
	return int(n), err
}

// BookedMinutes implements engine.Reader.
func (r *reads) BookedMinutes(provider int64, test bool, window calendar.Span) (int64, error) {
	return r.number("SELECT sum((ends_at - starts_at) / 60) FROM appointments WHERE provider_id = ? AND test = ? "+
		"AND starts_at >= ? AND starts_at < ? AND "+liveStatus,
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

// LastSeen implements engine.Reader.
func (r *reads) LastSeen(clinic int64, test bool, leadID string, patientID int64, since int64) (int64, error) {
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
		" AND starts_at > ? AND starts_at < ? AND ends_at > ? AND clinic = ? AND test = ? AND id <> ? AND "+liveStatus+" LIMIT 1",
		func(row *row) { id = row.text() },
		append(args, span.Start-maxFootprint, span.End, span.Start, clinic, test, except)...)
	return id, err
}

// appointmentJSON are the two JSON columns, "" where there is nothing.
func appointmentJSON(a booking.Appointment) (override, undo string, err error) {
	if a.Override != nil {
		if override, err = asJSON((*waiverDoc)(a.Override)); err != nil {
			return
		}
	}
	if a.Undo != nil {
		undo, err = asJSON((*undoDoc)(a.Undo))
	}
	return
}

// InsertAppointment implements engine.Tx. Its Footprint goes into the occupancy
// rows, which the use case writes.
func (t *tx) InsertAppointment(a booking.Appointment) error {
	override, undo, err := appointmentJSON(a)
	if err != nil {
		return err
	}
	_, _, err = t.exec(`INSERT INTO appointments (id, clinic, test, lead_id, patient_id, provider_id, location_id, service_id,
		title, notes, status, starts_at, ends_at, time_zone, local_date, checked_in_at, cancellation_reason, late_cancel, source,
		series_id, rebooked_from, assigned, override, undo, sequence, version, change, created_at, updated_at, created_by, updated_by)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		a.ID, a.Clinic, a.Test, textOrNull(a.LeadID), intOrNull(a.PatientID), a.ProviderID, intOrNull(a.LocationID),
		intOrNull(a.ServiceID),
		a.Title, a.Notes, string(a.Status), a.StartsAt, a.EndsAt, a.TimeZone, a.LocalDate.String(), intOrNull(a.CheckedInAt),
		a.CancelReason, a.LateCancel, a.Source, textOrNull(a.SeriesID), textOrNull(a.RebookedFrom), a.Assigned, override,
		undo,
		a.Sequence, a.Version, a.Change, a.CreatedAt, a.UpdatedAt, a.CreatedBy, a.UpdatedBy)
	return err
}

// UpdateAppointment implements engine.Tx.
func (t *tx) UpdateAppointment(a booking.Appointment) error {
	override, undo, err := appointmentJSON(a)
	if err != nil {
		return err
	}
	return t.change("appointment", `UPDATE appointments SET lead_id = ?, patient_id = ?, provider_id = ?, location_id = ?,
		service_id = ?, title = ?, notes = ?, status = ?, starts_at = ?, ends_at = ?, time_zone = ?, local_date = ?,
		checked_in_at = ?, cancellation_reason = ?, late_cancel = ?, source = ?, series_id = ?, rebooked_from = ?, assigned = ?,
		override = ?, undo = ?, sequence = ?, version = ?, change = ?, updated_at = ?, updated_by = ? WHERE id = ? AND clinic = ?`,
		textOrNull(a.LeadID), intOrNull(a.PatientID), a.ProviderID, intOrNull(a.LocationID), intOrNull(a.ServiceID), a.Title,
		a.Notes,
		string(a.Status), a.StartsAt, a.EndsAt, a.TimeZone, a.LocalDate.String(), intOrNull(a.CheckedInAt), a.CancelReason,
		a.LateCancel, a.Source, textOrNull(a.SeriesID), textOrNull(a.RebookedFrom), a.Assigned, override, undo, a.Sequence,
		a.Version, a.Change, a.UpdatedAt, a.UpdatedBy, a.ID, a.Clinic)
}
