package engine

import (
	"context"
	"fmt"
	"slices"
)

// Erasure is the tombstone of a person: what a restored backup needs to erase
// them again (records.md §6). It holds nothing of the person.
type Erasure struct {
	ID        string   `json:"id"`
	Clinic    string   `json:"clinic"` // organization_id
	Test      bool     `json:"test,omitempty"`
	PatientID int64    `json:"patient_id,omitempty"` // 0: a lead alone
	CreatedAt int64    `json:"created_at,omitempty"` // of the patient, UTC seconds: tells them from another of that number
	LeadIDs   []string `json:"lead_ids,omitempty"`
	ErasedAt  int64    `json:"erased_at"`
}

var patientErase = Action{"patient.erase", PatientsErase}

// ErasePatient erases a person: their leads are deleted, the record is restricted
// and pseudonymised with all that were merged into it, titles, notes and reasons
// of appointments, unsigned notes and free-text reasons are emptied, and so are
// kept replies and webhook bodies that tell of them. Signed notes, issued
// prescriptions and consultations stay, as the law of care wants. A tombstone is
// written, see ReapplyErasures. Erasing again changes nothing. Needs patients:erase.
//
// Errors: NotFound, Conflict (a visit lies ahead or is in progress; a merged record).
func (e *Engine) ErasePatient(ctx context.Context, c Caller, id int64) (Patient, error) {
	var tombstones []Erasure
	p, err := act(ctx, e, c, patientErase, func(w *Act) (Patient, error) {
		tombstones = nil
		w.EntityID, w.PatientID = idText(id), id // no subject: the reply holds nothing of the person
		p, err := w.Patient(c.Clinic, c.Test, id)
		if err != nil {
			return Patient{}, err
		}
		if p.ErasedAt != 0 {
			w.Quiet = true
			return p.stub(), nil
		}
		if p.Status == PatientMerged {
			return Patient{}, p.usable()
		}
		if err := w.noVisitOf(p); err != nil {
			return Patient{}, err
		}
		p, tombstones, err = w.erase(p)
		return p, err
	})
	if err == nil {
		e.tellErasures(tombstones)
	}
	return p, err
}

// buried tells the operator's file of tombstones, after the commit.
func (e *Engine) tellErasures(tombstones []Erasure) {
	for _, g := range tombstones {
		e.opt.Erased(g)
	}
}

// noVisitOf refuses while the person is expected.
func (w *Act) noVisitOf(p Patient) error {
	const longest = 86400 // no visit is longer than a day (schema.sql)
	visits, err := w.Appointments(AppointmentQuery{Clinic: p.Clinic, Test: p.Test, PatientID: p.ID, From: w.Now - longest}, Position{}, 0)
	if err != nil {
		return err
	}
	for _, a := range visits {
		if (a.Status == Scheduled || a.Status == Confirmed) && a.EndsAt > w.Now {
			return Fail(Conflict, "The patient has an appointment ahead; cancel it first").On("id", "Appointment %s is %s", a.ID, a.Status)
		}
	}
	open, err := w.Consultations(ConsultationQuery{Clinic: p.Clinic, Test: p.Test, PatientID: p.ID, Status: ConsultationOpen}, Position{}, 1)
	if err == nil && len(open) > 0 { // it takes notes, which would be of nobody
		err = Fail(Conflict, "A consultation of the patient is in progress; end it first").On("id", "POST /consultations/%s/end", open[0].ID)
	}
	return err
}

