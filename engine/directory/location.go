package directory

import (
	"context"
	"strings"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/text"
)

// LocationKind says what a location is.
type LocationKind string

// The kinds of locations. Only a room is a resource: it takes one booking at a
// time, as a provider does (records.md §1).
const (
	AtClinic  LocationKind = "clinic"
	AtRoom    LocationKind = "room"
	AtVirtual LocationKind = "virtual"
)

// LocationKinds lists them.
var LocationKinds = []LocationKind{AtClinic, AtRoom, AtVirtual}

// Words lists the values as text.
func (LocationKind) Words() []string { return text.Words(LocationKinds) }

// Location is a place of work: the clinic, a room in it, or a video call.
type Location struct {
	ID       int64
	Clinic   int64
	Name     string
	Kind     LocationKind
	ParentID int64 // the clinic a room lies in; 0 = none
	Address  Address
	Phone    string
	TimeZone string // IANA; "" = the clinic's
	Capacity int    // descriptive
	Active   bool
	act.Meta
}

// Address of a location or a person.
type Address struct {
	Line1      string
	Line2      string
	City       string
	Region     string
	PostalCode string
	Country    string
}

// LocationDraft is an unsaved location: nil is "not sent".
type LocationDraft struct {
	Name     *string
	Kind     *LocationKind
	ParentID *int64
	Address  *Address
	Phone    *string
	TimeZone *string
	Capacity *int
	Active   *bool
}

// MaxCapacity is the most people a location can say it holds.
const MaxCapacity = 10_000

var (
	locationRead   = act.Define("location.read", scope.ProvidersRead)
	locationCreate = act.Define("location.create", scope.ProvidersWrite)
	locationUpdate = act.Define("location.update", scope.ProvidersWrite)
	locationDelete = act.Define("location.delete", scope.ProvidersWrite)
)

// CreateLocation adds a location: a clinic unless kind says otherwise, or a room
// where only the clinic it lies in was sent.
//
// Errors: Invalid (every fault at once).
func (e *Engine) CreateLocation(ctx context.Context, c act.Caller, d LocationDraft) (Location, error) {
	return manage(ctx, e, c, locationCreate, func(w *Act, plan *Plan) (Location, error) {
		row := Location{Clinic: c.Clinic, Kind: AtClinic, Active: true}
		if d.Kind == nil && d.ParentID != nil && *d.ParentID != 0 {
			row.Kind = AtRoom
		}
		x := act.Edit{HomeCountry: plan.Clinic.Country}
		locationFields.Apply(&x, &row, &locationEdit{d, plan})
		if _, err := w.Finish(&x, &row.Meta, 0); err != nil {
			return Location{}, err
		}
		err := w.InsertLocation(&row)
		w.EntityID = act.IDText(row.ID)
		return row, err
	})
}

// UpdateLocation changes the fields that were sent; version is If-Match.
//
// Errors: NotFound, PreconditionFailed, Invalid, Conflict (the kind of a place
// that rooms lie in, or that appointments are booked in, stays).
func (e *Engine) UpdateLocation(ctx context.Context, c act.Caller, id int64, version *int64, d LocationDraft) (Location,
	error) {
	return manage(ctx, e, c, locationUpdate, func(w *Act, plan *Plan) (Location, error) {
		w.EntityID = act.IDText(id)
		row, err := w.Location(c.Clinic, id)
		if err != nil {
			return Location{}, err
		}
		if err := act.CheckVersion(version, row.Version); err != nil {
			return Location{}, err
		}
		was := row.Kind
		x := act.Edit{HomeCountry: plan.Clinic.Country}
		locationFields.Apply(&x, &row, &locationEdit{d, plan})
		write, err := w.Finish(&x, &row.Meta, id)
		if err != nil || !write {
			return row, err
		}
		if row.Kind != was {
			if err := w.mayBecome(plan, id, was, row.Kind); err != nil {
				return Location{}, err
			}
		}
		return row, w.UpdateLocation(row)
	})
}

// mayBecome refuses a change of kind that others rely on: rooms lie in clinics
// alone, and a room is a resource, so that what is booked in it holds its time.
func (w *Act) mayBecome(plan *Plan, id int64, from, to LocationKind) error {
	for _, l := range plan.Locations {
		if l.ParentID == id {
			return fault.Fail(fault.Conflict, "This location contains rooms").
				On("kind", "Move location %d to another clinic first", l.ID)
		}
	}
	if from != AtRoom && to != AtRoom {
		return nil
	}
	live, err := w.LiveAppointments(w.Caller.Clinic, w.Now)
	if err != nil {
		return err
	}
	for _, a := range live {
		if a.LocationID == id {
			return fault.Fail(fault.Conflict, "Appointments are booked at this location").
				On("kind", "Move or cancel them first, or add another location")
		}
	}
	return nil
}

