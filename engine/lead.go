package engine

// LeadStatus is how far a lead has come.
type LeadStatus string

// The states of a lead (contract.md §9).
const (
	LeadNew          LeadStatus = "new"
	LeadInInterview  LeadStatus = "in_interview"
	LeadContacted    LeadStatus = "contacted"
	LeadQualified    LeadStatus = "qualified"
	LeadNeedsReview  LeadStatus = "needs_review"
	LeadBooked       LeadStatus = "booked"
	LeadConverted    LeadStatus = "converted"
	LeadDisqualified LeadStatus = "disqualified"
	LeadLost         LeadStatus = "lost"
)

// LeadStatuses lists them in the order of a lead's life.
var LeadStatuses = []LeadStatus{LeadNew, LeadInInterview, LeadContacted, LeadQualified, LeadNeedsReview,
	LeadBooked, LeadConverted, LeadDisqualified, LeadLost}

// Lead is somebody who may become a patient.
type Lead struct {
	ID         string
	Clinic     int64
	Test       bool
	Source     string
	ExternalID string // "" = none; unique with Source
	Name       string
	FirstName  string
	LastName   string
	NameKey    string // folded, for matching and search
	Email      string
	EmailKey   string // case-folded
	Phone      string // as typed
	PhoneKey   string // E.164
	Status     LeadStatus
	Notes      string
	Tags       []string
	Metadata   map[string]any
	Consent    map[string]any
	PatientID  int64 // 0 until converted
	Meta
}

// LeadDraft is an unsaved lead: nil is "not sent".
type LeadDraft struct {
	ExternalID *string
	Source     *string
	Name       *string
	FirstName  *string
	LastName   *string
	Email      *string
	Phone      *string
	Status     *LeadStatus
	Notes      *string
	Tags       *[]string
	Metadata   *map[string]any
	Consent    *map[string]any
}

// LeadQuery asks for a list of leads; zero fields do not filter.
type LeadQuery struct {
	Clinic       int64
	Test         bool
	Status       LeadStatus
	Source       string
	Q            string // folded: a prefix of the name, e-mail or phone
	UpdatedSince *int64 // UTC seconds: walks the change number from there
}
