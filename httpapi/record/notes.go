package record

import (
	"context"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/record"
	"qualifybase/engine/scope"
	"qualifybase/httpapi"
	"qualifybase/httpapi/wire"
)

// Note is a SOAP note in one of its versions (records.md §3).
type Note struct {
	ID             string            `json:"id" format:"uuid" doc:"The same in all versions"`
	ConsultationID string            `json:"consultation_id" format:"uuid"`
	PatientID      int64             `json:"patient_id"`
	AuthorID       int64             `json:"author_id" doc:"The provider who wrote this version"`
	AddendumTo     *string           `json:"addendum_to" doc:"The signed note that this one adds to"`
	Subjective     string            `json:"subjective"`
	Objective      string            `json:"objective"`
	Assessment     string            `json:"assessment"`
	Plan           string            `json:"plan"`
	Codes          []Code            `json:"codes"`
	Vitals         []Vital           `json:"vitals"`
	Status         record.NoteStatus `json:"status"`
	Revision       int               `json:"revision" doc:"1 is the first version; every amendment counts on"`
	SignedBy       *int64            `json:"signed_by"`
	SignedAt       *wire.Instant     `json:"signed_at"`
	Amended        bool              `json:"amended" doc:"Versions before this one can be read"`
	AmendReason    *string           `json:"amend_reason"`
	ContentSHA256  *string           `json:"content_sha256" doc:"Over what was signed and the hash of the version before"`
	wire.Meta
}

// Code is a term of a code system, such as ICD-10.
type Code struct {
	System  string `json:"system,omitempty" maxLength:"500" doc:"Its URI, such as http://hl7.org/fhir/sid/icd-10"`
	Code    string `json:"code" maxLength:"100"`
	Display string `json:"display,omitempty" maxLength:"200"`
}

// Vital is a measured value.
type Vital struct {
	Code  string  `json:"code" maxLength:"100" doc:"LOINC, or a word such as body_temperature"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit" maxLength:"100" doc:"UCUM, such as Cel"`
}

func codeOf(c record.Code) Code     { return Code(c) }
func (c Code) draft() record.Code   { return record.Code(c) }
func vitalOf(v record.Vital) Vital  { return Vital(v) }
func (v Vital) draft() record.Vital { return record.Vital(v) }

// Location implements Located.
func (n Note) Location() string { return "/notes/" + n.ID }

func note(n record.Note) Note {
	return Note{
		ID: n.ID, ConsultationID: n.ConsultationID, PatientID: n.PatientID, AuthorID: n.AuthorID,
		AddendumTo: wire.Opt(n.AddendumTo), Subjective: n.Subjective, Objective: n.Objective, Assessment: n.Assessment,
		Plan: n.Plan, Codes: wire.Each(n.Codes, codeOf), Vitals: wire.Each(n.Vitals, vitalOf),
		Status: n.Status, Revision: n.N,
		SignedBy: wire.Opt(n.SignedBy), SignedAt: wire.At(n.SignedAt), Amended: n.N > 1,
		AmendReason: wire.Opt(n.AmendReason), ContentSHA256: wire.Opt(n.ContentSHA256), Meta: wire.MetaOf(n.Meta),
	}
}

// NoteText is what a note says; what is not sent stays as it is.
type NoteText struct {
	Subjective *string  `json:"subjective,omitempty" maxLength:"65536" doc:"At most 64 KiB each part"`
	Objective  *string  `json:"objective,omitempty" maxLength:"65536"`
	Assessment *string  `json:"assessment,omitempty" maxLength:"65536"`
	Plan       *string  `json:"plan,omitempty" maxLength:"65536"`
	Codes      *[]Code  `json:"codes,omitempty" maxItems:"50" doc:"Replaces what was there"`
	Vitals     *[]Vital `json:"vitals,omitempty" maxItems:"50" doc:"Replaces what was there"`
	AuthorID   int64    `json:"author_id,omitempty" doc:"The consultation's provider without it"`
}

func (b NoteText) draft() record.NoteDraft {
	return record.NoteDraft{
		Subjective: b.Subjective, Objective: b.Objective, Assessment: b.Assessment, Plan: b.Plan,
		Codes: wire.Sent(b.Codes, Code.draft), Vitals: wire.Sent(b.Vitals, Vital.draft), AuthorID: b.AuthorID,
	}
}

// NoteDraft is an unsaved note.
type NoteDraft struct {
	NoteText
	AddendumTo string `json:"addendum_to,omitempty" doc:"Adds to a signed note of the consultation and is signed at once; needs notes:sign"`
}

// NotePatch edits a draft.
type NotePatch struct {
	NoteText
	Status record.NoteStatus `json:"status,omitempty" enum:"draft,entered_in_error"`
	Reason string            `json:"reason,omitempty" maxLength:"500"`
}

// Amendment supersedes a signed note; the rest is carried over.
type Amendment struct {
	NoteText
	Status record.NoteStatus `json:"status,omitempty" enum:"amended,entered_in_error"`
	Reason string            `json:"reason" maxLength:"500"`
}

type noteQuery struct {
	wire.Paged
	ConsultationID string            `query:"consultation_id"`
	PatientID      int64             `query:"patient_id" minimum:"1"`
	AuthorID       int64             `query:"author_id" minimum:"1"`
	Status         record.NoteStatus `query:"status"`
}

