package people

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"qualifybase/engine/act"
	"qualifybase/engine/directory"
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

// PatientReport is what an import did, or would do.
type PatientReport struct {
	Columns   []table.Column
	Rows      int // below the header, empty ones not counted
	Created   int
	Updated   int
	Unchanged int
	Bad       []act.BadLine    // every faulty row, in the order of the file
	Preview   []PatientPreview // the first good rows
	Written   bool             // false after a dry run
}

// PatientPreview is a row and what becomes of it: "create", "update" or "unchanged".
type PatientPreview struct {
	Line    int
	Act     string
	Patient Patient
}

var (
	patientImport  = act.Define("patient.import", scope.PatientsWrite)
	patientListing = act.Define("patient.export_list", scope.PatientsExport)
)

// ImportPatients takes the rows of a CSV file (ReadCSV) in one transaction, each
// seeing those before it: if a row is faulty nothing is written, unless SkipBad.
// A row is the patient who has its MRN; else who is certainly the same, or has the
// same whole name with the same phone or e-mail and no other birth date; else it
// is a new one. A row that is probably somebody on file is faulty, unless
// AllowDuplicates. An update changes what the row has something in; phones are
// added. Reading the same file again changes nothing more. A dry run is the same
// transaction, undone. The error lists the first faulty rows by line; the report,
// which comes with it, lists all. Needs patients:write.
func (e *Engine) ImportPatients(ctx context.Context, c act.Caller, file io.Reader, o PatientImport) (PatientReport,
	error) {
	report := PatientReport{Bad: []act.BadLine{}, Preview: []PatientPreview{}}
	if !c.May(patientImport.Scope) {
		return report, e.Allow(c, patientImport)
	}
	header, rows, err := table.Read(file, 0)
	if err != nil {
		return report, err
	}
	if report.Columns, err = mapPatientColumns(header); err != nil {
		return report, err
	}
	if len(rows) > MaxImportRows {
		return report, table.BadFile("Has more than %d rows: split it", MaxImportRows)
	}
	_, err = act.Do(ctx, e.Room, c, patientImport, func(w *Act) (struct{}, error) {
		if err := report.take(w, rows, o); err != nil {
			return struct{}{}, err
		}
		if len(report.Bad) > 0 && !o.SkipBad && !o.DryRun {
			return struct{}{}, act.RefusedRows(report.Bad, report.Rows)
		}
		if o.DryRun {
			return struct{}{}, act.ErrDryRun
		}
		w.Fields = []string{fmt.Sprintf("created:%d", report.Created), fmt.Sprintf("updated:%d", report.Updated)}
		return struct{}{}, nil
	})
	report.Written = err == nil
	if errors.Is(err, act.ErrDryRun) {
		err = nil
	}
	return report, err
}

// take puts the rows and counts; a faulty row is noted and has no effect.
func (p *PatientReport) take(w *Act, rows []table.Row, o PatientImport) error {
	for _, row := range rows {
		if row.Blank() {
			continue
		}
		p.Rows++
		if row.Fault != "" {
			p.Bad = append(p.Bad, act.BadLine{Line: row.Line, Details: fault.Faults{{Field: "line", Message: row.Fault}}})
			continue
		}
		var f fault.Faults
		cells := patientOfCells(&f, p.Columns, row.Cells)
		if err := p.put(w, row.Line, cells, o, f); err != nil {
			refusal, ok := errors.AsType[*fault.Error](err)
			if !ok || refusal.Kind == fault.Internal || refusal.RetryAfter != 0 {
				return err
			}
			p.Bad = append(p.Bad, act.BadLine{Line: row.Line, Details: refusal.AsFaults()})
		}
	}
	return nil
}

// put puts one row in a savepoint of its own, with its own row in the audit.
func (p *PatientReport) put(w *Act, line int, cells patientCells, o PatientImport, f fault.Faults) error {
	what, row := "create", Patient{}
	err := act.Sub(w.Act, w.e.In, patientCreate, func(own *Act) error {
		old, err := own.importedAs(cells, o, f)
		if err != nil {
			return err
		}
		if old == nil {
			row, own.Fields, err = own.newPatient(cells.alone())
			if err == nil {
				err = own.savePatient(&row, patientCreated)
			}
		} else {
			what, own.Action = "update", patientUpdate
			row, err = own.alterPatient(*old, cells.beside(*old))
			if own.Quiet {
				what = "unchanged"
			}
		}
		own.EntityID, own.PatientID = act.IDText(row.ID), row.ID
		return err
	})
	if err != nil {
		return err
	}
	switch what {
	case "create":
		p.Created++
	case "update":
		p.Updated++
	default:
		p.Unchanged++
	}
	if len(p.Preview) < act.PreviewRows {
		p.Preview = append(p.Preview, PatientPreview{line, what, row})
	}
	return nil
}

