package store

import (
	"errors"
	"slices"

	"qualifybase/engine/act"
	"qualifybase/engine/people"
	"qualifybase/engine/text"
)

const selectPatient = `SELECT id, clinic, test, mrn, given_name, family_name, preferred_name, birth_date, sex, phones, email, email_key,
	address, language, contact_preference, consents, emergency_contact, identifiers, allergies_text, admin_notes, source_lead_id,
	status, merged_into, filled, restricted, erased_at,
	version, change, created_at, updated_at, created_by, updated_by FROM patients`

func scanPatient(r *row) people.Patient {
	p := people.Patient{
		ID: r.int(), Clinic: r.int(), Test: r.bool(), MRN: r.text(), GivenName: r.text(), FamilyName: r.text(),
		PreferredName: r.text(), BirthDate: r.date(), Sex: people.Sex(r.text()),
	}
	var phones []phoneDoc
	var consents consentsDoc
	var identifiers []identifierDoc
	r.doc(&phones)
	p.Email, p.EmailKey = r.text(), r.text()
	r.doc((*addressDoc)(&p.Address))
	p.Language, p.ContactPreference = r.text(), r.text()
	r.doc(&consents)
	r.doc((*contactDoc)(&p.EmergencyContact))
	r.doc(&identifiers)
	p.Phones, p.Consents, p.Identifiers = each(phones, phoneDoc.phone), consents.consents(),
		each(identifiers, identifierDoc.identifier)
	p.AllergiesText, p.AdminNotes, p.SourceLeadID, p.Status = r.text(), r.text(), r.text(), people.PatientStatus(r.text())
	p.MergedInto = r.int()
	r.doc(&p.Filled)
	p.Restricted, p.ErasedAt, p.Meta = r.bool(), r.int(), r.meta()
	return p
}

// Patient implements engine.Reader.
func (r *reads) Patient(clinic int64, test bool, id int64) (people.Patient, error) {
	return one(r, "patient", scanPatient, selectPatient+" WHERE id = ? AND clinic = ? AND test = ?", id, clinic, test)
}

// PatientByMRN implements engine.Reader.
func (r *reads) PatientByMRN(clinic int64, test bool, mrnKey string) (people.Patient, error) {
	return one(r, "patient", scanPatient, selectPatient+" WHERE clinic = ? AND test = ? AND mrn_key = ?", clinic, test,
		mrnKey)
}

func patientsWhere(q people.PatientQuery) *where {
	cond := "clinic = ? AND test = ?"
	if len(q.Starts) > 0 { // the search knows the few: the + keeps the planner off the list's index
		cond = "+clinic = ? AND +test = ?"
	}
	w := newWhere(cond, q.Clinic, q.Test)
	w.andText("status", string(q.Status))
	if q.Status == "" && q.UpdatedSince == nil {
		w.and("status <> 'merged'")
	}
	if len(q.Starts) == 0 {
		return w
	}
	arms, args := "", []any{}
	for i, start := range q.Starts {
		if i > 0 {
			arms += " UNION "
		}
		arms += "SELECT patient_id FROM patient_keys WHERE clinic = ? AND test = ? AND key >= ? AND key < ?"
		args = append(args, q.Clinic, q.Test, start, start+"\U0010FFFF")
	}
	w.and("restricted = 0 AND status <> 'merged'")
	w.and("id IN ("+arms+")", args...)
	return w
}

// Patients implements engine.Reader.
func (r *reads) Patients(q people.PatientQuery, after act.Position, limit int) ([]people.Patient, error) {
	w := patientsWhere(q)
	text, err := r.page(w, "patients", q.Clinic, q.Test, q.UpdatedSince, after, numberID, limit)
	if err != nil {
		return nil, err
	}
	return list(r, scanPatient, selectPatient+text, w.args...)
}

// CountPatients implements engine.Reader.
func (r *reads) CountPatients(q people.PatientQuery) (int64, error) {
	return r.counted(patientsWhere(q), "patients", q.Clinic, q.Test, q.UpdatedSince)
}

// FirstPatientChange implements engine.Reader.
func (r *reads) FirstPatientChange(clinic int64, test bool, since int64) (int64, error) {
	return r.firstChange("patients", clinic, test, since)
}

