package record

import (
	"context"
	"slices"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/text"
)

var (
	noteRead     = act.Define("note.read", scope.ConsultationsRead)
	noteList     = act.Define("note.list", scope.ConsultationsRead)
	noteVersions = act.Define("note.versions", scope.ConsultationsRead)
)

// Note gives the current version of a note. Errors: NotFound.
func (e *Engine) Note(ctx context.Context, c act.Caller, id string) (Note, error) {
	n, err := act.Read(ctx, e.Room, c, noteRead, func(r Reader) (Note, error) { return r.Note(c.Clinic, c.Test, id) })
	if err == nil {
		e.AuditRead(c, noteRead, n.ID, n.PatientID)
	}
	return n, err
}

// Notes lists notes, each in its current version, newest first.
//
// Errors: Invalid (status, limit), InvalidCursor.
func (e *Engine) Notes(ctx context.Context, c act.Caller, q NoteQuery, p act.Page) (act.List[Note], error) {
	q.Clinic, q.Test = c.Clinic, c.Test
	if err := q.check(); err != nil {
		return act.List[Note]{}, err
	}
	list, err := act.Read(ctx, e.Room, c, noteList, func(r Reader) (act.List[Note], error) {
		if q.ConsultationID != "" { // so that another clinic's is not an empty list
			v, err := r.Consultation(c.Clinic, c.Test, q.ConsultationID)
			if err != nil {
				return act.List[Note]{}, err
			}
			q.PatientID = v.PatientID
		}
		return act.Listing[Note]{
			Filter: act.FilterOf("notes", q),
			Place:  func(n Note) act.Position { return act.Placed(n.ID, n.Meta) },
			Count:  func() (int64, error) { return r.CountNotes(q) },
			Rows:   func(after act.Position, n int) ([]Note, error) { return r.Notes(q, after, n) },
		}.Page(p)
	})
	if err == nil {
		fields := act.ListFields(q.filters(), list.Items, func(n Note) string { return n.ID })
		e.AuditRead(c, noteList, "", q.PatientID, act.OfPatients(q.PatientID, fields, list.Items,
			func(n Note) int64 { return n.PatientID })...)
	}
	return list, err
}

func (q *NoteQuery) check() error {
	var f fault.Faults
	if q.Status != "" && !slices.Contains(NoteStatuses, q.Status) {
		f.Add("status", "Must be %s", text.Or(NoteStatuses))
	}
	return f.Err()
}

func (q *NoteQuery) filters() (names act.Filters) {
	names.Add("consultation_id", q.ConsultationID != "")
	names.Add("patient_id", q.PatientID != 0)
	names.Add("author_id", q.AuthorID != 0)
	names.Add("status", q.Status != "")
	return names
}

// NoteVersions gives all versions of a note, oldest first: they stay readable
// for good. A signed one that does not match its hash is reported in the log.
// Errors: NotFound.
func (e *Engine) NoteVersions(ctx context.Context, c act.Caller, id string) ([]Note, error) {
	list, err := act.Read(ctx, e.Room, c, noteVersions, func(r Reader) ([]Note, error) {
		list, err := r.NoteVersions(c.Clinic, c.Test, id)
		if err == nil && len(list) == 0 {
			err = fault.Absent("note")
		}
		return list, err
	})
	if err != nil {
		return nil, err
	}
	before := ""
	for _, n := range list {
		if n.Signed() && n.Digest(before) != n.ContentSHA256 {
			e.Log.Error("a signed note does not match its content hash", "note", n.ID, "n", n.N)
		}
		before = n.ContentSHA256
	}
	e.AuditRead(c, noteVersions, id, list[0].PatientID)
	return list, nil
}
