package record

import (
	"context"
	"encoding/json"
	"strings"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/fault"
	"qualifybase/engine/record"
	"qualifybase/engine/scope"
	"qualifybase/httpapi"
	"qualifybase/httpapi/wire"
)

// Prescription is a record of what was prescribed (records.md §1); nothing is
// sent to a pharmacy.
type Prescription struct {
	ID                  string                    `json:"id" format:"uuid"`
	ConsultationID      string                    `json:"consultation_id" format:"uuid"`
	PatientID           int64                     `json:"patient_id"`
	AuthorID            int64                     `json:"author_id" doc:"The provider who prescribes"`
	Medication          string                    `json:"medication"`
	MedicationCode      *string                   `json:"medication_code"`
	Dose                string                    `json:"dose"`
	Route               *string                   `json:"route"`
	Frequency           string                    `json:"frequency"`
	AsNeeded            bool                      `json:"as_needed"`
	StartDate           calendar.Date             `json:"start_date"`
	DurationDays        *int                      `json:"duration_days"`
	EndDate             *calendar.Date            `json:"end_date" doc:"The last day"`
	Quantity            *float64                  `json:"quantity"`
	Unit                *string                   `json:"unit"`
	Refills             int                       `json:"refills"`
	SubstitutionAllowed bool                      `json:"substitution_allowed"`
	Instructions        string                    `json:"instructions"`
	Status              record.PrescriptionStatus `json:"status"`
	StopReason          *string                   `json:"stop_reason"`
	wire.Meta
}

// Location implements Located.
func (p Prescription) Location() string { return "/prescriptions/" + p.ID }

func prescription(p record.Prescription) Prescription {
	out := Prescription{
		ID: p.ID, ConsultationID: p.ConsultationID, PatientID: p.PatientID, AuthorID: p.AuthorID,
		Medication: p.Medication, MedicationCode: wire.Opt(p.MedicationCode), Dose: p.Dose, Route: wire.Opt(p.Route),
		Frequency: p.Frequency, AsNeeded: p.AsNeeded, StartDate: p.StartDate, DurationDays: wire.Opt(p.DurationDays),
		EndDate: p.EndDate, Unit: wire.Opt(p.Unit), Refills: p.Refills, SubstitutionAllowed: p.Substitution,
		Instructions: p.Instructions, Status: p.Status, StopReason: wire.Opt(p.StopReason),
		Meta: wire.MetaOf(p.Meta),
	}
	if v, err := json.Number(p.Quantity).Float64(); err == nil {
		out.Quantity = &v
	}
	return out
}

// PrescriptionDraft is an unsaved prescription. What is issued no longer changes.
type PrescriptionDraft struct {
	Medication          *string                   `json:"medication,omitempty" maxLength:"200" doc:"Required of a new one"`
	MedicationCode      *string                   `json:"medication_code,omitempty" maxLength:"100"`
	Dose                *string                   `json:"dose,omitempty" maxLength:"200" doc:"Required of a new one"`
	Route               *string                   `json:"route,omitempty" maxLength:"100"`
	Frequency           *string                   `json:"frequency,omitempty" maxLength:"200" doc:"Required of a new one"`
	AsNeeded            *bool                     `json:"as_needed,omitempty"`
	StartDate           *calendar.Date            `json:"start_date,omitempty" doc:"Today at the clinic without it"`
	DurationDays        *int                      `json:"duration_days,omitempty" doc:"Or end_date"`
	EndDate             *calendar.Date            `json:"end_date,omitempty" doc:"The last day; or duration_days"`
	Quantity            *float64                  `json:"quantity,omitempty"`
	Unit                *string                   `json:"unit,omitempty" maxLength:"100"`
	Refills             *int                      `json:"refills,omitempty"`
	SubstitutionAllowed *bool                     `json:"substitution_allowed,omitempty" doc:"true without it"`
	Instructions        *string                   `json:"instructions,omitempty" maxLength:"4000"`
	AuthorID            int64                     `json:"author_id,omitempty" doc:"The consultation's provider without it"`
	Status              record.PrescriptionStatus `json:"status,omitempty" doc:"A new one is active, or a draft"`
	StopReason          string                    `json:"stop_reason,omitempty" maxLength:"500" doc:"Required with stopped"`
}

func (b PrescriptionDraft) draft() record.PrescriptionDraft {
	return record.PrescriptionDraft{
		Medication: b.Medication, MedicationCode: b.MedicationCode, Dose: b.Dose, Route: b.Route,
		Frequency: b.Frequency, AsNeeded: b.AsNeeded, StartDate: b.StartDate, DurationDays: b.DurationDays,
		EndDate: b.EndDate, Quantity: b.Quantity, Unit: b.Unit, Refills: b.Refills, Substitution: b.SubstitutionAllowed,
		Instructions: b.Instructions, AuthorID: b.AuthorID, Status: b.Status, StopReason: b.StopReason,
	}
}

// Stopping is the body of a stop.
type Stopping struct {
	Reason string `json:"reason" maxLength:"500"`
}

