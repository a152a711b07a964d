package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"qualifybase/engine/act"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
	"qualifybase/engine/rights"
	"qualifybase/engine/secret"
	"qualifybase/store/sqlite"
)

// Finding is one thing wrong with a database.
type Finding struct {
	Check string `json:"check"` // "integrity", "references", "bookings", "calendar", "events", "audit", "structure"
	Text  string `json:"text"`
}

func (f Finding) String() string { return f.Check + ": " + f.Text }

// Inspection is what looking over a database file found. It names rows by id, never
// people.
type Inspection struct {
	Version      int    // of the schema
	Older        bool   // than this program's: only pages and references were looked at; migrate a copy and inspect that
	SQLite       string // its version in this program
	Journal      string // the file's journal mode: "wal" while it is served
	Clinics      []directory.Clinic
	Appointments int64
	People       int64            // leads and patients
	AuditRows    int64            // that were verified
	LastAudit    int64            // when the newest audit row was written, UTC seconds; 0 = none
	Erasures     []rights.Erasure // tombstones, oldest first
	Sealed       []Sealed         // what the key file must open
	Findings     []Finding
}

// Sealed is a secret at rest and its owner, see secret.Sealer.
type Sealed struct {
	Owner  string
	Secret []byte
}

// errEnough ends a list.
var errEnough = errors.New("enough rows")

// maxFindings bounds what one check tells: a damaged file may be wrong a million times.
const maxFindings = 20

// Inspect looks over the database at path without changing it, also beside a
// running server: SQLite's own check of every page, references, the booking
// invariant by one query, appointments against what they occupy, the events'
// numbers, every clinic's audit chain and, where schema is given and the file has
// the current version, its tables and triggers.
//
// Of a file of an older version only pages and references are looked at.
//
// What is wrong is in the findings; the error is for a file that is missing, of
// another program (ErrOtherProgram) or newer (ErrNewer), and for a ctx that ended.
func Inspect(ctx context.Context, path, schema string) (Inspection, error) {
	var in Inspection
	if err := readHeader(path); err != nil {
		return in, err
	}
	c, err := dialAs(path, sqlite.ReadOnly) // not even a checkpoint may write
	if err != nil {
		return in, err
	}
	defer c.close()
	x := &inspector{ctx: ctx, c: c, out: &in}
	if lost := lostInWAL(path); lost != "" && lostInWAL(path) == lost { // twice: a writer may be at it
		x.report("integrity", "%s", lost)
	}
	if err := x.open(path); err != nil {
		return in, err
	}
	checks := []func() error{x.integrity, x.references}
	if !in.Older {
		checks = append(checks, x.bookings, x.calendar, x.events, x.audit)
	}
	for _, check := range checks {
		if err := ctx.Err(); err != nil {
			return in, err
		}
		if err := check(); err != nil {
			return in, err
		}
	}
	return in, x.structure(schema)
}

// Peek is Inspect's first look alone: whose file it is, and how much is in it.
func Peek(path string) (in Inspection, err error) {
	if err := readHeader(path); err != nil {
		return in, err
	}
	c, err := dialAs(path, sqlite.ReadOnly)
	if err != nil {
		return in, err
	}
	defer c.close()
	err = (&inspector{ctx: always, c: c, out: &in}).open(path)
	return in, err
}

// inspector is one pass over a file.
type inspector struct {
	ctx context.Context
	c   *conn
	out *Inspection
}

func (x *inspector) report(check, format string, args ...any) {
	x.out.Findings = append(x.out.Findings, Finding{check, fmt.Sprintf(format, args...)})
}

// reportDamage reports an error of a query that is damage and passes over it.
func (x *inspector) reportDamage(check string, err error) error {
	if err == nil || errors.Is(err, errEnough) {
		return nil
	}
	switch sqlite.CodeOf(err).Primary() {
	case sqlite.CodeCorrupt, sqlite.CodeNotADB,
		sqlite.CodeError: // a table that is not there, a schema that does not parse
		x.c.clearAborted()
		x.report(check, "the file cannot be read: %s", sqliteText(err))
		return nil
	}
	if _, ok := errors.AsType[*sqlite.ColumnError](err); ok { // a value of another type than its column's
		x.c.clearAborted()
		x.report(check, "a row cannot be read: %v", err)
		return nil
	}
	return err
}

