package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"qualifybase/engine"
)

// statuses is the one table from what went wrong to what HTTP calls it, in the
// order of contract.md §8. A kind that is not here is a 500.
var statuses = []struct {
	kind   engine.Kind
	status int
}{
	{engine.Invalid, http.StatusBadRequest},
	{engine.InvalidJSON, http.StatusBadRequest},
	{engine.InvalidCursor, http.StatusBadRequest},
	{engine.InvalidIdempotencyKey, http.StatusBadRequest},
	{engine.AmbiguousCredentials, http.StatusBadRequest},
	{engine.InvalidKey, http.StatusUnauthorized},
	{engine.InvalidToken, http.StatusUnauthorized},
	{engine.Unauthenticated, http.StatusUnauthorized},
	{engine.Forbidden, http.StatusForbidden},
	{engine.OriginNotAllowed, http.StatusForbidden},
	{engine.HTTPSRequired, http.StatusForbidden},
	{engine.QuotaExceeded, http.StatusForbidden},
	{engine.NotFound, http.StatusNotFound},
	{engine.MethodNotAllowed, http.StatusMethodNotAllowed},
	{engine.Gone, http.StatusGone},
	{engine.PreconditionFailed, http.StatusPreconditionFailed},
	{engine.TooLarge, http.StatusRequestEntityTooLarge},
	{engine.UnsupportedMedia, http.StatusUnsupportedMediaType},
	{engine.PreconditionRequired, http.StatusPreconditionRequired},
	{engine.SlotTaken, http.StatusConflict},
	{engine.PatientOverlap, http.StatusConflict},
	{engine.InvalidTransition, http.StatusConflict},
	{engine.Conflict, http.StatusConflict},
	{engine.OutsideHours, http.StatusUnprocessableEntity},
	{engine.InThePast, http.StatusUnprocessableEntity},
	{engine.TooSoon, http.StatusUnprocessableEntity},
	{engine.BeyondHorizon, http.StatusUnprocessableEntity},
	{engine.CapReached, http.StatusUnprocessableEntity},
	{engine.ProviderInactive, http.StatusUnprocessableEntity},
	{engine.KeyReused, http.StatusUnprocessableEntity},
	{engine.RateLimited, http.StatusTooManyRequests},
	{engine.Internal, http.StatusInternalServerError},
	{engine.Busy, http.StatusServiceUnavailable},
	{engine.ReadOnly, http.StatusServiceUnavailable},
	{engine.StorageFull, http.StatusInsufficientStorage},
}

// Status is what HTTP calls a kind of refusal.
func Status(k engine.Kind) int {
	for _, s := range statuses {
		if s.kind == k {
			return s.status
		}
	}
	return http.StatusInternalServerError
}

// Fault is the error object of a reply, in the standard form's envelope.
type Fault struct {
	Error FaultBody `json:"error"`
}

// FaultBody says what went wrong and the way out.
type FaultBody struct {
	Code         string          `json:"code" doc:"What went wrong, for programs"`
	Message      string          `json:"message" doc:"The same for people"`
	Details      []engine.Detail `json:"details,omitempty" doc:"One per faulty field"`
	Alternatives []Slot          `json:"alternatives,omitempty" doc:"SLOT_TAKEN: the nearest open slots, at most three"`
	Allowed      []string        `json:"allowed,omitzero" doc:"INVALID_TRANSITION: the states that may follow, none if it is empty; METHOD_NOT_ALLOWED: the methods"`
	Candidates   any             `json:"candidates,omitempty" doc:"CONFLICT of people: who it may be"`
	RequestID    string          `json:"request_id,omitempty" doc:"INTERNAL_ERROR: quote it when you report the fault"`
}

// FlatFault is the same in the flat form.
type FlatFault struct {
	Code string `json:"error" doc:"What went wrong, for programs"`
	FlatRest
}

// FlatRest is an error beside its code.
type FlatRest struct {
	Message      string          `json:"message" doc:"The same for people"`
	Details      []engine.Detail `json:"details,omitempty" doc:"One per faulty field"`
	Alternatives []Slot          `json:"alternatives,omitempty" doc:"slot_taken: the nearest open slots, at most three"`
	Allowed      []string        `json:"allowed,omitzero" doc:"invalid_transition: the states that may follow, none if it is empty; method_not_allowed: the methods"`
	Candidates   any             `json:"candidates,omitempty" doc:"conflict of people: who it may be"`
	RequestID    string          `json:"request_id,omitempty" doc:"internal_error: quote it when you report the fault"`
}

// refusal finds the *engine.Error in err; anything else is an internal fault,
// whose text stays in the log.
func refusal(err error) *engine.Error {
	if e, ok := errors.AsType[*engine.Error](err); ok && e.Kind != engine.Internal {
		return e
	}
	return &engine.Error{Kind: engine.Internal, Message: "Internal error", Err: err}
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
		if f := engine.FlatName(name); f != name {
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

// faultBody is the error body in the form; names are the server's fieldNames.
func faultBody(e *engine.Error, f form, requestID string, names map[string]string) []byte {
	words := func(text string) string {
		if f == flatForm {
			text = respell(text, names)
		}
		return masked(text)
	}
	rest := FlatRest{Message: words(e.Message), Allowed: e.Allowed, Candidates: e.Candidates}
	if e.Missing != engine.NoScope {
		rest.Message += ": " + f.scope(e.Missing)
	}
	for i, d := range e.Details {
		if i == maxDetails {
			break
		}
		field := masked(f.field(masked(d.Field))) // in either spelling, and before it is cut: half a key is one, too
		rest.Details = append(rest.Details, engine.Detail{Field: field[:min(len(field), maxField)],
			Message: words(sentence(d.Message))})
	}
	open, _ := e.Alternatives.([]engine.Slot)
	for _, s := range open {
		rest.Alternatives = append(rest.Alternatives, SlotOf(s))
	}
	if e.Kind == engine.Internal {
		rest.RequestID = requestID
	}
	if f == flatForm {
		text, err := json.Marshal(FlatFault{f.code(e.Kind), rest})
		if err != nil {
			return []byte(`{"error":"internal_error","message":"Internal error"}`)
		}
		return engine.AppendFlat(make([]byte, 0, len(text)), text)
	}
	text, err := json.Marshal(Fault{FaultBody{
		f.code(e.Kind), rest.Message, rest.Details, rest.Alternatives, rest.Allowed, rest.Candidates, rest.RequestID,
	}})
	if err != nil {
		return []byte(`{"error":{"code":"INTERNAL_ERROR","message":"Internal error"}}`)
	}
	return text
}
