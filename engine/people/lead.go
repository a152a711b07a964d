package people

import (
	"context"
	"slices"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/fault"
	"qualifybase/engine/phone"
	"qualifybase/engine/scope"
	"qualifybase/engine/text"
	"qualifybase/engine/uuid"
)

// LeadStatus is how far a lead has come.
type LeadStatus string

// The states of a lead (contract.md §9).
const (
	LeadNew          LeadStatus = "new"
	LeadInInterview  LeadStatus = "in_interview"
	LeadContacted    LeadStatus = "contacted"
	LeadQualified    LeadStatus = "qualified"
	LeadNeedsReview  LeadStatus = "needs_review"
	LeadBooked       LeadStatus = "booked"
	LeadConverted    LeadStatus = "converted"
	LeadDisqualified LeadStatus = "disqualified"
	LeadLost         LeadStatus = "lost"
)

// LeadStatuses lists them in the order of a lead's life.
var LeadStatuses = []LeadStatus{LeadNew, LeadInInterview, LeadContacted, LeadQualified, LeadNeedsReview,
	LeadBooked, LeadConverted, LeadDisqualified, LeadLost}

// Words lists the values as text.
func (LeadStatus) Words() []string { return text.Words(LeadStatuses) }

// Valid reports whether the status is one of ours.
func (s LeadStatus) Valid() bool { return slices.Contains(LeadStatuses, s) }

// Lead is somebody who may become a patient.
type Lead struct {
	ID         string
	Clinic     int64
	Test       bool
	Source     string
	ExternalID string // "" = none; unique with Source
	Name       string
	FirstName  string
	LastName   string
	NameKey    string // folded, for matching and search
	Email      string
	EmailKey   string // case-folded
	Phone      string // as typed
	PhoneKey   string // E.164
	Status     LeadStatus
	Notes      string
	Tags       []string
	Metadata   map[string]any
	Consent    map[string]any
	PatientID  int64 // 0 until converted
	act.Meta
}

// LeadDraft is an unsaved lead: nil is "not sent". Metadata and Consent replace
// what was there as a whole.
type LeadDraft struct {
	ExternalID *string
	Source     *string
	Name       *string
	FirstName  *string
	LastName   *string
	Email      *string
	Phone      *string
	Status     *LeadStatus
	Notes      *string
	Tags       *[]string
	Metadata   *map[string]any
	Consent    *map[string]any
}

// LeadQuery asks for a list of leads; zero fields do not filter.
type LeadQuery struct {
	Clinic       int64
	Test         bool
	Status       LeadStatus
	Source       string
	Q            string // folded: a prefix of the name, e-mail or phone
	UpdatedSince *int64 // UTC seconds: walks the change number from there
}

// LeadPut is the answer of PutLead.
type LeadPut struct {
	Lead    Lead
	Created bool // else it matched a lead, which was changed, or needed no change
}

// What happens to a lead, as subscribers hear of it.
var (
	leadCreated   = act.Change{"lead.created"}
	leadUpdated   = act.Change{"lead.updated"}
	LeadDeleted   = act.Change{"lead.deleted"}
	leadConverted = act.Change{"lead.converted"}
)

// LeadFact is the thin fact of a lead's events: no name, no address, no source.
func LeadFact(l Lead) act.Fact {
	return act.Fact{}.Object("lead", act.Fact{}.
		Text("id", l.ID).
		Text("status", string(l.Status)).
		IntIf("patient_id", l.PatientID).
		Int("version", l.Version).
		Text("created_at", calendar.UTC(l.CreatedAt)).
		Text("updated_at", calendar.UTC(l.UpdatedAt)))
}

var (
	leadPut    = act.Define("lead.put", scope.LeadsWrite)
	LeadCreate = act.Define("lead.create", scope.LeadsWrite) // in an import
	LeadUpdate = act.Define("lead.update", scope.LeadsWrite)
)

