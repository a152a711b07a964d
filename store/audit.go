package store

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"qualifybase/engine/act"
)

const selectAudit = `SELECT clinic, seq, at, actor_kind, actor_id, actor_label, ip, request_id, action, entity, entity_id,
	patient_id, outcome, reason_ref, fields, prev_hash, hash FROM audit`

func scanAudit(r *row) act.AuditEntry {
	a := act.AuditEntry{
		Clinic: r.int(), Seq: r.int(), At: r.int(), ActorKind: act.ActorKind(r.text()), ActorID: r.text(),
		ActorLabel: r.text(), IP: r.text(), RequestID: r.text(), Action: r.text(), Entity: r.text(), EntityID: r.text(),
	}
	nobody := r.null()
	a.PatientID, a.Outcome, a.ReasonRef = r.int(), act.Outcome(r.text()), r.text()
	fields := r.text()
	a.PrevHash, a.Hash = r.text(), r.text()
	for _, text := range []string{string(a.ActorKind), a.ActorID, a.ActorLabel, a.IP, a.RequestID, a.Action, a.Entity,
		a.EntityID, a.ReasonRef} {
		a.Respelled = a.Respelled || !utf8.ValidString(text)
	}
	a.Respelled = a.Respelled || nobody != (a.PatientID == 0) || !canonical(fields, &a.Fields)
	return a
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
	return list(r, scanAudit, selectAudit+` WHERE clinic = ? AND entity = 'appointment' AND entity_id = ? AND outcome = 'ok'
		AND action NOT IN (SELECT value FROM json_each(?)) ORDER BY seq`, clinic, id, words)
}

// InsertAudit implements engine.Tx.
func (t *tx) InsertAudit(a act.AuditEntry) error {
	fields, err := asJSON(a.Fields)
	if err != nil {
		return err
	}
	_, _, err = t.exec(`INSERT INTO audit (clinic, seq, at, actor_kind, actor_id, actor_label, ip, request_id, action, entity,
		entity_id, patient_id, outcome, reason_ref, fields, prev_hash, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		a.Clinic, a.Seq, a.At, string(a.ActorKind), a.ActorID, a.ActorLabel, a.IP, a.RequestID, a.Action, a.Entity,
		a.EntityID, intOrNull(a.PatientID), string(a.Outcome), a.ReasonRef, fields, a.PrevHash, a.Hash)
	return err
}

// InsertReason implements engine.Tx. One reason may be given for several acts.
func (t *tx) InsertReason(ref string, clinic, patient int64, reason string) error {
	_, _, err := t.exec("INSERT OR IGNORE INTO audit_reasons (ref, clinic, patient_id, reason) VALUES (?, ?, ?, ?)",
		ref, clinic, intOrNull(patient), reason)
	return err
}
