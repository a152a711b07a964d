package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"qualifybase/engine/booking"
	"qualifybase/engine/fault"
	"qualifybase/engine/flat"
	"qualifybase/engine/people"
	"qualifybase/engine/scope"
	"qualifybase/httpapi/wire"
)

// statuses is the one table from what went wrong to what HTTP calls it, in the
// order of contract.md §8. A kind that is not here is a 500.
var statuses = []struct {
	kind   fault.Kind
	status int
}{
	{fault.Invalid, http.StatusBadRequest},
	{fault.InvalidJSON, http.StatusBadRequest},
	{fault.InvalidCursor, http.StatusBadRequest},
	{fault.InvalidIdempotencyKey, http.StatusBadRequest},
	{fault.AmbiguousCredentials, http.StatusBadRequest},
	{fault.InvalidKey, http.StatusUnauthorized},
	{fault.InvalidToken, http.StatusUnauthorized},
	{fault.Unauthenticated, http.StatusUnauthorized},
	{fault.Forbidden, http.StatusForbidden},
	{fault.OriginNotAllowed, http.StatusForbidden},
	{fault.HTTPSRequired, http.StatusForbidden},
	{fault.QuotaExceeded, http.StatusForbidden},
	{fault.NotFound, http.StatusNotFound},
	{fault.MethodNotAllowed, http.StatusMethodNotAllowed},
	{fault.Gone, http.StatusGone},
	{fault.PreconditionFailed, http.StatusPreconditionFailed},
	{fault.TooLarge, http.StatusRequestEntityTooLarge},
	{fault.UnsupportedMedia, http.StatusUnsupportedMediaType},
	{fault.PreconditionRequired, http.StatusPreconditionRequired},
	{fault.SlotTaken, http.StatusConflict},
	{fault.PatientOverlap, http.StatusConflict},
	{fault.InvalidTransition, http.StatusConflict},
	{fault.Conflict, http.StatusConflict},
	{fault.OutsideHours, http.StatusUnprocessableEntity},
	{fault.InThePast, http.StatusUnprocessableEntity},
	{fault.TooSoon, http.StatusUnprocessableEntity},
	{fault.BeyondHorizon, http.StatusUnprocessableEntity},
	{fault.CapReached, http.StatusUnprocessableEntity},
	{fault.ProviderInactive, http.StatusUnprocessableEntity},
	{fault.KeyReused, http.StatusUnprocessableEntity},
	{fault.RateLimited, http.StatusTooManyRequests},
	{fault.Internal, http.StatusInternalServerError},
	{fault.Busy, http.StatusServiceUnavailable},
	{fault.ReadOnly, http.StatusServiceUnavailable},
	{fault.StorageFull, http.StatusInsufficientStorage},
}

// Status is what HTTP calls a kind of refusal.
func Status(k fault.Kind) int {
	for _, s := range statuses {
		if s.kind == k {
			return s.status
		}
	}
	return http.StatusInternalServerError
}

// Detail names one faulty field, by its wire name ("weekly[2].from"), and the way out.
type Detail struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Candidate is a patient who may be the one that a refused request means, without a
// word about the person.
type Candidate struct {
	PatientID int64        `json:"patient_id"`
	Grade     people.Grade `json:"grade"`
	Matched   []string     `json:"matched"`
}

// Fault is the error object of a reply, in the standard form's envelope.
type Fault struct {
	Error FaultBody `json:"error"`
}

// FaultBody says what went wrong and the way out.
type FaultBody struct {
	Code         string   `json:"code" doc:"What went wrong, for programs"`
	Message      string   `json:"message" doc:"The same for people"`
	Details      []Detail `json:"details,omitempty" doc:"One per faulty field"`
	Alternatives []Slot   `json:"alternatives,omitempty" doc:"SLOT_TAKEN: the nearest open slots, at most three"`
	Allowed      []string `json:"allowed,omitzero" doc:"INVALID_TRANSITION: the states that may follow, none if it is empty; METHOD_NOT_ALLOWED: the methods"`
	Candidates   any      `json:"candidates,omitempty" doc:"CONFLICT of people: who it may be"`
	RequestID    string   `json:"request_id,omitempty" doc:"INTERNAL_ERROR: quote it when you report the fault"`
}

// FlatFault is the same in the flat form.
type FlatFault struct {
	Code string `json:"error" doc:"What went wrong, for programs"`
	FlatRest
}