// PutLead creates a lead or updates the one that the draft means (contract.md §9,
// matchLead). Only the fields sent change; a draft that changes nothing writes
// no event and no version. At least one of name, e-mail, phone, external_id.
// Needs leads:write.
func (e *Engine) PutLead(ctx context.Context, c act.Caller, d LeadDraft) (LeadPut, error) {
	return act.Do(ctx, e.Room, c, leadPut, func(w *Act) (LeadPut, error) {
		put, err := w.PutLead(d, DefaultLeadSource)
		if err != nil {
			return LeadPut{}, err
		}
		w.Subject, w.EntityID, w.PatientID = "lead:"+put.Lead.ID, put.Lead.ID, put.Lead.PatientID
		return put, nil
	})
}

// PutLead is Engine.PutLead inside a transaction; source is that of a sender who
// names none.
func (w *Act) PutLead(d LeadDraft, source string) (LeadPut, error) {
	x, err := w.newEdit()
	if err != nil {
		return LeadPut{}, err
	}
	said, err := w.saidOf(x, d, source)
	if err != nil {
		return LeadPut{}, err
	}
	return w.putLead(x, d, said)
}

// saidOf is a new lead of just what the draft says, which is compared with those
// that are there. The faults of x come before those of the draft.
func (w *Act) saidOf(x act.Edit, d LeadDraft, source string) (Lead, error) {
	l := Lead{Clinic: w.Caller.Clinic, Test: w.Caller.Test, Source: source, Status: LeadNew}
	leadFields.Apply(&x, &l, &d)
	return l, x.Err()
}

// putLead creates the lead that the draft says, or changes the one that it means.
func (w *Act) putLead(x act.Edit, d LeadDraft, said Lead) (LeadPut, error) {
	old, how, err := matchLead(w, said)
	if err != nil {
		return LeadPut{}, err
	}
	if how == matchedNone {
		l := said
		l.ID = w.NewID()
		if err := l.faults(); err != nil {
			return LeadPut{}, err
		}
		w.Fields = leadFields.Changes(&Lead{}, &l)
		err := w.saveLead(&l, leadCreated)
		return LeadPut{l, true}, err
	}
	if how != matchedExternal {
		d = d.beside(old, said)
	}
	l := old
	leadFields.Apply(&x, &l, &d)
	l, err = w.alterLead(x, old, l)
	return LeadPut{l, false}, err
}

// alterLead saves a stored lead to which the edit was applied.
func (w *Act) alterLead(x act.Edit, old, l Lead) (Lead, error) {
	if err := x.Err(); err != nil {
		return Lead{}, err
	}
	if err := l.faults(); err != nil {
		return Lead{}, err
	}
	w.Fields = x.Changed
	if w.Quiet = len(w.Fields) == 0; w.Quiet {
		return old, nil
	}
	err := w.saveLead(&l, leadUpdated)
	return l, err
}

// saveLead stamps, writes and tells.
func (w *Act) saveLead(l *Lead, what act.Change) error {
	isNew := l.Version == 0
	if err := w.Stamp(&l.Meta); err != nil {
		return err
	}
	write := w.UpdateLead
	if isNew {
		write = w.InsertLead
	}
	if err := write(*l); err != nil {
		return err
	}
	w.Emit(what, LeadFact(*l))
	return nil
}

// Lead finds a lead of the clinic, test leads for test keys and live ones for
// the others. Needs leads:read.
func (e *Engine) Lead(ctx context.Context, c act.Caller, id string) (Lead, error) {
	d := act.Define("lead.read", scope.LeadsRead)
	l, err := act.Read(ctx, e.Room, c, d, func(r Reader) (Lead, error) { return findLead(r, c, id) })
	if err == nil {
		e.AuditRead(c, d, id, l.PatientID)
	}
	return l, err
}

func findLead(r Reader, c act.Caller, id string) (Lead, error) {
	if !uuid.Valid(id) {
		return Lead{}, fault.Absent("lead")
	}
	return r.Lead(c.Clinic, c.Test, id)
}

