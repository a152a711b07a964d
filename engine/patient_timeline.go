package engine

import "context"

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

var patientTimeline = Action{"patient.timeline", PatientsRead}

// PatientTimeline lists what happened to a patient, newest first: appointments,
// consultations, the metadata of notes and prescriptions, leads and merges, each
// for callers who may read that kind. Needs patients:read.
//
// Errors: NotFound, Invalid (limit), InvalidCursor.
func (e *Engine) PatientTimeline(ctx context.Context, c Caller, id int64, p Page) (List[TimelineEntry], error) {
	q := TimelineQuery{Clinic: c.Clinic, Test: c.Test, PatientID: id, Appointments: c.May(AppointmentsRead),
		Visits: c.May(ConsultationsRead), Leads: c.May(LeadsRead)}
	list, err := read(ctx, e, c, patientTimeline, func(r Reader) (List[TimelineEntry], error) {
		if _, err := r.Patient(c.Clinic, c.Test, id); err != nil {
			return List[TimelineEntry]{}, err
		}
		return listing[TimelineEntry]{
			order: Newest, filter: FilterOf("timeline", q),
			place: func(x TimelineEntry) Position { return Position{CreatedAt: x.At, ID: x.Kind + ":" + x.ID} },
			rows:  func(after Position, limit int) ([]TimelineEntry, error) { return r.Timeline(q, after, limit) },
		}.page(p)
	})
	if err == nil {
		e.AuditRead(c, patientTimeline, idText(id), id, listFields(nil, list.Items, func(x TimelineEntry) string { return x.ID })...)
	}
	return list, err
}
