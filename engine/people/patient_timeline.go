package people

import (
	"context"

	"qualifybase/engine/act"
	"qualifybase/engine/scope"
)

// TimelineEntry is one thing that happened to a patient, without a clinical word.
type TimelineEntry struct {
	At         int64  // UTC seconds: when it takes place, was signed or made
	Kind       string // appointment, consultation, note, prescription, lead, merge, unmerge
	ID         string // of that thing
	Status     string
	ProviderID int64  // 0 = none
	PatientID  int64  // merges: the other record
	Title      string // appointments
}

// TimelineQuery asks for a patient's timeline: which kinds the caller may see.
type TimelineQuery struct {
	Clinic       int64
	Test         bool
	PatientID    int64
	Appointments bool
	Visits       bool // consultations, notes, prescriptions
	Leads        bool
}

var patientTimeline = act.Define("patient.timeline", scope.PatientsRead)

// PatientTimeline lists what happened to a patient, newest first: appointments,
// consultations, the metadata of notes and prescriptions, leads and merges, each
// for callers who may read that kind. Needs patients:read.
//
// Errors: NotFound, Invalid (limit), InvalidCursor.
func (e *Engine) PatientTimeline(ctx context.Context, c act.Caller, id int64, p act.Page) (act.List[TimelineEntry],
	error) {
	q := TimelineQuery{Clinic: c.Clinic, Test: c.Test, PatientID: id, Appointments: c.May(scope.AppointmentsRead),
		Visits: c.May(scope.ConsultationsRead), Leads: c.May(scope.LeadsRead)}
	list, err := act.Read(ctx, e.Room, c, patientTimeline, func(r Reader) (act.List[TimelineEntry], error) {
		if _, err := r.Patient(c.Clinic, c.Test, id); err != nil {
			return act.List[TimelineEntry]{}, err
		}
		return act.Listing[TimelineEntry]{
			Order: act.Newest, Filter: act.FilterOf("timeline", q),
			Place: func(x TimelineEntry) act.Position { return act.Position{CreatedAt: x.At, ID: x.Kind + ":" + x.ID} },
			Rows:  func(after act.Position, limit int) ([]TimelineEntry, error) { return r.Timeline(q, after, limit) },
		}.Page(p)
	})
	if err == nil {
		e.AuditRead(c, patientTimeline, act.IDText(id), id, act.ListFields(nil, list.Items,
			func(x TimelineEntry) string { return x.ID })...)
	}
	return list, err
}
