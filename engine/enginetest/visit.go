package enginetest

import (
	"testing"

	"qualifybase/engine/booking"
	"qualifybase/engine/people"
	"qualifybase/engine/record"
)

// Visit is the standard clinic at 09:00 with Ida booked at Ada's for then.
type Visit struct {
	*Clinic
	Ida  people.Patient
	Appt booking.Appointment
}

// NewVisit makes it.
func NewVisit(t testing.TB) *Visit {
	t.Helper()
	c := New(t)
	v := &Visit{Clinic: c, Ida: c.Patient(t, c.Caller, "Ida", "Lind")}
	v.Appt = v.Booked(t, "2026-04-27 09:00", v.Ida.ID)
	c.Clock.Set(At("2026-04-27 09:00"))
	c.Since(t)
	return v
}

// Booked books a check-up with Ada for a patient, at a time of Berlin.
func (v *Visit) Booked(t testing.TB, at string, patient int64) booking.Appointment {
	t.Helper()
	a, err := v.Engine.Book(t.Context(), v.Caller, booking.Booking{
		StartsAt: Unix(at), ProviderID: v.Ada.ID, ServiceID: v.Checkup.ID, PatientID: patient})
	Must(t, err)
	return a
}

// Begun starts the consultation of the visit's appointment.
func (v *Visit) Begun(t testing.TB) record.Consultation {
	t.Helper()
	got, err := v.Engine.StartConsultation(t.Context(), v.Caller,
		record.ConsultationDraft{AppointmentID: v.Appt.ID, Reason: "cough"})
	Must(t, err)
	v.Since(t)
	return got
}

// Written puts a draft under a consultation.
func (v *Visit) Written(t testing.TB, consultation string) record.Note {
	t.Helper()
	n, err := v.Engine.WriteNote(t.Context(), v.Caller, consultation, record.NoteDraft{
		Subjective: new("cough since Friday"), Assessment: new("bronchitis"), Plan: new("rest"),
		Codes:  &[]record.Code{{System: "http://hl7.org/fhir/sid/icd-10", Code: "J20.9", Display: "Acute bronchitis"}},
		Vitals: &[]record.Vital{{Code: "body_temperature", Value: 38.4, Unit: "Cel"}},
	})
	Must(t, err)
	v.Since(t)
	return n
}

// Signed puts a note under a consultation and signs it.
func (v *Visit) Signed(t testing.TB, consultation string) record.Note {
	t.Helper()
	n, err := v.Engine.SignNote(t.Context(), v.Caller, v.Written(t, consultation).ID, nil)
	Must(t, err)
	v.Since(t)
	return n
}
