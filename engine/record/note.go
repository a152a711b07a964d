package record

import (
	"context"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/text"
)

// NoteStatus is where a SOAP note stands (records.md §3).
type NoteStatus string

// The states of a note. Signed and amended ones are signed; amended ones have
// versions before them.
const (
	NoteDrafted NoteStatus = "draft"
	NoteSigned  NoteStatus = "signed"
	NoteAmended NoteStatus = "amended"
	NoteInError NoteStatus = "entered_in_error"
)

// NoteStatuses lists them.
var NoteStatuses = []NoteStatus{NoteDrafted, NoteSigned, NoteAmended, NoteInError}

// Words lists the values as text.
func (NoteStatus) Words() []string { return text.Words(NoteStatuses) }

// noteSteps is the one table of what may follow. Only a draft changes in place;
// every step of a signed note is a new version.
var noteSteps = map[NoteStatus][]NoteStatus{
	NoteDrafted: {NoteSigned, NoteInError},
	NoteSigned:  {NoteAmended, NoteInError},
	NoteAmended: {NoteAmended, NoteInError},
}

// Code is a term of a code system, such as ICD-10.
type Code struct {
	System  string
	Code    string
	Display string
}

// Vital is a measured value.
type Vital struct {
	Code  string
	Value float64
	Unit  string
}

// Note is one version of a SOAP note.
type Note struct {
	ID             string // of the note: the same in all its versions
	Row            string // of this version
	N              int    // 1, 2, …
	Supersedes     string // the row of the version before; "" for the first
	Clinic         int64
	Test           bool
	ConsultationID string
	PatientID      int64  // the consultation's; read only
	AuthorID       int64  // the provider who wrote this version
	AddendumTo     string // the signed note that this one adds to; "" = none
	Subjective     string
	Objective      string
	Assessment     string
	Plan           string
	Codes          []Code
	Vitals         []Vital
	Status         NoteStatus
	SignedBy       int64 // provider; 0 = unsigned
	SignedAt       int64
	AmendReason    string // why this version supersedes the one before
	ContentSHA256  string // "" = unsigned
	act.Meta              // counts on through the versions
}

// Signed reports whether this version is signed, and so immutable.
func (n Note) Signed() bool { return n.SignedAt != 0 }

// NoteDraft is unsaved note text: nil is "not sent".
type NoteDraft struct {
	Subjective *string
	Objective  *string
	Assessment *string
	Plan       *string
	Codes      *[]Code
	Vitals     *[]Vital
	AuthorID   int64      // 0 = the consultation's provider
	AddendumTo string     // creation only: the signed note that this one adds to
	Status     NoteStatus // "" = as it is; entered_in_error is the one that can be asked for
	Reason     string     // amendments: why
}

// NoteQuery asks for a list of notes, each in its current version; zero fields do not filter.
type NoteQuery struct {
	Clinic         int64
	Test           bool
	ConsultationID string
	PatientID      int64
	AuthorID       int64
	Status         NoteStatus
}

var (
	noteCreate = act.Define("note.create", scope.ConsultationsWrite)
	noteUpdate = act.Define("note.update", scope.ConsultationsWrite)
	noteSign   = act.Define("note.sign", scope.NotesSign)
	noteAmend  = act.Define("note.amend", scope.ConsultationsWrite)
)

// WriteNote puts a draft under a consultation in progress. With AddendumTo it
// adds to a signed note of the same consultation, also of one that has ended: such
// a note is signed at once and needs notes:sign.
//
// Errors: Invalid, NotFound, Conflict (the consultation has ended), Forbidden.
func (e *Engine) WriteNote(ctx context.Context, c act.Caller, consultationID string, d NoteDraft) (Note, error) {
	var f fault.Faults
	d.check(&f)
	if d.Status != "" && d.Status != NoteDrafted {
		f.Add("status", "A note begins as a draft; sign it with POST /notes/{id}/sign")
	}
	if err := f.Err(); err != nil {
		return Note{}, err
	}
	if d.AddendumTo != "" {
		if err := e.Allow(c, act.Action{Name: noteCreate.Name, Scope: scope.NotesSign}); err != nil {
			return Note{}, err
		}
	}
	return act.Do(ctx, e.Room, c, noteCreate, func(w *Act) (Note, error) { return w.write(consultationID, d) })
}

// write is WriteNote inside its transaction.
func (w *Act) write(consultationID string, d NoteDraft) (Note, error) {
	id := w.NewID()
	n := Note{
		ID: id, Row: id, N: 1, Clinic: w.Caller.Clinic, Test: w.Caller.Test, ConsultationID: consultationID,
		AddendumTo: d.AddendumTo, Status: NoteDrafted, Codes: []Code{}, Vitals: []Vital{},
	}
	v, err := w.consultation(consultationID)
	if err != nil {
		return n, err
	}
	n.PatientID = v.PatientID
	w.aboutVisit(v, id)
	if d.AddendumTo == "" {
		err = v.open()
	} else {
		err = w.addable(&v, d.AddendumTo)
	}
	if err != nil {
		return n, err
	}
	if n.AuthorID, err = w.author(v, d.AuthorID); err != nil {
		return n, err
	}
	var x act.Edit
	if noteFields.Apply(&x, &n, &d); n.empty() {
		x.Add("subjective", "Write at least one of the four parts, a code or a vital sign")
	}
	if err := x.Err(); err != nil {
		return n, err
	}
	if n.AddendumTo != "" {
		n.Status = NoteSigned
		n.sign(n.AuthorID, w.Now, "")
	}
	w.Fields = x.Changed
	if err := w.Stamp(&n.Meta); err != nil {
		return n, err
	}
	if err := w.InsertNote(n); err != nil {
		return n, err
	}
	fact := noteFactOf(n, v)
	w.Emit(noteCreated, fact)
	if n.Signed() {
		w.Emit(noteWasSigned, fact)
	}
	return n, nil
}

