// Package fault is the one error that callers see: its kind, its message and the
// fields it is about.
package fault

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"qualifybase/engine/scope"
)

// Kind is what went wrong, in the words of the wire contract (contract.md §8).
// Faces translate a Kind with one table each: httpapi to a status, cmd to an
// exit code. An error that is no *Error is an internal fault: 500, and its text
// stays in the log.
type Kind string

// Every kind the engine can answer with, in the order of the contract's table.
const (
	Invalid               Kind = "VALIDATION_ERROR"        // one detail per faulty field
	InvalidJSON           Kind = "INVALID_JSON"            // the body is not one JSON value
	InvalidCursor         Kind = "INVALID_CURSOR"          // garbage, or a cursor of another filter
	InvalidIdempotencyKey Kind = "INVALID_IDEMPOTENCY_KEY" // not 1–255 visible ASCII
	AmbiguousCredentials  Kind = "AMBIGUOUS_CREDENTIALS"   // two credentials at once
	InvalidKey            Kind = "INVALID_API_KEY"         // unknown, wrong, revoked or expired: never says which
	InvalidToken          Kind = "INVALID_TOKEN"           // a session JWT that does not verify
	Unauthenticated       Kind = "UNAUTHENTICATED"         // no credential at all
	Forbidden             Kind = "INSUFFICIENT_SCOPE"      // the caller may not
	OriginNotAllowed      Kind = "ORIGIN_NOT_ALLOWED"
	HTTPSRequired         Kind = "HTTPS_REQUIRED"
	QuotaExceeded         Kind = "QUOTA_EXCEEDED"
	NotFound              Kind = "NOT_FOUND" // absent, or another clinic's: never says which
	MethodNotAllowed      Kind = "METHOD_NOT_ALLOWED"
	Gone                  Kind = "GONE"
	PreconditionFailed    Kind = "PRECONDITION_FAILED"
	TooLarge              Kind = "PAYLOAD_TOO_LARGE"
	UnsupportedMedia      Kind = "UNSUPPORTED_MEDIA_TYPE"
	PreconditionRequired  Kind = "PRECONDITION_REQUIRED"
	SlotTaken             Kind = "SLOT_TAKEN" // carries Alternatives
	PatientOverlap        Kind = "PATIENT_OVERLAP"
	InvalidTransition     Kind = "INVALID_TRANSITION" // carries Allowed
	Conflict              Kind = "CONFLICT"
	OutsideHours          Kind = "OUTSIDE_HOURS"
	InThePast             Kind = "IN_THE_PAST"
	TooSoon               Kind = "TOO_SOON"
	BeyondHorizon         Kind = "BEYOND_HORIZON"
	CapReached            Kind = "CAP_REACHED"
	ProviderInactive      Kind = "PROVIDER_INACTIVE"
	KeyReused             Kind = "IDEMPOTENCY_KEY_REUSED"
	RateLimited           Kind = "RATE_LIMIT_EXCEEDED"
	Internal              Kind = "INTERNAL_ERROR"
	Busy                  Kind = "BUSY"      // try again; nothing was written
	ReadOnly              Kind = "READ_ONLY" // the disk refuses writes
	StorageFull           Kind = "STORAGE_FULL"
)

// Detail names one faulty field, by its snake_case wire name ("weekly[2].from"),
// and the way out.
type Detail struct {
	Field   string
	Message string
}

// Error is every refusal that a caller may read. Message and Details never hold
// a person's data: they end in replies, logs and idempotency records.
type Error struct {
	Kind         Kind
	Message      string
	Details      []Detail
	Alternatives any           // SlotTaken: the nearest open slots, at most three, as booking.Slot
	Allowed      []string      // InvalidTransition: the states that may follow; MethodNotAllowed: methods
	Candidates   any           // Conflict of people: who it may be, as []people.MatchRef
	Missing      scope.Scope   // Forbidden: the right that lacks; the face spells it
	RetryAfter   time.Duration // Busy, ReadOnly, RateLimited
	Err          error         // the cause, for the log alone
}

func (e *Error) Error() string {
	s := string(e.Kind) + ": " + e.Message
	for _, d := range e.Details {
		s += fmt.Sprintf("; %s: %s", d.Field, d.Message)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// Fail makes an *Error without details.
func Fail(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// On adds a detail and returns the error itself, so that a refusal reads as one expression.
func (e *Error) On(field, format string, args ...any) *Error {
	e.Details = append(e.Details, Detail{field, fmt.Sprintf(format, args...)})
	return e
}

// KindOf says what an error is; anything that is no *Error is Internal.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Decided tells the refusals that are an answer about the state of the world:
// a retry with the same idempotency key must hear them again (contract.md §6).
func (k Kind) Decided() bool {
	switch k {
	case NotFound, SlotTaken, PatientOverlap, InvalidTransition, Conflict, Gone,
		OutsideHours, InThePast, TooSoon, BeyondHorizon, CapReached, ProviderInactive:
		return true
	}
	return false
}

// Indexed names an element of a list field: "tags[3]".
func Indexed(field string, i int) string { return field + "[" + strconv.Itoa(i) + "]" }

// Absent is the one answer for a thing that is not there and for a thing of another clinic.
func Absent(what string) *Error { return Fail(NotFound, "No such %s", what) }

// Faults collects every fault of a draft, so that all come back at once.
type Faults []Detail

// Add records a fault of the field.
func (f *Faults) Add(field, format string, args ...any) {
	*f = append(*f, Detail{field, fmt.Sprintf(format, args...)})
}

// BadField is the VALIDATION_ERROR of one field.
func BadField(field, format string, args ...any) error {
	var f Faults
	f.Add(field, format, args...)
	return f.Err()
}

// Err is nil without faults, else the VALIDATION_ERROR that lists them.
func (f Faults) Err() error {
	if len(f) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Message: "Invalid request body", Details: f}
}

// AsFaults tells a refusal as faults of a line.
func (e *Error) AsFaults() Faults {
	if e.Kind == Invalid && len(e.Details) > 0 {
		return e.Details
	}
	f := Faults{{"line", e.Message}}
	return append(f, e.Details...)
}

// Join takes the details of a refusal of the whole value.
func (f *Faults) Join(err error) {
	if e, ok := err.(*Error); ok && len(e.Details) > 0 {
		*f = append(*f, e.Details...)
	} else if err != nil {
		f.Add("url", "Cannot be used: %s", KindOf(err))
	}
}
