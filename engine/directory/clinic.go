package directory

import "qualifybase/engine/calendar"

// Clinic is the tenant: one file holds many, each key sees one.
type Clinic struct {
	N         int64  // the tenant's short number in the database; never on the wire
	ID        string // UUIDv7, the organization_id
	Slug      string
	Name      string
	TimeZone  string // IANA
	Country   string // ISO 3166 alpha-2, reads phone numbers typed without +
	Settings  ClinicSettings
	Version   int64
	CreatedAt int64
	UpdatedAt int64
}

// ClinicSettings are the booking rules of the house, where a service sets none (booking.md §§2, 5, 7, 8).
type ClinicSettings struct {
	StepMinutes        int  // grid of offered starts
	DefaultMinutes     int  // length with neither service nor duration
	NoticeMinutes      int  // start ≥ now + notice
	HorizonDays        int  // local_date(start) ≤ local_date(now) + horizon
	BuffersInsideHours bool // the footprint, too, must be inside opening hours
	ReconfirmOnMove    bool // a moved confirmed appointment is scheduled again
	Continuity         bool // the last provider seen goes first in assignment
	LateCancelHours    int  // a cancellation closer to the start is late
	NoShowSweep        bool // mark no-shows at the local day's end

	Tier string // the operator's set of limits; "" = the configured defaults
}

// DefaultSettings are those of a new clinic.
var DefaultSettings = ClinicSettings{
	StepMinutes: 15, DefaultMinutes: 30, HorizonDays: 365, Continuity: true, LateCancelHours: 24,
}

// ClinicDraft is what `qb init` asks: a clinic, its hours, and the names of its
// first location and provider.
type ClinicDraft struct {
	Slug         string // "" = made from the name
	Name         string
	TimeZone     string // IANA
	Country      string // ISO 3166-1 alpha-2
	Hours        calendar.Week
	LocationName string // "" = the clinic's name
	ProviderName string // "" = "Provider 1"
}

// ClinicPatch changes a clinic: nil is "not sent".
type ClinicPatch struct {
	Name     *string
	TimeZone *string
	Country  *string

	StepMinutes        *int // 1–MaxStep
	DefaultMinutes     *int // 1–MaxDuration
	NoticeMinutes      *int // 0–MaxNotice
	HorizonDays        *int // 0–MaxHorizon
	BuffersInsideHours *bool
	ReconfirmOnMove    *bool
	Continuity         *bool
	LateCancelHours    *int // 0–MaxLateCancel
	NoShowSweep        *bool
}

// Limits of the booking rules of clinics, providers and services (booking.md §§2, 5).
const (
	MaxStep       = 720           // minutes between offered starts
	MaxDuration   = 1439          // minutes
	MaxBuffer     = 720           // minutes, each side; all together at most 24 h
	MaxNotice     = 366 * 24 * 60 // minutes
	MaxHorizon    = 3650          // days
	MaxDailyCap   = 1000
	MaxLateCancel = 720 // hours
	MaxSlug       = 63
)

// Today is the date in the clinic's zone.
func (c Clinic) Today(now int64) (calendar.Date, error) {
	zone, err := calendar.LoadZone(c.TimeZone)
	if err != nil {
		return 0, err
	}
	return calendar.LocalDate(zone, now), nil
}
