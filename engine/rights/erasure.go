package rights

import (
	"context"
	"fmt"
	"slices"

	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
	"qualifybase/engine/record"
	"qualifybase/engine/scope"
)

// Erasure is the tombstone of a person: what a restored backup needs to erase
// them again (records.md §6). It holds nothing of the person.
type Erasure struct {
	ID        string
	Clinic    string // organization_id
	Test      bool
	PatientID int64 // 0: a lead alone
	CreatedAt int64 // of the patient, UTC seconds: tells them from another of that number
	LeadIDs   []string
	ErasedAt  int64
}

var patientErase = act.Define("patient.erase", scope.PatientsErase)

// ErasePatient erases a person: their leads are deleted, the record is restricted
// and pseudonymised with all that were merged into it, titles, notes and reasons
// of appointments, unsigned notes and free-text reasons are emptied, and so are
// stored replies and webhook bodies that tell of them. Signed notes, issued
// prescriptions and consultations stay, as the law of care wants. A tombstone is
// written, see ReapplyErasures. Erasing again changes nothing. Needs patients:erase.
//
// Errors: NotFound, Conflict (a visit lies ahead or is in progress; a merged record).
func (e *Engine) ErasePatient(ctx context.Context, c act.Caller, id int64) (people.Patient, error) {
	var tombstones []Erasure
	p, err := act.Do(ctx, e.Room, c, patientErase, func(w *Act) (people.Patient, error) {
		tombstones = nil
		w.EntityID, w.PatientID = act.IDText(id), id // no subject: the reply holds nothing of the person
		p, err := w.Patient(c.Clinic, c.Test, id)
		if err != nil {
			return people.Patient{}, err
		}
		if p.ErasedAt != 0 {
			w.Quiet = true
			return p.Stub(), nil
		}
		if p.Status == people.PatientMerged {
			return people.Patient{}, p.Usable()
		}
		if err := w.noVisitOf(p); err != nil {
			return people.Patient{}, err
		}
		p, tombstones, err = w.erase(p)
		return p, err
	})
	if err == nil {
		e.reportErasures(tombstones)
	}
	return p, err
}

// reportErasures tells the operator's file of tombstones, after the commit.
func (e *Engine) reportErasures(tombstones []Erasure) {
	for _, g := range tombstones {
		e.opt.Erased(g)
	}
}

// noVisitOf refuses while the person is expected.
func (w *Act) noVisitOf(p people.Patient) error {
	visits, err := w.Appointments(booking.AppointmentQuery{Clinic: p.Clinic, Test: p.Test, PatientID: p.ID,
		From: w.Now - calendar.MaxFootprint}, act.Position{}, 0)
	if err != nil {
		return err
	}
	for _, a := range visits {
		if (a.Status == booking.Scheduled || a.Status == booking.Confirmed) && a.EndsAt > w.Now {
			return fault.Fail(fault.Conflict, "The patient has an appointment ahead; cancel it first").On("id",
				"Appointment %s is %s", a.ID, a.Status)
		}
	}
	open, err := w.Consultations(record.ConsultationQuery{Clinic: p.Clinic, Test: p.Test, PatientID: p.ID,
		Status: record.ConsultationOpen}, act.Position{}, 1)
	if err == nil && len(open) > 0 { // it takes notes, which would be of nobody
		err = fault.Fail(fault.Conflict, "A consultation of the patient is in progress; end it first").On("id",
			"POST /consultations/%s/end", open[0].ID)
	}
	return err
}

// erase is ErasePatient inside a transaction, for a record that stands for itself.
func (w *Act) erase(p people.Patient) (people.Patient, []Erasure, error) {
	ids, err := people.Below(w, p.Clinic, p.ID)
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
		if err := w.forget(people.PatientSubject(id)); err != nil {
			return p, nil, err
		}
	}
	if err := w.DropDrafts(p.Clinic, ids); err != nil {
		return p, nil, err
	}
	if err := w.DropReasons(p.Clinic, ids, visits); err != nil {
		return p, nil, err
	}
	w.Fields = []string{fmt.Sprintf("leads:%d", len(leads)), fmt.Sprintf("appointments:%d", len(visits)),
		fmt.Sprintf("records:%d", len(ids))}
	w.Emit(people.PatientUpdated, people.PatientFact(p))
	return p, tombstones, nil
}

// emptyRows deletes the person's leads and empties the texts of their appointments.
func (w *Act) emptyRows(rows []people.RowRef) (leads, visits []string, err error) {
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
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	w.Emit(people.LeadDeleted, people.LeadFact(l))
	if err := w.DeleteLead(w.Caller.Clinic, id); err != nil {
		return err
	}
	return w.forget("lead:" + id)
}