// addable wants the signed note that an addendum adds to.
func (w *Act) addable(v *Consultation, id string) error {
	if err := v.standing(); err != nil {
		return err
	}
	to, err := w.Note(w.Caller.Clinic, w.Caller.Test, id)
	if err == nil && to.ConsultationID != v.ID {
		err = fault.Absent("note")
	}
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return fault.Absent("note").On("addendum_to", "Must be a note of this consultation")
	case err != nil:
		return err
	case to.Status == NoteInError || !to.Signed():
		return fault.Fail(fault.Conflict, "Only a signed note can have an addendum").
			On("addendum_to", "The note is %s", to.Status)
	}
	return nil
}

// sign signs a version as it is, after the hash of the one before.
func (n *Note) sign(by, at int64, before string) {
	n.SignedBy, n.SignedAt = by, at
	n.ContentSHA256 = n.Digest(before)
}

// PatchNote edits a draft. version is If-Match and must be sent, but the state
// goes first: a signed note is refused either way (records.md §3).
//
// Errors: Invalid, NotFound, InvalidTransition (signed), Conflict (the consultation
// has ended), PreconditionRequired, PreconditionFailed.
func (e *Engine) PatchNote(ctx context.Context, c act.Caller, id string, version *int64, d NoteDraft) (Note, error) {
	var f fault.Faults
	d.check(&f)
	if d.Status == NoteSigned || d.Status == NoteAmended {
		f.Add("status", "Can only be reached with POST /notes/{id}/sign or /amend")
	}
	if d.AddendumTo != "" {
		f.Add("addendum_to", "Cannot be changed")
	}
	if d.Reason != "" && d.Status != NoteInError {
		f.Add("reason", "Only allowed with status entered_in_error; a draft is edited without a reason")
	}
	if err := f.Err(); err != nil {
		return Note{}, err
	}
	return act.Do(ctx, e.Room, c, noteUpdate, func(w *Act) (Note, error) {
		n, v, err := w.note(id)
		if err != nil {
			return n, err
		}
		if n.Status != NoteDrafted {
			return n, lawful("note", noteSteps, n.Status, NoteDrafted)
		}
		if version == nil {
			return n, fault.Fail(fault.PreconditionRequired,
				"Send If-Match with the version that you have read, as its ETag gives it")
		}
		if err := act.CheckVersion(version, n.Version); err != nil {
			return n, err
		}
		err = w.redraft(&n, v, d)
		return n, err
	})
}

// redraft edits a draft in place, or marks it as an error.
func (w *Act) redraft(n *Note, v Consultation, d NoteDraft) error {
	var x act.Edit
	noteFields.Apply(&x, n, &d)
	if d.AuthorID != 0 {
		author, err := w.author(v, d.AuthorID)
		if err != nil {
			return err
		}
		act.Put(&x, "author_id", &n.AuthorID, author)
	}
	if n.empty() {
		x.Add("subjective", "Leave at least one of the four parts, a code or a vital sign")
	}
	if len(x.Changed) > 0 {
		if err := v.open(); err != nil {
			return err
		}
	}
	if d.Status == NoteInError {
		act.Put(&x, "status", &n.Status, NoteInError)
		w.Reason = d.Reason
	}
	if write, err := w.Finish(&x, &n.Meta, 0); err != nil || !write {
		return err
	}
	return w.UpdateNote(*n)
}

// SignNote signs a draft: from then on it never changes. The signer is its
// author; the audit names who asked.
//
// Errors: NotFound, InvalidTransition (signed before), Conflict (the consultation
// was entered in error), PreconditionFailed.
func (e *Engine) SignNote(ctx context.Context, c act.Caller, id string, version *int64) (Note, error) {
	return act.Do(ctx, e.Room, c, noteSign, func(w *Act) (Note, error) {
		n, v, err := w.note(id)
		if err != nil {
			return n, err
		}
		if err := lawful("note", noteSteps, n.Status, NoteSigned); err != nil {
			return n, err
		}
		if err := v.standing(); err != nil {
			return n, err
		}
		if err := act.CheckVersion(version, n.Version); err != nil {
			return n, err
		}
		n.Status = NoteSigned
		n.sign(n.AuthorID, w.Now, "")
		w.Fields = []string{"status", "signed_by", "signed_at"}
		if err := w.Stamp(&n.Meta); err != nil {
			return n, err
		}
		if err := w.UpdateNote(n); err != nil {
			return n, err
		}
		w.Emit(noteWasSigned, noteFactOf(n, v))
		return n, nil
	})
}

// note loads the note that an act is about, with its consultation.
func (w *Act) note(id string) (Note, Consultation, error) {
	w.EntityID = id
	n, err := w.Note(w.Caller.Clinic, w.Caller.Test, id)
	if err != nil {
		return n, Consultation{}, err
	}
	v, err := w.consultation(n.ConsultationID)
	if err != nil {
		return n, v, err
	}
	w.aboutVisit(v, id)
	return n, v, nil
}