type prescriptionQuery struct {
	wire.Paged
	ConsultationID string                    `query:"consultation_id"`
	PatientID      int64                     `query:"patient_id" minimum:"1"`
	Status         record.PrescriptionStatus `query:"status"`
}

// printable is a prescription, or the same as a page to print.
type printable struct {
	Prescription
	page []byte
}

func (p printable) Render() (string, []byte) { return "text/html; charset=utf-8", p.page }

func (p printable) ContentSecurityPolicy() []string { return ofSheet }

// getPrescription answers /prescriptions/:id and, by its suffix, the page to print
// at /prescriptions/:id.html: the router has no room for both.
func getPrescription(ctx context.Context, e *engine.Engine, c act.Caller, id string) (printable, error) {
	if id, html := strings.CutSuffix(id, ".html"); html {
		sheet, err := e.PrescriptionSheet(ctx, c, id)
		return printable{page: prescriptionPage(sheet)}, err
	}
	p, err := e.Prescription(ctx, c, id)
	return printable{Prescription: prescription(p)}, err
}

func prescriptionRows(e *engine.Engine) []httpapi.Row {
	find := func(ctx context.Context, c act.Caller, in prescriptionQuery) (act.List[record.Prescription], error) {
		return e.Prescriptions(ctx, c, record.PrescriptionQuery{ConsultationID: in.ConsultationID,
			PatientID: in.PatientID, Status: in.Status}, in.Page())
	}
	findUnder := func(ctx context.Context, c act.Caller,
		in wire.PagedByID) (act.List[record.Prescription], error) {
		return e.Prescriptions(ctx, c, record.PrescriptionQuery{ConsultationID: in.ID}, in.Page())
	}
	get := func(ctx context.Context, c act.Caller, in wire.ByID) (printable, error) {
		return getPrescription(ctx, e, c, in.ID)
	}
	prescribe := func(ctx context.Context, c act.Caller,
		in wire.Action[PrescriptionDraft]) (record.Prescription, error) {
		return e.Prescribe(ctx, c, in.ID, in.Body.draft())
	}
	patch := func(ctx context.Context, c act.Caller,
		in wire.Update[PrescriptionDraft]) (record.Prescription, error) {
		return e.PatchPrescription(ctx, c, in.ID, in.Version, in.Body.draft())
	}
	stop := func(ctx context.Context, c act.Caller, in wire.Action[Stopping]) (record.Prescription, error) {
		return e.StopPrescription(ctx, c, in.ID, in.Body.Reason)
	}
	const read, write = scope.ConsultationsRead, scope.ConsultationsWrite
	conflict := []fault.Kind{fault.NotFound, fault.Conflict, fault.InvalidTransition, fault.ProviderInactive}
	return []httpapi.Row{
		{Method: "GET", Path: "/prescriptions", Scope: read, Tag: "Prescriptions", ID: "listPrescriptions",
			Summary: "List prescriptions", Status: 200, Op: httpapi.List(find, prescription)},
		{Method: "GET", Path: "/consultations/:id/prescriptions", Scope: read, Tag: "Prescriptions",
			ID:      "listConsultationPrescriptions",
			Summary: "List the prescriptions of a consultation", Status: 200, Errors: []fault.Kind{fault.NotFound},
			Op: httpapi.List(findUnder, prescription)},
		{Method: "POST", Path: "/consultations/:id/prescriptions", Scope: write, Tag: "Prescriptions", ID: "prescribe",
			Summary: "Record a prescription", Status: 201,
			Doc: "Under a consultation in progress. Nothing is sent to a pharmacy.", Errors: conflict,
			Example: `{"medication":"Amoxicillin 500 mg","dose":"1 tablet","frequency":"3 times a day",` +
				`"duration_days":7,"quantity":21,"unit":"tablet"}`, Op: httpapi.Op(prescribe, prescription)},
		{Method: "GET", Path: "/prescriptions/:id", Scope: read, Tag: "Prescriptions", ID: "getPrescription",
			Summary: "Get a prescription",
			Doc:     "With the suffix .html it is a page to print.", Status: 200,
			Op: httpapi.AlsoAs("text/html", httpapi.Op(get, wire.Same[printable]))},
		{Method: "PATCH", Path: "/prescriptions/:id", Scope: write, Tag: "Prescriptions", ID: "updatePrescription",
			Summary: "Edit a draft, or move a prescription on", Status: 200,
			Doc:    "Only a draft changes; an issued one moves to completed, stopped or entered_in_error.",
			Errors: conflict, Example: `{"status":"completed"}`, Op: httpapi.Op(patch, prescription)},
		{Method: "POST", Path: "/prescriptions/:id/stop", Scope: write, Tag: "Prescriptions", ID: "stopPrescription",
			Summary: "Stop a prescription", Status: 200,
			Errors: conflict, Example: `{"reason":"Rash"}`, Op: httpapi.Op(stop, prescription)},
	}
}