// forget empties stored replies and webhook bodies that tell of somebody.
func (w *Act) forget(subject string) error {
	if err := w.BlankReplies(w.Caller.Clinic, subject); err != nil {
		return err
	}
	_, err := w.BlankDeliveries(w.Caller.Clinic, subject, w.Now)
	return err
}

// recordErasure writes a tombstone.
func (w *Act) recordErasure(g *Erasure) error {
	home, err := w.Clinic(w.Caller.Clinic)
	if err != nil {
		return err
	}
	g.ID, g.Clinic, g.Test, g.ErasedAt = w.NewID(), home.ID, w.Caller.Test, w.Now
	if g.LeadIDs == nil {
		g.LeadIDs = []string{}
	}
	return w.InsertErasure(w.Caller.Clinic, *g)
}

// pseudonym is the record without the person: its number and its place among
// merges stay, so that what hangs on it keeps its owner.
func pseudonym(p people.Patient, now int64) people.Patient {
	q := people.BlankPatient()
	q.ID, q.Clinic, q.Test, q.Meta = p.ID, p.Clinic, p.Test, p.Meta
	q.MRN, q.GivenName, q.FamilyName = "erased-"+act.IDText(p.ID), "Erased", "Patient "+act.IDText(p.ID)
	q.Status, q.MergedInto, q.Filled = people.PatientInactive, p.MergedInto, map[string]int64{}
	if p.Status == people.PatientMerged || p.Status == people.PatientDeceased {
		q.Status = p.Status
	}
	q.Restricted, q.ErasedAt = true, now
	return q
}

// Erasures are the tombstones of all clinics in the database, oldest first. They
// are for the shell: a restore carries them over, a file beside the database keeps
// them when it is lost.
func (e *Engine) Erasures(ctx context.Context) ([]Erasure, error) {
	return act.View(ctx, e.Room, func(r Reader) ([]Erasure, error) { return r.Erasures() })
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
		clinic, err := act.View(ctx, e.Room, func(r Reader) (directory.Clinic, error) { return r.ClinicByPublicID(g.Clinic) })
		if fault.KindOf(err) == fault.NotFound {
			continue
		}
		if err != nil {
			return n, err
		}
		c := act.System(clinic.N, "restore")
		c.Test = g.Test
		did, err := act.Do(ctx, e.Room, c, patientErase, func(w *Act) (bool, error) { return w.reapply(g) })
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
		w.EntityID, w.PatientID = act.IDText(g.PatientID), g.PatientID
		p, err := w.Patient(w.Caller.Clinic, w.Caller.Test, g.PatientID)
		if err != nil && fault.KindOf(err) != fault.NotFound {
			return false, err
		}
		if err == nil && p.CreatedAt == g.CreatedAt && p.ErasedAt == 0 {
			if p.Status == people.PatientMerged { // it came out of that record before it was erased
				if p, err = w.people().Unmerge(p); err != nil {
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
		if fault.KindOf(err) == fault.NotFound {
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
func (e *Engine) DeleteLead(ctx context.Context, c act.Caller, id string, version *int64) (people.Lead, error) {
	tombstone := Erasure{LeadIDs: []string{id}}
	l, err := act.Do(ctx, e.Room, c, act.Define("lead.delete", scope.LeadsWrite), func(w *Act) (people.Lead, error) {
		l, err := w.people().OwnLead(id, version)
		if err != nil {
			return people.Lead{}, err
		}
		if err := w.noVisitAhead(l); err != nil {
			return people.Lead{}, err
		}
		w.Subject = "" // the reply holds nothing of the person
		if err := w.dropLead(id); err != nil {
			return people.Lead{}, err
		}
		return l, w.recordErasure(&tombstone)
	})
	if err == nil {
		e.reportErasures([]Erasure{tombstone})
	}
	return l, err
}

func (w *Act) noVisitAhead(l people.Lead) error {
	for _, status := range []booking.Status{booking.Scheduled, booking.Confirmed} {
		q := booking.AppointmentQuery{Clinic: w.Caller.Clinic, Test: w.Caller.Test, LeadID: l.ID, Status: status,
			From: w.Now - calendar.MaxFootprint}
		visits, err := w.Appointments(q, act.Position{}, 500)
		if err != nil {
			return err
		}
		for _, a := range visits {
			if a.EndsAt > w.Now {
				return fault.Fail(fault.Conflict, "The lead has an appointment ahead; cancel it first").
					On("id", "Appointment %s is %s", a.ID, a.Status)
			}
		}
	}
	return nil
}