// Leads lists leads, newest first, or by change number with UpdatedSince. Clinic
// and Test of the query are the caller's, whatever it says. Needs leads:read.
func (e *Engine) Leads(ctx context.Context, c act.Caller, q LeadQuery, p act.Page) (act.List[Lead], error) {
	d := act.Define("lead.list", scope.LeadsRead)
	q, filters, err := q.cleaned(c)
	if err != nil {
		return act.List[Lead]{}, err
	}
	list, err := act.Read(ctx, e.Room, c, d, func(r Reader) (act.List[Lead], error) {
		if err := q.dialled(r); err != nil {
			return act.List[Lead]{}, err
		}
		return act.Listing[Lead]{
			Order: act.OrderOf(q.UpdatedSince), Filter: act.FilterOf("leads", q),
			Place: func(l Lead) act.Position { return act.Placed(l.ID, l.Meta) },
			Count: func() (int64, error) { return r.CountLeads(q) },
			Start: func() (int64, error) { return r.FirstLeadChange(c.Clinic, c.Test, *q.UpdatedSince) },
			Rows:  func(after act.Position, limit int) ([]Lead, error) { return r.Leads(q, after, limit) },
		}.Page(p)
	})
	if err == nil {
		fields := act.ListFields(filters, list.Items, func(l Lead) string { return l.ID })
		e.AuditRead(c, d, "", 0, act.OfPatients(0, fields, list.Items, func(l Lead) int64 { return l.PatientID })...)
	}
	return list, err
}

// cleaned binds the query to the caller and names the filters that are set.
func (q LeadQuery) cleaned(c act.Caller) (LeadQuery, act.Filters, error) {
	var f fault.Faults
	q.Clinic, q.Test = c.Clinic, c.Test
	if q.Status != "" && !q.Status.Valid() {
		f.Add("status", "Must be %s", text.Or(LeadStatuses))
	}
	q.Source = text.Clean(&f, "source", q.Source, text.MaxText)
	q.Q = text.Fold(text.Clean(&f, "q", q.Q, text.MaxText))
	if len(f) > 0 {
		return q, nil, &fault.Error{Kind: fault.Invalid, Message: "Invalid query parameters", Details: f}
	}
	var filters act.Filters
	filters.Add("status", q.Status != "")
	filters.Add("source", q.Source != "")
	filters.Add("q", q.Q != "")
	filters.Add("updated_since", q.UpdatedSince != nil)
	return q, filters, nil
}

// dialled turns a q that is the beginning of a phone number into the beginning
// of its E.164 form.
func (q *LeadQuery) dialled(r Reader) error {
	home, err := r.Clinic(q.Clinic)
	q.Q = phone.Start(q.Q, home.Country)
	return err
}

// UpdateLead changes the fields sent. version, if given, must be the lead's
// (If-Match), else PreconditionFailed. Another lead's (source, external_id) is a
// Conflict. Needs leads:write.
func (e *Engine) UpdateLead(ctx context.Context, c act.Caller, id string, version *int64, d LeadDraft) (Lead, error) {
	return act.Do(ctx, e.Room, c, LeadUpdate, func(w *Act) (Lead, error) {
		old, err := w.OwnLead(id, version)
		if err != nil {
			return Lead{}, err
		}
		x, err := w.newEdit()
		if err != nil {
			return Lead{}, err
		}
		after := old
		leadFields.Apply(&x, &after, &d)
		if err := x.Err(); err != nil {
			return Lead{}, err
		}
		if other, err := w.rivalOf(old, after); err != nil {
			return Lead{}, err
		} else if other {
			return Lead{}, fault.Fail(fault.Conflict, "Another lead has this source and external_id").
				On("external_id", "Must be new to its source, or change that lead instead")
		}
		return w.alterLead(x, old, after)
	})
}

// rivalOf reports whether another lead has the source and external_id that this one
// is about to take.
func (w *Act) rivalOf(old, after Lead) (bool, error) {
	if after.ExternalID == "" || after.ExternalID == old.ExternalID && after.Source == old.Source {
		return false, nil
	}
	other, err := w.LeadByExternal(old.Clinic, old.Test, after.Source, after.ExternalID)
	if fault.KindOf(err) == fault.NotFound {
		return false, nil
	}
	return err == nil && other.ID != old.ID, err
}

// OwnLead loads a lead to be changed and names it in the audit.
func (w *Act) OwnLead(id string, version *int64) (Lead, error) {
	l, err := findLead(w, w.Caller, id)
	if err != nil {
		return Lead{}, err
	}
	w.Subject, w.EntityID, w.PatientID = "lead:"+id, id, l.PatientID
	return l, act.CheckVersion(version, l.Version)
}
