package engine

import "context"

// Refuse is the answer to a caller who lacks the right that a face's door asks
// for before it decodes anything. It counts and stands in the audit, like the
// same refusal of a use case. door names it: "GET /api/v1/leads/:id".
func (e *Engine) Refuse(c Caller, s Scope, door string) error {
	e.stats.DeniedActs.Add(1)
	entry := c.entry(deed{"request.refuse", s}, e.now().Unix())
	entry.EntityID, entry.Outcome, entry.Fields = door, Denied, []string{"scope:" + s.String()}
	e.store.Later(func(tx Tx) error { return appendAudit(tx, entry) })
	return &Error{Kind: Forbidden, Message: "The key lacks a required permission", Missing: s}
}

// Organization is the caller's own clinic, for which no right is needed.
//
// Errors: what the store answers.
func (e *Engine) Organization(ctx context.Context, c Caller) (Clinic, error) {
	var out Clinic
	err := e.store.View(ctx, func(r Reader) (err error) {
		out, err = r.Clinic(c.Clinic)
		return err
	})
	return out, err
}
