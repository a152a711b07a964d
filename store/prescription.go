package store

import (
	"qualifybase/engine/act"
	"qualifybase/engine/record"
)

const selectPrescription = `SELECT id, clinic, test, consultation_id,
	(SELECT patient_id FROM consultations WHERE id = prescriptions.consultation_id), author_id, medication, medication_code,
	dose, route, frequency, as_needed, start_date, duration_days, end_date, quantity, unit, refills, substitution_allowed,
	instructions, status, stop_reason, version, change, created_at, updated_at, created_by, updated_by FROM prescriptions`

func scanPrescription(r *row) record.Prescription {
	p := record.Prescription{
		ID: r.text(), Clinic: r.int(), Test: r.bool(), ConsultationID: r.text(), PatientID: r.int(), AuthorID: r.int(),
		Medication: r.text(), MedicationCode: r.text(), Dose: r.text(), Route: r.text(), Frequency: r.text(),
		AsNeeded: r.bool(),
	}
	if d := r.date(); d != nil {
		p.StartDate = *d
	}
	p.DurationDays, p.EndDate, p.Quantity, p.Unit = r.small(), r.date(), r.text(), r.text()
	p.Refills, p.Substitution, p.Instructions = r.small(), r.bool(), r.text()
	p.Status, p.StopReason, p.Meta = record.PrescriptionStatus(r.text()), r.text(), r.meta()
	return p
}

// Prescription implements engine.Reader.
func (r *reads) Prescription(clinic int64, test bool, id string) (record.Prescription, error) {
	return one(r, "prescription", scanPrescription, selectPrescription+" WHERE id = ? AND clinic = ? AND test = ?", id,
		clinic, test)
}

func prescriptionsWhere(q record.PrescriptionQuery) *where {
	w := tenant(q.Clinic, q.Test, q.ConsultationID != "" || q.PatientID != 0)
	w.andText("consultation_id", q.ConsultationID)
	if q.PatientID != 0 && q.ConsultationID == "" {
		w.and("consultation_id IN (SELECT id FROM consultations WHERE patient_id = ?)", q.PatientID)
	}
	w.andText("status", string(q.Status))
	return w
}

// Prescriptions implements engine.Reader.
func (r *reads) Prescriptions(q record.PrescriptionQuery, after act.Position, limit int) ([]record.Prescription,
	error) {
	w := prescriptionsWhere(q)
	text := w.newestFirst(after, after.ID, limit)
	return list(r, scanPrescription, selectPrescription+text, w.args...)
}

// CountPrescriptions implements engine.Reader.
func (r *reads) CountPrescriptions(q record.PrescriptionQuery) (int64, error) {
	return r.count("prescriptions", prescriptionsWhere(q))
}

// InsertPrescription implements engine.Tx.
func (t *tx) InsertPrescription(p record.Prescription) error {
	_, _, err := t.exec(`INSERT INTO prescriptions (id, clinic, test, consultation_id, author_id, medication, medication_code, dose,
		route, frequency, as_needed, start_date, duration_days, end_date, quantity, unit, refills, substitution_allowed, instructions,
		status, stop_reason, version, change, created_at, updated_at, created_by, updated_by)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		p.ID, p.Clinic, p.Test, p.ConsultationID, p.AuthorID, p.Medication, p.MedicationCode, p.Dose, p.Route, p.Frequency,
		p.AsNeeded, p.StartDate.String(), intOrNull(int64(p.DurationDays)), dateOrNull(p.EndDate), p.Quantity, p.Unit,
		p.Refills,
		p.Substitution, p.Instructions, string(p.Status), p.StopReason, p.Version, p.Change, p.CreatedAt, p.UpdatedAt,
		p.CreatedBy, p.UpdatedBy)
	return err
}

// UpdatePrescription implements engine.Tx.
func (t *tx) UpdatePrescription(p record.Prescription) error {
	return t.change("prescription", `UPDATE prescriptions SET author_id = ?, medication = ?, medication_code = ?, dose = ?, route = ?,
		frequency = ?, as_needed = ?, start_date = ?, duration_days = ?, end_date = ?, quantity = ?, unit = ?, refills = ?,
		substitution_allowed = ?, instructions = ?, status = ?, stop_reason = ?, version = ?, change = ?, updated_at = ?, updated_by = ?
		WHERE id = ? AND clinic = ?`,
		p.AuthorID, p.Medication, p.MedicationCode, p.Dose, p.Route, p.Frequency, p.AsNeeded, p.StartDate.String(),
		intOrNull(int64(p.DurationDays)), dateOrNull(p.EndDate), p.Quantity, p.Unit, p.Refills, p.Substitution,
		p.Instructions,
		string(p.Status), p.StopReason, p.Version, p.Change, p.UpdatedAt, p.UpdatedBy, p.ID, p.Clinic)
}
