package booking

import (
	"strconv"

	"qualifybase/engine/calendar"
)

// Resource is what takes one booking at a time: a provider ('p') or a room ('l').
type Resource struct {
	Kind byte
	ID   int64
}

// ProviderResource and RoomResource name the two kinds.
func ProviderResource(id int64) Resource { return Resource{'p', id} }

// RoomResource names a room as a resource.
func RoomResource(id int64) Resource { return Resource{'l', id} }

// String is the spelling in the database: "p1", "l1".
func (r Resource) String() string { return string(r.Kind) + strconv.FormatInt(r.ID, 10) }

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
