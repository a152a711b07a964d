package booking

import (
	"strconv"

	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
)

// Resource is what takes one booking at a time: a provider ('p') or a room ('l').
type Resource struct {
	Kind byte
	ID   int64
}

// ProviderResource names a provider as a resource.
func ProviderResource(id int64) Resource { return Resource{'p', id} }

// RoomResource names a room as a resource.
func RoomResource(id int64) Resource { return Resource{'l', id} }

// resourcesOf lists what a booking of the provider at the location occupies, the
// provider first. It is the only place that knows: a lane is judged by these
// resources, and the booking or hold that takes it occupies the same.
func resourcesOf(provider int64, at *directory.Location) []Resource {
	list := []Resource{ProviderResource(provider)}
	if at.Kind == directory.AtRoom {
		list = append(list, RoomResource(at.ID))
	}
	return list
}

// String is the spelling in the database: "p1", "l1".
func (r Resource) String() string { return string(r.Kind) + strconv.FormatInt(r.ID, 10) }

// ParseResource reads what String writes, and reports whether it is that.
func ParseResource(text string) (r Resource, ok bool) {
	if len(text) < 2 {
		return r, false
	}
	id, err := strconv.ParseInt(text[1:], 10, 64)
	return Resource{text[0], id}, err == nil
}

// Occupied is one live footprint of a resource. It belongs to an appointment or, while ExpiresAt
// is set, to a hold: free for readers from then on.
type Occupied struct {
	calendar.Span
	ExpiresAt int64 // 0 = an appointment
	Row       int64 // its row, so that a reschedule can leave its own rows out
}

// Occupancy is one row to be written.
type Occupancy struct {
	Row           int64
	Clinic        int64
	Resource      Resource
	Test          bool
	Footprint     calendar.Span
	AppointmentID string
	HoldID        string
	ExpiresAt     int64
	Live          bool
	Override      bool
}
