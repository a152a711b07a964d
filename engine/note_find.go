package engine

import "context"

var (
	noteRead     = Action{"note.read", ConsultationsRead}
	noteList     = Action{"note.list", ConsultationsRead}
	noteVersions = Action{"note.versions", ConsultationsRead}
)

// Note gives the current version of a note. Errors: NotFound.
func (e *Engine) Note(ctx context.Context, c Caller, id string) (Note, error) {
	n, err := read(ctx, e, c, noteRead, func(r Reader) (Note, error) { return r.Note(c.Clinic, c.Test, id) })
	if err == nil {
		e.AuditRead(c, noteRead, n.ID, n.PatientID)
	}
	return n, err
}

// Notes lists notes, each in its current version, newest first.
//
// Errors: Invalid (status, limit), InvalidCursor.
func (e *Engine) Notes(ctx context.Context, c Caller, q NoteQuery, p Page) (List[Note], error) {
	q.Clinic, q.Test = c.Clinic, c.Test
	if err := q.check(); err != nil {
		return List[Note]{}, err
	}
	list, err := read(ctx, e, c, noteList, func(r Reader) (List[Note], error) {
		if q.ConsultationID != "" { // so that another clinic's is not an empty list
			v, err := r.Consultation(c.Clinic, c.Test, q.ConsultationID)
			if err != nil {
				return List[Note]{}, err
			}
			q.PatientID = v.PatientID
		}
		return listing[Note]{
			filter: FilterOf("notes", q),
			place:  func(n Note) Position { return placed(n.ID, n.Meta) },
			count:  func() (int64, error) { return r.CountNotes(q) },
			rows:   func(after Position, n int) ([]Note, error) { return r.Notes(q, after, n) },
		}.page(p)
	})
	if err == nil {
		fields := listFields(q.filters(), list.Items, func(n Note) string { return n.ID })
		e.AuditRead(c, noteList, "", q.PatientID, ofPatients(q.PatientID, fields, list.Items, func(n Note) int64 { return n.PatientID })...)
	}
	return list, err
}

func (q *NoteQuery) check() error {
	var f Faults
	switch q.Status {
	case "", NoteDrafted, NoteSigned, NoteAmended, NoteInError:
	default:
		f.Add("status", "Must be draft, signed, amended or entered_in_error")
	}
	return f.Err()
}

func (q *NoteQuery) filters() (names Filters) {
	names.Add("consultation_id", q.ConsultationID != "")
	names.Add("patient_id", q.PatientID != 0)
	names.Add("author_id", q.AuthorID != 0)
	names.Add("status", q.Status != "")
	return names
}

// NoteVersions gives all versions of a note, oldest first: they stay readable
// for good. A signed one that does not match its hash is reported in the log.
// Errors: NotFound.
func (e *Engine) NoteVersions(ctx context.Context, c Caller, id string) ([]Note, error) {
	list, err := read(ctx, e, c, noteVersions, func(r Reader) ([]Note, error) {
		list, err := r.NoteVersions(c.Clinic, c.Test, id)
		if err == nil && len(list) == 0 {
			err = absent("note")
		}
		return list, err
	})
	if err != nil {
		return nil, err
	}
	before := ""
	for _, n := range list {
		if n.Signed() && n.Digest(before) != n.ContentSHA256 {
			e.log.Error("a signed note does not match its content hash", "note", n.ID, "n", n.N)
		}
		before = n.ContentSHA256
	}
	e.AuditRead(c, noteVersions, id, list[0].PatientID)
	return list, nil
}
