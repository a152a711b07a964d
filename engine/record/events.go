package record

import (
	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
)

// The thin facts of the visit (webhooks.md): ids, status and times. What was said,
// found and prescribed never leaves with an event.

// What happens at a visit, as subscribers hear of it.
var (
	consultStarted      = act.Change{"consultation.started"}
	consultEnded        = act.Change{"consultation.ended"}
	noteCreated         = act.Change{"soap_note.created"}
	noteWasSigned       = act.Change{"soap_note.signed"}
	noteWasAmended      = act.Change{"soap_note.amended"}
	prescriptionCreated = act.Change{"prescription.created"}
)

// events are what subscribers may hear of visits.
func events() []act.EventKind {
	visit := Consultation{ID: "0196717c-2e4f-7a61-8d3b-9c5e7f1a2b4d", PatientID: 7, ProviderID: 2, LocationID: 1,
		Status: ConsultationOpen, StartedAt: 1777273200, Meta: act.SampleMeta}
	note := Note{ID: act.SampleID, AuthorID: 2, Status: NoteDrafted, N: 1, Meta: act.SampleMeta}
	prescription := Prescription{ID: act.SampleID, Status: PrescriptionActive, Meta: act.SampleMeta}
	return []act.EventKind{
		{Changes: []act.Change{consultStarted, consultEnded}, Sample: consultationFactOf(visit)},
		{Changes: []act.Change{noteCreated, noteWasSigned, noteWasAmended}, Sample: noteFactOf(note, visit)},
		{Changes: []act.Change{prescriptionCreated}, Sample: prescriptionFactOf(prescription, visit)},
	}
}

type consultationFact struct {
	Consultation consultationThin `json:"consultation"`
}

type consultationThin struct {
	ID            string             `json:"id"`
	AppointmentID string             `json:"appointment_id,omitempty"`
	PatientID     int64              `json:"patient_id"`
	ProviderID    int64              `json:"provider_id"`
	LocationID    int64              `json:"location_id,omitempty"`
	Status        ConsultationStatus `json:"status"`
	StartedAt     string             `json:"started_at"`
	EndedAt       string             `json:"ended_at,omitempty"`
	Version       int64              `json:"version"`
}

func consultationFactOf(v Consultation) consultationFact {
	return consultationFact{consultationThin{
		ID: v.ID, AppointmentID: v.AppointmentID, PatientID: v.PatientID, ProviderID: v.ProviderID,
		LocationID: v.LocationID, Status: v.Status, StartedAt: calendar.UTC(v.StartedAt),
		EndedAt: calendar.UTCOrNot(v.EndedAt), Version: v.Version,
	}}
}

type noteFact struct {
	Note noteThin `json:"soap_note"`
}

type noteThin struct {
	ID             string     `json:"id"`
	ConsultationID string     `json:"consultation_id"`
	AppointmentID  string     `json:"appointment_id,omitempty"`
	PatientID      int64      `json:"patient_id"`
	AuthorID       int64      `json:"author_id"`
	AddendumTo     string     `json:"addendum_to,omitempty"`
	Status         NoteStatus `json:"status"`
	SignedBy       int64      `json:"signed_by,omitempty"`
	SignedAt       string     `json:"signed_at,omitempty"`
	Revision       int        `json:"revision"`
	Version        int64      `json:"version"`
}

func noteFactOf(n Note, v Consultation) noteFact {
	return noteFact{noteThin{
		ID: n.ID, ConsultationID: v.ID, AppointmentID: v.AppointmentID, PatientID: v.PatientID, AuthorID: n.AuthorID,
		AddendumTo: n.AddendumTo, Status: n.Status, SignedBy: n.SignedBy, SignedAt: calendar.UTCOrNot(n.SignedAt),
		Revision: n.N, Version: n.Version,
	}}
}

type prescriptionFact struct {
	Prescription prescriptionThin `json:"prescription"`
}

type prescriptionThin struct {
	ID             string             `json:"id"`
	ConsultationID string             `json:"consultation_id"`
	AppointmentID  string             `json:"appointment_id,omitempty"`
	PatientID      int64              `json:"patient_id"`
	AuthorID       int64              `json:"author_id"`
	Status         PrescriptionStatus `json:"status"`
	CreatedAt      string             `json:"created_at"`
	Version        int64              `json:"version"`
}

func prescriptionFactOf(p Prescription, v Consultation) prescriptionFact {
	return prescriptionFact{prescriptionThin{
		ID: p.ID, ConsultationID: v.ID, AppointmentID: v.AppointmentID, PatientID: v.PatientID, AuthorID: p.AuthorID,
		Status: p.Status, CreatedAt: calendar.UTC(p.CreatedAt), Version: p.Version,
	}}
}
