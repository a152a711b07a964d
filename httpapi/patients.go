package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
	"qualifybase/engine/scope"
	"qualifybase/httpapi/wire"
)

// Patient is a person in care (records.md §1). A record that was merged shows
// only who stands for it.
type Patient struct {
	ID                int64                `json:"id"`
	GivenName         string               `json:"given_name"`
	FamilyName        string               `json:"family_name"`
	BirthDate         *calendar.Date       `json:"birth_date"`
	MRN               string               `json:"mrn" doc:"Medical record number: unique in the clinic"`
	PreferredName     *string              `json:"preferred_name"`
	Sex               people.Sex           `json:"sex"`
	Phones            []Phone              `json:"phones"`
	Email             *string              `json:"email"`
	Address           Address              `json:"address"`
	Language          *string              `json:"language" doc:"BCP 47" example:"pt-BR"`
	ContactPreference *string              `json:"contact_preference" enum:"email,sms,phone,post,none"`
	Consents          Consents             `json:"consents"`
	EmergencyContact  EmergencyContact     `json:"emergency_contact"`
	Identifiers       []Identifier         `json:"identifiers"`
	AllergiesText     string               `json:"allergies_text"`
	AdminNotes        string               `json:"admin_notes"`
	SourceLeadID      *string              `json:"source_lead_id"`
	Status            people.PatientStatus `json:"status"`
	MergedInto        *int64               `json:"merged_into" doc:"The patient who stands for this merged record"`
	Restricted        bool                 `json:"restricted" doc:"Kept, not worked with: not searched, changed, booked or merged"`
	ErasedAt          *wire.Instant        `json:"erased_at" doc:"Pseudonymised since"`
	wire.Meta
}

// Consents are what a person can agree to.
type Consents struct {
	EmailReminders *Consent `json:"email_reminders,omitempty"`
	SMSReminders   *Consent `json:"sms_reminders,omitempty"`
	Marketing      *Consent `json:"marketing,omitempty"`
}

// Consent is what the person said.
type Consent struct {
	Granted bool          `json:"granted"`
	At      *wire.Instant `json:"at,omitempty" doc:"When it was said; now if it is not sent"`
	Source  string        `json:"source,omitempty" maxLength:"500" doc:"Where it is written" example:"signed form of 2026-04-27"`
}

// Location implements Located.
func (p Patient) Location() string { return "/patients/" + strconv.FormatInt(p.ID, 10) }

// PatientOf is a patient on the wire.
func PatientOf(p people.Patient) Patient {
	return Patient{
		ID: p.ID, MRN: p.MRN, GivenName: p.GivenName, FamilyName: p.FamilyName,
		PreferredName: wire.Opt(p.PreferredName), BirthDate: p.BirthDate, Sex: p.Sex, Phones: wire.Each(p.Phones, phoneOf),
		Email: wire.Opt(p.Email), Address: Address(p.Address), Language: wire.Opt(p.Language),
		ContactPreference: wire.Opt(p.ContactPreference),
		Consents: Consents{consent(p.Consents.EmailReminders), consent(p.Consents.SMSReminders),
			consent(p.Consents.Marketing)},
		EmergencyContact: EmergencyContact(p.EmergencyContact), Identifiers: wire.Each(p.Identifiers, identifierOf),
		AllergiesText: p.AllergiesText, AdminNotes: p.AdminNotes,
		SourceLeadID: wire.Opt(p.SourceLeadID), Status: p.Status, MergedInto: wire.Opt(p.MergedInto),
		Restricted: p.Restricted, ErasedAt: wire.At(p.ErasedAt), Meta: wire.MetaOf(p.Meta),
	}
}

func consent(c *people.Consent) *Consent {
	if c == nil {
		return nil
	}
	return &Consent{c.Granted, wire.At(c.At), c.Source}
}