// DeleteLocation deactivates: nobody can be booked there any more, nor in the
// rooms of a clinic, while its appointments keep it. Deleting twice changes nothing.
func (e *Engine) DeleteLocation(ctx context.Context, c act.Caller, id int64) error {
	return retire(ctx, e, c, locationDelete, id, (*Act).Location, (*Act).UpdateLocation,
		func(row *Location) (*bool, *act.Meta) { return &row.Active, &row.Meta })
}

// Location finds one, active or not.
func (e *Engine) Location(ctx context.Context, c act.Caller, id int64) (Location, error) {
	return act.Read(ctx, e.Room, c, locationRead, func(r Reader) (Location, error) { return r.Location(c.Clinic, id) })
}

// Locations lists the places of work, active or not, newest first.
//
// Errors: Invalid (limit), InvalidCursor.
func (e *Engine) Locations(ctx context.Context, c act.Caller, p act.Page) (act.List[Location], error) {
	return pageOf(ctx, e, c, locationRead, "locations", p,
		func(r Reader, after act.Position, limit int) ([]Location, error) {
			return r.Locations(c.Clinic, after, limit)
		},
		func(x Location) act.Position { return act.Position{CreatedAt: x.CreatedAt, ID: act.IDText(x.ID)} })
}

// locationEdit is a draft with the directory that its parent is looked up in.
type locationEdit struct {
	LocationDraft
	plan *Plan
}

var locationFields = act.Fields[Location, locationEdit]{
	act.FieldOf("name", act.Required(text.MaxName),
		func(l *Location, d *locationEdit) (*string, **string) { return &l.Name, &d.Name }),
	act.FieldOf("kind", act.OneOf("Must be "+text.Or(LocationKinds), LocationKinds...),
		func(l *Location, d *locationEdit) (*LocationKind, **LocationKind) { return &l.Kind, &d.Kind }),
	act.FieldOf("parent_id", act.Plain[int64](),
		func(l *Location, d *locationEdit) (*int64, **int64) { return &l.ParentID, &d.ParentID }).Applied(applyParent),
	act.FieldOf("address", act.Cleaned(cleanAddress),
		func(l *Location, d *locationEdit) (*Address, **Address) { return &l.Address, &d.Address }),
	act.FieldOf("phone", act.Phone(),
		func(l *Location, d *locationEdit) (*string, **string) { return &l.Phone, &d.Phone }),
	act.FieldOf("time_zone", act.Zone(true),
		func(l *Location, d *locationEdit) (*string, **string) { return &l.TimeZone, &d.TimeZone }),
	act.FieldOf("capacity", act.Number(0, MaxCapacity),
		func(l *Location, d *locationEdit) (*int, **int) { return &l.Capacity, &d.Capacity }),
	act.FieldOf("active", act.Flag(),
		func(l *Location, d *locationEdit) (*bool, **bool) { return &l.Active, &d.Active }),
}

// applyParent takes the clinic that a room lies in. Only clinics have rooms and only
// rooms have a parent, so that no chain is longer than one and no circle can close.
func applyParent(x *act.Edit, row *Location, d *locationEdit) {
	if d.ParentID != nil {
		row.ParentID = *d.ParentID
	}
	switch parent := d.plan.Location(row.ParentID); {
	case row.ParentID == 0:
	case row.Kind != AtRoom:
		x.Add("parent_id", "Only a room has a parent; leave it out, or set it to 0, for kind %s", row.Kind)
	case parent == nil:
		x.Add("parent_id", "No such location")
	case parent.Kind != AtClinic || parent.ID == row.ID:
		x.Add("parent_id", "Must be a location of kind clinic")
	}
}

func cleanAddress(x *act.Edit, field string, sent Address) Address {
	return sent.Clean(&x.Faults, field)
}

// Clean validates every line under field, as "address.city".
func (a Address) Clean(f *fault.Faults, field string) Address {
	x := act.Edit{}
	out := Address{
		Line1:      text.Clean(&x.Faults, field+".line1", a.Line1, text.MaxText),
		Line2:      text.Clean(&x.Faults, field+".line2", a.Line2, text.MaxText),
		City:       text.Clean(&x.Faults, field+".city", a.City, text.MaxName),
		Region:     text.Clean(&x.Faults, field+".region", a.Region, text.MaxName),
		PostalCode: text.Clean(&x.Faults, field+".postal_code", a.PostalCode, text.MaxName),
	}
	x.Country(field+".country", &out.Country, &a.Country, true)
	*f = append(*f, x.Faults...)
	return out
}

// Postal is the location's name and address on one line.
func (l *Location) Postal() string {
	parts := []string{l.Name}
	a := l.Address
	for _, p := range []string{a.Line1, a.Line2, strings.TrimSpace(a.PostalCode + " " + a.City), a.Region, a.Country} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, ", ")
}
