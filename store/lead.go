package store

import (
	"qualifybase/engine/act"
	"qualifybase/engine/people"
)

const selectLead = `SELECT id, clinic, test, source, external_id, name, first_name, last_name, name_key, email, email_key,
	phone, phone_key, status, notes, tags, metadata, consent, patient_id,
	version, change, created_at, updated_at, created_by, updated_by FROM leads`

func scanLead(r *row) people.Lead {
	l := people.Lead{
		ID: r.text(), Clinic: r.int(), Test: r.bool(), Source: r.text(), ExternalID: r.text(), Name: r.text(),
		FirstName: r.text(), LastName: r.text(), NameKey: r.text(), Email: r.text(), EmailKey: r.text(),
		Phone: r.text(), PhoneKey: r.text(), Status: people.LeadStatus(r.text()), Notes: r.text(),
	}
	r.json(&l.Tags)
	l.Metadata, l.Consent = r.object(), r.object()
	l.PatientID, l.Meta = r.int(), r.meta()
	return l
}

// Lead implements engine.Reader.
func (r *reads) Lead(clinic int64, test bool, id string) (people.Lead, error) {
	return one(r, "lead", scanLead, selectLead+" WHERE id = ? AND clinic = ? AND test = ?", id, clinic, test)
}

func leadsWhere(q people.LeadQuery) *where {
	w := newWhere("clinic = ? AND test = ?", q.Clinic, q.Test)
	w.andText("status", string(q.Status))
	w.andText("source", q.Source)
	w.search("leads", q.Clinic, q.Test, q.Q)
	return w
}

// Leads implements engine.Reader.
func (r *reads) Leads(q people.LeadQuery, after act.Position, limit int) ([]people.Lead, error) {
	w := leadsWhere(q)
	text, err := r.page(w, "leads", q.Clinic, q.Test, q.UpdatedSince, after, textID, limit)
	if err != nil {
		return nil, err
	}
	return list(r, scanLead, selectLead+text, w.args...)
}

// CountLeads implements engine.Reader.
func (r *reads) CountLeads(q people.LeadQuery) (int64, error) {
	return r.counted(leadsWhere(q), "leads", q.Clinic, q.Test, q.UpdatedSince)
}

// FirstLeadChange implements engine.Reader.
func (r *reads) FirstLeadChange(clinic int64, test bool, since int64) (int64, error) {
	return r.firstChange("leads", clinic, test, since)
}

// LeadByExternal implements engine.Reader.
func (r *reads) LeadByExternal(clinic int64, test bool, source, externalID string) (people.Lead, error) {
	return one(r, "lead", scanLead, selectLead+" WHERE clinic = ? AND test = ? AND source = ? AND external_id = ?",
		clinic, test, source, externalID)
}

// The look-ups of duplicates. The + keeps the planner, which has no statistics,
// from walking the whole list because it is in the order that is asked for.
const (
	leadsByEmail = selectLead +
		" WHERE clinic = ? AND test = ? AND email_key = ? AND email_key <> '' ORDER BY +created_at, +id"
	leadsByPhone = selectLead +
		" WHERE clinic = ? AND test = ? AND phone_key = ? AND phone_key <> '' ORDER BY +created_at, +id"
	leadsByName = selectLead +
		" WHERE clinic = ? AND test = ? AND name_key = ? AND name_key <> '' ORDER BY +created_at, +id"
)

// LeadsByEmail implements engine.Reader.
func (r *reads) LeadsByEmail(clinic int64, test bool, emailKey string) ([]people.Lead, error) {
	return list(r, scanLead, leadsByEmail, clinic, test, emailKey)
}

// LeadsByPhone implements engine.Reader.
func (r *reads) LeadsByPhone(clinic int64, test bool, phoneKey string) ([]people.Lead, error) {
	return list(r, scanLead, leadsByPhone, clinic, test, phoneKey)
}

// LeadsByName implements engine.Reader.
func (r *reads) LeadsByName(clinic int64, test bool, nameKey string) ([]people.Lead, error) {
	return list(r, scanLead, leadsByName, clinic, test, nameKey)
}

// leadJSON are the three JSON columns.
func leadJSON(l people.Lead) (tags, metadata, consent string, err error) {
	if tags, err = asJSON(l.Tags); err != nil {
		return
	}
	if metadata, err = asJSON(l.Metadata); err != nil {
		return
	}
	consent, err = asJSON(l.Consent)
	return
}

// InsertLead implements engine.Tx.
func (t *tx) InsertLead(l people.Lead) error {
	tags, metadata, consent, err := leadJSON(l)
	if err != nil {
		return err
	}
	_, _, err = t.exec(`INSERT INTO leads (id, clinic, test, source, external_id, name, first_name, last_name, name_key,
		email, email_key, phone, phone_key, status, notes, tags, metadata, consent, patient_id,
		version, change, created_at, updated_at, created_by, updated_by)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		l.ID, l.Clinic, l.Test, l.Source, textOrNull(l.ExternalID), l.Name, l.FirstName, l.LastName, l.NameKey,
		l.Email, l.EmailKey, l.Phone, l.PhoneKey, string(l.Status), l.Notes, tags, metadata, consent, intOrNull(l.PatientID),
		l.Version, l.Change, l.CreatedAt, l.UpdatedAt, l.CreatedBy, l.UpdatedBy)
	return err
}

// UpdateLead implements engine.Tx.
func (t *tx) UpdateLead(l people.Lead) error {
	tags, metadata, consent, err := leadJSON(l)
	if err != nil {
		return err
	}
	return t.change("lead", `UPDATE leads SET source = ?, external_id = ?, name = ?, first_name = ?, last_name = ?, name_key = ?,
		email = ?, email_key = ?, phone = ?, phone_key = ?, status = ?, notes = ?, tags = ?, metadata = ?, consent = ?,
		patient_id = ?, version = ?, change = ?, updated_at = ?, updated_by = ? WHERE id = ? AND clinic = ?`,
		l.Source, textOrNull(l.ExternalID), l.Name, l.FirstName, l.LastName, l.NameKey, l.Email, l.EmailKey, l.Phone,
		l.PhoneKey,
		string(l.Status), l.Notes, tags, metadata, consent, intOrNull(l.PatientID),
		l.Version, l.Change, l.UpdatedAt, l.UpdatedBy, l.ID, l.Clinic)
}

// DeleteLead implements engine.Tx; its appointments stay, without a lead.
func (t *tx) DeleteLead(clinic int64, id string) error {
	return t.change("lead", "DELETE FROM leads WHERE id = ? AND clinic = ?", id, clinic)
}