// PatientFacts are the fields of an unsaved patient.
type PatientFacts struct {
	GivenName         *string           `json:"given_name,omitempty" maxLength:"100" doc:"Required of a new one"`
	FamilyName        *string           `json:"family_name,omitempty" maxLength:"100" doc:"Required of a new one"`
	PreferredName     *string           `json:"preferred_name,omitempty" maxLength:"100"`
	BirthDate         *string           `json:"birth_date,omitempty" example:"1980-02-29" doc:"YYYY-MM-DD; empty takes it away"`
	Sex               *people.Sex       `json:"sex,omitempty"`
	Phones            *[]Phone          `json:"phones,omitempty" maxItems:"10"`
	Email             *string           `json:"email,omitempty" maxLength:"254"`
	Address           *Address          `json:"address,omitempty" doc:"Replaces what was there"`
	Language          *string           `json:"language,omitempty" maxLength:"100" doc:"BCP 47" example:"pt-BR"`
	ContactPreference *string           `json:"contact_preference,omitempty" doc:"email, sms, phone, post or none"`
	Consents          *Consents         `json:"consents,omitempty" doc:"Only those sent change"`
	EmergencyContact  *EmergencyContact `json:"emergency_contact,omitempty" doc:"Replaces what was there"`
	Identifiers       *[]Identifier     `json:"identifiers,omitempty" maxItems:"20" doc:"Replace what was there"`
	AllergiesText     *string           `json:"allergies_text,omitempty" maxLength:"4000"`
	AdminNotes        *string           `json:"admin_notes,omitempty" maxLength:"4000"`
}

// PatientDraft is a new patient.
type PatientDraft struct {
	MRN *string `json:"mrn,omitempty" maxLength:"100" doc:"Made when it is not sent"`
	PatientFacts
	AllowDuplicate bool `json:"allow_duplicate,omitempty" doc:"Make a second record of somebody who is certainly on file"`
}

// PatientPatch changes a patient.
type PatientPatch struct {
	MRN *string `json:"mrn,omitempty" maxLength:"100"`
	PatientFacts
	Status     *people.PatientStatus `json:"status,omitempty" enum:"active,inactive,deceased"`
	Restricted *bool                 `json:"restricted,omitempty" doc:"A restricted record changes in nothing until this is false again"`
}

func (f PatientFacts) draft() people.PatientDraft {
	d := people.PatientDraft{
		GivenName: f.GivenName, FamilyName: f.FamilyName, PreferredName: f.PreferredName, BirthDate: f.BirthDate,
		Sex: f.Sex, Phones: wire.Sent(f.Phones, Phone.draft), Email: f.Email, Address: f.Address.draft(),
		Language: f.Language, ContactPreference: f.ContactPreference, EmergencyContact: f.EmergencyContact.draft(),
		Identifiers:   wire.Sent(f.Identifiers, Identifier.draft),
		AllergiesText: f.AllergiesText, AdminNotes: f.AdminNotes,
	}
	if c := f.Consents; c != nil {
		d.Consents = &people.Consents{EmailReminders: c.EmailReminders.said(), SMSReminders: c.SMSReminders.said(),
			Marketing: c.Marketing.said()}
	}
	return d
}

func (c *Consent) said() *people.Consent {
	if c == nil {
		return nil
	}
	return &people.Consent{Granted: c.Granted, At: c.At.Seconds(), Source: c.Source}
}

// PatientProbe is a person who is looked for.
type PatientProbe struct {
	GivenName   *string       `json:"given_name,omitempty" maxLength:"100"`
	FamilyName  *string       `json:"family_name,omitempty" maxLength:"100"`
	BirthDate   *string       `json:"birth_date,omitempty" example:"1980-02-29"`
	Phones      *[]Phone      `json:"phones,omitempty" maxItems:"10"`
	Email       *string       `json:"email,omitempty" maxLength:"254"`
	Identifiers *[]Identifier `json:"identifiers,omitempty" maxItems:"20"`
}

// PatientMatch is a patient who may be the one that is meant.
type PatientMatch struct {
	Patient Patient      `json:"patient"`
	Grade   people.Grade `json:"grade"`
	Matched []string     `json:"matched" doc:"Names of the fields that are the same"`
}

