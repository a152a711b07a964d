package store

import (
	"strings"

	"qualifybase/engine/act"
	"qualifybase/engine/people"
)

// The arms of a timeline: at, "kind:id", status, provider, other patient, title.
// The current version of a note is the one that nothing supersedes.
const (
	timelineAppointments = `SELECT starts_at AS at, 'appointment:' || id AS k, status, provider_id, 0, title
		FROM appointments WHERE patient_id = ? AND clinic = ? AND test = ?`
	timelineConsultations = `SELECT started_at, 'consultation:' || id, status, provider_id, 0, ''
		FROM consultations WHERE patient_id = ? AND clinic = ? AND test = ?`
	timelineNotes = `SELECT coalesce(n.signed_at, n.created_at), 'note:' || n.note_id, n.status, n.author_id, 0, ''
		FROM consultations c JOIN notes n ON n.consultation_id = c.id WHERE c.patient_id = ? AND c.clinic = ? AND c.test = ?
		AND NOT EXISTS (SELECT 1 FROM notes x WHERE x.supersedes = n.id)`
	timelinePrescriptions = `SELECT p.created_at, 'prescription:' || p.id, p.status, p.author_id, 0, ''
		FROM consultations c JOIN prescriptions p ON p.consultation_id = c.id
		WHERE c.patient_id = ? AND c.clinic = ? AND c.test = ?`
	timelineLeads = `SELECT created_at, 'lead:' || id, status, 0, 0, ''
		FROM leads WHERE patient_id = ? AND clinic = ? AND test = ?`
	timelineMerged = `SELECT merged_at, 'merge:' || id, 'merged', 0, survivor_id, ''
		FROM merges WHERE loser_id = ? AND clinic = ? AND test = ?`
	timelineSurvived = `SELECT merged_at, 'merge:' || id, 'survived', 0, loser_id, ''
		FROM merges WHERE survivor_id = ? AND clinic = ? AND test = ?`
	timelineUnmerged = `SELECT unmerged_at, 'unmerge:' || id, 'restored', 0, survivor_id, '' FROM merges
		WHERE loser_id = ? AND clinic = ? AND test = ? AND unmerged_at IS NOT NULL`
	timelineParted = `SELECT unmerged_at, 'unmerge:' || id, 'parted', 0, loser_id, '' FROM merges
		WHERE survivor_id = ? AND clinic = ? AND test = ? AND unmerged_at IS NOT NULL`
)

// Timeline implements engine.Reader.
func (r *reads) Timeline(q people.TimelineQuery, after act.Position, limit int) ([]people.TimelineEntry, error) {
	arms := []string{timelineMerged, timelineSurvived, timelineUnmerged, timelineParted}
	if q.Appointments {
		arms = append(arms, timelineAppointments)
	}
	if q.Visits {
		arms = append(arms, timelineConsultations, timelineNotes, timelinePrescriptions)
	}
	if q.Leads {
		arms = append(arms, timelineLeads)
	}
	// The first arm names the columns.
	text := "SELECT * FROM (SELECT 0 AS at, '' AS k, '' AS status, 0 AS provider, 0 AS other, '' AS title WHERE 0 " +
		"UNION ALL " +
		strings.Join(arms, " UNION ALL ") + ")"
	var args []any
	for range arms {
		args = append(args, q.PatientID, q.Clinic, q.Test)
	}
	if after != (act.Position{}) {
		text += " WHERE (at, k) < (?, ?)"
		args = append(args, after.CreatedAt, after.ID)
	}
	text += " ORDER BY at DESC, k DESC LIMIT ?"
	return list(r, func(row *row) people.TimelineEntry {
		x := people.TimelineEntry{At: row.int()}
		x.Kind, x.ID, _ = strings.Cut(row.text(), ":")
		x.Status, x.ProviderID, x.PatientID, x.Title = row.text(), row.int(), row.int(), row.text()
		return x
	}, text, append(args, limit)...)
}
