package store

import (
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/record"
)

func consultationColumns(c *columns, v *record.Consultation) {
	c.fixed("id").text(&v.ID)
	c.fixed("clinic").int(&v.Clinic)
	c.fixed("test").bool(&v.Test)
	c.fixed("appointment_id").textOrNull(&v.AppointmentID)
	c.column("patient_id").int(&v.PatientID)
	c.fixed("provider_id").int(&v.ProviderID)
	c.column("location_id").intOrNull(&v.LocationID)
	c.column("mode").text((*string)(&v.Mode))
	c.column("reason").text(&v.Reason)
	c.column("status").text((*string)(&v.Status))
	c.fixed("started_at").int(&v.StartedAt)
	c.column("ended_at").intOrNull(&v.EndedAt)
	c.meta(&v.Meta)
}

var (
	consultationTable  = newTable("consultations", "consultation", ofClinic, consultationColumns)
	selectConsultation = consultationTable.selects
)

func scanConsultation(r *row) (v record.Consultation) {
	consultationColumns(scanning(r), &v)
	return v
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
	c := t.inserting()
	consultationColumns(c, &v)
	_, err := t.insert(consultationTable, c)
	return err
}

// UpdateConsultation implements engine.Tx.
func (t *tx) UpdateConsultation(v record.Consultation) error {
	c := t.updating()
	consultationColumns(c, &v)
	return t.update(consultationTable, c, v.ID, v.Clinic)
}

// Unattended implements engine.Reader.
func (r *reads) Unattended(clinic int64, test bool, after act.Position, before int64, limit int) ([]booking.Appointment,
	error) {
	return list(r, scanAppointment, selectAppointment+` WHERE clinic = ? AND test = ? AND (starts_at, id) > (?, ?)
		AND starts_at < ? AND status IN ('scheduled', 'confirmed') AND checked_in_at IS NULL
		AND NOT EXISTS (SELECT 1 FROM consultations WHERE appointment_id = appointments.id AND status <> 'entered_in_error')
		ORDER BY starts_at, id LIMIT ?+0`, clinic, test, after.Number, after.ID, before, limit)
}
