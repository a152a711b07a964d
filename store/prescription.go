package store

import (
	"qualifybase/engine/act"
	"qualifybase/engine/record"
)

func prescriptionColumns(c *columns, p *record.Prescription) {
	c.fixed("id").text(&p.ID)
	c.fixed("clinic").int(&p.Clinic)
	c.fixed("test").bool(&p.Test)
	c.fixed("consultation_id").text(&p.ConsultationID)
	c.derived("(SELECT patient_id FROM consultations WHERE id = prescriptions.consultation_id)").int(&p.PatientID)
	c.column("author_id").int(&p.AuthorID)
	c.column("medication").text(&p.Medication)
	c.column("medication_code").text(&p.MedicationCode)
	c.column("dose").text(&p.Dose)
	c.column("route").text(&p.Route)
	c.column("frequency").text(&p.Frequency)
	c.column("as_needed").bool(&p.AsNeeded)
	c.column("start_date").day(&p.StartDate)
	c.column("duration_days").smallOrNull(&p.DurationDays)
	c.column("end_date").dayOrNull(&p.EndDate)
	c.column("quantity").text(&p.Quantity)
	c.column("unit").text(&p.Unit)
	c.column("refills").small(&p.Refills)
	c.column("substitution_allowed").bool(&p.Substitution)
	c.column("instructions").text(&p.Instructions)
	c.column("status").text((*string)(&p.Status))
	c.column("stop_reason").text(&p.StopReason)
	c.meta(&p.Meta)
}

var (
	prescriptionTable  = newTable("prescriptions", "prescription", ofClinic, prescriptionColumns)
	selectPrescription = prescriptionTable.selects
)

func scanPrescription(r *row) (p record.Prescription) {
	prescriptionColumns(scanning(r), &p)
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
	c := t.inserting()
	prescriptionColumns(c, &p)
	_, err := t.insert(prescriptionTable, c)
	return err
}

// UpdatePrescription implements engine.Tx.
func (t *tx) UpdatePrescription(p record.Prescription) error {
	c := t.updating()
	prescriptionColumns(c, &p)
	return t.update(prescriptionTable, c, p.ID, p.Clinic)
}