func noteRows(e *engine.Engine) []httpapi.Row {
	find := func(ctx context.Context, c act.Caller, in noteQuery) (act.List[record.Note], error) {
		return e.Notes(ctx, c, record.NoteQuery{ConsultationID: in.ConsultationID, PatientID: in.PatientID,
			AuthorID: in.AuthorID, Status: in.Status}, in.Page())
	}
	findUnder := func(ctx context.Context, c act.Caller, in wire.PagedByID) (act.List[record.Note], error) {
		return e.Notes(ctx, c, record.NoteQuery{ConsultationID: in.ID}, in.Page())
	}
	get := func(ctx context.Context, c act.Caller, in wire.ByID) (record.Note, error) {
		return e.Note(ctx, c, in.ID)
	}
	versions := func(ctx context.Context, c act.Caller, in wire.ByID) (act.List[record.Note], error) {
		all, err := e.NoteVersions(ctx, c, in.ID)
		n := int64(len(all))
		return act.List[record.Note]{Items: all, Total: &n}, err
	}
	write := func(ctx context.Context, c act.Caller, in wire.Action[NoteDraft]) (record.Note, error) {
		d := in.Body.draft()
		d.AddendumTo = in.Body.AddendumTo
		return e.WriteNote(ctx, c, in.ID, d)
	}
	patch := func(ctx context.Context, c act.Caller, in wire.Update[NotePatch]) (record.Note, error) {
		d := in.Body.draft()
		d.Status, d.Reason = in.Body.Status, in.Body.Reason
		return e.PatchNote(ctx, c, in.ID, in.Version, d)
	}
	sign := func(ctx context.Context, c act.Caller, in wire.MatchID) (record.Note, error) {
		return e.SignNote(ctx, c, in.ID, in.Version)
	}
	amend := func(ctx context.Context, c act.Caller, in wire.Update[Amendment]) (record.Note, error) {
		d := in.Body.draft()
		d.Status, d.Reason = in.Body.Status, in.Body.Reason
		return e.AmendNote(ctx, c, in.ID, in.Version, d)
	}
	return noteTable(httpapi.List(find, note), httpapi.List(findUnder, note), httpapi.Op(get, note),
		httpapi.List(versions, note),
		httpapi.Op(write, note), httpapi.Op(patch, note), httpapi.Op(sign, note), httpapi.Op(amend, note))
}

func noteTable(find, under, get, versions, write, patch, sign, amend httpapi.Operation) []httpapi.Row {
	const reads, writes = scope.ConsultationsRead, scope.ConsultationsWrite
	conflict := []fault.Kind{fault.NotFound, fault.Conflict, fault.InvalidTransition, fault.ProviderInactive}
	return []httpapi.Row{
		{Method: "GET", Path: "/notes", Scope: reads, Tag: "Notes", ID: "listNotes", Summary: "List SOAP notes",
			Status: 200, Doc: "Each in its current version.", Op: find},
		{Method: "GET", Path: "/consultations/:id/notes", Scope: reads, Tag: "Notes", ID: "listConsultationNotes",
			Summary: "List the SOAP notes of a consultation",
			Status:  200, Errors: []fault.Kind{fault.NotFound}, Op: under},
		{Method: "POST", Path: "/consultations/:id/notes", Scope: writes, Tag: "Notes", ID: "writeNote",
			Summary: "Write a SOAP note", Status: 201,
			Doc: "A draft, under a consultation in progress. With addendum_to it is signed at once, also under " +
				"one that has ended.",
			Errors: conflict, Example: `{"subjective":"Cough since Friday","plan":"Rest",` +
				`"vitals":[{"code":"body_temperature","value":38.4,"unit":"Cel"}]}`, Op: write},
		{Method: "GET", Path: "/notes/:id", Scope: reads, Tag: "Notes", ID: "getNote", Summary: "Get a SOAP note",
			Status: 200, Op: get},
		{Method: "GET", Path: "/notes/:id/versions", Scope: reads, Tag: "Notes", ID: "listNoteVersions",
			Summary: "List the versions of a SOAP note",
			Doc:     "Oldest first. All stay readable for good.", Status: 200, Op: versions},
		{Method: "PATCH", Path: "/notes/:id", Scope: writes, Tag: "Notes", ID: "editNote", Summary: "Edit a draft",
			Status: 200, Doc: "Needs If-Match. A signed note does not change: amend it.",
			Errors: append([]fault.Kind{fault.PreconditionRequired}, conflict...), Example: `{"plan":"Rest, tea"}`,
			Op: patch},
		{Method: "POST", Path: "/notes/:id/sign", Scope: scope.NotesSign, Tag: "Notes", ID: "signNote",
			Summary: "Sign a SOAP note", Status: 200, Errors: conflict, Op: sign},
		{Method: "POST", Path: "/notes/:id/amend", Scope: writes, Tag: "Notes", ID: "amendNote",
			Summary: "Amend a signed SOAP note", Status: 200,
			Doc: "A new version, signed by the amender: what is sent replaces, the rest is carried over. Signing " +
				"needs notes:sign, too.",
			Errors: conflict, Example: `{"plan":"Antibiotics","reason":"The culture came back"}`, Op: amend},
	}
}
