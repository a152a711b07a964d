package rights

import (
	"context"
	"slices"

	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
	"qualifybase/engine/record"
	"qualifybase/engine/scope"
)

// PatientExport is everything that is kept about a person (records.md §6).
type PatientExport struct {
	MadeAt        int64 // UTC seconds
	Clinic        directory.Clinic
	Patient       people.Patient
	Merged        []people.Patient // records that were merged into it, as they were
	Merges        []people.Merge
	Leads         []people.Lead
	Appointments  []booking.Appointment
	Consultations []record.Consultation
	Notes         []record.Note // every version
	Prescriptions []record.Prescription
	Accesses      []act.AuditEntry  // who did what with the record, or read it, oldest first
	Reasons       map[string]string // the reasons that the accesses name, by ref
}

var patientExport = act.Define("patient.export", scope.PatientsExport)

// ExportPatient gathers everything that is kept about a person, also what they
// left as a lead and in records that were merged, and who opened it. Needs
// patients:export.
//
// Errors: NotFound, Conflict (a merged record: its survivor has everything).
func (e *Engine) ExportPatient(ctx context.Context, c act.Caller, id int64) (PatientExport, error) {
	out, err := act.Read(ctx, e.Room, c, patientExport, func(r Reader) (x PatientExport, err error) {
		x.MadeAt = e.Now().Unix()
		if x.Patient, err = r.Patient(c.Clinic, c.Test, id); err != nil {
			return x, err
		}
		if x.Patient.Status == people.PatientMerged {
			return x, x.Patient.Usable()
		}
		if x.Clinic, err = r.Clinic(c.Clinic); err != nil {
			return x, err
		}
		return x, x.gather(r)
	})
	if err == nil {
		e.AuditRead(c, patientExport, act.IDText(id), id)
	}
	return out, err
}

// gather reads what belongs to the person.
func (x *PatientExport) gather(r Reader) error {
	ids, err := people.Below(r, x.Patient.Clinic, x.Patient.ID)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if id != x.Patient.ID {
			p, err := r.Patient(x.Patient.Clinic, x.Patient.Test, id)
			if err != nil {
				return err
			}
			x.Merged = append(x.Merged, p)
		}
		merges, err := r.MergesOf(x.Patient.Clinic, id)
		if err != nil {
			return err
		}
		x.Merges = append(x.Merges, merges...)
	}
	slices.SortFunc(x.Merges, func(a, b people.Merge) int { return int(a.MergedAt - b.MergedAt) })
	x.Merges = slices.CompactFunc(x.Merges, func(a, b people.Merge) bool { return a.ID == b.ID })
	if err := x.gatherRows(r); err != nil {
		return err
	}
	listed := map[string]bool{}
	for _, id := range ids {
		listed["patient/"+act.IDText(id)] = true
	}
	for _, l := range x.Leads {
		listed["lead/"+l.ID] = true
	}
	for _, a := range x.Appointments {
		listed["appointment/"+a.ID] = true
	}
	for _, v := range x.Consultations {
		listed["consultation/"+v.ID] = true
	}
	for _, n := range x.Notes {
		listed["note/"+n.ID] = true
	}
	for _, p := range x.Prescriptions {
		listed["prescription/"+p.ID] = true
	}
	if x.Accesses, err = r.AuditAbout(x.Patient.Clinic, ids, listed); err != nil {
		return err
	}
	x.Reasons, err = r.Reasons(x.Patient.Clinic, ids)
	return err
}

// gatherRows reads the rows that name the patient, and what hangs on them.
func (x *PatientExport) gatherRows(r Reader) error {
	clinic, test := x.Patient.Clinic, x.Patient.Test
	rows, err := r.RowsOfPatient(clinic, x.Patient.ID)
	if err != nil {
		return err
	}
	for _, row := range rows {
		switch row.Table {
		case "leads":
			err = gathered(&x.Leads)(r.Lead(clinic, test, row.ID))
		case "appointments":
			err = gathered(&x.Appointments)(r.Appointment(clinic, test, row.ID))
		case "consultations":
			err = gathered(&x.Consultations)(r.Consultation(clinic, test, row.ID))
		default:
			err = fault.Fail(fault.Internal, "an export leaves out %s", row.Table)
		}
		if err != nil {
			return err
		}
	}
	for _, v := range x.Consultations {
		notes, err := r.Notes(record.NoteQuery{Clinic: clinic, Test: test, ConsultationID: v.ID}, act.Position{}, 0)
		if err != nil {
			return err
		}
		for _, n := range notes {
			versions, err := r.NoteVersions(clinic, test, n.ID)
			if err != nil {
				return err
			}
			x.Notes = append(x.Notes, versions...)
		}
		prescriptions, err := r.Prescriptions(record.PrescriptionQuery{Clinic: clinic, Test: test, ConsultationID: v.ID},
			act.Position{}, 0)
		if err != nil {
			return err
		}
		x.Prescriptions = append(x.Prescriptions, prescriptions...)
	}
	return nil
}

func gathered[T any](into *[]T) func(T, error) error {
	return func(row T, err error) error {
		if err == nil {
			*into = append(*into, row)
		}
		return err
	}
}
