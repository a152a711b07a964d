package people

import (
	"context"
	"slices"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
)

// Merge is the history of one merge: the loser's record went into the survivor's,
// and perhaps out of it again.
type Merge struct {
	ID         string
	Clinic     int64
	Test       bool
	LoserID    int64
	SurvivorID int64
	Status     PatientStatus // the loser's before
	MergedAt   int64         // UTC seconds
	MergedBy   string
	UnmergedAt int64 // 0 = still merged
	UnmergedBy string
}

// RowRef names a row that belongs to a patient.
type RowRef struct{ Table, ID string }

var (
	patientMerging   = act.Define("patient.merge", scope.PatientsWrite)
	patientUnmerging = act.Define("patient.unmerge", scope.PatientsWrite)
)

// mergeFact is the thin fact of patient.merged: the survivor, and who went into it.
func mergeFact(survivor, loser Patient) act.Fact {
	return act.Fact{}.Object("patient", thinPatient(survivor)).Object("merged", thinPatient(loser))
}

// ownFields are each record's own, so that a merge fills none of them: the MRN, the
// names, the state.
var ownFields = []string{"mrn", "given_name", "family_name", "status", "restricted"}

// blanks are the fields that a merge fills where the survivor lacks them.
var blanks = slices.DeleteFunc(slices.Clone(patientFields), func(f act.Field[Patient, PatientDraft]) bool {
	return f.Copy == nil || slices.Contains(ownFields, f.Name)
})

// fill takes from a loser what the survivor lacks, and remembers whose it is. The
// names of the fields are the result; only those of among count, nil = all.
func (p *Patient) fill(loser Patient, among []string) (filled []string) {
	none := BlankPatient()
	for _, b := range blanks {
		if !b.Same(p, &none) || b.Same(&loser, &none) || among != nil && !slices.Contains(among, b.Name) {
			continue
		}
		b.Copy(p, &loser)
		if p.Filled == nil {
			p.Filled = map[string]int64{}
		}
		owner := loser.ID
		if of, ok := loser.Filled[b.Name]; ok {
			owner = of
		}
		p.Filled[b.Name] = owner
		filled = append(filled, b.Name)
	}
	return filled
}

// drain gives back what was filled with values of the owners.
func (p *Patient) drain(owners []int64) (drained []string) {
	none := BlankPatient()
	for _, b := range blanks {
		if of, ok := p.Filled[b.Name]; ok && slices.Contains(owners, of) {
			b.Copy(p, &none)
			delete(p.Filled, b.Name)
			drained = append(drained, b.Name)
		}
	}
	return drained
}

// MergePatients puts the record of loser into that of survivor (records.md §4):
// the survivor's fields win, its blanks are filled, every row of the loser names
// the survivor, and the loser stays as a stub. What was moved and filled is
// noted, so that UnmergePatient restores it exactly. version is the loser's
// If-Match. The result is the survivor. Needs patients:write.
//
// Errors: Invalid (into itself), NotFound, PreconditionFailed, Conflict (either
// was merged already, so that no circle can close, or is restricted), Gone (erased).
func (e *Engine) MergePatients(ctx context.Context, c act.Caller, loser, survivor int64, version *int64) (Patient,
	error) {
	if survivor == 0 {
		return Patient{}, fault.Fail(fault.Invalid, "Invalid request body").On("into", "Required")
	}
	if loser == survivor {
		return Patient{}, fault.Fail(fault.Invalid, "Invalid request body").On("into", "Must be another patient")
	}
	return act.Do(ctx, e.Room, c, patientMerging, func(w *Act) (Patient, error) {
		w.aboutPatient(loser)
		from, err := w.Patient(c.Clinic, c.Test, loser)
		if err != nil {
			return Patient{}, err
		}
		if err := act.CheckVersion(version, from.Version); err != nil {
			return Patient{}, err
		}
		into, err := w.Patient(c.Clinic, c.Test, survivor)
		if fault.KindOf(err) == fault.NotFound {
			err = fault.Absent("patient").On("into", "Must be a patient of this clinic")
		}
		if err != nil {
			return Patient{}, err
		}
		if err := from.usableAs("id"); err != nil {
			return Patient{}, err
		}
		if err := into.usableAs("into"); err != nil {
			return Patient{}, err
		}
		w.Subject = PatientSubject(survivor)
		return w.merge(from, into)
	})
}

func (w *Act) merge(from, into Patient) (Patient, error) {
	m := Merge{ID: w.NewID(), Clinic: from.Clinic, Test: from.Test, LoserID: from.ID, SurvivorID: into.ID,
		Status:   from.Status,
		MergedAt: w.Now, MergedBy: w.Caller.Name()}
	if err := w.InsertMerge(m); err != nil {
		return Patient{}, err
	}
	rows, err := w.RowsOfPatient(from.Clinic, from.ID)
	if err != nil {
		return Patient{}, err
	}
	for _, row := range rows {
		if err := w.OwnRow(row, from.ID); err != nil {
			return Patient{}, err
		}
		if err := w.point(row, into.ID); err != nil {
			return Patient{}, err
		}
	}
	filled := into.fill(from, nil)
	w.Fields = append([]string{"into:" + act.IDText(into.ID)}, filled...)
	if err := w.Also(patientMerging, act.IDText(into.ID), into.ID,
		append([]string{"from:" + act.IDText(from.ID)}, filled...)); err != nil {
		return Patient{}, err
	}
	from.Status, from.MergedInto = PatientMerged, into.ID
	for _, p := range []*Patient{&from, &into} {
		if err := w.Stamp(&p.Meta); err != nil {
			return Patient{}, err
		}
		if err := w.UpdatePatient(*p); err != nil {
			return Patient{}, err
		}
	}
	w.Emit(patientMerged, mergeFact(into, from))
	return into, nil
}

