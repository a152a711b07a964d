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

// matchLead finds the lead that a draft means by what it says (contract.md §9): the
// same (source, external_id); else the same folded e-mail; else the same phone
// together with the same folded name. Of several, the oldest; never one of another
// clinic or of the other side of the test flag.
func matchLead(r Reader, said Lead) (Lead, matched, error) {
	if said.ExternalID != "" {
		l, err := r.LeadByExternal(said.Clinic, said.Test, said.Source, said.ExternalID)
		if err == nil {
			return l, matchedExternal, nil
		}
		if fault.KindOf(err) != fault.NotFound {
			return Lead{}, matchedNone, err
		}
	}
	if said.EmailKey != "" {
		found, err := r.LeadsByEmail(said.Clinic, said.Test, said.EmailKey)
		if err != nil {
			return Lead{}, matchedNone, err
		}
		if len(found) > 0 {
			return found[0], matchedEmail, nil
		}
	}
	if said.NameKey == "" || said.PhoneKey == "" {
		return Lead{}, matchedNone, nil
	}
	found, err := r.LeadsByPhone(said.Clinic, said.Test, said.PhoneKey)
	if err != nil {
		return Lead{}, matchedNone, err
	}
	for _, l := range found {
		if l.NameKey == said.NameKey {
			return l, matchedPhone, nil
		}
	}
	return Lead{}, matchedNone, nil
}

// beside is what a match by e-mail or phone may change of a lead: everything
// sent but another (source, external_id), a name, or a non-empty e-mail. A lead
// without an external_id takes the sender's, so that the next time it matches by
// that. An empty phone or note, as forms send them, takes nothing away. said is
// what the draft says.
func (d LeadDraft) beside(l, said Lead) LeadDraft {
	adopts := said.ExternalID != ""
	switch {
	case l.ExternalID != "":
		d.ExternalID, d.Source = nil, nil
	case adopts && d.Source == nil:
		d.Source = &said.Source
	case !adopts:
		d.ExternalID = nil
	}
	if l.Name != "" {
		d.Name, d.FirstName, d.LastName = nil, nil, nil
	}
	if said.Phone == "" {
		d.Phone = nil
	}
	if said.Notes == "" {
		d.Notes = nil
	}
	if l.Email != "" {
		d.Email = nil
	}
	return d
}
