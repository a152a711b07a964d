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

func consultationFactOf(v Consultation) act.Fact {
	return act.Fact{}.Object("consultation", act.Fact{}.
		Text("id", v.ID).
		TextIf("appointment_id", v.AppointmentID).
		Int("patient_id", v.PatientID).
		Int("provider_id", v.ProviderID).
		IntIf("location_id", v.LocationID).
		Text("status", string(v.Status)).
		Text("started_at", calendar.UTC(v.StartedAt)).
		TextIf("ended_at", calendar.UTCOrNot(v.EndedAt)).
		Int("version", v.Version))
}

func noteFactOf(n Note, v Consultation) act.Fact {
	return act.Fact{}.Object("soap_note", act.Fact{}.
		Text("id", n.ID).
		Text("consultation_id", v.ID).
		TextIf("appointment_id", v.AppointmentID).
		Int("patient_id", v.PatientID).
		Int("author_id", n.AuthorID).
		TextIf("addendum_to", n.AddendumTo).
		Text("status", string(n.Status)).
		IntIf("signed_by", n.SignedBy).
		TextIf("signed_at", calendar.UTCOrNot(n.SignedAt)).
		Int("revision", int64(n.N)).
		Int("version", n.Version))
}

func prescriptionFactOf(p Prescription, v Consultation) act.Fact {
	return act.Fact{}.Object("prescription", act.Fact{}.
		Text("id", p.ID).
		Text("consultation_id", v.ID).
		TextIf("appointment_id", v.AppointmentID).
		Int("patient_id", v.PatientID).
		Int("author_id", p.AuthorID).
		Text("status", string(p.Status)).
		Text("created_at", calendar.UTC(p.CreatedAt)).
		Int("version", p.Version))
}
