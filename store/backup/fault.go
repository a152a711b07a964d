package backup

import (
	"errors"
	"fmt"
)

// Kind is why a file cannot be used as a backup.
type Kind string

// The kinds. Foreign, Truncated and Damaged are damage; the others leave open
// whether the file is sound.
const (
	Foreign   Kind = "foreign"   // no backup of qb at all
	Truncated Kind = "truncated" // its end is missing
	Damaged   Kind = "damaged"   // a byte is not the one that was written
	Newer     Kind = "newer"     // made by a newer qb than this
	NeedsKey  Kind = "needs key" // encrypted, and no key was given
	WrongKey  Kind = "wrong key" // encrypted for somebody else
)

// Fault says what is wrong with a backup file.
type Fault struct {
	Kind   Kind
	Member string // the member at fault, where one is
	Text   string // in words, with the way out where there is one
	Err    error
}

func (f *Fault) Error() string {
	head := map[Kind]string{
		Foreign:   "this is not a QualifyBase backup",
		Truncated: "the backup is cut short",
		Damaged:   "the backup is damaged",
		Newer:     "the backup was made by a newer qb",
		NeedsKey:  "the backup is encrypted",
		WrongKey:  "the backup is encrypted for another key",
	}[f.Kind]
	if f.Member != "" {
		head += ": " + f.Member
	}
	if f.Text != "" {
		head += ": " + f.Text
	}
	return head
}

func (f *Fault) Unwrap() error { return f.Err }

// Damage tells that the file itself is bad, whoever reads it.
func (k Kind) Damage() bool { return k == Foreign || k == Truncated || k == Damaged }

func damaged(member, format string, args ...any) *Fault {
	return &Fault{Kind: Damaged, Member: member, Text: fmt.Sprintf(format, args...)}
}

// KindOf says why a file was refused; "" for an error of another sort.
func KindOf(err error) Kind {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.Kind
	}
	return ""
}
