package store

import "fmt"

// checkpointTries bounds how long a reader, or a program that streams the log away, is
// waited for: a minute of idle moments.
const checkpointTries = 120

// checkpoint folds the write-ahead log into the file and empties it after somebody was
// erased: the log still holds the pages as they were before. In the file itself
// secure_delete overwrites what goes; a gap of a page that was laid out anew may
// keep a remnant until the page is written over or the database is vacuumed. It
// waits for nobody and tries again at the next idle moment; a log that is never
// idle is overwritten from its start as always.
func (w *writer) checkpoint() {
	if w.checkpoints == 0 || w.failed.Load() != nil {
		return
	}
	w.checkpoints--
	busy := true
	err := w.c.script("PRAGMA busy_timeout = 0")
	if err == nil {
		_, err = w.c.get("PRAGMA wal_checkpoint(TRUNCATE)", func(r *row) { busy = r.bool() })
	}
	if again := w.c.script(fmt.Sprintf("PRAGMA busy_timeout = %d", w.s.o.busy.Milliseconds())); err == nil {
		err = again
	}
	if err == nil && !busy {
		w.checkpoints = 0
	}
}
