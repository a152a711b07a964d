package act

import (
	"qualifybase/engine/scope"
	"qualifybase/engine/uuid"
)

// Refuse is the answer to a caller who lacks the right that a face's door asks
// for before it decodes anything. It counts and stands in the audit, like the
// same refusal of a use case. door names it: "GET /api/v1/leads/:id"; id is the one in
// its path, if it has one, and patient whose record that is, so that who was refused
// a record is told with who opened it.
func (k *Kernel) Refuse(c Caller, s scope.Scope, door, id string, patient int64) error {
	if !uuid.Valid(id) && patient == 0 { // whatever somebody wrote there
		id = ""
	}
	return k.auditRefusal(c, Action{"request.refuse", s}, door, id, patient, c.Lacks(s))
}