func patientMatch(m people.Match) PatientMatch {
	return PatientMatch{PatientOf(m.Patient), m.Grade, wire.List(m.Matched)}
}

// Merging says which record is to stand for this one.
type Merging struct {
	Into int64 `json:"into" doc:"The patient who stays"`
}

// Converting is the body of a conversion: what the lead lacks, or whom it is linked with.
type Converting struct {
	PatientID int64 `json:"patient_id,omitempty" doc:"Link the lead with this patient; then send nothing else"`
	PatientFacts
	AllowDuplicate bool `json:"allow_duplicate,omitempty" doc:"Make a new patient although somebody like that is on file"`
}

// Conversion is what became of a lead.
type Conversion struct {
	Outcome   string `json:"outcome" enum:"created,linked"`
	PatientID int64  `json:"patient_id"`
	Lead      Lead   `json:"lead"`
}

func conversion(c people.Conversion) Conversion {
	out := Conversion{"linked", c.Patient.ID, LeadOf(c.Lead)}
	if c.Created {
		out.Outcome = "created"
	}
	return out
}

// Location implements Located.
func (c Conversion) Location() string { return "/patients/" + strconv.FormatInt(c.PatientID, 10) }

// HTTPStatus implements WithStatus: 201 for a new patient.
func (c Conversion) HTTPStatus() int {
	if c.Outcome == "created" {
		return http.StatusCreated
	}
	return http.StatusOK
}

type patientQuery struct {
	wire.Paged
	Q            string               `query:"q" doc:"The beginning of a name (given or family), phone number, e-mail address or MRN, or a birth date"`
	Status       people.PatientStatus `query:"status" doc:"Without it all but merged ones"`
	UpdatedSince *wire.Instant        `query:"updated_since" doc:"For a sync: walks changes from there on, oldest first, merged ones too"`
}

func (s *Server) patientRows() []Row {
	find := func(ctx context.Context, c act.Caller, in patientQuery) (act.List[people.Patient], error) {
		return s.e.Patients(ctx, c, people.PatientQuery{Q: in.Q, Status: in.Status,
			UpdatedSince: in.UpdatedSince.Pointer()}, in.Page())
	}
	get := func(ctx context.Context, c act.Caller, in wire.ByNumber) (people.Patient, error) {
		return s.e.Patient(ctx, c, in.ID)
	}
	create := func(ctx context.Context, c act.Caller, in wire.Create[PatientDraft]) (people.Patient, error) {
		d := in.Body.draft()
		d.MRN, d.AllowDuplicate = in.Body.MRN, in.Body.AllowDuplicate
		return s.e.CreatePatient(ctx, c, d)
	}
	update := func(ctx context.Context, c act.Caller, in wire.UpdateNumber[PatientPatch]) (people.Patient, error) {
		d := in.Body.draft()
		d.MRN, d.Status, d.Restricted = in.Body.MRN, in.Body.Status, in.Body.Restricted
		return s.e.UpdatePatient(ctx, c, in.ID, in.Version, d)
	}
	const read, write, tag = scope.PatientsRead, scope.PatientsWrite, "Patients"
	refusals := []fault.Kind{fault.Conflict, fault.Gone}
	return append([]Row{
		{Method: "GET", Path: "/patients", Scope: read, Tag: tag, ID: "listPatients",
			Summary: "List and search patients", Status: 200, Op: List(find, PatientOf)},
		{Method: "POST", Path: "/patients", Scope: write, Tag: tag, ID: "createPatient", Summary: "Create a patient",
			Status: 201,
			Doc: "Somebody who is certainly on file is answered 409 with the candidates, unless allow_duplicate " +
				"is true.",
			Errors: []fault.Kind{fault.Conflict},
			Example: `{"given_name":"Ada","family_name":"Example","birth_date":"1980-02-29",` +
				`"phones":[{"number":"030 1234567","label":"mobile"}]}`, Op: Op(create, PatientOf)},
		{Method: "GET", Path: "/patients/:id", Scope: read, Tag: tag, ID: "getPatient", Summary: "Get a patient",
			Doc: "A merged record is a stub that names its survivor in merged_into.", Status: 200,
			Op: Op(get, PatientOf)},
		{Method: "PATCH", Path: "/patients/:id", Scope: write, Tag: tag, ID: "updatePatient",
			Summary: "Update a patient", Status: 200,
			Errors: refusals, Example: `{"email":"ada@example.org","consents":{"email_reminders":{"granted":true,` +
				`"source":"front desk"}}}`, Op: Op(update, PatientOf)},
	}, s.personRows(refusals)...)
}

