package store

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"qualifybase/engine/act"
)

func auditColumns(c *columns, a *act.AuditEntry) {
	c.fixed("clinic").int(&a.Clinic)
	c.fixed("seq").int(&a.Seq)
	c.fixed("at").int(&a.At)
	c.fixed("actor_kind").text((*string)(&a.ActorKind))
	c.fixed("actor_id").text(&a.ActorID)
	c.fixed("actor_label").text(&a.ActorLabel)
	c.fixed("ip").text(&a.IP)
	c.fixed("request_id").text(&a.RequestID)
	c.fixed("action").text(&a.Action)
	c.fixed("entity").text(&a.Entity)
	c.fixed("entity_id").text(&a.EntityID)
	c.fixed("patient_id").canonicalInt(&a.PatientID, &a.Respelled)
	c.fixed("outcome").text((*string)(&a.Outcome))
	c.fixed("reason_ref").text(&a.ReasonRef)
	c.fixed("fields").canonicalNames(&a.Fields, &a.Respelled)
	c.fixed("prev_hash").text(&a.PrevHash)
	c.fixed("hash").text(&a.Hash)
}

var (
	auditTable  = newTable("audit", "audit row", "", auditColumns)
	selectAudit = auditTable.selects
)

// scanAudit also tells whether the row holds other bytes than InsertAudit writes.
func scanAudit(r *row) (a act.AuditEntry) {
	auditColumns(scanning(r), &a)
	for _, text := range []string{string(a.ActorKind), a.ActorID, a.ActorLabel, a.IP, a.RequestID, a.Action, a.Entity,
		a.EntityID, a.ReasonRef} {
		a.Respelled = a.Respelled || !utf8.ValidString(text)
	}
	return a
}

// canonicalInt is intOrNull, and notes a stored 0.
func (c *columns) canonicalInt(p *int64, respelled *bool) {
	null := c.scans() && c.row.null()
	c.intOrNull(p)
	if c.scans() {
		*respelled = *respelled || null != (*p == 0)
	}
}

// canonicalNames is the JSON of a list of names, and notes any other spelling.
func (c *columns) canonicalNames(p *[]string, respelled *bool) {
	if c.scans() {
		var names []string // of its own, or every row that is written would be in the heap
		*respelled = !canonical(c.row.text(), &names) || *respelled
		*p = names
	} else if !c.off {
		text, err := asJSON(*p)
		c.bindText(text, err)
	}
}

// canonical reads the names in an audit row and reports whether their text is the
// one that InsertAudit writes. Text that is no list at all is a finding for
// whoever verifies, not a reason to answer nothing.
func canonical(text string, fields *[]string) bool {
	if err := json.Unmarshal([]byte(text), fields); err != nil {
		*fields = []string{}
		return false
	}
	again, err := asJSON(*fields)
	return err == nil && again == text
}

func auditWhere(q act.AuditQuery) *where {
	w := newWhere("clinic = ?", q.Clinic)
	if q.PatientID != 0 {
		// Who opened the record, and who saw it or something of it in a list: the ids of
		// a list stand in its fields (records.md §5). Within the quotes of JSON only the
		// whole id fits.
		id := strconv.FormatInt(q.PatientID, 10) + `"`
		w.and(`seq IN (SELECT seq FROM audit WHERE clinic = ? AND patient_id = ?
			UNION ALL SELECT seq FROM audit WHERE clinic = ? AND entity_id = '' AND patient_id IS NULL
				AND instr(fields, CASE entity WHEN 'patient' THEN ? ELSE ? END) > 0)`,
			q.Clinic, q.PatientID, q.Clinic, `"id:`+id, `"patient:`+id)
	}
	w.andText("entity", q.Entity)
	w.andText("entity_id", q.EntityID)
	w.andText("action", q.Action)
	w.andText("outcome", string(q.Outcome))
	if q.From != 0 {
		w.and("at >= ?", q.From)
	}
	if q.To != 0 {
		w.and("at < ?", q.To)
	}
	return w
}

// Audit implements engine.Reader.
func (r *reads) Audit(q act.AuditQuery, after act.Position, limit int) ([]act.AuditEntry, error) {
	w := auditWhere(q)
	if after.Number != 0 {
		w.and("seq < ?", after.Number)
	}
	text := selectAudit + w.order("seq DESC", limit)
	return list(r, scanAudit, text, w.args...)
}

// CountAudit implements engine.Reader.
func (r *reads) CountAudit(q act.AuditQuery) (int64, error) {
	w := auditWhere(q)
	return r.number("SELECT count(*) FROM audit"+w.sql.String(), w.args...)
}

// AuditChain implements engine.Reader.
func (r *reads) AuditChain(clinic, afterSeq int64, limit int) ([]act.AuditEntry, error) {
	w := newWhere("clinic = ? AND seq > ?", clinic, afterSeq)
	text := selectAudit + w.order("seq", limit)
	return list(r, scanAudit, text, w.args...)
}

// AppointmentEvents implements engine.Reader.
func (r *reads) AppointmentEvents(clinic int64, id string, without []string) ([]act.AuditEntry, error) {
	words, err := asJSON(without)
	if err != nil {
		return nil, err
	}
	return list(r, scanAudit, selectAudit+` WHERE clinic = ? AND entity = 'appointment' AND entity_id = ?
		AND outcome = 'ok' AND action NOT IN (SELECT value FROM json_each(?)) ORDER BY seq`, clinic, id, words)
}

// InsertAudit implements engine.Tx.
func (t *tx) InsertAudit(a act.AuditEntry) error {
	c := t.inserting()
	auditColumns(c, &a)
	_, err := t.insert(auditTable, c)
	return err
}

// InsertReason implements engine.Tx. One reason may be given for several acts.
func (t *tx) InsertReason(ref string, clinic, patient int64, reason string) error {
	_, _, err := t.exec("INSERT OR IGNORE INTO audit_reasons (ref, clinic, patient_id, reason) VALUES (?, ?, ?, ?)",
		ref, clinic, intOrNull(patient), reason)
	return err
}