// open opens the snapshot that all checks see.
func (x *inspector) open(path string) error {
	if err := x.c.script("PRAGMA busy_timeout = 5000; BEGIN"); err != nil {
		return err
	}
	version, empty, err := x.c.identify(path, embedded())
	if errors.Is(err, ErrOtherProgram) || errors.Is(err, ErrNewer) {
		return err
	}
	if err != nil {
		return x.reportDamage("integrity", err)
	}
	if empty {
		return refuse(ErrOtherProgram, "%s is an empty database", path)
	}
	x.out.Version, x.out.SQLite = version, sqlite.Version()
	if _, err := x.c.get("PRAGMA journal_mode", func(r *row) { x.out.Journal = r.text() }); err != nil {
		return err
	}
	x.out.Older = version < current(embedded())
	return x.reportDamage("integrity", x.summarize())
}

// summarize tells whose file it is and how much is in it. It asks for columns alone
// that every version has.
func (x *inspector) summarize() (err error) {
	err = x.c.query("SELECT n, id, slug, name FROM clinics ORDER BY n", func(r *row) error {
		x.out.Clinics = append(x.out.Clinics, directory.Clinic{N: r.int(), ID: r.text(), Slug: r.text(), Name: r.text()})
		return nil
	})
	for _, ask := range []struct {
		sql string
		n   *int64
	}{
		{"SELECT count(*) FROM appointments", &x.out.Appointments},
		{"SELECT (SELECT count(*) FROM leads) + (SELECT count(*) FROM patients)", &x.out.People},
		{"SELECT coalesce(max(at), 0) FROM audit", &x.out.LastAudit},
	} {
		if err == nil {
			*ask.n, err = x.c.number(ask.sql)
		}
	}
	if err == nil && !x.out.Older {
		x.out.Erasures, err = (&reads{c: x.c, ctx: always}).Erasures()
	}
	if err == nil && !x.out.Older {
		err = x.c.query("SELECT id, secret FROM webhooks WHERE secret IS NOT NULL UNION ALL SELECT id, old_secret "+
			"FROM webhooks WHERE old_secret IS NOT NULL",
			func(r *row) error {
				x.out.Sealed = append(x.out.Sealed, Sealed{secret.SealedFor(r.text()), r.blob()})
				return nil
			})
	}
	return err
}

// list notes a line for every row of a query.
func (x *inspector) list(check, sql string, line func(*row) string) error {
	n := 0
	return x.reportDamage(check, x.c.query(sql, func(r *row) error {
		if n++; n > maxFindings {
			x.report(check, "and more of that kind")
			return errEnough
		}
		if text := line(r); text != "" && r.fault() == nil {
			x.report(check, "%s", text)
		}
		return nil
	}))
}

func (x *inspector) integrity() error {
	return x.list("integrity", "PRAGMA integrity_check(20)", func(r *row) string {
		if text := r.text(); text != "ok" {
			return text
		}
		return ""
	})
}

func (x *inspector) references() error {
	return x.list("references", "PRAGMA foreign_key_check", func(r *row) string {
		child := r.text()
		r.skip()
		return fmt.Sprintf("a row of %s refers to a missing row of %s", child, r.text())
	})
}

// bookings is the invariant of the product in one query: of the rows that did not
// skip the check, no two live ones of one resource overlap (booking.md §1). Of
// rows ordered by their start, some two overlap exactly when two neighbours do.
func (x *inspector) bookings() error {
	return x.list("bookings", `SELECT resource, test, s, id, before FROM (
		SELECT resource, test, s, id, lag(e) OVER w AS until, lag(id) OVER w AS before
		FROM occupancy WHERE live = 1 AND override = 0
		WINDOW w AS (PARTITION BY resource, test ORDER BY s, e))
		WHERE until > s`, func(r *row) string {
		res, test, at := r.text(), r.int(), r.int()
		return fmt.Sprintf("%s (test %d) is taken twice from %s on: occupancy %d and %d", res, test,
			time.Unix(at, 0).UTC().Format(time.RFC3339), r.int(), r.int())
	})
}

