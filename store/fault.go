package store

import (
	"errors"
	"strings"
	"time"

	"qualifybase/engine"
)

// Result codes of SQLite that mean something to us (sqlite.org/rescode.html);
// the low byte is the primary code.
const (
	codePerm       = 3
	codeBusy       = 5
	codeLocked     = 6
	codeNoMem      = 7
	codeReadOnly   = 8
	codeInterrupt  = 9
	codeIOErr      = 10
	codeCorrupt    = 11
	codeFull       = 13
	codeCantOpen   = 14
	codeConstraint = 19
	codeNotADB     = 26

	codeConstraintKey     = codeConstraint | 6<<8 // PRIMARY KEY
	codeConstraintTrigger = codeConstraint | 7<<8
	codeConstraintUnique  = codeConstraint | 8<<8

	codeIOWrite    = codeIOErr | 3<<8
	codeIOSync     = codeIOErr | 4<<8
	codeIODirSync  = codeIOErr | 5<<8
	codeIOTruncate = codeIOErr | 6<<8
)

// retryAfter is what a caller is told to wait when nothing was written.
const retryAfter = time.Second

// code is SQLite's extended result code of an error; 0 = it has none.
func code(err error) int {
	if e, ok := errors.AsType[*sqlError](err); ok {
		return e.code
	}
	return 0
}

// inWords says a fault in the engine's words, where it has one. The cause stays
// inside, for the log.
func inWords(err *sqlError) error {
	c := err.code
	switch c & 0xff {
	case codeFull:
		return &engine.Error{Kind: engine.StorageFull, Message: "The disk is full; nothing was written", RetryAfter: 30 * time.Second, Err: err}
	case codeReadOnly, codeIOErr, codePerm, codeCantOpen:
		return &engine.Error{Kind: engine.ReadOnly, Message: "The database cannot be written; nothing was changed", RetryAfter: 30 * time.Second, Err: err}
	case codeBusy, codeLocked:
		return busy("Another program is writing; nothing was changed, try again", err)
	}
	switch c {
	case codeConstraintTrigger:
		if strings.Contains(err.msg, "slot taken") {
			e := engine.Fail(engine.SlotTaken, "That time is no longer free")
			e.Err = err
			return e
		}
	case codeConstraintUnique, codeConstraintKey:
		return &engine.Error{Kind: engine.Conflict, Message: "There is one like it already", Err: err}
	}
	return err
}

func busy(message string, cause error) *engine.Error {
	return &engine.Error{Kind: engine.Busy, Message: message, RetryAfter: retryAfter, Err: cause}
}

// tearsDown tells the faults upon which SQLite may roll back the whole
// transaction (sqlite.org/lang_transaction.html), and a damaged file.
func tearsDown(err error) bool {
	switch code(err) & 0xff {
	case codeFull, codeIOErr, codeNoMem, codeBusy, codeInterrupt, codeCorrupt, codeNotADB, codeReadOnly, codeCantOpen:
		return true
	}
	return false
}

// losesTrust tells the faults after which what the disk holds is unknown: no
// success may be told again until a restart has read it back (proof.md R7).
func losesTrust(err error) bool {
	switch code(err) {
	case codeIOWrite, codeIOSync, codeIODirSync, codeIOTruncate:
		return true
	}
	return false
}

// absent is the one answer for a row that is not there and a row of another clinic.
func absent(what string) error { return engine.Fail(engine.NotFound, "No such %s", what) }
