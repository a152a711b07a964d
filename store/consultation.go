package store

import (
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/record"
)

const selectConsultation = `SELECT id, clinic, test, appointment_id, patient_id, provider_id, location_id, mode, reason,
	status, started_at, ended_at, version, change, created_at, updated_at, created_by, updated_by FROM consultations`

func scanConsultation(r *row) record.Consultation {
	return record.Consultation{
		ID: r.text(), Clinic: r.int(), Test: r.bool(), AppointmentID: r.text(), PatientID: r.int(), ProviderID: r.int(),
		LocationID: r.int(), Mode: record.Mode(r.text()), Reason: r.text(), Status: record.ConsultationStatus(r.text()),
		StartedAt: r.int(), EndedAt: r.int(), Meta: r.meta(),
	}
}

// Consultation implements engine.Reader.
func (r *reads) Consultation(clinic int64, test bool, id string) (record.Consultation, error) {
	return one(r, "consultation", scanConsultation, selectConsultation+" WHERE id = ? AND clinic = ? AND test = ?", id,
		clinic, test)
}

// BegunVisit implements engine.Reader.
func (r *reads) BegunVisit(clinic int64, appointmentID string) (id string, err error) {
	_, err = r.get("SELECT id FROM consultations WHERE appointment_id = ? AND status <> 'entered_in_error' AND clinic = ?",
		func(row *row) { id = row.text() }, appointmentID, clinic)
	return id, err
}

func consultationsWhere(q record.ConsultationQuery) *where {
	w := tenant(q.Clinic, q.Test, q.AppointmentID != "" || q.PatientID != 0 || q.ProviderID != 0)
	w.andText("appointment_id", q.AppointmentID)
	w.andNumber("patient_id", q.PatientID)
	w.andNumber("provider_id", q.ProviderID)
	w.andText("status", string(q.Status))
	if q.From != 0 {
		w.and("started_at >= ?", q.From)
	}
	if q.To != 0 {
		w.and("started_at < ?", q.To)
	}
	return w
}

// Consultations implements engine.Reader.
func (r *reads) Consultations(q record.ConsultationQuery, after act.Position, limit int) ([]record.Consultation,
	error) {
	w := consultationsWhere(q)
	text := w.newestFirst(after, after.ID, limit)
	return list(r, scanConsultation, selectConsultation+text, w.args...)
}

// CountConsultations implements engine.Reader.
func (r *reads) CountConsultations(q record.ConsultationQuery) (int64, error) {
	return r.count("consultations", consultationsWhere(q))
}

// count counts the rows of a condition.
func (r *reads) count(table string, w *where) (int64, error) {
	return r.number("SELECT count(*) FROM "+table+w.sql.String(), w.args...)
}

// InsertConsultation implements engine.Tx.
func (t *tx) InsertConsultation(v record.Consultation) error {
	_, _, err := t.exec(`INSERT INTO consultations (id, clinic, test, appointment_id, patient_id, provider_id, location_id, mode,
		reason, status, started_at, ended_at, version, change, created_at, updated_at, created_by, updated_by)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		v.ID, v.Clinic, v.Test, textOrNull(v.AppointmentID), v.PatientID, v.ProviderID, intOrNull(v.LocationID),
		string(v.Mode),
		v.Reason, string(v.Status), v.StartedAt, intOrNull(v.EndedAt), v.Version, v.Change, v.CreatedAt, v.UpdatedAt,
		v.CreatedBy, v.UpdatedBy)
	return err
}

// UpdateConsultation implements engine.Tx.
func (t *tx) UpdateConsultation(v record.Consultation) error {
	return t.change("consultation", `UPDATE consultations SET patient_id = ?, location_id = ?, mode = ?, reason = ?, status = ?,
		ended_at = ?, version = ?, change = ?, updated_at = ?, updated_by = ? WHERE id = ? AND clinic = ?`,
		v.PatientID, intOrNull(v.LocationID), string(v.Mode), v.Reason, string(v.Status), intOrNull(v.EndedAt),
		v.Version, v.Change, v.UpdatedAt, v.UpdatedBy, v.ID, v.Clinic)
}

// Unattended implements engine.Reader.
func (r *reads) Unattended(clinic int64, test bool, after act.Position, before int64, limit int) ([]booking.Appointment,
	error) {
	return list(r, scanAppointment, selectAppointment+` WHERE clinic = ? AND test = ? AND (starts_at, id) > (?, ?) AND starts_at < ?
		AND status IN ('scheduled', 'confirmed') AND checked_in_at IS NULL
		AND NOT EXISTS (SELECT 1 FROM consultations WHERE appointment_id = appointments.id AND status <> 'entered_in_error')
		ORDER BY starts_at, id LIMIT ?+0`, clinic, test, after.Number, after.ID, before, limit)
}
