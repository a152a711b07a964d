package httpapi

import (
	"context"
	"strconv"

	"qualifybase/engine/act"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/httpapi/wire"
)

// Provider is who sees patients (records.md §1).
type Provider struct {
	ID             int64   `json:"id"`
	DisplayName    string  `json:"display_name"`
	Credentials    string  `json:"credentials"`
	Specialty      string  `json:"specialty"`
	RegistrationNo string  `json:"registration_no"`
	Email          *string `json:"email"`
	Phone          *string `json:"phone"`
	Active         bool    `json:"active"`
	BookableOnline bool    `json:"bookable_online" doc:"Else only callers with appointments:override book"`
	Colour         string  `json:"colour"`
	Weight         int     `json:"weight" doc:"Share of the work in assignment; 100 is one full share"`
	Priority       int     `json:"priority" doc:"The lower goes first in assignment"`
	BufferBefore   int     `json:"buffer_before" doc:"Minutes; the larger of service and provider counts"`
	BufferAfter    int     `json:"buffer_after" doc:"Minutes"`
	DailyCap       int     `json:"daily_cap" doc:"Appointments a day; 0 = no limit"`
	LocationIDs    []int64 `json:"location_ids" doc:"In the order of preference"`
	ServiceIDs     []int64 `json:"service_ids"`
	wire.Meta
}

// Location implements Located.
func (p Provider) Location() string { return "/providers/" + strconv.FormatInt(p.ID, 10) }

func provider(p directory.Provider) Provider {
	return Provider{
		ID: p.ID, DisplayName: p.DisplayName, Credentials: p.Credentials, Specialty: p.Specialty,
		RegistrationNo: p.RegistrationNo, Email: wire.Opt(p.Email), Phone: wire.Opt(p.Phone), Active: p.Active,
		BookableOnline: p.BookableOnline, Colour: p.Colour, Weight: p.Weight, Priority: p.Priority,
		BufferBefore: p.BufferBefore, BufferAfter: p.BufferAfter, DailyCap: p.DailyCap,
		LocationIDs: wire.List(p.LocationIDs), ServiceIDs: wire.List(p.ServiceIDs), Meta: wire.MetaOf(p.Meta),
	}
}

// ProviderDraft is an unsaved provider; what is not sent stays as it is.
type ProviderDraft struct {
	DisplayName    *string  `json:"display_name,omitempty" maxLength:"100" doc:"Required of a new one"`
	Credentials    *string  `json:"credentials,omitempty" maxLength:"100"`
	Specialty      *string  `json:"specialty,omitempty" maxLength:"100"`
	RegistrationNo *string  `json:"registration_no,omitempty" maxLength:"100"`
	Email          *string  `json:"email,omitempty" maxLength:"254"`
	Phone          *string  `json:"phone,omitempty" maxLength:"100"`
	Active         *bool    `json:"active,omitempty"`
	BookableOnline *bool    `json:"bookable_online,omitempty"`
	Colour         *string  `json:"colour,omitempty" example:"#0b6b61"`
	Weight         *int     `json:"weight,omitempty"`
	Priority       *int     `json:"priority,omitempty"`
	BufferBefore   *int     `json:"buffer_before,omitempty"`
	BufferAfter    *int     `json:"buffer_after,omitempty"`
	DailyCap       *int     `json:"daily_cap,omitempty"`
	LocationIDs    *[]int64 `json:"location_ids,omitempty"`
	ServiceIDs     *[]int64 `json:"service_ids,omitempty"`
}

// shelf is the five routes that providers, locations and services have in common.
type shelf[E, D, W any] struct {
	path, tag, one string // "/providers", "Providers", "Provider"
	example        string
	wire           func(E) W
	find           func(context.Context, act.Caller, act.Page) (act.List[E], error)
	get            func(context.Context, act.Caller, int64) (E, error)
	create         func(context.Context, act.Caller, D) (E, error)
	update         func(context.Context, act.Caller, int64, *int64, D) (E, error)
	remove         func(context.Context, act.Caller, int64) error
}

// rows makes the five; B is the wire draft, draft converts it.
func rows[E, D, W, B any](s shelf[E, D, W], draft func(B) D) []Row {
	const read, write = scope.ProvidersRead, scope.ProvidersWrite
	noun := noun(s.tag)
	conflict := []fault.Kind{fault.Conflict, fault.NotFound}
	return []Row{
		{Method: "GET", Path: s.path, Scope: read, Tag: s.tag, ID: "list" + s.tag, Summary: "List " + noun + "s",
			Status: 200, Op: List(func(ctx context.Context, c act.Caller, in wire.Paged) (act.List[E], error) {
				return s.find(ctx, c, in.Page())
			}, s.wire)},
		{Method: "POST", Path: s.path, Scope: write, Tag: s.tag, ID: "create" + s.one, Summary: "Create a " + noun,
			Status: 201, Errors: conflict, Example: s.example,
			Op: Op(func(ctx context.Context, c act.Caller, in wire.Create[B]) (E, error) {
				return s.create(ctx, c, draft(in.Body))
			}, s.wire)},
		{Method: "GET", Path: s.path + "/:id", Scope: read, Tag: s.tag, ID: "get" + s.one, Summary: "Get a " + noun,
			Status: 200,
			Op: Op(func(ctx context.Context, c act.Caller, in wire.ByNumber) (E, error) {
				return s.get(ctx, c, in.ID)
			}, s.wire)},
		{Method: "PATCH", Path: s.path + "/:id", Scope: write, Tag: s.tag, ID: "update" + s.one, Summary: "Update a " +
			noun, Status: 200, Errors: conflict,
			Op: Op(func(ctx context.Context, c act.Caller, in wire.UpdateNumber[B]) (E, error) {
				return s.update(ctx, c, in.ID, in.Version, draft(in.Body))
			}, s.wire)},
		{Method: "DELETE", Path: s.path + "/:id", Scope: write, Tag: s.tag, ID: "delete" + s.one,
			Summary: "Deactivate a " + noun, Status: 204, Errors: conflict,
			Doc: "Deactivates it: it is offered and booked no more, and what refers to it stays. PATCH with " +
				"`active: true` brings it back.",
			Op: Drop(func(ctx context.Context, c act.Caller, in wire.ByNumber) error {
				return s.remove(ctx, c, in.ID)
			})},
	}
}

func (s *Server) providerRows() []Row {
	e := s.e
	return rows(shelf[directory.Provider, directory.ProviderDraft, Provider]{
		path: "/providers", tag: "Providers", one: "Provider", wire: provider,
		example: `{"display_name":"Dr. Ada Example","location_ids":[1]}`, find: e.Providers, get: e.Provider,
		create: e.CreateProvider, update: e.UpdateProvider, remove: e.DeleteProvider,
	}, func(d ProviderDraft) directory.ProviderDraft { return directory.ProviderDraft(d) })
}
