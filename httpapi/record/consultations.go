package record

import (
	"context"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/record"
	"qualifybase/engine/scope"
	"qualifybase/httpapi"
	"qualifybase/httpapi/wire"
)

// Consultation is a visit as the clinician keeps it (records.md §1).
type Consultation struct {
	ID            string                    `json:"id" format:"uuid"`
	AppointmentID *string                   `json:"appointment_id"`
	PatientID     int64                     `json:"patient_id"`
	ProviderID    int64                     `json:"provider_id"`
	LocationID    *int64                    `json:"location_id"`
	Mode          record.Mode               `json:"mode"`
	Reason        string                    `json:"reason" doc:"Why the patient came"`
	Status        record.ConsultationStatus `json:"status"`
	StartedAt     wire.Instant              `json:"started_at"`
	EndedAt       *wire.Instant             `json:"ended_at"`
	wire.Meta
}

// Location implements Located.
func (v Consultation) Location() string { return "/consultations/" + v.ID }

func consultation(v record.Consultation) Consultation {
	return Consultation{
		ID: v.ID, AppointmentID: wire.Opt(v.AppointmentID), PatientID: v.PatientID, ProviderID: v.ProviderID,
		LocationID: wire.Opt(v.LocationID), Mode: v.Mode, Reason: v.Reason, Status: v.Status,
		StartedAt: wire.Instant(v.StartedAt), EndedAt: wire.At(v.EndedAt), Meta: wire.MetaOf(v.Meta),
	}
}

// ConsultationDraft opens a consultation. An appointment brings patient, provider
// and location along.
type ConsultationDraft struct {
	AppointmentID string        `json:"appointment_id,omitempty"`
	PatientID     int64         `json:"patient_id,omitempty" doc:"Required without an appointment"`
	ProviderID    int64         `json:"provider_id,omitempty" doc:"Required without an appointment"`
	LocationID    int64         `json:"location_id,omitempty"`
	Mode          record.Mode   `json:"mode,omitempty"`
	Reason        string        `json:"reason,omitempty" maxLength:"500"`
	StartedAt     *wire.Instant `json:"started_at,omitempty" doc:"Now without it; never in the future"`
}

// ConsultationPatch changes a consultation in progress, or its status.
type ConsultationPatch struct {
	LocationID   *int64                     `json:"location_id,omitempty" doc:"0 = none"`
	Mode         *record.Mode               `json:"mode,omitempty"`
	Reason       *string                    `json:"reason,omitempty" maxLength:"500"`
	Status       *record.ConsultationStatus `json:"status,omitempty"`
	StatusReason *string                    `json:"status_reason,omitempty" maxLength:"500" doc:"Required with entered_in_error"`
}

type consultationQuery struct {
	wire.Paged
	AppointmentID string                    `query:"appointment_id"`
	PatientID     int64                     `query:"patient_id" minimum:"1"`
	ProviderID    int64                     `query:"provider_id" minimum:"1"`
	Status        record.ConsultationStatus `query:"status"`
	From          *wire.Instant             `query:"from" doc:"Started at or after"`
	To            *wire.Instant             `query:"to" doc:"Started before"`
}

func consultationRows(e *engine.Engine) []httpapi.Row {
	find := func(ctx context.Context, c act.Caller, in consultationQuery) (act.List[record.Consultation], error) {
		return e.Consultations(ctx, c, record.ConsultationQuery{
			AppointmentID: in.AppointmentID, PatientID: in.PatientID, ProviderID: in.ProviderID,
			Status: in.Status, From: in.From.Seconds(), To: in.To.Seconds(),
		}, in.Page())
	}
	get := func(ctx context.Context, c act.Caller, in wire.ByID) (record.Consultation, error) {
		return e.Consultation(ctx, c, in.ID)
	}
	start := func(ctx context.Context, c act.Caller,
		in wire.Create[ConsultationDraft]) (record.Consultation, error) {
		b := in.Body
		return e.StartConsultation(ctx, c, record.ConsultationDraft{
			AppointmentID: b.AppointmentID, PatientID: b.PatientID, ProviderID: b.ProviderID, LocationID: b.LocationID,
			Mode: b.Mode, Reason: b.Reason, StartedAt: b.StartedAt.Seconds(),
		})
	}
	patch := func(ctx context.Context, c act.Caller,
		in wire.Update[ConsultationPatch]) (record.Consultation, error) {
		b := in.Body
		return e.PatchConsultation(ctx, c, in.ID, record.ConsultationPatch{
			Version: in.Version, LocationID: b.LocationID, Mode: b.Mode, Reason: b.Reason, Status: b.Status,
			StatusReason: b.StatusReason,
		})
	}
	end := func(ctx context.Context, c act.Caller, in wire.ByID) (record.Consultation, error) {
		return e.EndConsultation(ctx, c, in.ID)
	}
	const read, write = scope.ConsultationsRead, scope.ConsultationsWrite
	conflict := []fault.Kind{fault.Conflict, fault.InvalidTransition}
	return []httpapi.Row{
		{Method: "GET", Path: "/consultations", Scope: read, Tag: "Consultations", ID: "listConsultations",
			Summary: "List consultations", Status: 200, Op: httpapi.List(find, consultation)},
		{Method: "POST", Path: "/consultations", Scope: write, Tag: "Consultations", ID: "startConsultation",
			Summary: "Start a consultation", Status: 201,
			Doc: "Of an appointment, from 30 minutes before its start, or of a patient without one. A lead must " +
				"be converted first.",
			Errors:  append([]fault.Kind{fault.NotFound, fault.ProviderInactive}, conflict...),
			Example: `{"patient_id":1,"provider_id":2,"reason":"Cough"}`, Op: httpapi.Op(start, consultation)},
		{Method: "GET", Path: "/consultations/:id", Scope: read, Tag: "Consultations", ID: "getConsultation",
			Summary: "Get a consultation", Status: 200, Op: httpapi.Op(get, consultation)},
		{Method: "PATCH", Path: "/consultations/:id", Scope: write, Tag: "Consultations", ID: "updateConsultation",
			Summary: "Update a consultation", Status: 200,
			Doc:    "One that has ended can only be marked as entered in error.",
			Errors: conflict, Example: `{"reason":"Cough, fever"}`, Op: httpapi.Op(patch, consultation)},
		{Method: "POST", Path: "/consultations/:id/end", Scope: write, Tag: "Consultations", ID: "endConsultation",
			Summary: "End a consultation", Status: 200,
			Doc: "Completes its appointment in the same transaction.", Errors: conflict,
			Op: httpapi.Op(end, consultation)},
	}
}
