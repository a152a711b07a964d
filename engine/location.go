package engine

// LocationKind says what a location is.
type LocationKind string

// The kinds of locations. Only a room is a resource: it takes one booking at a
// time, as a provider does (records.md §1).
const (
	AtClinic  LocationKind = "clinic"
	AtRoom    LocationKind = "room"
	AtVirtual LocationKind = "virtual"
)

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
	Meta
}

// Address of a location or a person.
type Address struct {
	Line1      string `json:"line1,omitempty" maxLength:"500"`
	Line2      string `json:"line2,omitempty" maxLength:"500"`
	City       string `json:"city,omitempty" maxLength:"100"`
	Region     string `json:"region,omitempty" maxLength:"100"`
	PostalCode string `json:"postal_code,omitempty" maxLength:"100"`
	Country    string `json:"country,omitempty" maxLength:"2"`
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
