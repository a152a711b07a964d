package engine

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
	Meta
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
