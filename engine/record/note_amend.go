package record

import (
	"context"
	"slices"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
)

// AmendNote supersedes a signed note by a new version, signed by the amender:
// what was sent replaces, the rest is carried over, and the reason is mandatory
// (records.md §3, §7). It works under an ended consultation, too. With status
// entered_in_error the new version says that the note should not be. It signs,
// so it needs notes:sign beside consultations:write.
//
// Errors: Invalid (no reason, nothing changed), NotFound, InvalidTransition (a
// draft), Conflict (the consultation was entered in error), PreconditionFailed,
// Forbidden.
func (e *Engine) AmendNote(ctx context.Context, c act.Caller, id string, version *int64, d NoteDraft) (Note, error) {
	var f fault.Faults
	d.check(&f)
	if d.Reason == "" {
		f.Add("reason", "Required: why is the signed note changed?")
	}
	if d.Status == NoteDrafted || d.Status == NoteSigned {
		f.Add("status", "Can only be entered_in_error")
	}
	if d.AddendumTo != "" {
		f.Add("addendum_to", "Cannot be changed")
	}
	if err := f.Err(); err != nil {
		return Note{}, err
	}
	if err := e.Allow(c, act.Action{Name: noteAmend.Name, Scope: scope.NotesSign}); err != nil {
		return Note{}, err
	}
	return act.Do(ctx, e.Room, c, noteAmend, func(w *Act) (Note, error) { return w.amend(id, version, d) })
}

// amend is AmendNote inside its transaction.
func (w *Act) amend(id string, version *int64, d NoteDraft) (Note, error) {
	before, v, err := w.note(id)
	if err != nil {
		return before, err
	}
	if d.Status == "" {
		d.Status = NoteAmended
	}
	if err := lawful("note", noteSteps, before.Status, d.Status); err != nil {
		return before, err
	}
	if !before.Signed() {
		return before, fault.Fail(fault.Conflict, "A draft is edited, not amended").On("id", "PATCH /notes/%s", id)
	}
	if err := v.standing(); err != nil {
		return before, err
	}
	if err := act.CheckVersion(version, before.Version); err != nil {
		return before, err
	}
	n := before
	n.Row, n.N, n.Supersedes, n.AmendReason = w.NewID(), before.N+1, before.Row, d.Reason
	n.Codes, n.Vitals = slices.Clone(before.Codes), slices.Clone(before.Vitals)
	if n.AuthorID, err = w.author(v, d.AuthorID); err != nil {
		return before, err
	}
	var x act.Edit
	noteFields.Apply(&x, &n, &d)
	switch {
	case d.Status == NoteInError:
		x.Changed = append(x.Changed, "status")
	case len(x.Changed) == 0:
		x.Add("subjective", "Change at least one part, the codes or the vital signs")
	case n.empty():
		x.Add("subjective", "Leave at least one of the four parts, a code or a vital sign, or send status entered_in_error")
	}
	if err := x.Err(); err != nil {
		return before, err
	}
	n.Status = d.Status
	n.sign(n.AuthorID, w.Now, before.ContentSHA256)
	w.Fields, w.Reason = x.Changed, d.Reason
	if err := w.Stamp(&n.Meta); err != nil {
		return before, err
	}
	if err := w.InsertNote(n); err != nil {
		return before, err
	}
	w.Emit(noteWasAmended, noteFactOf(n, v))
	return n, nil
}
