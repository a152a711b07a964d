package store

import (
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
)

// patientRefs are the columns by which rows belong to a patient: what a merge
// points to the survivor. A test compares the list with the schema, so that no
// new column is forgotten.
var patientRefs = []struct{ table, column string }{
	{"appointments", "patient_id"},
	{"leads", "patient_id"},
	{"consultations", "patient_id"},
}

// notMoved are the references to patients that stay what they are in a merge, and why.
var notMoved = map[string]string{
	"patients.merged_into":     "the edge of the merge itself",
	"patient_keys.patient_id":  "a loser is still found by its own keys",
	"merges.loser_id":          "history",
	"merges.survivor_id":       "history",
	"merged_rows.patient_id":   "whose row it was",
	"erasures.patient_id":      "a merged record is erased with its survivor",
	"audit.patient_id":         "append-only: what was done to which record",
	"audit_reasons.patient_id": "as the audit row that it explains",
}

func mergeColumns(c *columns, m *people.Merge) {
	c.fixed("id").text(&m.ID)
	c.fixed("clinic").int(&m.Clinic)
	c.fixed("test").bool(&m.Test)
	c.fixed("loser_id").int(&m.LoserID)
	c.fixed("survivor_id").int(&m.SurvivorID)
	c.fixed("status").text((*string)(&m.Status))
	c.fixed("merged_at").int(&m.MergedAt)
	c.fixed("merged_by").text(&m.MergedBy)
	c.derived("unmerged_at").int(&m.UnmergedAt) // CloseMerge writes both
	c.derived("unmerged_by").text(&m.UnmergedBy)
}

var (
	mergeTable  = newTable("merges", "merge", "", mergeColumns)
	selectMerge = mergeTable.selects
)

func scanMerge(r *row) (m people.Merge) {
	mergeColumns(scanning(r), &m)
	return m
}

// Losers implements engine.Reader.
func (r *reads) Losers(clinic, survivor int64) ([]people.Patient, error) {
	return list(r, scanPatient, selectPatient+` WHERE merged_into = ? AND +clinic = ?
		ORDER BY (SELECT m.id FROM merges m WHERE m.loser_id = patients.id AND m.unmerged_at IS NULL), id`, survivor, clinic)
}

// OpenMerge implements engine.Reader.
func (r *reads) OpenMerge(clinic, loser int64) (people.Merge, error) {
	return one(r, "merge", scanMerge, selectMerge+" WHERE loser_id = ? AND unmerged_at IS NULL AND clinic = ?", loser,
		clinic)
}

// MergesOf implements engine.Reader.
func (r *reads) MergesOf(clinic, patient int64) ([]people.Merge, error) {
	return list(r, scanMerge, selectMerge+" WHERE (loser_id = ? OR survivor_id = ?) AND clinic = ? ORDER BY merged_at, id",
		patient, patient, clinic)
}

func scanRef(r *row) people.RowRef { return people.RowRef{Table: r.text(), ID: r.text()} }

// RowsOfPatient implements engine.Reader.
func (r *reads) RowsOfPatient(clinic, id int64) ([]people.RowRef, error) {
	var out []people.RowRef
	for _, ref := range patientRefs {
		rows, err := list(r, scanRef,
			"SELECT '"+ref.table+"', id FROM "+ref.table+" WHERE "+ref.column+" = ? AND +clinic = ? ORDER BY id", id, clinic)
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
	}
	return out, nil
}

// RowsOfLead implements engine.Reader.
func (r *reads) RowsOfLead(clinic int64, id string) ([]people.RowRef, error) {
	return list(r, scanRef,
		"SELECT 'appointments', id FROM appointments WHERE lead_id = ? AND patient_id IS NULL AND +clinic = ? ORDER "+
			"BY id DESC", id, clinic)
}

// ownerHere checks the clinic of a row of merged_rows, which has its owner's.
const ownerHere = "EXISTS (SELECT 1 FROM patients WHERE id = merged_rows.patient_id AND clinic = ?)"

// OwnedRows implements engine.Reader.
func (r *reads) OwnedRows(clinic, owner int64) ([]people.RowRef, error) {
	return list(r, scanRef,
		"SELECT tbl, row_id FROM merged_rows WHERE patient_id = ? AND "+ownerHere+" ORDER BY tbl, row_id", owner, clinic)
}

// InsertMerge implements engine.Tx.
func (t *tx) InsertMerge(m people.Merge) error {
	c := t.inserting()
	mergeColumns(c, &m)
	_, err := t.insert(mergeTable, c)
	return err
}

// CloseMerge implements engine.Tx.
func (t *tx) CloseMerge(clinic int64, id string, at int64, by string) error {
	return t.change("merge",
		"UPDATE merges SET unmerged_at = ?, unmerged_by = ? WHERE id = ? AND clinic = ? AND unmerged_at IS NULL", at, by, id,
		clinic)
}

// OwnRow implements engine.Tx.
func (t *tx) OwnRow(ref people.RowRef, owner int64) error {
	_, _, err := t.exec("INSERT OR IGNORE INTO merged_rows (tbl, row_id, patient_id) VALUES (?, ?, ?)", ref.Table, ref.ID,
		owner)
	return err
}

// DisownRows implements engine.Tx.
func (t *tx) DisownRows(clinic, owner int64) error {
	_, _, err := t.exec("DELETE FROM merged_rows WHERE patient_id = ? AND "+ownerHere, owner, clinic)
	return err
}

// PointRow implements engine.Tx.
func (t *tx) PointRow(clinic int64, row people.RowRef, patient, change, at int64, by string) error {
	for _, ref := range patientRefs {
		if ref.table != row.Table {
			continue
		}
		_, _, err := t.exec("UPDATE "+ref.table+" SET "+ref.column+" = ?, version = version + 1, change = ?, "+
			"updated_at = ?, updated_by = ? WHERE id = ? AND clinic = ?",
			patient, change, at, by, row.ID, clinic)
		return err
	}
	return fault.Fail(fault.Internal, "rows of %s belong to no patient", row.Table)
}