// FlatRest is an error beside its code.
type FlatRest struct {
	Message      string   `json:"message" doc:"The same for people"`
	Details      []Detail `json:"details,omitempty" doc:"One per faulty field"`
	Alternatives []Slot   `json:"alternatives,omitempty" doc:"slot_taken: the nearest open slots, at most three"`
	Allowed      []string `json:"allowed,omitzero" doc:"invalid_transition: the states that may follow, none if it is empty; method_not_allowed: the methods"`
	Candidates   any      `json:"candidates,omitempty" doc:"conflict of people: who it may be"`
	RequestID    string   `json:"request_id,omitempty" doc:"internal_error: quote it when you report the fault"`
}

// refusal finds the *fault.Error in err; anything else is an internal fault,
// whose text stays in the log.
func refusal(err error) *fault.Error {
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Kind != fault.Internal {
		return e
	}
	return &fault.Error{Kind: fault.Internal, Message: "Internal error", Err: err}
}

// A caller's own words come back in details: no more of them than a reader reads.
const (
	maxDetails = 100
	maxField   = 200 // bytes
)

// sentence begins a detail as the documents do ("Required"), unless it begins
// with the name of a field.
func sentence(s string) string {
	word, _, _ := strings.Cut(s, " ")
	if s == "" || s[0] < 'a' || s[0] > 'z' || strings.ContainsAny(word, "_.") {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}

// respell gives the names of fields inside a message the flat spelling. Other words
// with an underscore are values, and stay.
func respell(text string, names map[string]string) string {
	if !strings.Contains(text, "_") {
		return text
	}
	part := func(r rune) bool {
		return r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	}
	var out strings.Builder
	for text != "" {
		n := strings.IndexFunc(text, part)
		if n < 0 {
			n = len(text)
		}
		out.WriteString(text[:n])
		text = text[n:]
		if n = strings.IndexFunc(text, func(r rune) bool { return !part(r) }); n < 0 {
			n = len(text)
		}
		word := text[:n]
		if name, ok := names[word]; ok {
			word = name
		}
		out.WriteString(word)
		text = text[n:]
	}
	return out.String()
}

// fieldNames are the flat spellings of all names in wire structs and parameters.
func (s *Server) fieldNames() map[string]string {
	out := map[string]string{}
	note := func(name string) {
		if f := flat.Name(name); f != name {
			out[name] = f
		}
	}
	for _, x := range s.registry.Map() {
		for name := range x.Properties {
			note(name)
		}
	}
	for _, rt := range s.routes {
		for _, p := range rt.input.query {
			note(p.name)
		}
	}
	return out
}

// candidates are who it may be; nil where the refusal is about something else.
func candidates(e *fault.Error) any {
	list, ok := e.Candidates.([]people.MatchRef)
	if !ok {
		return nil
	}
	return wire.Each(list, func(m people.MatchRef) Candidate { return Candidate(m) })
}

// faultBody is the error body in the form; names are the server's fieldNames.
func faultBody(e *fault.Error, f form, requestID string, names map[string]string) []byte {
	words := func(text string) string {
		if f == flatForm {
			text = respell(text, names)
		}
		return masked(text)
	}
	rest := FlatRest{Message: words(e.Message), Allowed: e.Allowed, Candidates: candidates(e)}
	if e.Missing != scope.None {
		rest.Message += ": " + f.scope(e.Missing)
	}
	for i, d := range e.Details {
		if i == maxDetails {
			break
		}
		field := masked(f.field(masked(d.Field))) // in either spelling, and before it is cut: half a key is one, too
		rest.Details = append(rest.Details, Detail{Field: field[:min(len(field), maxField)],
			Message: words(sentence(d.Message))})
	}
	open, _ := e.Alternatives.([]booking.Slot)
	for _, s := range open {
		rest.Alternatives = append(rest.Alternatives, SlotOf(s))
	}
	if e.Kind == fault.Internal {
		rest.RequestID = requestID
	}
	if f == flatForm {
		text, err := json.Marshal(FlatFault{f.code(e.Kind), rest})
		if err != nil {
			return []byte(`{"error":"internal_error","message":"Internal error"}`)
		}
		return flat.Append(make([]byte, 0, len(text)), text)
	}
	text, err := json.Marshal(Fault{FaultBody{
		f.code(e.Kind), rest.Message, rest.Details, rest.Alternatives, rest.Allowed, rest.Candidates, rest.RequestID,
	}})
	if err != nil {
		return []byte(`{"error":{"code":"INTERNAL_ERROR","message":"Internal error"}}`)
	}
	return text
}