// erase is ErasePatient inside a transaction, for a record that stands for itself.
func (w *Act) erase(p Patient) (Patient, []Erasure, error) {
	ids, err := below(w, p.Clinic, p.ID)
	if err != nil {
		return p, nil, err
	}
	rows, err := w.RowsOfPatient(p.Clinic, p.ID)
	if err != nil {
		return p, nil, err
	}
	leads, visits, err := w.emptyRows(rows)
	if err != nil {
		return p, nil, err
	}
	var tombstones []Erasure
	for _, id := range ids {
		q := p
		if id != p.ID {
			if q, err = w.Patient(p.Clinic, p.Test, id); err != nil {
				return p, nil, err
			}
		}
		tombstone := Erasure{PatientID: id, CreatedAt: q.CreatedAt}
		if id == p.ID {
			tombstone.LeadIDs = leads
		}
		if err := w.recordErasure(&tombstone); err != nil {
			return p, nil, err
		}
		tombstones = append(tombstones, tombstone)
		q = pseudonym(q, w.Now)
		if err := w.Stamp(&q.Meta); err != nil {
			return p, nil, err
		}
		if err := w.UpdatePatient(q); err != nil {
			return p, nil, err
		}
		if id == p.ID {
			p = q
		}
		if err := w.forget(patientSubject(id)); err != nil {
			return p, nil, err
		}
	}
	if err := w.DropDrafts(p.Clinic, ids); err != nil {
		return p, nil, err
	}
	if err := w.DropReasons(p.Clinic, ids, visits); err != nil {
		return p, nil, err
	}
	w.Fields = []string{fmt.Sprintf("leads:%d", len(leads)), fmt.Sprintf("appointments:%d", len(visits)), fmt.Sprintf("records:%d", len(ids))}
	return p, tombstones, w.Emit(patientUpdated, patientFact(p))
}

// emptyRows deletes the person's leads and empties the texts of their appointments.
func (w *Act) emptyRows(rows []RowRef) (leads, visits []string, err error) {
	leads, visits = []string{}, []string{}
	for _, row := range rows {
		if row.Table == "leads" {
			leads = append(leads, row.ID)
			if err := w.dropLead(row.ID); err != nil {
				return nil, nil, err
			}
		}
	}
	for _, row := range rows { // after the leads, whose ids they lose
		if row.Table != "appointments" {
			continue
		}
		visits = append(visits, row.ID)
		a, err := w.Appointment(w.Caller.Clinic, w.Caller.Test, row.ID)
		if err != nil {
			return nil, nil, err
		}
		a.Title, a.Notes, a.CancelReason = "", "", ""
		if a.Override != nil {
			a.Override.Reason = ""
		}
		if a.Undo != nil {
			a.Undo.Reason = ""
		}
		if err := w.Stamp(&a.Meta); err != nil {
			return nil, nil, err
		}
		if err := w.UpdateAppointment(a); err != nil {
			return nil, nil, err
		}
	}
	return leads, visits, nil
}

// dropLead deletes a lead and what is kept of it; a lead that is gone is no fault.
func (w *Act) dropLead(id string) error {
	l, err := w.Lead(w.Caller.Clinic, w.Caller.Test, id)
	if KindOf(err) == NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	if err := w.Emit(leadDeleted, leadFact(l)); err != nil {
		return err
	}
	if err := w.DeleteLead(w.Caller.Clinic, id); err != nil {
		return err
	}
	return w.forget("lead:" + id)
}

// forget empties kept replies and webhook bodies that tell of somebody.
func (w *Act) forget(subject string) error {
	if err := w.BlankReplies(w.Caller.Clinic, subject); err != nil {
		return err
	}
	_, err := w.BlankDeliveries(w.Caller.Clinic, subject, w.Now)
	return err
}

// bury writes a tombstone.
func (w *Act) recordErasure(g *Erasure) error {
	home, err := w.Clinic(w.Caller.Clinic)
	if err != nil {
		return err
	}
	g.ID, g.Clinic, g.Test, g.ErasedAt = NewID(w.e.now()), home.ID, w.Caller.Test, w.Now
	if g.LeadIDs == nil {
		g.LeadIDs = []string{}
	}
	return w.InsertErasure(w.Caller.Clinic, *g)
}

// pseudonym is the record without the person: its number and its place among
// merges stay, so that what hangs on it keeps its owner.
func pseudonym(p Patient, now int64) Patient {
	q := blankPatient()
	q.ID, q.Clinic, q.Test, q.Meta = p.ID, p.Clinic, p.Test, p.Meta
	q.MRN, q.GivenName, q.FamilyName = "erased-"+idText(p.ID), "Erased", "Patient "+idText(p.ID)
	q.Status, q.MergedInto, q.Filled = PatientInactive, p.MergedInto, map[string]int64{}
	if p.Status == PatientMerged || p.Status == PatientDeceased {
		q.Status = p.Status
	}
	q.Restricted, q.ErasedAt = true, now
	return q
}

// Erasures are the tombstones of all clinics in the database, oldest first. They
// are for the shell: a restore carries them over, a file beside the database keeps
// them when it is lost.
func (e *Engine) Erasures(ctx context.Context) ([]Erasure, error) {
	return view(ctx, e, func(r Reader) ([]Erasure, error) { return r.Erasures() })
}

