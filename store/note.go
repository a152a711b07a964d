package store

import (
	"qualifybase/engine/act"
	"qualifybase/engine/record"
)

func noteColumns(c *columns, n *record.Note) {
	c.fixed("note_id").text(&n.ID)
	c.fixed("id").text(&n.Row)
	c.fixed("n").small(&n.N)
	c.fixed("supersedes").textOrNull(&n.Supersedes)
	c.fixed("clinic").int(&n.Clinic)
	c.fixed("test").bool(&n.Test)
	c.fixed("consultation_id").text(&n.ConsultationID)
	// The patient is the consultation's: a merge touches no signed row.
	c.derived("(SELECT patient_id FROM consultations WHERE id = notes.consultation_id)").int(&n.PatientID)
	c.column("author_id").int(&n.AuthorID)
	c.fixed("addendum_to").textOrNull(&n.AddendumTo)
	c.column("subjective").text(&n.Subjective)
	c.column("objective").text(&n.Objective)
	c.column("assessment").text(&n.Assessment)
	c.column("plan").text(&n.Plan)
	elements(c.column("codes"), (*row).json, &n.Codes, docOfCode, codeDoc.code)
	elements(c.column("vitals"), (*row).json, &n.Vitals, docOfVital, vitalDoc.vital)
	c.column("status").text((*string)(&n.Status))
	c.column("signed_by").intOrNull(&n.SignedBy)
	c.column("signed_at").intOrNull(&n.SignedAt)
	c.fixed("amend_reason").text(&n.AmendReason)
	c.column("content_sha256").text(&n.ContentSHA256)
	c.meta(&n.Meta)
}

var (
	noteTable  = newTable("notes", "note", ofClinic, noteColumns)
	selectNote = noteTable.selects
)

// currentNote is the version that no other supersedes.
const currentNote = "NOT EXISTS (SELECT 1 FROM notes AS later WHERE later.supersedes = notes.id)"

func scanNote(r *row) (n record.Note) {
	noteColumns(scanning(r), &n)
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

// InsertNote implements engine.Tx.
func (t *tx) InsertNote(n record.Note) error {
	c := t.inserting()
	noteColumns(c, &n)
	_, err := t.insert(noteTable, c)
	return err
}

// UpdateNote implements engine.Tx: of a draft, which may become signed by it.
func (t *tx) UpdateNote(n record.Note) error {
	c := t.updating()
	noteColumns(c, &n)
	return t.update(noteTable, c, n.Row, n.Clinic)
}
