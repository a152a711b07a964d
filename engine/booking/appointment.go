package booking

import (
	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/text"

	"slices"
)

// Status is where an appointment stands (records.md §2).
type Status string

// The states of an appointment. Checked-in is a timestamp, not a state.
const (
	Scheduled Status = "scheduled"
	Confirmed Status = "confirmed"
	Completed Status = "completed"
	Cancelled Status = "cancelled"
	NoShow    Status = "no_show"
)

// Statuses lists all of them; LiveStatuses are those in which an appointment
// occupies its slot (booking.md §1.3).
var (
	Statuses     = []Status{Scheduled, Confirmed, Completed, Cancelled, NoShow}
	LiveStatuses = []Status{Scheduled, Confirmed, Completed}
)

// Words lists the values as text.
func (Status) Words() []string { return text.Words(Statuses) }

// Valid reports whether the status is one of ours.
func (s Status) Valid() bool { return slices.Contains(Statuses, s) }

// Live reports whether an appointment of this status occupies its slot.
func (s Status) Live() bool { return s == Scheduled || s == Confirmed || s == Completed }

// Appointment is a booked visit.
type Appointment struct {
	ID           string
	Clinic       int64
	Test         bool
	LeadID       string // "" = none
	PatientID    int64  // 0 = none
	ProviderID   int64
	LocationID   int64 // 0 = none
	ServiceID    int64 // 0 = none
	Title        string
	Notes        string
	Status       Status
	StartsAt     int64 // UTC seconds
	EndsAt       int64
	Footprint    calendar.Span // with its buffers, as booked; on the occupancy rows
	TimeZone     string        // the zone it was booked in
	LocalDate    calendar.Date // its start's date there
	CheckedInAt  int64         // 0 = not yet
	CancelReason string
	LateCancel   bool
	Source       string
	SeriesID     string
	RebookedFrom string
	Assigned     string  // why this provider; "" = asked for
	Override     *Waiver // nil = none
	Undo         *Undo
	Sequence     int64 // iCalendar SEQUENCE
	act.Meta
}

// Waiver is a staff override: which rules the booking skips, and why (booking.md
// §1.5). It never weakens the check for others.
type Waiver struct {
	Overlap bool
	Hours   bool
	Reason  string
}

// Undo is the state before the last change, kept so that it can be taken back for 24 hours.
type Undo struct {
	Status      Status
	CheckedInAt int64
	Reason      string
	LateCancel  bool
	At          int64 // when the change was made
	StartsAt    int64
	EndsAt      int64
	ProviderID  int64
	LocationID  int64
}

// Slot is a booking without a person: it can be posted back as it is (contract.md §9).
type Slot struct {
	StartsAt   int64
	EndsAt     int64
	Zone       string // of local_start
	ProviderID int64
	LocationID int64 // 0 = none
	ServiceID  int64 // 0 = none
}

// Booking is an unsaved appointment. Zero fields are "not sent".
type Booking struct {
	StartsAt     int64
	EndsAt       int64
	LocalStart   int64 // checked against StartsAt where it was sent
	LeadID       string
	PatientID    int64
	ProviderID   int64
	LocationID   int64
	ServiceID    int64
	Title        string
	Notes        string
	Source       string
	SeriesID     string
	RebookedFrom string
	HoldID       string
	HoldToken    string
	AllowOverlap bool // needs appointments:override and Reason
	AllowHours   bool // allow_outside_hours: the same
	Reason       string
}

// AppointmentPatch changes an appointment: nil is "not sent". It is the same
// act as the verbs (contract.md §9).
type AppointmentPatch struct {
	Version      *int64 // If-Match
	StartsAt     *int64
	EndsAt       *int64
	ProviderID   *int64
	LocationID   *int64
	Title        *string
	Notes        *string
	Status       *Status
	Reason       *string // cancellation_reason, or why a rule is overridden
	AllowOverlap bool
	AllowHours   bool
}

// AppointmentQuery asks for a list of appointments; zero fields do not filter.
type AppointmentQuery struct {
	Clinic       int64
	Test         bool
	From, To     int64 // start in [From, To)
	Status       Status
	ProviderID   int64
	PatientID    int64
	LeadID       string
	UpdatedSince *int64
}

// Hold keeps a slot for some minutes (booking.md §6).
type Hold struct {
	ID         string
	Clinic     int64
	Test       bool
	Caller     string // whose limit of open holds it counts against
	TokenHash  string // hex SHA-256
	Token      string // shown once, in the reply that makes it
	ProviderID int64
	LocationID int64
	ServiceID  int64
	StartsAt   int64
	EndsAt     int64
	ExpiresAt  int64
	Used       bool // booked: nobody can book with it again
	CreatedAt  int64
}

// HoldDraft asks for a hold.
type HoldDraft struct {
	StartsAt   int64
	EndsAt     int64
	ProviderID int64
	LocationID int64
	ServiceID  int64
	Minutes    int // 1–15; 0 = 5
}

// WithoutSecret is the hold as its idempotency record keeps it.
func (h Hold) WithoutSecret() any { h.Token = ""; return h }
