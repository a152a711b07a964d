package record

import (
	"context"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
	"qualifybase/engine/rights"
	"qualifybase/engine/scope"
	"qualifybase/httpapi"
	"qualifybase/httpapi/wire"
)

// PatientExport is everything that is kept about a person (records.md §6).
type PatientExport struct {
	MadeAt        wire.Instant          `json:"made_at"`
	Clinic        string                `json:"clinic"`
	Patient       httpapi.Patient       `json:"patient"`
	Merged        []httpapi.Patient     `json:"merged" doc:"Records that were merged into it, as they were"`
	Merges        []Merge               `json:"merges"`
	Leads         []httpapi.Lead        `json:"leads"`
	Appointments  []httpapi.Appointment `json:"appointments"`
	Consultations []Consultation        `json:"consultations"`
	Notes         []Note                `json:"notes" doc:"Every version"`
	Prescriptions []Prescription        `json:"prescriptions"`
	Accesses      []Access              `json:"accesses" doc:"Who did what with the record, or read it, oldest first"`
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
	At       wire.Instant  `json:"at"`
	Actor    httpapi.Actor `json:"actor"`
	IP       string        `json:"ip"`
	Action   string        `json:"action"`
	Entity   string        `json:"entity"`
	EntityID string        `json:"entity_id"`
	Outcome  act.Outcome   `json:"outcome"`
	Reason   *string       `json:"reason"`
}

// ExportOf is the export of a person, for other faces that show the same.
func ExportOf(x rights.PatientExport) PatientExport {
	return PatientExport{
		MadeAt: wire.Instant(x.MadeAt), Clinic: x.Clinic.Name, Patient: httpapi.PatientOf(x.Patient),
		Merged: wire.Each(x.Merged, httpapi.PatientOf), Leads: wire.Each(x.Leads, httpapi.LeadOf),
		Appointments:  wire.Each(x.Appointments, httpapi.AppointmentOf),
		Consultations: wire.Each(x.Consultations, consultation), Notes: wire.Each(x.Notes, note),
		Prescriptions: wire.Each(x.Prescriptions, prescription),
		Merges: wire.Each(x.Merges, func(m people.Merge) Merge {
			return Merge{m.ID, m.LoserID, m.SurvivorID, wire.Instant(m.MergedAt), m.MergedBy, wire.At(m.UnmergedAt),
				wire.Opt(m.UnmergedBy)}
		}),
		Accesses: wire.Each(x.Accesses, func(a act.AuditEntry) Access {
			return Access{wire.Instant(a.At), httpapi.ActorOf(a), a.IP, a.Action, a.Entity, a.EntityID, a.Outcome,
				wire.Opt(x.Reasons[a.ReasonRef])}
		}),
	}
}

// rightsRows are the rights of the person (records.md §6).
func rightsRows(e *engine.Engine) []httpapi.Row {
	export := func(ctx context.Context, c act.Caller, in wire.ByNumber) (rights.PatientExport, error) {
		return e.ExportPatient(ctx, c, in.ID)
	}
	erase := func(ctx context.Context, c act.Caller, in wire.ByNumber) (people.Patient, error) {
		return e.ErasePatient(ctx, c, in.ID)
	}
	return []httpapi.Row{
		{Method: "GET", Path: "/patients/:id/export", Scope: scope.PatientsExport, Tag: "Patients",
			ID: "exportPatient", Summary: "Everything that is kept about a person", Status: 200,
			Doc: "Also records merged into it, and who opened them.", Errors: []fault.Kind{fault.Conflict},
			Op: httpapi.Op(export, ExportOf)},
		{Method: "POST", Path: "/patients/:id/erase", Scope: scope.PatientsErase, Tag: "Patients", ID: "erasePatient",
			Summary: "Erase a person", Status: 200,
			Doc: "Their leads are deleted, the record is restricted and pseudonymised; signed notes stay. A " +
				"restored backup erases them again.",
			Errors: []fault.Kind{fault.Conflict}, Op: httpapi.Op(erase, httpapi.PatientOf)},
	}
}