// ReapplyErasures erases again who was erased after the backup was made that this
// database was restored from. Each tombstone is one transaction; one whose
// person is not in the database, is somebody else of that number, or is erased
// already does nothing, so it may be called again with everything that is known.
// Visits that lay ahead then do not keep it. The result is the number of
// tombstones that had an effect.
func (e *Engine) ReapplyErasures(ctx context.Context, tombstones []Erasure) (int, error) {
	n := 0
	for _, g := range tombstones {
		clinic, err := view(ctx, e, func(r Reader) (Clinic, error) { return r.ClinicByPublicID(g.Clinic) })
		if KindOf(err) == NotFound {
			continue
		}
		if err != nil {
			return n, err
		}
		c := System(clinic.N, "restore")
		c.Test = g.Test
		did, err := act(ctx, e, c, patientErase, func(w *Act) (bool, error) { return w.reapply(g) })
		if err != nil {
			return n, err
		}
		if did {
			n++
		}
	}
	return n, nil
}

func (w *Act) reapply(g Erasure) (did bool, err error) {
	fields := []string{}
	if g.PatientID != 0 {
		w.EntityID, w.PatientID = idText(g.PatientID), g.PatientID
		p, err := w.Patient(w.Caller.Clinic, w.Caller.Test, g.PatientID)
		if err != nil && KindOf(err) != NotFound {
			return false, err
		}
		if err == nil && p.CreatedAt == g.CreatedAt && p.ErasedAt == 0 {
			if p.Status == PatientMerged { // it came out of that record before it was erased
				if p, err = w.unmerge(p); err != nil {
					return false, err
				}
			}
			if _, _, err := w.erase(p); err != nil {
				return false, err
			}
			did, fields = true, w.Fields
		}
	}
	for _, id := range g.LeadIDs {
		l, err := w.Lead(w.Caller.Clinic, w.Caller.Test, id)
		if KindOf(err) == NotFound {
			continue
		}
		if err == nil {
			err = w.dropLead(l.ID)
		}
		if err == nil && !did {
			err = w.recordErasure(&Erasure{LeadIDs: []string{id}})
		}
		if err != nil {
			return false, err
		}
		fields = append(fields, "lead:"+id)
	}
	did = did || len(fields) > 0
	w.Fields, w.Quiet = slices.Clip(fields), !did
	return did, nil
}

// DeleteLead deletes a lead for good. While it has a scheduled or confirmed
// appointment that has not ended it is a Conflict: cancel first, so that nobody
// comes to a visit without a name. Past appointments stay, without the lead. What
// else is kept of it is emptied, and a tombstone makes a restored backup delete it
// again (records.md §6).
// version is as in UpdateLead. Needs leads:write.
func (e *Engine) DeleteLead(ctx context.Context, c Caller, id string, version *int64) (Lead, error) {
	tombstone := Erasure{LeadIDs: []string{id}}
	l, err := act(ctx, e, c, Action{"lead.delete", LeadsWrite}, func(w *Act) (Lead, error) {
		l, err := w.ownLead(id, version)
		if err != nil {
			return Lead{}, err
		}
		if err := w.noVisitAhead(l); err != nil {
			return Lead{}, err
		}
		w.Subject = "" // the reply holds nothing of the person
		if err := w.dropLead(id); err != nil {
			return Lead{}, err
		}
		return l, w.recordErasure(&tombstone)
	})
	if err == nil {
		e.tellErasures([]Erasure{tombstone})
	}
	return l, err
}

func (w *Act) noVisitAhead(l Lead) error {
	const longest = 86400 // no footprint, so no visit, is longer than a day (schema.sql)
	for _, status := range []Status{Scheduled, Confirmed} {
		q := AppointmentQuery{Clinic: w.Caller.Clinic, Test: w.Caller.Test, LeadID: l.ID, Status: status, From: w.Now - longest}
		visits, err := w.Appointments(q, Position{}, 500)
		if err != nil {
			return err
		}
		for _, a := range visits {
			if a.EndsAt > w.Now {
				return Fail(Conflict, "The lead has an appointment ahead; cancel it first").
					On("id", "Appointment %s is %s", a.ID, a.Status)
			}
		}
	}
	return nil
}
