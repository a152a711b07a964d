package httpapi

import (
	"context"
	"strconv"

	"qualifybase/engine"
)

// Patient is a person in care (records.md §1).
type Patient struct {
	ID           int64                `json:"id"`
	GivenName    string               `json:"given_name"`
	FamilyName   string               `json:"family_name"`
	BirthDate    *engine.Date         `json:"birth_date"`
	Email        *string              `json:"email"`
	Phones       []engine.Phone       `json:"phones"`
	SourceLeadID *string              `json:"source_lead_id"`
	Status       engine.PatientStatus `json:"status" enum:"active,inactive,merged,deceased"`
	Meta
}

func (p Patient) location() string { return "/patients/" + strconv.FormatInt(p.ID, 10) }

func patient(p engine.Patient) Patient {
	return Patient{p.ID, p.GivenName, p.FamilyName, p.BirthDate, opt(p.Email), list(p.Phones), opt(p.SourceLeadID), p.Status, metaOf(p.Meta)}
}

// PatientDraft is an unsaved patient.
type PatientDraft struct {
	GivenName  *string         `json:"given_name,omitempty" maxLength:"100" doc:"Required of a new one"`
	FamilyName *string         `json:"family_name,omitempty" maxLength:"100" doc:"Required of a new one"`
	BirthDate  *engine.Date    `json:"birth_date,omitempty"`
	Email      *string         `json:"email,omitempty" maxLength:"254"`
	Phones     *[]engine.Phone `json:"phones,omitempty" maxItems:"10"`
}

type patientQuery struct {
	paged
	Q            string   `query:"q" doc:"The beginning of a name (family, given), phone number or e-mail address, or a birth date"`
	Status       string   `query:"status" enum:"active,inactive,merged,deceased"`
	UpdatedSince *Instant `query:"updated_since" doc:"For a sync: walks changes from there on, oldest first"`
}

func (s *Server) patientRows() []Row {
	find := func(ctx context.Context, c engine.Caller, in patientQuery) (engine.List[engine.Patient], error) {
		return s.e.Patients(ctx, c, engine.PatientQuery{Q: in.Q, Status: engine.PatientStatus(in.Status), UpdatedSince: in.UpdatedSince.pointer()}, in.page())
	}
	get := func(ctx context.Context, c engine.Caller, in byN) (engine.Patient, error) {
		return s.e.Patient(ctx, c, in.ID)
	}
	create := func(ctx context.Context, c engine.Caller, in made[PatientDraft]) (engine.Patient, error) {
		return s.e.CreatePatient(ctx, c, engine.PatientDraft(in.Body))
	}
	return []Row{
		{Method: "GET", Path: "/patients", Scope: engine.PatientsRead, Tag: "Patients", ID: "listPatients", Summary: "List and search patients", Status: 200, Op: listing(find, patient)},
		{Method: "POST", Path: "/patients", Scope: engine.PatientsWrite, Tag: "Patients", ID: "createPatient", Summary: "Create a patient", Status: 201,
			Errors: []engine.Kind{engine.Conflict}, Example: `{"given_name":"Ada","family_name":"Example","birth_date":"1980-02-29"}`, Op: op(create, patient)},
		{Method: "GET", Path: "/patients/:id", Scope: engine.PatientsRead, Tag: "Patients", ID: "getPatient", Summary: "Get a patient", Status: 200, Op: op(get, patient)},
	}
}
