package engine

// PatientStatus says whether a patient's record is in use.
type PatientStatus string

// The states of a patient's record.
const (
	PatientActive   PatientStatus = "active"
	PatientInactive PatientStatus = "inactive"
	PatientMerged   PatientStatus = "merged"
	PatientDeceased PatientStatus = "deceased"
)

// Phone is a number as typed and in E.164, with a label ("mobile").
type Phone struct {
	Number string `json:"number" maxLength:"100"`
	E164   string `json:"e164,omitempty"`
	Label  string `json:"label,omitempty" maxLength:"100"`
}

// Patient is a person in care (FHIR Patient).
type Patient struct {
	ID           int64
	Clinic       int64
	Test         bool
	GivenName    string
	FamilyName   string
	NameKey      string // folded "family given"
	BirthDate    *Date
	Email        string
	EmailKey     string
	Phones       []Phone
	PhoneKey     string // E.164 of the first
	SourceLeadID string
	Status       PatientStatus
	Meta
}

// PatientDraft is an unsaved patient: nil is "not sent".
type PatientDraft struct {
	GivenName  *string
	FamilyName *string
	BirthDate  *Date
	Email      *string
	Phones     *[]Phone
}

// PatientQuery asks for a list of patients; zero fields do not filter.
type PatientQuery struct {
	Clinic       int64
	Test         bool
	Status       PatientStatus
	Q            string
	UpdatedSince *int64
}
