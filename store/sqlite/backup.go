package sqlite

import (
	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// CopyPages copies the main database of a connection over that of another, so many
// pages of it at a time (sqlite.org/backup.html), and calls pause after each slice
// but the last, whose error ends the copy. If from holds a read snapshot open, all
// slices are of that moment; else every write to its file begins the copy anew.
func CopyPages(to, from *Conn, pages int32, pause func() error) (err error) {
	defer to.arena.free(to.arena.used)
	main := to.arena.text("main")
	b := sqlite3.Xsqlite3_backup_init(to.tls, to.db, main, from.db, main)
	if b == 0 {
		return to.fault(sqlite3.Xsqlite3_errcode(to.tls, to.db))
	}
	defer func() {
		if rc := sqlite3.Xsqlite3_backup_finish(to.tls, b); rc != sqlite3.SQLITE_OK && err == nil {
			err = to.fault(rc)
		}
	}()
	for {
		switch rc := sqlite3.Xsqlite3_backup_step(to.tls, b, pages); rc {
		case sqlite3.SQLITE_OK:
		case sqlite3.SQLITE_DONE:
			return nil
		default: // the connection's own text is set by backup_finish only
			return &Error{Code: Code(rc), Message: libc.GoString(sqlite3.Xsqlite3_errstr(to.tls, rc))}
		}
		if err := pause(); err != nil {
			return err
		}
	}
}
