package people

import (
	"context"
	"io"
	"slices"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/table"
	"qualifybase/engine/text"
)

// PatientImport says how a file of patients is to be taken.
type PatientImport struct {
	DryRun          bool // report what would happen, write nothing
	SkipBad         bool // import the good rows although others are faulty
	AllowDuplicates bool // make a record although somebody like that is on file
}

var (
	patientImport  = act.Define("patient.import", scope.PatientsWrite)
	patientListing = act.Define("patient.export_list", scope.PatientsExport)
)

// ImportPatients takes the rows of a CSV file (act.ImportCSV). A row is the patient who
// has its MRN; else who is certainly the same, or has the same whole name with the
// same phone or e-mail and no other birth date; else it is a new one. A row that is
// probably somebody on file is faulty, unless AllowDuplicates. An update changes what
// the row has something in; phones are added. Reading the same file again changes
// nothing more. Needs patients:write.
func (e *Engine) ImportPatients(ctx context.Context, c act.Caller, file io.Reader,
	o PatientImport) (act.ImportReport[Patient], error) {
	return act.ImportCSV(ctx, e.Room, c, file, act.ImportOptions{DryRun: o.DryRun, SkipBad: o.SkipBad},
		act.Import[*Act, Patient]{
			Action: patientImport, Row: patientCreate, MaxRows: MaxImportRows, Columns: takePatientColumns,
			Begin: func(w *Act) (func(*Act, table.Cells) (act.Took, Patient, error), error) {
				x, err := w.newEdit()
				return func(own *Act, cells table.Cells) (act.Took, Patient, error) {
					took, p, err := own.takePatient(x, cells, o)
					own.EntityID, own.PatientID = act.IDText(p.ID), p.ID
					return took, p, err
				}, err
			},
		})
}

// takePatient takes one row: the patient it means, or a new one.
func (w *Act) takePatient(x act.Edit, cells table.Cells, o PatientImport) (act.Took, Patient, error) {
	var alone PatientDraft
	heard := x
	patientFields.Read(&heard.Faults, &Patient{}, &alone, cells)
	old, err := w.importedAs(heard, alone, o)
	if err != nil {
		return "", Patient{}, err
	}
	if old == nil {
		p, changed, err := w.newPatient(x, alone)
		if err != nil {
			return "", Patient{}, err
		}
		w.Fields = changed
		err = w.savePatient(&p, patientCreated)
		return act.TookNew, p, err
	}
	var d PatientDraft
	patientFields.Read(&x.Faults, old, &d, cells) // address and emergency contact part by part, phones beside theirs
	w.Action = patientUpdate
	p, err := w.alterPatient(x, *old, d)
	if w.Quiet {
		return act.TookKnown, p, err
	}
	return act.TookChange, p, err
}

// importedAs is the patient that a row means, nil for a new one. x has the faults of
// the row's cells; those of its values come together with them.
func (w *Act) importedAs(x act.Edit, d PatientDraft, o PatientImport) (*Patient, error) {
	if d.MRN != nil {
		old, err := w.PatientByMRN(w.Caller.Clinic, w.Caller.Test, text.Fold(*d.MRN))
		if err == nil {
			if err = old.Usable(); err == nil {
				err = x.Err()
			}
			return &old, err
		}
		if fault.KindOf(err) != fault.NotFound {
			return nil, err
		}
	}
	probe, _, err := w.newPatient(x, d)
	if err != nil {
		return nil, err
	}
	found, err := candidatesFor(w, probe)
	if err != nil {
		return nil, err
	}
	same := slices.DeleteFunc(slices.Clone(found), func(m Match) bool {
		return m.Grade != Certain && !recognised(probe, m.Patient)
	})
	probable := slices.ContainsFunc(found, func(m Match) bool { return m.Grade != Possible })
	switch {
	case o.AllowDuplicates && (len(same) == 0 || d.MRN != nil):
		return nil, nil
	case len(same) == 1 && d.MRN == nil:
		return &same[0].Patient, nil
	case len(same) > 0 || probable:
		return nil, fault.BadField("line",
			"May be patient %d, who is on file: give the MRN of that record, or allow duplicates", found[0].Patient.ID)
	}
	return nil, nil
}

// recognised tells a row that is read again: the same whole name with the same
// phone or e-mail, and no other birth date.
func recognised(a, b Patient) bool {
	s := compare(a, b)
	return s.given && s.family && (s.phone || s.email) && (s.birth || a.BirthDate == nil || b.BirthDate == nil)
}

// ExportPatients writes the patients of a query as CSV (act.ExportCSV), without merged
// and restricted records; ImportPatients reads it back. The result is their number.
// Needs patients:export.
func (e *Engine) ExportPatients(ctx context.Context, c act.Caller, q PatientQuery, out io.Writer) (int, error) {
	if err := e.Allow(c, patientListing); err != nil {
		return 0, err
	}
	q.UpdatedSince = nil
	q, filters, err := q.cleaned(c)
	if err != nil {
		return 0, err
	}
	header, cells := patientFields.Written()
	return act.ExportCSV(ctx, e.Room, c, out, act.Export[Reader, Patient]{
		Action: patientListing, Header: header, Cells: cells,
		Rows: func(r Reader, after act.Position, limit int) ([]Patient, error) {
			if err := q.dialled(r); err != nil {
				return nil, err
			}
			return r.Patients(q, after, limit)
		},
		Place: func(p Patient) act.Position { return act.Placed(act.IDText(p.ID), p.Meta) },
		Skips: func(p Patient) bool { return p.Restricted || p.Status == PatientMerged },
		Audit: func(page []Patient) (int64, []string) {
			return 0, act.ListFields(filters, page, func(p Patient) string { return act.IDText(p.ID) })
		},
	})
}
