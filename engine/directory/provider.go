package directory

import (
	"context"
	"slices"
	"strings"

	"qualifybase/engine/act"
	"qualifybase/engine/scope"
	"qualifybase/engine/text"
)

// Provider is who sees patients (FHIR Practitioner): one booking at a time.
type Provider struct {
	ID             int64
	Clinic         int64
	DisplayName    string
	Credentials    string
	Specialty      string
	RegistrationNo string
	Email          string
	Phone          string
	Active         bool
	BookableOnline bool // else only callers with appointments:override book
	Colour         string
	Weight         int // share of the work in assignment, 100 = one full share
	Priority       int // lower goes first in assignment
	BufferBefore   int // minutes; the larger of service and provider wins per side
	BufferAfter    int
	DailyCap       int     // live appointments by local start date; 0 = none
	AssignedAt     int64   // last automatic assignment
	LocationIDs    []int64 // in order of preference
	ServiceIDs     []int64 // the services that name this provider
	act.Meta
}

// ProviderDraft is an unsaved provider: nil is "not sent".
type ProviderDraft struct {
	DisplayName    *string
	Credentials    *string
	Specialty      *string
	RegistrationNo *string
	Email          *string
	Phone          *string
	Active         *bool
	BookableOnline *bool
	Colour         *string
	Weight         *int
	Priority       *int
	BufferBefore   *int
	BufferAfter    *int
	DailyCap       *int
	LocationIDs    *[]int64
	ServiceIDs     *[]int64
}

// Limits of a provider, besides those of text and the booking rules.
const (
	MaxWeight   = 10_000
	MaxPriority = 1_000 // also below zero
)

var (
	providerRead   = act.Define("provider.read", scope.ProvidersRead)
	providerCreate = act.Define("provider.create", scope.ProvidersWrite)
	providerUpdate = act.Define("provider.update", scope.ProvidersWrite)
	providerDelete = act.Define("provider.delete", scope.ProvidersWrite)
)

// newProvider is a provider before the first field is known.
func newProvider(clinic int64) Provider {
	return Provider{Clinic: clinic, Active: true, BookableOnline: true, Weight: 100}
}

// CreateProvider adds a provider. Without location_ids they work at the clinic's
// oldest active location of kind clinic, and the row says so.
//
// Errors: Invalid (every fault at once), Conflict (see serve).
func (e *Engine) CreateProvider(ctx context.Context, c act.Caller, d ProviderDraft) (Provider, error) {
	return manage(ctx, e, c, providerCreate, func(w *Act, plan *Plan) (Provider, error) {
		row := newProvider(c.Clinic)
		if d.LocationIDs == nil {
			if first := plan.firstClinic(); first != nil {
				d.LocationIDs = &[]int64{first.ID}
			}
		}
		x := act.Edit{HomeCountry: plan.Clinic.Country}
		providerFields.Apply(&x, &row, &providerEdit{d, plan})
		if _, err := w.Finish(&x, &row.Meta, 0); err != nil {
			return Provider{}, err
		}
		row.ServiceIDs = nil // written below, from the services' side
		if err := w.InsertProvider(&row); err != nil {
			return Provider{}, err
		}
		w.EntityID = act.IDText(row.ID)
		err := w.serve(plan, &row, d.ServiceIDs)
		return row, err
	})
}

// firstClinic is the oldest active location that is a clinic; nil = none.
func (p *Plan) firstClinic() *Location {
	for _, l := range p.Locations {
		if l.Kind == AtClinic && l.Active {
			return l
		}
	}
	return nil
}

// UpdateProvider changes the fields that were sent; version is If-Match. A
// provider who is deactivated keeps the appointments they have: they stay in the
// calendar and can be moved to somebody else, one by one.
//
// Errors: NotFound, PreconditionFailed, Invalid, Conflict (see serve).
func (e *Engine) UpdateProvider(ctx context.Context, c act.Caller, id int64, version *int64, d ProviderDraft) (Provider,
	error) {
	return manage(ctx, e, c, providerUpdate, func(w *Act, plan *Plan) (Provider, error) {
		w.EntityID = act.IDText(id)
		row, err := w.Provider(c.Clinic, id)
		if err != nil {
			return Provider{}, err
		}
		if err := act.CheckVersion(version, row.Version); err != nil {
			return Provider{}, err
		}
		x := act.Edit{HomeCountry: plan.Clinic.Country}
		providerFields.Apply(&x, &row, &providerEdit{d, plan})
		if write, err := w.Finish(&x, &row.Meta, id); err != nil || !write {
			return row, err
		}
		if err := w.UpdateProvider(row); err != nil {
			return Provider{}, err
		}
		err = w.serve(plan, &row, d.ServiceIDs)
		return row, err
	})
}

// DeleteProvider deactivates: nobody can book the provider any more, while past
// and future appointments keep whom they name. Deleting twice changes nothing.
func (e *Engine) DeleteProvider(ctx context.Context, c act.Caller, id int64) error {
	return retire(ctx, e, c, providerDelete, id, (*Act).Provider, (*Act).UpdateProvider,
		func(row *Provider) (*bool, *act.Meta) { return &row.Active, &row.Meta })
}

// Provider finds one, active or not.
func (e *Engine) Provider(ctx context.Context, c act.Caller, id int64) (Provider, error) {
	return act.Read(ctx, e.Room, c, providerRead, func(r Reader) (Provider, error) { return r.Provider(c.Clinic, id) })
}

