package people

import "qualifybase/engine/fault"

// matched is what a draft and a lead have in common.
type matched uint8

const (
	matchedNone     matched = iota
	matchedExternal         // the sender's own id: the sender owns every field
	matchedEmail
	matchedPhone // with the same folded name: a family shares a phone
)

// matchLead finds the lead that a draft means (contract.md §9): the same (source,
// external_id); else the same folded e-mail; else the same phone together with
// the same folded name. Of several, the oldest; never one of another clinic or
// of the other side of the test flag.
func matchLead(r Reader, clinic int64, test bool, n leadFields) (Lead, matched, error) {
	if !blank(n.externalID) {
		l, err := r.LeadByExternal(clinic, test, n.origin(), *n.externalID)
		if err == nil {
			return l, matchedExternal, nil
		}
		if fault.KindOf(err) != fault.NotFound {
			return Lead{}, matchedNone, err
		}
	}
	if !blank(n.emailKey) {
		found, err := r.LeadsByEmail(clinic, test, *n.emailKey)
		if err != nil {
			return Lead{}, matchedNone, err
		}
		if len(found) > 0 {
			return found[0], matchedEmail, nil
		}
	}
	var who Lead
	n.applyName(&who)
	if who.NameKey == "" || blank(n.phoneKey) {
		return Lead{}, matchedNone, nil
	}
	found, err := r.LeadsByPhone(clinic, test, *n.phoneKey)
	if err != nil {
		return Lead{}, matchedNone, err
	}
	for _, l := range found {
		if l.NameKey == who.NameKey {
			return l, matchedPhone, nil
		}
	}
	return Lead{}, matchedNone, nil
}

// beside is what a match by e-mail or phone may change of a lead: everything
// sent but another (source, external_id), a name, or a non-empty e-mail. A lead
// without an external_id takes the sender's, so that the next time it matches by
// that. An empty phone or note, as forms send them, takes nothing away.
func (n leadFields) beside(l Lead) leadFields {
	adopts := !blank(n.externalID)
	switch {
	case l.ExternalID != "":
		n.externalID, n.source = nil, nil
	case adopts && n.source == nil:
		source := n.Usual
		n.source = &source
	case !adopts:
		n.externalID = nil
	}
	if l.Name != "" {
		n.name, n.firstName, n.lastName = nil, nil, nil
	}
	if blank(n.phone) {
		n.phone, n.phoneKey = nil, nil
	}
	if blank(n.notes) {
		n.notes = nil
	}
	if l.Email != "" {
		n.email, n.emailKey = nil, nil
	}
	return n
}
