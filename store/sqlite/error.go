package sqlite

import (
	"errors"
	"strconv"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Code is a result code of SQLite (sqlite.org/rescode.html), an extended one where
// there is one: its low byte is the primary code.
type Code int

// The codes that somebody asks for.
const (
	CodeError     Code = sqlite3.SQLITE_ERROR // a table that is not there, a text that does not parse
	CodePerm      Code = sqlite3.SQLITE_PERM
	CodeBusy      Code = sqlite3.SQLITE_BUSY
	CodeLocked    Code = sqlite3.SQLITE_LOCKED
	CodeNoMem     Code = sqlite3.SQLITE_NOMEM
	CodeReadOnly  Code = sqlite3.SQLITE_READONLY
	CodeInterrupt Code = sqlite3.SQLITE_INTERRUPT
	CodeIOErr     Code = sqlite3.SQLITE_IOERR
	CodeCorrupt   Code = sqlite3.SQLITE_CORRUPT
	CodeFull      Code = sqlite3.SQLITE_FULL
	CodeCantOpen  Code = sqlite3.SQLITE_CANTOPEN
	CodeNotADB    Code = sqlite3.SQLITE_NOTADB

	CodeConstraintPrimaryKey Code = sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	CodeConstraintTrigger    Code = sqlite3.SQLITE_CONSTRAINT_TRIGGER
	CodeConstraintUnique     Code = sqlite3.SQLITE_CONSTRAINT_UNIQUE

	CodeIOErrWrite    Code = sqlite3.SQLITE_IOERR_WRITE
	CodeIOErrFsync    Code = sqlite3.SQLITE_IOERR_FSYNC
	CodeIOErrDirFsync Code = sqlite3.SQLITE_IOERR_DIR_FSYNC
	CodeIOErrTruncate Code = sqlite3.SQLITE_IOERR_TRUNCATE
)

// Primary is the code without what extends it.
func (c Code) Primary() Code { return c & 0xff }

// endsTransaction reports whether SQLite may have rolled back the whole transaction
// upon a fault (sqlite.org/lang_transaction.html), or the file is damaged.
func (c Code) endsTransaction() bool {
	switch c.Primary() {
	case CodeFull, CodeIOErr, CodeNoMem, CodeBusy, CodeInterrupt, CodeCorrupt, CodeNotADB, CodeReadOnly, CodeCantOpen:
		return true
	}
	return false
}

// Error is a fault as SQLite tells it.
type Error struct {
	Code    Code
	Message string // SQLite's own
}

func (e *Error) Error() string {
	return "SQLite: " + e.Message + " (" + strconv.Itoa(int(e.Code)) + ")"
}

// CodeOf is the result code of an error; 0 = none of SQLite's is in it.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return 0
}

// errOutOfMemory is a fault that has no connection to ask for words.
var errOutOfMemory = errors.New("SQLite is out of memory")

// fault makes the error of a result code and notes one that may have ended the
// transaction.
func (c *Conn) fault(rc int32) error {
	e := &Error{Code: Code(rc), Message: "cannot open"}
	if c.db != 0 {
		e.Message = libc.GoString(sqlite3.Xsqlite3_errmsg(c.tls, c.db))
	}
	if e.Code.endsTransaction() {
		c.aborted = e
	}
	return e
}

// Aborted is a fault that may have ended the whole transaction (full disk, I/O, out
// of memory, a damaged file); nil = there was none. Until ClearAborted
// every statement but a Script is refused with it: one that ran now could commit on
// its own.
func (c *Conn) Aborted() error { return c.aborted }

// ClearAborted lets statements run again. Whoever calls it rolls the transaction
// back or knows that none is open.
func (c *Conn) ClearAborted() { c.aborted = nil }