// point lets a row name a patient, as a change that a sync sees.
func (w *Act) point(row RowRef, patient int64) error {
	counters, err := w.Counters(w.Caller.Clinic)
	if err != nil {
		return err
	}
	counters.Change++
	counters.Stamp = max(counters.Stamp, w.Now)
	return w.PointRow(w.Caller.Clinic, row, patient, counters.Change, counters.Stamp, w.Caller.Name())
}

// UnmergePatient takes a merged record out of its survivor again, in whatever
// order merges were made: its rows name it again, what it had filled is blank
// again unless somebody has changed it since or another merged record fills it,
// and what was added to the survivor after the merge stays there. The result is
// the restored patient. Needs patients:write.
//
// Errors: NotFound, PreconditionFailed, Conflict (not merged; the survivor is
// restricted), Gone (erased).
func (e *Engine) UnmergePatient(ctx context.Context, c act.Caller, id int64, version *int64) (Patient, error) {
	return act.Do(ctx, e.Room, c, patientUnmerging, func(w *Act) (Patient, error) {
		w.aboutPatient(id)
		p, err := w.Patient(c.Clinic, c.Test, id)
		if err != nil {
			return Patient{}, err
		}
		if err := act.CheckVersion(version, p.Version); err != nil {
			return Patient{}, err
		}
		if p.ErasedAt != 0 {
			return Patient{}, fault.Fail(fault.Gone, "The patient was erased")
		}
		if p.Status != PatientMerged {
			return Patient{}, fault.Fail(fault.Conflict, "The patient is not merged").On("id",
				"Name the record that was merged, not its survivor")
		}
		return w.Unmerge(p)
	})
}

// Unmerge takes back the merge of a patient inside an act.
func (w *Act) Unmerge(p Patient) (Patient, error) {
	m, err := w.OpenMerge(p.Clinic, p.ID)
	if err != nil {
		return Patient{}, err
	}
	owners, err := Below(w, p.Clinic, p.ID)
	if err != nil {
		return Patient{}, err
	}
	for _, owner := range owners {
		rows, err := w.OwnedRows(p.Clinic, owner)
		if err != nil {
			return Patient{}, err
		}
		for _, row := range rows {
			if err := w.point(row, p.ID); err != nil {
				return Patient{}, err
			}
		}
	}
	if err := w.DisownRows(p.Clinic, p.ID); err != nil {
		return Patient{}, err
	}
	above := p.MergedInto
	p.Status, p.MergedInto = m.Status, 0
	w.Fields = []string{"from:" + act.IDText(above)}
	if err := w.savePatient(&p, PatientUpdated); err != nil {
		return Patient{}, err
	}
	if err := w.CloseMerge(p.Clinic, m.ID, w.Now, w.Caller.Name()); err != nil {
		return Patient{}, err
	}
	return p, w.drainAbove(above, owners)
}

// drainAbove takes the values of the owners out of the survivors, from the one
// next to them up to the record that stands for all, and fills the gaps from
// whoever is still merged.
func (w *Act) drainAbove(above int64, owners []int64) error {
	for above != 0 {
		p, err := w.Patient(w.Caller.Clinic, w.Caller.Test, above)
		if err != nil {
			return err
		}
		if p.Status != PatientMerged {
			if err := p.Usable(); err != nil {
				return err
			}
		}
		drained := p.drain(owners)
		losers, err := w.Losers(p.Clinic, p.ID)
		if err != nil {
			return err
		}
		for _, l := range losers {
			p.fill(l, drained)
		}
		root := p.MergedInto == 0
		if len(drained) > 0 || root {
			if err := w.Stamp(&p.Meta); err != nil {
				return err
			}
			if err := w.UpdatePatient(p); err != nil {
				return err
			}
		}
		if root {
			fields := append([]string{"parted:" + act.IDText(owners[0])}, drained...)
			if err := w.Also(patientUnmerging, act.IDText(p.ID), p.ID, fields); err != nil {
				return err
			}
			w.Emit(PatientUpdated, PatientFact(p))
		}
		above = p.MergedInto
	}
	return nil
}

// mergeReader tells who was merged into somebody.
type mergeReader interface {
	Losers(clinic, survivor int64) ([]Patient, error)
}

// Below are the patient and all who were merged into it, straight or by others.
func Below(r mergeReader, clinic, id int64) ([]int64, error) {
	ids := []int64{id}
	for i := 0; i < len(ids); i++ {
		losers, err := r.Losers(clinic, ids[i])
		if err != nil {
			return nil, err
		}
		for _, l := range losers {
			ids = append(ids, l.ID)
		}
	}
	return ids, nil
}
