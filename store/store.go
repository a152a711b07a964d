// Package store keeps the clinic in one SQLite file: it implements
// engine.Store. One goroutine writes, in groups that share a commit; a few
// connections read; the occupancy, the plans and the keys are kept in memory
// beside the file and always say what it says (CONTRIBUTING.md "The database").
package store

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"qualifybase/engine/act"
)

// minSQLite is the oldest SQLite that may touch a file: up to 3.51.2 a reset of
// the WAL could corrupt it.
const minSQLite = "3.53.0"

// Options of Open; the zero value is the production setting.
type Options struct {
	Synchronous string           // "FULL" (default: an acknowledged write survives a power cut) or "NORMAL"
	Readers     int              // reading connections; default 2
	CacheMiB    int              // page cache of the writer; default 8, readers get a quarter each
	WALPages    int              // pages in the write-ahead log before it is folded into the file; default 4000
	Now         func() time.Time // tests choose dates; default time.Now
	Log         *slog.Logger     // default: discards
	NoGroup     bool             // benchmarks only: one transaction for every Update
	busy        time.Duration    // tests: how long to wait for another process; default 5 s
}

// Store is an open database. It is safe for concurrent use.
type Store struct {
	path string
	o    Options
	log  *slog.Logger
	w    *writer
	mem  memory

	readers chan *conn // the pool; nil entries are not yet opened

	loading sync.Mutex // guards loader
	loader  *conn      // fills the memory, each time from a fresh snapshot

	foreign atomic.Pointer[func()] // hears that another process wrote

	gate   sync.RWMutex // held for reading while a write is handed over
	closed bool
	gone   chan struct{} // closed by Close: no View begins any more
}

// Open opens the database at path. A missing or empty file becomes a new
// database from schema (the text of schema.sql); an older one is backed up
// beside itself and migrated; a file of another program or a newer version is refused untouched.
func Open(path string, schema string, o Options) (*Store, error) {
	if o.Synchronous == "" {
		o.Synchronous = "FULL"
	}
	if o.Synchronous != "FULL" && o.Synchronous != "NORMAL" {
		return nil, fmt.Errorf("synchronous is %q: use FULL or NORMAL", o.Synchronous)
	}
	if o.Readers <= 0 {
		o.Readers = 2
	}
	if o.CacheMiB <= 0 {
		o.CacheMiB = 8
	}
	if o.WALPages <= 0 {
		o.WALPages = 4000
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.busy == 0 {
		o.busy = 5 * time.Second
	}
	if err := prepareFile(path, schema, embedded(), o); err != nil {
		return nil, damaged(path, err)
	}
	trackOpen(path, 1)
	s := &Store{path: path, o: o, log: o.Log, readers: make(chan *conn, o.Readers), gone: make(chan struct{})}
	c, err := s.dial(true)
	if err != nil {
		trackOpen(path, -1)
		return nil, damaged(path, err)
	}
	for range o.Readers {
		s.readers <- nil
	}
	s.w, err = newWriter(s, c)
	if err != nil {
		_ = c.close()
		trackOpen(path, -1)
		return nil, damaged(path, err)
	}
	return s, nil
}

// OnForeignWrite names a function that hears, within a second, that another
// process has written. It is called by the writer and must not wait for anything.
func (s *Store) OnExternalWrite(fn func()) { s.foreign.Store(&fn) }

// Path is the file's name as it was given to Open.
func (s *Store) Path() string { return s.path }

// dial opens a connection with our settings: the busy timeout first, so that
// the next settings already wait for other processes.
func (s *Store) dial(writes bool) (*conn, error) {
	c, err := dial(s.path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", s.path, err)
	}
	cache := s.o.CacheMiB * 1024
	if !writes {
		cache /= 4
	}
	// secure_delete: what is deleted or replaced is overwritten in the file, so that
	// an erased person lingers neither there nor in a copy of its pages (checkpoint.go).
	settings := fmt.Sprintf(`PRAGMA busy_timeout = %d; PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON;
		PRAGMA synchronous = %s; PRAGMA wal_autocheckpoint = %d; PRAGMA cache_size = -%d;
		PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON;`,
		s.o.busy.Milliseconds(), s.o.Synchronous, s.o.WALPages, cache)
	if !writes {
		settings += "PRAGMA query_only = 1;"
	}
	if err := c.script(settings); err != nil {
		_ = c.close()
		return nil, fmt.Errorf("open %s: %w", s.path, err)
	}
	return c, nil
}

// View runs fn on one snapshot of the file, which is opened with fn's first
// statement: one that asks only for what is kept in memory (Plan, Busy,
// KeyByLookup) touches no connection. What is kept in memory may be newer than
// the snapshot, never older than the last acknowledged Update.
func (s *Store) View(ctx context.Context, fn func(act.Reader) error) error {
	r := reads{s: s, ctx: ctx}
	defer r.end()
	return fn(&r)
}

// end gives the connection of a View back.
func (r *reads) end() {
	c := r.c
	r.ended = true
	if c == nil {
		return
	}
	r.c = nil
	c.clearAborted()
	if _, _, err := c.exec("COMMIT"); err != nil {
		_, _, err = c.exec("ROLLBACK")
		if err != nil { // a connection in an unknown state is replaced
			_ = c.close()
			c = nil
		}
	}
	r.s.readers <- c
}

// begin takes a connection from the pool and opens the snapshot.
func (r *reads) begin() (*conn, error) {
	if r.ended {
		return nil, errEnded
	}
	if r.c != nil {
		return r.c, nil
	}
	var c *conn
	select {
	case c = <-r.s.readers:
	default:
		select {
		case c = <-r.s.readers:
		case <-r.ctx.Done():
			return nil, busy("The server is busy; try again", r.ctx.Err())
		case <-r.s.gone:
			return nil, errClosed
		}
	}
	var err error
	if c == nil {
		c, err = r.s.dial(false)
	}
	if err == nil {
		_, _, err = c.exec("BEGIN")
	}
	if err != nil {
		if c != nil {
			_ = c.close()
		}
		r.s.readers <- nil
		return nil, err
	}
	r.c = c
	return c, nil
}

// fresh runs fn on a snapshot that begins now, for what is to be kept in memory.
// Calls take turns, so that nothing is loaded twice.
func (s *Store) fresh(fn func(*reads) error) (err error) {
	s.loading.Lock()
	defer s.loading.Unlock()
	if s.loader == nil {
		if s.loader, err = s.dial(false); err != nil {
			return err
		}
	}
	c := s.loader
	// a connection in an unknown state is replaced, or it would refuse for good
	if _, _, err := c.exec("BEGIN"); err != nil {
		_ = c.close()
		s.loader = nil
		return err
	}
	done := false
	defer func() {
		c.clearAborted()
		if _, _, e := c.exec("ROLLBACK"); e != nil || !done {
			_ = c.close()
			s.loader = nil
		}
	}()
	err = fn(&reads{s: s, c: c, ctx: always})
	done = true
	return err
}

// Close writes what was enqueued, waits for readers and closes the file.
// Writes that come later are refused as Busy.
func (s *Store) Close() error {
	s.gate.Lock()
	if s.closed {
		s.gate.Unlock()
		return nil
	}
	s.closed = true
	close(s.gone)
	s.gate.Unlock()
	s.w.close()
	for range s.o.Readers {
		if c := <-s.readers; c != nil {
			_ = c.close()
		}
	}
	s.loading.Lock()
	defer s.loading.Unlock()
	if s.loader != nil {
		_ = s.loader.close()
		s.loader = nil
	}
	defer trackOpen(s.path, -1)
	return s.w.c.close()
}
