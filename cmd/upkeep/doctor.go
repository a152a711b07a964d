package upkeep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"qualifybase/cmd/config"
	"qualifybase/engine/outbox"
	"qualifybase/store"
)

// CheckResult is one line of the doctor: what was looked at, how it stands, and the way
// out unless it is ok.
type CheckResult struct {
	Check  string `json:"check"`
	Level  string `json:"level"` // ok, warn, fail
	Text   string `json:"text"`
	WayOut string `json:"way_out,omitempty"`
}

// DoctorOptions is what the doctor is told by whoever asks.
type DoctorOptions struct {
	Config    *config.Loaded // nil where it does not load
	ConfigErr error          // why it does not
	Built     time.Time      // when the program's source was committed; zero = unknown

	// Outbox reads how full the outbox of webhooks is.
	Outbox func(context.Context) (outbox.OutboxDepth, error)
}

// Doctor looks over the machine, the directory and the database, also while it is
// served, and changes nothing. The error tells that nothing could be looked at.
func (d Dir) Doctor(ctx context.Context, o DoctorOptions) ([]CheckResult, error) {
	if err := d.NeedDatabase(); err != nil {
		return nil, err
	}
	x := &doctor{Dir: d, now: d.Now(), l: o.Config, built: o.Built}
	x.config(o.ConfigErr)
	if err := runLowPriority(func() error { return x.database(ctx) }); err != nil {
		return nil, err
	}
	x.disk()
	x.modes()
	x.zones()
	x.backups()
	x.outbox(o.Outbox(ctx))
	return x.list, nil
}

// doctor collects the lines.
type doctor struct {
	Dir
	l      *config.Loaded
	now    time.Time
	built  time.Time
	sealed []store.Sealed
	list   []CheckResult
}

func (d *doctor) ok(check, format string, args ...any) {
	d.list = append(d.list, CheckResult{check, "ok", fmt.Sprintf(format, args...), ""})
}

func (d *doctor) warn(check, wayOut, format string, args ...any) {
	d.list = append(d.list, CheckResult{check, "warn", fmt.Sprintf(format, args...), wayOut})
}

func (d *doctor) fail(check, wayOut, format string, args ...any) {
	d.list = append(d.list, CheckResult{check, "fail", fmt.Sprintf(format, args...), wayOut})
}

