package httpapi

import (
	"strconv"

	"qualifybase/engine/directory"
	"qualifybase/httpapi/wire"
)

// Location is a place of work; a room takes one booking at a time (records.md §1).
type Location struct {
	ID       int64                  `json:"id"`
	Name     string                 `json:"name"`
	Kind     directory.LocationKind `json:"kind"`
	ParentID *int64                 `json:"parent_id" doc:"The clinic that a room lies in"`
	Address  Address                `json:"address"`
	Phone    *string                `json:"phone"`
	TimeZone *string                `json:"time_zone" doc:"IANA; null = the clinic's"`
	Capacity int                    `json:"capacity" doc:"Descriptive"`
	Active   bool                   `json:"active"`
	wire.Meta
}

// Location implements Located.
func (l Location) Location() string { return "/locations/" + strconv.FormatInt(l.ID, 10) }

func location(l directory.Location) Location {
	return Location{l.ID, l.Name, l.Kind, wire.Opt(l.ParentID), Address(l.Address), wire.Opt(l.Phone),
		wire.Opt(l.TimeZone), l.Capacity, l.Active, wire.MetaOf(l.Meta)}
}

// LocationDraft is an unsaved location; what is not sent stays as it is.
type LocationDraft struct {
	Name     *string                 `json:"name,omitempty" maxLength:"100" doc:"Required of a new one"`
	Kind     *directory.LocationKind `json:"kind,omitempty"`
	ParentID *int64                  `json:"parent_id,omitempty"`
	Address  *Address                `json:"address,omitempty"`
	Phone    *string                 `json:"phone,omitempty" maxLength:"100"`
	TimeZone *string                 `json:"time_zone,omitempty" example:"Europe/Berlin"`
	Capacity *int                    `json:"capacity,omitempty"`
	Active   *bool                   `json:"active,omitempty"`
}

func (d LocationDraft) draft() directory.LocationDraft {
	return directory.LocationDraft{Name: d.Name, Kind: d.Kind, ParentID: d.ParentID, Address: d.Address.draft(),
		Phone: d.Phone, TimeZone: d.TimeZone, Capacity: d.Capacity, Active: d.Active}
}

func (s *Server) locationRows() []Row {
	e := s.e
	return rows(shelf[directory.Location, directory.LocationDraft, Location]{
		path: "/locations", tag: "Locations", one: "Location", wire: location,
		example: `{"name":"Room 2","kind":"room","parent_id":1}`, find: e.Locations, get: e.Location,
		create: e.CreateLocation, update: e.UpdateLocation, remove: e.DeleteLocation,
	}, LocationDraft.draft)
}