// importedAs is the patient that a row means, nil for a new one. All faults of the
// row's values come together, those of f among them.
func (w *Act) importedAs(cells patientCells, o PatientImport, f fault.Faults) (*Patient, error) {
	if cells.MRN != nil {
		old, err := w.PatientByMRN(w.Caller.Clinic, w.Caller.Test, text.Fold(*cells.MRN))
		if err == nil {
			if err = old.Usable(); err == nil {
				err = f.Err()
			}
			return &old, err
		}
		if fault.KindOf(err) != fault.NotFound {
			return nil, err
		}
	}
	probe, _, err := w.newPatient(cells.alone())
	if why, ok := errors.AsType[*fault.Error](err); ok && why.Kind == fault.Invalid {
		f = append(f, why.Details...)
	} else if err != nil {
		return nil, err
	}
	if err := f.Err(); err != nil {
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
	case o.AllowDuplicates && (len(same) == 0 || cells.MRN != nil):
		return nil, nil
	case len(same) == 1 && cells.MRN == nil:
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

// alone is the row as a new patient.
func (r patientCells) alone() PatientDraft { return r.beside(Patient{}) }

// beside is what the row changes of a patient: address and emergency contact part
// by part, and phones that are not there yet.
func (r patientCells) beside(p Patient) PatientDraft {
	d := r.PatientDraft
	if over := overlay(p.Address, r.address); over != p.Address {
		d.Address = &over
	}
	e := p.EmergencyContact
	for at, v := range map[*string]string{&e.Name: r.emergency.Name, &e.Relationship: r.emergency.Relationship,
		&e.Phone: r.emergency.Phone} {
		if v != "" {
			*at = v
		}
	}
	if e != p.EmergencyContact {
		d.EmergencyContact = &e
	}
	if d.Phones != nil && len(p.Phones) > 0 {
		all := slices.Clone(p.Phones)
		for _, sent := range *d.Phones {
			known := slices.ContainsFunc(all, func(x Phone) bool {
				return digitsOf(x.Number) == digitsOf(sent.Number) || x.E164 == sent.Number
			})
			if !known {
				all = append(all, sent)
			}
		}
		d.Phones = &all
	}
	return d
}

// digitsOf is a number as typed, without its decoration.
func digitsOf(number string) string {
	out := []byte{}
	for _, c := range []byte(number) {
		if c >= '0' && c <= '9' || c == '+' {
			out = append(out, c)
		}
	}
	return string(out)
}

func overlay(a, over directory.Address) directory.Address {
	for at, v := range map[*string]string{&a.Line1: over.Line1, &a.Line2: over.Line2, &a.City: over.City,
		&a.Region:     over.Region,
		&a.PostalCode: over.PostalCode, &a.Country: over.Country} {
		if v != "" {
			*at = v
		}
	}
	return a
}

// ExportPatients writes the patients of a query as CSV, page by page, without
// merged and restricted records; ImportPatients reads it back. The result is
// their number. Each page is a row in the audit. Needs patients:export.
func (e *Engine) ExportPatients(ctx context.Context, c act.Caller, q PatientQuery, out io.Writer) (int, error) {
	if err := e.Allow(c, patientListing); err != nil {
		return 0, err
	}
	q.UpdatedSince = nil
	q, filters, err := q.cleaned(c)
	if err != nil {
		return 0, err
	}
	n, broken := 0, error(nil)
	err = table.Write(out, append(slices.Clone(patientFieldNames), patientExtras...), func(yield func([]string) bool) {
		var after act.Position
		for more := true; more; {
			var page []Patient
			page, broken = act.View(ctx, e.Room, func(r Reader) ([]Patient, error) {
				if err := q.dialled(r); err != nil {
					return nil, err
				}
				return r.Patients(q, after, act.ExportPage)
			})
			if broken != nil {
				return
			}
			more = len(page) == act.ExportPage
			if len(page) > 0 {
				after = act.Placed(act.IDText(page[len(page)-1].ID), page[len(page)-1].Meta)
			}
			page = slices.DeleteFunc(page, func(p Patient) bool { return p.Restricted || p.Status == PatientMerged })
			if len(page) > 0 {
				e.AuditRead(c, patientListing, "", 0, act.ListFields(filters, page,
					func(p Patient) string { return act.IDText(p.ID) })...)
			}
			for _, p := range page {
				if n++; !yield(patientRow(p)) {
					return
				}
			}
		}
	})
	if err == nil {
		err = broken
	}
	return n, err
}