// PatientsByKeys implements engine.Reader: two seeks of the index per key.
func (r *reads) PatientsByKeys(clinic int64, test bool, keys []string, given string, limit int) ([]people.Patient,
	error) {
	var ids []int64
	note := func(row *row) error { ids = append(ids, row.int()); return nil }
	for _, key := range keys {
		if given != "" {
			if err := r.query("SELECT patient_id FROM patient_keys WHERE clinic = ? AND test = ? AND key = ? AND given = "+
				"? LIMIT ?+0",
				note, clinic, test, key, given, limit); err != nil {
				return nil, err
			}
		}
		if err := r.query("SELECT patient_id FROM patient_keys WHERE clinic = ? AND test = ? AND key = ? LIMIT ?+0",
			note, clinic, test, key, limit); err != nil {
			return nil, err
		}
	}
	slices.Sort(ids)
	out := []people.Patient{}
	for _, id := range slices.Compact(ids) {
		p, err := r.Patient(clinic, test, id)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// patientColumns are the columns that a patient's fields fill, in the order of
// the statements below, but for those of Meta.
func patientColumns(p people.Patient) ([]any, error) {
	phones, err1 := listJSON(p.Phones, docOfPhone)
	address, err2 := asJSON(addressDoc(p.Address))
	consents, err3 := asJSON(docOfConsents(p.Consents))
	contact, err4 := asJSON(contactDoc(p.EmergencyContact))
	identifiers, err5 := listJSON(p.Identifiers, docOfIdentifier)
	filled, err6 := asJSON(p.Filled)
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		return nil, err
	}
	return []any{
		p.MRN, text.Fold(p.MRN), p.GivenName, p.FamilyName, p.PreferredName, dateOrNull(p.BirthDate), string(p.Sex), phones,
		p.Email, p.EmailKey,
		address, p.Language, p.ContactPreference, consents, contact, identifiers, p.AllergiesText, p.AdminNotes,
		textOrNull(p.SourceLeadID),
		string(p.Status), intOrNull(p.MergedInto), filled, p.Restricted, intOrNull(p.ErasedAt),
	}, nil
}

// InsertPatient implements engine.Tx.
func (t *tx) InsertPatient(p *people.Patient) error {
	columns, err := patientColumns(*p)
	if err != nil {
		return err
	}
	_, p.ID, err = t.exec(`INSERT INTO patients (mrn, mrn_key, given_name, family_name, preferred_name, birth_date, sex, phones, email,
		email_key, address, language, contact_preference, consents, emergency_contact, identifiers, allergies_text, admin_notes,
		source_lead_id, status, merged_into, filled, restricted, erased_at,
		clinic, test, version, change, created_at, updated_at, created_by, updated_by)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		append(columns, p.Clinic, p.Test, p.Version, p.Change, p.CreatedAt, p.UpdatedAt, p.CreatedBy, p.UpdatedBy)...)
	if err != nil {
		return err
	}
	return t.putKeys(*p)
}

// UpdatePatient implements engine.Tx.
func (t *tx) UpdatePatient(p people.Patient) error {
	columns, err := patientColumns(p)
	if err != nil {
		return err
	}
	err = t.change("patient", `UPDATE patients SET mrn = ?, mrn_key = ?, given_name = ?, family_name = ?, preferred_name = ?,
		birth_date = ?, sex = ?, phones = ?, email = ?, email_key = ?, address = ?, language = ?, contact_preference = ?, consents = ?,
		emergency_contact = ?, identifiers = ?, allergies_text = ?, admin_notes = ?, source_lead_id = ?, status = ?, merged_into = ?,
		filled = ?, restricted = ?, erased_at = ?, version = ?, change = ?, updated_at = ?, updated_by = ? WHERE id = ? AND clinic = ?`,
		append(columns, p.Version, p.Change, p.UpdatedAt, p.UpdatedBy, p.ID, p.Clinic)...)
	if err != nil {
		return err
	}
	return t.putKeys(p)
}

// putKeys writes the keys of a patient that are new and deletes those that are not any more.
func (t *tx) putKeys(p people.Patient) error {
	type entry struct{ key, given string }
	keys, given := p.Keys()
	stale := map[entry]bool{}
	err := t.query("SELECT key, given FROM patient_keys WHERE patient_id = ?", func(r *row) error {
		stale[entry{r.text(), r.text()}] = true
		return nil
	}, p.ID)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if stale[entry{key, given}] {
			delete(stale, entry{key, given})
			continue
		}
		if _, _, err := t.exec("INSERT INTO patient_keys (clinic, test, key, given, patient_id) VALUES (?, ?, ?, ?, ?)",
			p.Clinic, p.Test, key, given, p.ID); err != nil {
			return err
		}
	}
	for old := range stale {
		if _, _, err := t.exec("DELETE FROM patient_keys WHERE clinic = ? AND test = ? AND key = ? AND given = ? AND "+
			"patient_id = ?",
			p.Clinic, p.Test, old.key, old.given, p.ID); err != nil {
			return err
		}
	}
	return nil
}