// Providers lists who sees patients, active or not, newest first.
//
// Errors: Invalid (limit), InvalidCursor.
func (e *Engine) Providers(ctx context.Context, c act.Caller, p act.Page) (act.List[Provider], error) {
	return pageOf(ctx, e, c, providerRead, "providers", p,
		func(r Reader, after act.Position, limit int) ([]Provider, error) {
			return r.Providers(c.Clinic, after, limit)
		},
		func(x Provider) act.Position { return act.Position{CreatedAt: x.CreatedAt, ID: act.IDText(x.ID)} })
}

// providerEdit is a draft with the directory that its ids are looked up in.
type providerEdit struct {
	ProviderDraft
	plan *Plan
}

var providerFields = act.Fields[Provider, providerEdit]{
	act.FieldOf("display_name", act.Required(text.MaxName),
		func(p *Provider, d *providerEdit) (*string, **string) { return &p.DisplayName, &d.DisplayName }),
	act.FieldOf("credentials", act.Line(text.MaxName),
		func(p *Provider, d *providerEdit) (*string, **string) { return &p.Credentials, &d.Credentials }),
	act.FieldOf("specialty", act.Line(text.MaxName),
		func(p *Provider, d *providerEdit) (*string, **string) { return &p.Specialty, &d.Specialty }),
	act.FieldOf("registration_no", act.Line(text.MaxName),
		func(p *Provider, d *providerEdit) (*string, **string) { return &p.RegistrationNo, &d.RegistrationNo }),
	act.FieldOf("email", act.Email(),
		func(p *Provider, d *providerEdit) (*string, **string) { return &p.Email, &d.Email }),
	act.FieldOf("phone", act.Phone(),
		func(p *Provider, d *providerEdit) (*string, **string) { return &p.Phone, &d.Phone }),
	act.FieldOf("active", act.Flag(),
		func(p *Provider, d *providerEdit) (*bool, **bool) { return &p.Active, &d.Active }),
	act.FieldOf("bookable_online", act.Flag(),
		func(p *Provider, d *providerEdit) (*bool, **bool) { return &p.BookableOnline, &d.BookableOnline }),
	act.FieldOf("colour", act.Cleaned(cleanColour),
		func(p *Provider, d *providerEdit) (*string, **string) { return &p.Colour, &d.Colour }),
	act.FieldOf("weight", act.Number(1, MaxWeight),
		func(p *Provider, d *providerEdit) (*int, **int) { return &p.Weight, &d.Weight }),
	act.FieldOf("priority", act.Number(-MaxPriority, MaxPriority),
		func(p *Provider, d *providerEdit) (*int, **int) { return &p.Priority, &d.Priority }),
	act.FieldOf("buffer_before", act.Number(0, MaxBuffer),
		func(p *Provider, d *providerEdit) (*int, **int) { return &p.BufferBefore, &d.BufferBefore }),
	act.FieldOf("buffer_after", act.Number(0, MaxBuffer),
		func(p *Provider, d *providerEdit) (*int, **int) { return &p.BufferAfter, &d.BufferAfter }),
	act.FieldOf("daily_cap", act.Number(0, MaxDailyCap),
		func(p *Provider, d *providerEdit) (*int, **int) { return &p.DailyCap, &d.DailyCap }),
	act.FieldOf("location_ids", idList,
		func(p *Provider, d *providerEdit) (*[]int64, **[]int64) { return &p.LocationIDs, &d.LocationIDs }).
		Applied(applyLocations),
	act.FieldOf("service_ids", idList,
		func(p *Provider, d *providerEdit) (*[]int64, **[]int64) { return &p.ServiceIDs, &d.ServiceIDs }).
		Applied(applyServices),
}

// idList is a list of ids, which an Apply of its field's own looks up.
var idList = act.Rule[[]int64]{Same: slices.Equal[[]int64]}

// applyLocations takes where the provider works: at one location at least.
func applyLocations(x *act.Edit, row *Provider, d *providerEdit) {
	x.IDs("location_ids", "location", &row.LocationIDs, d.LocationIDs, func(id int64) bool {
		return d.plan.Location(id) != nil
	})
	if len(row.LocationIDs) == 0 {
		x.Add("location_ids", "Required: name a location where the provider works")
	}
}

func applyServices(x *act.Edit, row *Provider, d *providerEdit) {
	applySorted(x, "service_ids", "service", &row.ServiceIDs, d.ServiceIDs, func(id int64) bool {
		return d.plan.Service(id) != nil
	})
}

// applySorted takes ids whose order means nothing: they are kept in ascending order.
func applySorted(x *act.Edit, field, what string, at, sent *[]int64, known func(int64) bool) {
	if sent == nil {
		return
	}
	sorted := slices.Sorted(slices.Values(*sent))
	if slices.Equal(sorted, *at) {
		return
	}
	was := len(x.Faults)
	if x.IDs(field, what, at, sent, known); len(x.Faults) == was {
		*at = sorted
	}
}

// cleanColour is a colour in small letters, or none.
func cleanColour(x *act.Edit, field, sent string) string {
	if sent != "" && (len(sent) != 7 || sent[0] != '#' || strings.Trim(sent[1:], "0123456789abcdefABCDEF") != "") {
		x.Add(field, "Must be a colour like #2e7d32, or empty")
	}
	return strings.ToLower(sent)
}
