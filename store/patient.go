package store

import (
	"slices"

	"qualifybase/engine/act"
	"qualifybase/engine/people"
)

func patientColumns(c *columns, p *people.Patient) {
	c.derived("id").int(&p.ID)
	c.fixed("clinic").int(&p.Clinic)
	c.fixed("test").bool(&p.Test)
	c.column("mrn").text(&p.MRN)
	c.in(inserted|updated, "mrn_key").folded(&p.MRN)
	c.column("given_name").text(&p.GivenName)
	c.column("family_name").text(&p.FamilyName)
	c.column("preferred_name").text(&p.PreferredName)
	c.column("birth_date").dayOrNull(&p.BirthDate)
	c.column("sex").text((*string)(&p.Sex))
	elements(c.column("phones"), (*row).doc, &p.Phones, docOfPhone, phoneDoc.phone)
	c.column("email").text(&p.Email)
	c.column("email_key").text(&p.EmailKey)
	c.column("address").doc((*addressDoc)(&p.Address))
	c.column("language").text(&p.Language)
	c.column("contact_preference").text(&p.ContactPreference)
	c.column("consents").consents(&p.Consents)
	c.column("emergency_contact").doc((*contactDoc)(&p.EmergencyContact))
	elements(c.column("identifiers"), (*row).doc, &p.Identifiers, docOfIdentifier, identifierDoc.identifier)
	c.column("allergies_text").text(&p.AllergiesText)
	c.column("admin_notes").text(&p.AdminNotes)
	c.column("source_lead_id").textOrNull(&p.SourceLeadID)
	c.column("status").text((*string)(&p.Status))
	c.column("merged_into").intOrNull(&p.MergedInto)
	c.column("filled").doc(&p.Filled)
	c.column("restricted").bool(&p.Restricted)
	c.column("erased_at").intOrNull(&p.ErasedAt)
	c.meta(&p.Meta)
}

var (
	patientTable  = newTable("patients", "patient", ofClinic, patientColumns)
	selectPatient = patientTable.selects
	patientByID   = selectPatient + " WHERE id = ? AND clinic = ? AND test = ?"
)

// consents holds what the person said to, which another struct holds in the document.
func (c *columns) consents(p *people.Consents) {
	if c.scans() {
		var doc consentsDoc
		c.row.doc(&doc)
		*p = doc.consents()
	} else if !c.off {
		doc := docOfConsents(*p)
		c.bindJSON(&doc)
	}
}

func scanPatient(r *row) (p people.Patient) {
	patientColumns(scanning(r), &p)
	return p
}

// Patient implements engine.Reader.
func (r *reads) Patient(clinic int64, test bool, id int64) (people.Patient, error) {
	return one(r, "patient", scanPatient, patientByID, id, clinic, test)
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

// InsertPatient implements engine.Tx.
func (t *tx) InsertPatient(p *people.Patient) (err error) {
	c := t.inserting()
	patientColumns(c, p)
	if p.ID, err = t.insert(patientTable, c); err != nil {
		return err
	}
	return t.putKeys(*p)
}

// UpdatePatient implements engine.Tx.
func (t *tx) UpdatePatient(p people.Patient) error {
	c := t.updating()
	patientColumns(c, &p)
	if err := t.update(patientTable, c, p.ID, p.Clinic); err != nil {
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
