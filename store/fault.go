package store

import (
	"errors"
	"strings"
	"time"

	"qualifybase/engine/fault"
	"qualifybase/store/sqlite"
)

// retryAfter is what a caller is told to wait when nothing was written.
const retryAfter = time.Second

// asEngineError makes a fault of SQLite an error of the engine, where the engine has
// a kind for it. The cause stays inside, for the log; any other error stays what it is.
func asEngineError(err error) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	if _, done := errors.AsType[*fault.Error](err); done { // of a question inside a question
		return err
	}
	switch e.Code.Primary() {
	case sqlite.CodeFull:
		return &fault.Error{
			Kind: fault.StorageFull, RetryAfter: 30 * time.Second, Err: err,
			Message: "The disk is full; nothing was written",
		}
	case sqlite.CodeReadOnly, sqlite.CodeIOErr, sqlite.CodePerm, sqlite.CodeCantOpen:
		return &fault.Error{
			Kind: fault.ReadOnly, RetryAfter: 30 * time.Second, Err: err,
			Message: "The database cannot be written; nothing was changed",
		}
	case sqlite.CodeBusy, sqlite.CodeLocked:
		return busy("Another program is writing; nothing was changed, try again", err)
	}
	switch e.Code {
	case sqlite.CodeConstraintTrigger:
		if strings.Contains(e.Message, "slot taken") {
			e := fault.Fail(fault.SlotTaken, "That time is no longer free")
			e.Err = err
			return e
		}
	case sqlite.CodeConstraintUnique, sqlite.CodeConstraintPrimaryKey:
		return &fault.Error{Kind: fault.Conflict, Message: "There is one like it already", Err: err}
	}
	return err
}

func busy(message string, cause error) *fault.Error {
	return &fault.Error{Kind: fault.Busy, Message: message, RetryAfter: retryAfter, Err: cause}
}

// isDiskFault reports whether what the disk holds is unknown after an error: no
// success may be told again until a restart has read it back (proof.md R7).
func isDiskFault(err error) bool {
	switch sqlite.CodeOf(err) {
	case sqlite.CodeIOErrWrite, sqlite.CodeIOErrFsync, sqlite.CodeIOErrDirFsync, sqlite.CodeIOErrTruncate:
		return true
	}
	return false
}

// absent is the one answer for a row that is not there and a row of another clinic.
func absent(what string) error { return fault.Fail(fault.NotFound, "No such %s", what) }
