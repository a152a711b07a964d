package upkeep

// Kind is what kind of end an Error is.
type Kind string

// The kinds of errors that a caller treats apart from others.
const (
	Damaged Kind = "damaged" // a verification found damage
	Locked  Kind = "locked"  // another process holds the data directory
)

// Error is an error of a kind that a caller treats apart.
type Error struct {
	Kind Kind
	Err  error
}

// Error is the text of what went wrong; it does not name the kind.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap is what went wrong.
func (e *Error) Unwrap() error { return e.Err }