// config reports whether the configuration loads; the rest goes on with the defaults if it
// does not.
func (d *doctor) config(err error) {
	if err != nil {
		d.fail("config", "'qb config check' names every mistake", "%v", firstLine(err))
		d.l = config.Default()
	} else if d.l.File == "" {
		d.ok("config", "the defaults: there is no %s", config.FileName)
	} else {
		d.ok("config", "%s", d.l.File)
	}
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// database looks the file over: SQLite, schema, content, clock.
func (d *doctor) database(ctx context.Context) error {
	path := d.file(dbFile)
	in, err := store.Inspect(ctx, path, d.Schema)
	switch {
	case errors.Is(err, store.ErrNewer):
		d.fail("database", "install the qb that wrote it, or a newer one", "it was written by a newer qb")
		return nil
	case errors.Is(err, store.ErrOtherProgram):
		d.fail("database", "'qb restore' a backup, or name another --data", "%v", err)
		return nil
	case err != nil:
		return err
	}
	d.sqlite(in)
	d.sealed = in.Sealed
	for _, f := range in.Findings {
		d.fail("database", "stop the server, keep a copy of the directory, and 'qb restore' the newest backup", "%s", f)
	}
	if len(in.Findings) == 0 && !in.Older {
		d.ok("database", "sound: %d appointments, none booked twice", in.Appointments)
		d.ok("audit", "%d rows, unbroken", in.AuditRows)
	}
	d.migrations(path)
	d.clock(in.LastAudit)
	return nil
}

func (d *doctor) sqlite(in store.Inspection) {
	if in.SQLite == "" {
		return // the file cannot be read: the findings tell
	}
	if in.Journal != "wal" {
		d.warn("sqlite", "'qb serve' sets it", "%s, journal mode %s", in.SQLite, in.Journal)
		return
	}
	if d.l.Database.Synchronous != "full" {
		d.warn("sqlite", `set database.synchronous = "full"`,
			"%s, WAL, synchronous %s: a power cut may lose the last moments", in.SQLite, d.l.Database.Synchronous)
		return
	}
	log, _ := os.Stat(d.file(dbFile + "-wal"))
	if log != nil && log.Size() > 256<<20 {
		d.warn("sqlite", "some program holds the database open for reading; end it", "%s, WAL of %s", in.SQLite,
			megabytes(log.Size()))
		return
	}
	d.ok("sqlite", "%s, WAL, synchronous full", in.SQLite)
}

func (d *doctor) migrations(path string) {
	switch st, err := store.Status(path); {
	case err != nil:
		d.fail("schema", "", "%v", err)
	case len(st.Missing) > 0:
		d.warn("schema", "'qb migrate', or start 'qb serve'", "%d; %s to run", st.File, strings.Join(st.Missing, ", "))
	default:
		d.ok("schema", "%d, up to date", st.File)
	}
}

// clock holds the machine's against the newest audit row, which was once now.
func (d *doctor) clock(last int64) {
	ahead := time.Unix(last, 0).Sub(d.now)
	switch {
	case last != 0 && ahead > time.Minute:
		d.fail("clock", "set the clock (timedatectl): bookings, holds and keys go by it",
			"%s lies %s before the newest audit row: it was set back", d.now.UTC().Format(time.RFC3339), ago(ahead))
	case d.now.Year() < 2026:
		d.fail("clock", "set the clock (timedatectl)", "%s cannot be", d.now.UTC().Format(time.RFC3339))
	default:
		d.ok("clock", "%s", d.now.UTC().Format(time.RFC3339))
	}
}

// backups tells of backups and drills.
func (d *doctor) backups() {
	u := readState(d.Path)
	report := func(check, wayOut string, s Status) {
		text := s.Why
		if !s.At.IsZero() {
			text = strings.TrimSuffix("last "+s.At.UTC().Format(time.RFC3339)+"; "+text, "; ")
		}
		if s.Level == "ok" {
			wayOut = ""
		}
		d.list = append(d.list, CheckResult{check, s.Level, text, wayOut})
	}
	b := u.backupStatus(d.l.Backup, d.now)
	if u.Failed != nil {
		b.Why = strings.TrimPrefix(b.Why+": "+u.Failed.Error, ": ")
	}
	report("backup", "'qb backup' makes one now", b)
	s := u.drillStatus(d.now)
	if u.Drill != nil && u.Drill.Error != "" {
		s.Why += ": " + u.Drill.Error
	}
	report("drill", "'qb backup drill'", s)
	if dir, _, err := findBackupDir(d.Path, d.l.Backup.Dir); err != nil {
		d.fail("backup", "mount it, or set backup.dir", "%v", err)
	} else if u.Backup != nil && filepath.Dir(u.Backup.File) == dir && !exists(u.Backup.File) {
		d.warn("backup", "is the disk of the backups mounted?", "%s is no longer there", u.Backup.File)
	}
}

// outbox tells what webhooks wait for.
func (d *doctor) outbox(depth outbox.OutboxDepth, err error) {
	if err != nil {
		d.fail("webhooks", "", "cannot be asked: %v", firstLine(err))
		return
	}
	d.deliveries(depth)
}

func (d *doctor) deliveries(depth outbox.OutboxDepth) {
	late := d.now.Sub(time.Unix(depth.OldestDue, 0))
	if depth.OldestDue != 0 && late > 10*time.Minute {
		d.warn("webhooks", "is 'qb serve' running? The log says what hinders it",
			"%d deliveries wait; the oldest has been due for %s", depth.Pending, ago(late))
	} else {
		d.ok("webhooks", "%d deliveries wait, %d are under way", depth.Pending, depth.Sending)
	}
	if depth.Dead > 0 {
		d.warn("webhooks", "'qb webhooks dead' lists them, 'qb webhooks retry' sends them again",
			"%d dead letters", depth.Dead)
	}
}
