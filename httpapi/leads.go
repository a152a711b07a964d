package httpapi

import (
	"context"
	"net/http"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
	"qualifybase/engine/scope"
	"qualifybase/httpapi/wire"
)

// Lead is somebody who may become a patient (contract.md §9).
type Lead struct {
	ID         string            `json:"id" format:"uuid"`
	ExternalID *string           `json:"external_id" doc:"The sender's own id; unique with source"`
	Source     string            `json:"source"`
	Name       string            `json:"name"`
	FirstName  string            `json:"first_name"`
	LastName   string            `json:"last_name"`
	Email      *string           `json:"email"`
	Phone      *string           `json:"phone" doc:"As it was typed"`
	Status     people.LeadStatus `json:"status"`
	Notes      string            `json:"notes"`
	Tags       []string          `json:"tags"`
	Metadata   map[string]any    `json:"metadata"`
	Consent    map[string]any    `json:"consent"`
	PatientID  *int64            `json:"patient_id" doc:"Once converted"`
	wire.Meta
}

// Location implements Located.
func (l Lead) Location() string { return "/leads/" + l.ID }

// LeadOf is a lead on the wire.
func LeadOf(l people.Lead) Lead {
	return Lead{
		ID: l.ID, ExternalID: wire.Opt(l.ExternalID), Source: l.Source, Name: l.Name, FirstName: l.FirstName,
		LastName: l.LastName, Email: wire.Opt(l.Email), Phone: wire.Opt(l.Phone), Status: l.Status, Notes: l.Notes,
		Tags: wire.List(l.Tags), Metadata: dict(l.Metadata), Consent: dict(l.Consent), PatientID: wire.Opt(l.PatientID),
		Meta: wire.MetaOf(l.Meta),
	}
}

// savedLead is a lead with the status of its upsert.
type savedLead struct {
	Lead
	created bool
}

func (l savedLead) HTTPStatus() int {
	if l.created {
		return http.StatusCreated
	}
	return http.StatusOK
}

// LeadDraft is an unsaved lead; what is not sent stays as it is.
type LeadDraft struct {
	ExternalID *string            `json:"external_id,omitempty" maxLength:"500"`
	Source     *string            `json:"source,omitempty" maxLength:"500" example:"website"`
	Name       *string            `json:"name,omitempty" maxLength:"100"`
	FirstName  *string            `json:"first_name,omitempty" maxLength:"100"`
	LastName   *string            `json:"last_name,omitempty" maxLength:"100"`
	Email      *string            `json:"email,omitempty" maxLength:"254"`
	Phone      *string            `json:"phone,omitempty" maxLength:"100"`
	Status     *people.LeadStatus `json:"status,omitempty"`
	Notes      *string            `json:"notes,omitempty" maxLength:"4000"`
	Tags       *[]string          `json:"tags,omitempty" maxItems:"50"`
	Metadata   *map[string]any    `json:"metadata,omitempty" doc:"Your own data, at most 16 KiB; replaces what was there"`
	Consent    *map[string]any    `json:"consent,omitempty" doc:"Replaces what was there"`
}

type leadQuery struct {
	wire.Paged
	Status       people.LeadStatus `query:"status"`
	Source       string            `query:"source"`
	Q            string            `query:"q" doc:"The beginning of a name, e-mail address or phone number"`
	UpdatedSince *wire.Instant     `query:"updated_since" doc:"For a sync: walks changes from there on, oldest first"`
}

func (s *Server) leadRows() []Row {
	put := func(ctx context.Context, c act.Caller, in wire.Create[LeadDraft]) (people.LeadPut, error) {
		return s.e.PutLead(ctx, c, people.LeadDraft(in.Body))
	}
	find := func(ctx context.Context, c act.Caller, in leadQuery) (act.List[people.Lead], error) {
		return s.e.Leads(ctx, c, people.LeadQuery{
			Status: in.Status, Source: in.Source, Q: in.Q, UpdatedSince: in.UpdatedSince.Pointer(),
		}, in.Page())
	}
	get := func(ctx context.Context, c act.Caller, in wire.ByID) (people.Lead, error) {
		return s.e.Lead(ctx, c, in.ID)
	}
	update := func(ctx context.Context, c act.Caller, in wire.Update[LeadDraft]) (people.Lead, error) {
		return s.e.UpdateLead(ctx, c, in.ID, in.Version, people.LeadDraft(in.Body))
	}
	remove := func(ctx context.Context, c act.Caller, in wire.MatchID) error {
		_, err := s.e.DeleteLead(ctx, c, in.ID, in.Version)
		return err
	}
	return []Row{
		{Method: "GET", Path: "/leads", Scope: scope.LeadsRead, Tag: "Leads", ID: "listLeads", Summary: "List leads",
			Status: 200, Op: List(find, LeadOf)},
		{Method: "POST", Path: "/leads", Scope: scope.LeadsWrite, Tag: "Leads", ID: "saveLead",
			Summary: "Create or update a lead", Status: 201, Update: true,
			Doc: "Matches a lead by source and external_id, else by e-mail, else by phone and name: 200 where there " +
				"is one, 201 where there was none.\n" +
				"At least one of name, email, phone, external_id.",
			Errors: []fault.Kind{fault.Conflict},
			Example: `{"source":"website","external_id":"form-17","name":"Ada Example","email":"ada@example.org",` +
				`"tags":["implant"],"metadata":{"campaign":"spring"}}`,
			Op: Op(put, func(p people.LeadPut) savedLead { return savedLead{LeadOf(p.Lead), p.Created} })},
		{Method: "GET", Path: "/leads/:id", Scope: scope.LeadsRead, Tag: "Leads", ID: "getLead", Summary: "Get a lead",
			Status: 200, Op: Op(get, LeadOf)},
		{Method: "PATCH", Path: "/leads/:id", Scope: scope.LeadsWrite, Tag: "Leads", ID: "updateLead",
			Summary: "Update a lead", Status: 200,
			Errors: []fault.Kind{fault.Conflict}, Example: `{"status":"qualified"}`, Op: Op(update, LeadOf)},
		{Method: "DELETE", Path: "/leads/:id", Scope: scope.LeadsWrite, Tag: "Leads", ID: "deleteLead",
			Summary: "Delete a lead", Status: 204, Errors: []fault.Kind{fault.Conflict}, Op: Drop(remove)},
	}
}

// dict is an object of a reply: never null.
func dict(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}
