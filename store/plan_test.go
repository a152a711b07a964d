package store

import (
	"strings"
	"testing"

	"qualifybase/engine"
	"qualifybase/engine/booking"
	"qualifybase/engine/record"
)

// TestFewRowsAreFoundByTheirOwnIndex: lists of one person, one appointment or one
// consultation never walk the list of the whole clinic.
func TestFewRowsAreFoundByTheirOwnIndex(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	type asked struct {
		name, from string
		w          *where
		by         string
		index      string
	}
	const newest, notesNewest = "created_at DESC, id DESC", "created_at DESC, note_id DESC"
	for _, q := range []asked{
		{"a patient's appointments", "appointments", appointmentsWhere(booking.AppointmentQuery{Clinic: 1, PatientID: 7}),
			newest, "appointments_patient"},
		{"a lead's appointments", "appointments", appointmentsWhere(booking.AppointmentQuery{Clinic: 1, LeadID: "l"}), newest,
			"appointments_lead"},
		{"a patient's consultations", "consultations", consultationsWhere(record.ConsultationQuery{Clinic: 1, PatientID: 7}),
			newest, "consultations_patient"},
		{"a provider's consultations", "consultations",
			consultationsWhere(record.ConsultationQuery{Clinic: 1, ProviderID: 7}), newest, "consultations_provider"},
		{"an appointment's consultations", "consultations",
			consultationsWhere(record.ConsultationQuery{Clinic: 1, AppointmentID: "a"}), newest, "consultations_any"},
		{"a consultation's notes", "notes", notesWhere(record.NoteQuery{Clinic: 1, ConsultationID: "c"}), notesNewest,
			"notes_consultation"},
		{"a patient's notes", "notes", notesWhere(record.NoteQuery{Clinic: 1, PatientID: 7}), notesNewest,
			"notes_consultation"},
		{"a consultation's prescriptions", "prescriptions",
			prescriptionsWhere(record.PrescriptionQuery{Clinic: 1, ConsultationID: "c"}), newest, "prescriptions_consultation"},
		{"a patient's prescriptions", "prescriptions", prescriptionsWhere(record.PrescriptionQuery{Clinic: 1, PatientID: 7}),
			newest, "prescriptions_consultation"},
		{"all notes", "notes", notesWhere(record.NoteQuery{Clinic: 1}), notesNewest, "notes_list"},
	} {
		text := "SELECT * FROM " + q.from + q.w.order(q.by, 50)
		see(t, h.Store, func(r engine.Reader) error {
			var plan []string
			err := r.(*reads).query("EXPLAIN QUERY PLAN "+text, func(row *row) error {
				row.skip()
				row.skip()
				row.skip()
				plan = append(plan, row.text())
				return nil
			}, q.w.args...)
			if got := strings.Join(plan, "; "); err != nil || !strings.Contains(plan[0], " "+q.index+" ") {
				t.Errorf("%s: %s, %v; want %s", q.name, got, err, q.index)
			}
			return nil
		})
	}
}
