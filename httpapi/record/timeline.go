package record

import (
	"context"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/people"
	"qualifybase/engine/scope"
	"qualifybase/httpapi"
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

func timelineEntry(x people.TimelineEntry) TimelineEntry {
	return TimelineEntry{wire.Instant(x.At), x.Kind, x.ID, x.Status, wire.Opt(x.ProviderID), wire.Opt(x.PatientID),
		wire.Opt(x.Title)}
}

func timelineRows(e *engine.Engine) []httpapi.Row {
	timeline := func(ctx context.Context, c act.Caller,
		in wire.PagedByNumber) (act.List[people.TimelineEntry], error) {
		return e.PatientTimeline(ctx, c, in.ID, in.Page())
	}
	return []httpapi.Row{
		{Method: "GET", Path: "/patients/:id/timeline", Scope: scope.PatientsRead, Tag: "Patients",
			ID: "getPatientTimeline", Summary: "What happened to a patient", Status: 200,
			Doc: "Newest first. Shows the kinds that the caller may read: appointments, consultations with notes " +
				"and prescriptions, leads.",
			Op: httpapi.List(timeline, timelineEntry)},
	}
}
