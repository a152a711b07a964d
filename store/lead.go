package store

import (
	"qualifybase/engine/act"
	"qualifybase/engine/people"
)

func leadColumns(c *columns, l *people.Lead) {
	c.fixed("id").text(&l.ID)
	c.fixed("clinic").int(&l.Clinic)
	c.fixed("test").bool(&l.Test)
	c.column("source").text(&l.Source)
	c.column("external_id").textOrNull(&l.ExternalID)
	c.column("name").text(&l.Name)
	c.column("first_name").text(&l.FirstName)
	c.column("last_name").text(&l.LastName)
	c.column("name_key").text(&l.NameKey)
	c.column("email").text(&l.Email)
	c.column("email_key").text(&l.EmailKey)
	c.column("phone").text(&l.Phone)
	c.column("phone_key").text(&l.PhoneKey)
	c.column("status").text((*string)(&l.Status))
	c.column("notes").text(&l.Notes)
	c.column("tags").json(&l.Tags)
	c.column("metadata").object(&l.Metadata)
	c.column("consent").object(&l.Consent)
	c.column("patient_id").intOrNull(&l.PatientID)
	c.meta(&l.Meta)
}

var (
	leadTable  = newTable("leads", "lead", ofClinic, leadColumns)
	selectLead = leadTable.selects
	leadByID   = selectLead + " WHERE id = ? AND clinic = ? AND test = ?"
)

func scanLead(r *row) (l people.Lead) {
	leadColumns(scanning(r), &l)
	return l
}

// Lead implements engine.Reader.
func (r *reads) Lead(clinic int64, test bool, id string) (people.Lead, error) {
	return one(r, "lead", scanLead, leadByID, id, clinic, test)
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
var (
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

// InsertLead implements engine.Tx.
func (t *tx) InsertLead(l people.Lead) error {
	c := t.inserting()
	leadColumns(c, &l)
	_, err := t.insert(leadTable, c)
	return err
}

// UpdateLead implements engine.Tx.
func (t *tx) UpdateLead(l people.Lead) error {
	c := t.updating()
	leadColumns(c, &l)
	return t.update(leadTable, c, l.ID, l.Clinic)
}

// DeleteLead implements engine.Tx; its appointments stay, without a lead.
func (t *tx) DeleteLead(clinic int64, id string) error {
	return t.change("lead", "DELETE FROM leads WHERE id = ? AND clinic = ?", id, clinic)
}
