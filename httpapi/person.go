package httpapi

import (
	"context"

	"qualifybase/engine"
	"qualifybase/httpapi/wire"
)

// TimelineEntry is one thing that happened to a patient, without a clinical word.
type TimelineEntry struct {
	At         wire.Instant `json:"at" doc:"When it takes place, was signed, or was made"`
	Kind       string       `json:"kind" enum:"appointment,consultation,note,prescription,lead,merge,unmerge"`
	ID         string       `json:"id" doc:"Of that thing"`
	Status     string       `json:"status"`
	ProviderID *int64       `json:"provider_id"`
	PatientID  *int64       `json:"patient_id" doc:"Merges: the other record"`
	Title      *string      `json:"title" doc:"Appointments"`
}

func timelineEntry(x engine.TimelineEntry) TimelineEntry {
	return TimelineEntry{wire.Instant(x.At), x.Kind, x.ID, x.Status, wire.Opt(x.ProviderID), wire.Opt(x.PatientID), wire.Opt(x.Title)}
}

// PatientExport is everything that is kept about a person (records.md §6).
type PatientExport struct {
	MadeAt        wire.Instant   `json:"made_at"`
	Clinic        string         `json:"clinic"`
	Patient       Patient        `json:"patient"`
	Merged        []Patient      `json:"merged" doc:"Records that were merged into it, as they were"`
	Merges        []Merge        `json:"merges"`
	Leads         []Lead         `json:"leads"`
	Appointments  []Appointment  `json:"appointments"`
	Consultations []Consultation `json:"consultations"`
	Notes         []Note         `json:"notes" doc:"Every version"`
	Prescriptions []Prescription `json:"prescriptions"`
	Accesses      []Access       `json:"accesses" doc:"Who did what with the record, or read it, oldest first"`
}

// Merge is the history of one merge.
type Merge struct {
	ID         string        `json:"id" format:"uuid"`
	LoserID    int64         `json:"loser_id"`
	SurvivorID int64         `json:"survivor_id"`
	MergedAt   wire.Instant  `json:"merged_at"`
	MergedBy   string        `json:"merged_by"`
	UnmergedAt *wire.Instant `json:"unmerged_at"`
	UnmergedBy *string       `json:"unmerged_by"`
}

// Access is one act on a person's record or one reading of it.
type Access struct {
	At       wire.Instant   `json:"at"`
	Actor    Actor          `json:"actor"`
	IP       string         `json:"ip"`
	Action   string         `json:"action"`
	Entity   string         `json:"entity"`
	EntityID string         `json:"entity_id"`
	Outcome  engine.Outcome `json:"outcome" enum:"ok,denied,failed"`
	Reason   *string        `json:"reason"`
}

// ExportOf is the export of a person, for other faces that show the same.
func ExportOf(x engine.PatientExport) PatientExport {
	out := PatientExport{
		MadeAt: wire.Instant(x.MadeAt), Clinic: x.Clinic.Name, Patient: patient(x.Patient), Merged: wire.Each(x.Merged, patient), Leads: wire.Each(x.Leads, lead),
		Appointments: wire.Each(x.Appointments, appointment), Consultations: wire.Each(x.Consultations, consultation), Notes: wire.Each(x.Notes, note),
		Prescriptions: wire.Each(x.Prescriptions, prescription),
		Merges: wire.Each(x.Merges, func(m engine.Merge) Merge {
			return Merge{m.ID, m.LoserID, m.SurvivorID, wire.Instant(m.MergedAt), m.MergedBy, wire.At(m.UnmergedAt), wire.Opt(m.UnmergedBy)}
		}),
		Accesses: wire.Each(x.Accesses, func(a engine.AuditEntry) Access {
			return Access{wire.Instant(a.At), Actor{a.ActorKind, a.ActorID, a.ActorLabel}, a.IP, a.Action, a.Entity, a.EntityID, a.Outcome, wire.Opt(x.Reasons[a.ReasonRef])}
		}),
	}
	return out
}

// rightsRows are the rights of the person (records.md §6) and the timeline.
func (s *Server) rightsRows() []Row {
	timeline := func(ctx context.Context, c engine.Caller, in wire.PagedByNumber) (engine.List[engine.TimelineEntry], error) {
		return s.e.PatientTimeline(ctx, c, in.ID, in.Page())
	}
	export := func(ctx context.Context, c engine.Caller, in wire.ByNumber) (engine.PatientExport, error) {
		return s.e.ExportPatient(ctx, c, in.ID)
	}
	erase := func(ctx context.Context, c engine.Caller, in wire.ByNumber) (engine.Patient, error) {
		return s.e.ErasePatient(ctx, c, in.ID)
	}
	const tag = "Patients"
	return []Row{
		{Method: "GET", Path: "/patients/:id/timeline", Scope: engine.PatientsRead, Tag: tag, ID: "getPatientTimeline", Summary: "What happened to a patient",
			Doc: "Newest first. Shows the kinds that the caller may read: appointments, consultations with notes and prescriptions, leads.", Status: 200, Op: List(timeline, timelineEntry)},
		{Method: "GET", Path: "/patients/:id/export", Scope: engine.PatientsExport, Tag: tag, ID: "exportPatient", Summary: "Everything that is kept about a person", Status: 200,
			Doc: "Also records merged into it, and who opened them.", Errors: []engine.Kind{engine.Conflict}, Op: Op(export, ExportOf)},
		{Method: "POST", Path: "/patients/:id/erase", Scope: engine.PatientsErase, Tag: tag, ID: "erasePatient", Summary: "Erase a person", Status: 200,
			Doc:    "Their leads are deleted, the record is restricted and pseudonymised; signed notes stay. A restored backup erases them again.",
			Errors: []engine.Kind{engine.Conflict}, Op: Op(erase, patient)},
	}
}
