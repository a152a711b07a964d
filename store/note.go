package store

import (
	"qualifybase/engine/act"
	"qualifybase/engine/record"
)

// The patient is the consultation's: a merge touches no signed row.
const selectNote = `SELECT note_id, id, n, supersedes, clinic, test, consultation_id,
	(SELECT patient_id FROM consultations WHERE id = notes.consultation_id), author_id, addendum_to,
	subjective, objective, assessment, plan, codes, vitals, status, signed_by, signed_at, amend_reason, content_sha256,
	version, change, created_at, updated_at, created_by, updated_by FROM notes`

// currentNote is the version that no other supersedes.
const currentNote = "NOT EXISTS (SELECT 1 FROM notes AS later WHERE later.supersedes = notes.id)"

func scanNote(r *row) record.Note {
	n := record.Note{
		ID: r.text(), Row: r.text(), N: r.small(), Supersedes: r.text(), Clinic: r.int(), Test: r.bool(),
		ConsultationID: r.text(), PatientID: r.int(), AuthorID: r.int(), AddendumTo: r.text(),
		Subjective: r.text(), Objective: r.text(), Assessment: r.text(), Plan: r.text(),
	}
	var codes []codeDoc
	var vitals []vitalDoc
	r.json(&codes)
	r.json(&vitals)
	n.Codes, n.Vitals = each(codes, codeDoc.code), each(vitals, vitalDoc.vital)
	n.Status, n.SignedBy, n.SignedAt = record.NoteStatus(r.text()), r.int(), r.int()
	n.AmendReason, n.ContentSHA256, n.Meta = r.text(), r.text(), r.meta()
	return n
}

// Note implements engine.Reader.
func (r *reads) Note(clinic int64, test bool, id string) (record.Note, error) {
	return one(r, "note", scanNote, selectNote+" WHERE note_id = ? AND clinic = ? AND test = ? ORDER BY n DESC LIMIT 1",
		id, clinic, test)
}

// NoteVersions implements engine.Reader.
func (r *reads) NoteVersions(clinic int64, test bool, id string) ([]record.Note, error) {
	return list(r, scanNote, selectNote+" WHERE note_id = ? AND clinic = ? AND test = ? ORDER BY n", id, clinic, test)
}

func notesWhere(q record.NoteQuery) *where {
	w := tenant(q.Clinic, q.Test, q.ConsultationID != "" || q.PatientID != 0)
	w.and(currentNote)
	w.andText("consultation_id", q.ConsultationID)
	if q.PatientID != 0 && q.ConsultationID == "" {
		w.and("consultation_id IN (SELECT id FROM consultations WHERE patient_id = ?)", q.PatientID)
	}
	w.andNumber("author_id", q.AuthorID)
	w.andText("status", string(q.Status))
	return w
}

// Notes implements engine.Reader.
func (r *reads) Notes(q record.NoteQuery, after act.Position, limit int) ([]record.Note, error) {
	w := notesWhere(q)
	if after != (act.Position{}) {
		w.and("(created_at, note_id) < (?, ?)", after.CreatedAt, after.ID)
	}
	text := w.order("created_at DESC, note_id DESC", limit)
	return list(r, scanNote, selectNote+text, w.args...)
}

// CountNotes implements engine.Reader.
func (r *reads) CountNotes(q record.NoteQuery) (int64, error) { return r.count("notes", notesWhere(q)) }

// SignedUnder implements engine.Reader.
func (r *reads) SignedUnder(clinic int64, appointmentID string) (bool, error) {
	return r.get(`SELECT 1 FROM consultations JOIN notes ON notes.consultation_id = consultations.id
		WHERE consultations.appointment_id = ? AND consultations.clinic = ? AND consultations.status <> 'entered_in_error'
		AND notes.status IN ('signed', 'amended') AND `+currentNote, func(*row) {}, appointmentID, clinic)
}

// noteJSON are the two JSON columns.
func noteJSON(n record.Note) (codes, vitals string, err error) {
	if codes, err = listJSON(n.Codes, docOfCode); err != nil {
		return
	}
	vitals, err = listJSON(n.Vitals, docOfVital)
	return
}

// InsertNote implements engine.Tx.
func (t *tx) InsertNote(n record.Note) error {
	codes, vitals, err := noteJSON(n)
	if err != nil {
		return err
	}
	_, _, err = t.exec(`INSERT INTO notes (id, note_id, n, supersedes, clinic, test, consultation_id, author_id, addendum_to,
		subjective, objective, assessment, plan, codes, vitals, status, signed_by, signed_at, amend_reason, content_sha256,
		version, change, created_at, updated_at, created_by, updated_by)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		n.Row, n.ID, n.N, textOrNull(n.Supersedes), n.Clinic, n.Test, n.ConsultationID, n.AuthorID, textOrNull(n.AddendumTo),
		n.Subjective, n.Objective, n.Assessment, n.Plan, codes, vitals, string(n.Status), intOrNull(n.SignedBy),
		intOrNull(n.SignedAt),
		n.AmendReason, n.ContentSHA256, n.Version, n.Change, n.CreatedAt, n.UpdatedAt, n.CreatedBy, n.UpdatedBy)
	return err
}

// UpdateNote implements engine.Tx: of a draft, which may become signed by it.
func (t *tx) UpdateNote(n record.Note) error {
	codes, vitals, err := noteJSON(n)
	if err != nil {
		return err
	}
	return t.change("note", `UPDATE notes SET author_id = ?, subjective = ?, objective = ?, assessment = ?, plan = ?, codes = ?,
		vitals = ?, status = ?, signed_by = ?, signed_at = ?, content_sha256 = ?, version = ?, change = ?, updated_at = ?, updated_by = ?
		WHERE id = ? AND clinic = ?`,
		n.AuthorID, n.Subjective, n.Objective, n.Assessment, n.Plan, codes, vitals, string(n.Status), intOrNull(n.SignedBy),
		intOrNull(n.SignedAt), n.ContentSHA256, n.Version, n.Change, n.UpdatedAt, n.UpdatedBy, n.Row, n.Clinic)
}