// calendar holds the appointments against what they occupy.
func (x *inspector) calendar() error {
	err := x.list("calendar", `SELECT id FROM appointments a WHERE status IN `+liveStatuses+` AND NOT EXISTS (
		SELECT 1 FROM occupancy o WHERE o.appointment_id = a.id AND o.live = 1 AND o.resource = 'p' || a.provider_id
		AND o.s <= a.starts_at AND o.e >= a.ends_at)`, func(r *row) string {
		return fmt.Sprintf("appointment %s does not occupy its provider", r.text())
	})
	if err != nil {
		return err
	}
	return x.list("calendar", `SELECT a.id, a.status FROM occupancy o JOIN appointments a ON a.id = o.appointment_id
		WHERE o.live = 1 AND a.status NOT IN `+liveStatuses, func(r *row) string {
		return fmt.Sprintf("appointment %s is %s and still occupies its time", r.text(), r.text())
	})
}

// events checks that the events have no gap: as many as the clinic's counters say,
// numbered so.
func (x *inspector) events() error {
	return x.list("events", `SELECT c.slug, h.event, (SELECT count(*) FROM events e WHERE e.clinic = h.clinic),
		(SELECT coalesce(max(seq), 0) FROM events e WHERE e.clinic = h.clinic)
		FROM counters h JOIN clinics c ON c.n = h.clinic`, func(r *row) string {
		slug, head, n, last := r.text(), r.int(), r.int(), r.int()
		if head == n && head == last {
			return ""
		}
		return fmt.Sprintf("clinic %s has %d events up to number %d, but %d were written", slug, n, last, head)
	})
}

// auditReader reads the audit of the inspected file.
type auditReader struct{ *reads }

// AuditCounters implements act.ChainReader.
func (r auditReader) AuditCounters(clinic int64) (h act.Counters, err error) {
	found, err := r.get("SELECT change, event, audit, audit_hash FROM counters WHERE clinic = ?", func(row *row) {
		h = act.Counters{Change: row.int(), Event: row.int(), Audit: row.int(), AuditHash: row.text()}
	}, clinic)
	if err == nil && !found {
		err = absent("clinic")
	}
	return h, err
}

func (x *inspector) audit() error {
	r := auditReader{&reads{c: x.c, ctx: always}}
	for _, clinic := range x.out.Clinics {
		if err := x.ctx.Err(); err != nil {
			return err
		}
		report, err := act.CheckChain(r, clinic.N)
		if fault.KindOf(err) == fault.NotFound {
			x.report("audit", "clinic %s: the head of its audit is missing", clinic.Slug)
			continue
		}
		if err := x.reportDamage("audit", err); err != nil {
			return err
		}
		x.out.AuditRows += report.Rows
		if report.Broken != 0 {
			x.report("audit", "clinic %s: %s", clinic.Slug, report.Reason)
		}
	}
	return nil
}

// structure holds tables, indexes and triggers against the program's own: without
// a trigger, what it guards is no longer true of tomorrow.
func (x *inspector) structure(schema string) error {
	if schema == "" || x.out.Version != current(embedded()) {
		return nil
	}
	have, err := x.c.structure()
	if err != nil {
		return x.reportDamage("structure", err)
	}
	fresh, err := dialAs("", sqlite.ReadWrite)
	if err != nil {
		return err
	}
	defer fresh.close()
	if err := fresh.script(schema); err != nil {
		return err
	}
	want, err := fresh.structure()
	if err != nil {
		return err
	}
	for _, line := range want {
		if !slices.Contains(have, line) {
			x.report("structure", "%s is missing or not as it should be", objectName(line))
		}
	}
	for _, line := range have {
		if !slices.ContainsFunc(want, func(w string) bool { return objectName(w) == objectName(line) }) {
			x.report("structure", "%s does not belong here", objectName(line))
		}
	}
	return nil
}

// objectName is the kind and the name of what a line of structure describes.
func objectName(line string) string {
	words := strings.SplitN(line, " ", 3)
	return strings.Join(words[:min(2, len(words))], " ")
}
