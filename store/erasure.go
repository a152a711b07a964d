package store

import (
	"slices"
	"strconv"
	"strings"

	"qualifybase/engine/act"
	"qualifybase/engine/rights"
)

// Erasures implements engine.Reader.
func (r *reads) Erasures() ([]rights.Erasure, error) {
	return list(r, func(row *row) rights.Erasure {
		g := rights.Erasure{ID: row.text(), Clinic: row.text(), Test: row.bool(), PatientID: row.int(), CreatedAt: row.int()}
		row.json(&g.LeadIDs)
		g.ErasedAt = row.int()
		return g
	}, `SELECT e.id, c.id, e.test, e.patient_id, e.created_at, e.lead_ids, e.erased_at
		FROM erasures e JOIN clinics c ON c.n = e.clinic ORDER BY e.erased_at, e.id`)
}

// InsertErasure implements engine.Tx.
func (t *tx) InsertErasure(clinic int64, g rights.Erasure) error {
	leads, err := asJSON(g.LeadIDs)
	if err != nil {
		return err
	}
	t.w.checkpoints = checkpointTries
	_, _, err = t.exec("INSERT INTO erasures (id, clinic, test, patient_id, created_at, lead_ids, erased_at) "+
		"VALUES (?, ?, ?, ?, ?, ?, ?)",
		g.ID, clinic, g.Test, intOrNull(g.PatientID), g.CreatedAt, leads, g.ErasedAt)
	return err
}

// DropDrafts implements engine.Tx.
func (t *tx) DropDrafts(clinic int64, patients []int64) error {
	for _, table := range []string{"notes", "prescriptions"} {
		for _, id := range patients {
			if _, _, err := t.exec("DELETE FROM "+table+` WHERE status = 'draft' AND +clinic = ? AND consultation_id IN (
				SELECT id FROM consultations WHERE patient_id = ?)`, clinic, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// BlankReplies implements engine.Tx. The table holds one day's replies.
func (t *tx) BlankReplies(clinic int64, subject string) error {
	_, _, err := t.exec("UPDATE idempotency SET body = x'' WHERE clinic = ? AND subject = ? AND subject <> ''", clinic,
		subject)
	return err
}

// DropReasons implements engine.Tx.
func (t *tx) DropReasons(clinic int64, patients []int64, appointments []string) error {
	for _, id := range patients {
		if _, _, err := t.exec(`DELETE FROM audit_reasons WHERE clinic = ? AND ref IN (
			SELECT reason_ref FROM audit WHERE clinic = ? AND patient_id = ? AND reason_ref <> '')`,
			clinic, clinic, id); err != nil {
			return err
		}
	}
	for _, id := range appointments { // from before the person was a patient
		if _, _, err := t.exec(`DELETE FROM audit_reasons WHERE clinic = ? AND ref IN (
			SELECT reason_ref FROM audit WHERE clinic = ? AND entity = 'appointment' AND entity_id = ?
			AND reason_ref <> '')`, clinic, clinic, id); err != nil {
			return err
		}
	}
	return nil
}

// Reasons implements engine.Reader.
func (r *reads) Reasons(clinic int64, patients []int64) (map[string]string, error) {
	out := map[string]string{}
	for _, id := range patients {
		err := r.query(`SELECT ref, reason FROM audit_reasons WHERE clinic = ? AND ref IN (
			SELECT reason_ref FROM audit WHERE clinic = ? AND patient_id = ? AND reason_ref <> '')`,
			func(row *row) error { out[row.text()] = row.text(); return nil }, clinic, clinic, id)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// AuditAbout implements engine.Reader. Rows of lists name what they showed in
// their fields ("id:7"), so it walks all of them: an export is rare.
func (r *reads) AuditAbout(clinic int64, patients []int64, listed map[string]bool) ([]act.AuditEntry, error) {
	var out []act.AuditEntry
	for _, id := range patients {
		rows, err := list(r, scanAudit, selectAudit+" WHERE clinic = ? AND patient_id = ?", clinic, id)
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
	}
	var seqs []int64
	err := r.query("SELECT seq, entity, fields FROM audit WHERE clinic = ? AND entity_id = '' AND patient_id IS NULL",
		func(row *row) error {
			seq, entity, fields := row.int(), row.text(), row.text()
			for _, part := range strings.Split(fields, `"id:`)[1:] {
				if id, _, ok := strings.Cut(part, `"`); ok && listed[entity+"/"+id] {
					seqs = append(seqs, seq)
					break
				}
			}
			return nil
		}, clinic)
	if err != nil {
		return nil, err
	}
	for _, seq := range seqs {
		entry, err := one(r, "row "+strconv.FormatInt(seq, 10), scanAudit, selectAudit+" WHERE clinic = ? AND seq = ?",
			clinic, seq)
		if err != nil {
			return nil, err
		}
		out = append(out, entry)
	}
	slices.SortFunc(out, func(a, b act.AuditEntry) int { return int(a.Seq - b.Seq) })
	return out, nil
}
