package store

import "qualifybase/engine"

const selectPatient = `SELECT id, clinic, test, given_name, family_name, name_key, birth_date, email, email_key, phones, phone_key,
	source_lead_id, status, version, change, created_at, updated_at, created_by, updated_by FROM patients`

func scanPatient(r *row) engine.Patient {
	p := engine.Patient{
		ID: r.int(), Clinic: r.int(), Test: r.bool(), GivenName: r.text(), FamilyName: r.text(), NameKey: r.text(),
		BirthDate: r.date(), Email: r.text(), EmailKey: r.text(),
	}
	r.json(&p.Phones)
	p.PhoneKey, p.SourceLeadID, p.Status, p.Meta = r.text(), r.text(), engine.PatientStatus(r.text()), r.meta()
	return p
}

// Patient implements engine.Reader.
func (r *reads) Patient(clinic int64, test bool, id int64) (engine.Patient, error) {
	return one(r, "patient", scanPatient, selectPatient+" WHERE id = ? AND clinic = ? AND test = ?", id, clinic, test)
}

func patientsWhere(q engine.PatientQuery) *where {
	w := only("clinic = ? AND test = ?", q.Clinic, q.Test)
	w.andText("status", string(q.Status))
	if _, err := engine.ParseDate(q.Q); err == nil {
		w.and("birth_date = ?", q.Q)
	} else {
		w.search("patients", q.Clinic, q.Test, q.Q)
	}
	return w
}

// Patients implements engine.Reader.
func (r *reads) Patients(q engine.PatientQuery, after engine.Position, limit int) ([]engine.Patient, error) {
	w := patientsWhere(q)
	text, err := r.page(w, "patients", q.Clinic, q.Test, q.UpdatedSince, after, numberID, limit)
	if err != nil {
		return nil, err
	}
	return list(r, scanPatient, selectPatient+text, w.args...)
}

// CountPatients implements engine.Reader.
func (r *reads) CountPatients(q engine.PatientQuery) (int64, error) {
	return r.counted(patientsWhere(q), "patients", q.Clinic, q.Test, q.UpdatedSince)
}

// FirstPatientChange implements engine.Reader.
func (r *reads) FirstPatientChange(clinic int64, test bool, since int64) (int64, error) {
	return r.firstChange("patients", clinic, test, since)
}

// phonesJSON is the column of phones; none is the empty list.
func phonesJSON(p engine.Patient) (string, error) {
	if len(p.Phones) == 0 {
		return "[]", nil
	}
	return asJSON(p.Phones)
}

func dateOrNull(d *engine.Date) any {
	if d == nil {
		return nil
	}
	return d.String()
}

// InsertPatient implements engine.Tx.
func (t *tx) InsertPatient(p *engine.Patient) error {
	phones, err := phonesJSON(*p)
	if err != nil {
		return err
	}
	_, p.ID, err = t.exec(`INSERT INTO patients (clinic, test, given_name, family_name, name_key, birth_date, email, email_key,
		phones, phone_key, source_lead_id, status, version, change, created_at, updated_at, created_by, updated_by)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		p.Clinic, p.Test, p.GivenName, p.FamilyName, p.NameKey, dateOrNull(p.BirthDate), p.Email, p.EmailKey,
		phones, p.PhoneKey, orNull(p.SourceLeadID), string(p.Status),
		p.Version, p.Change, p.CreatedAt, p.UpdatedAt, p.CreatedBy, p.UpdatedBy)
	return err
}

// UpdatePatient implements engine.Tx.
func (t *tx) UpdatePatient(p engine.Patient) error {
	phones, err := phonesJSON(p)
	if err != nil {
		return err
	}
	return t.change("patient", `UPDATE patients SET given_name = ?, family_name = ?, name_key = ?, birth_date = ?, email = ?,
		email_key = ?, phones = ?, phone_key = ?, source_lead_id = ?, status = ?, version = ?, change = ?, updated_at = ?,
		updated_by = ? WHERE id = ? AND clinic = ?`,
		p.GivenName, p.FamilyName, p.NameKey, dateOrNull(p.BirthDate), p.Email, p.EmailKey, phones, p.PhoneKey,
		orNull(p.SourceLeadID), string(p.Status), p.Version, p.Change, p.UpdatedAt, p.UpdatedBy, p.ID, p.Clinic)
}