// personRows are about who is who (records.md §4).
func (s *Server) personRows(refusals []fault.Kind) []Row {
	match := func(ctx context.Context, c act.Caller,
		in wire.Create[PatientProbe]) (act.List[people.Match], error) {
		b := in.Body
		found, err := s.e.MatchPatients(ctx, c, people.PatientDraft{GivenName: b.GivenName, FamilyName: b.FamilyName,
			BirthDate: b.BirthDate, Phones: wire.Sent(b.Phones, Phone.draft), Email: b.Email,
			Identifiers: wire.Sent(b.Identifiers, Identifier.draft)})
		n := int64(len(found))
		return act.List[people.Match]{Items: found, Total: &n}, err
	}
	merge := func(ctx context.Context, c act.Caller, in wire.UpdateNumber[Merging]) (people.Patient, error) {
		return s.e.MergePatients(ctx, c, in.ID, in.Body.Into, in.Version)
	}
	unmerge := func(ctx context.Context, c act.Caller, in wire.MatchNumber) (people.Patient, error) {
		return s.e.UnmergePatient(ctx, c, in.ID, in.Version)
	}
	convert := func(ctx context.Context, c act.Caller, in wire.Update[Converting]) (people.Conversion, error) {
		d := in.Body.draft()
		d.AllowDuplicate = in.Body.AllowDuplicate
		return s.e.ConvertLead(ctx, c, in.ID, in.Version, in.Body.PatientID, d)
	}
	const read, write, tag = scope.PatientsRead, scope.PatientsWrite, "Patients"
	return []Row{
		{Method: "POST", Path: "/patient-matches", Scope: read, Tag: tag, ID: "matchPatients",
			Summary: "Find who a person may be", Status: 200,
			Doc: "certain: the same identifier, or birth date, names and phone or e-mail. probable, possible: " +
				"for a person to decide. The same phone alone is a family, no match.",
			Example: `{"given_name":"Ada","family_name":"Example","birth_date":"1980-02-29"}`,
			Op:      List(match, patientMatch)},
		{Method: "POST", Path: "/patients/:id/merge", Scope: write, Tag: tag, ID: "mergePatient",
			Summary: "Merge a patient into another", Status: 200,
			Doc: "The survivor's fields win, its blanks are filled; this record stays as a stub. Answers the " +
				"survivor.",
			Errors: refusals, Example: `{"into":7}`, Op: Op(merge, PatientOf)},
		{Method: "POST", Path: "/patients/:id/unmerge", Scope: write, Tag: tag, ID: "unmergePatient",
			Summary: "Take a merge back", Status: 200,
			Doc: "Restores the record as it was, with every row that the merge had moved.", Errors: refusals,
			Op: Op(unmerge, PatientOf)},
		{Method: "POST", Path: "/leads/:id/convert", Scope: scope.LeadsWrite, Tag: "Leads", ID: "convertLead",
			Summary: "Make a patient of a lead", Status: 201, Update: true,
			Doc: "201 created, 200 linked (patient_id was sent, or somebody is certainly the same), 409 with " +
				"candidates when somebody may be the same: nothing is written then.\n" +
				"Converting again answers the same patient.",
			Errors: refusals, Example: `{"birth_date":"1980-02-29","sex":"female"}`, Op: Op(convert, conversion)},
	}
}
