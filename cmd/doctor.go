package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"qualifybase/cmd/config"
	"qualifybase/engine"
	"qualifybase/store"
)

type doctorOptions struct {
	*global
	json bool
	now  func() time.Time
}

func newDoctorCommand(g *global) *cobra.Command {
	o := doctorOptions{global: g, now: time.Now}
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Look over the machine, the data directory and the database, and name what to mend",
		Long: `Look over the machine, the data directory and the database, also while it is
served. Each line is ok, warn or fail; the last two name the way out. Nothing is
changed. Exit code 1 if a line says fail.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runDoctor(c.Context(), streams(c), o) },
	}
	jsonFlag(c, &o.json)
	return c
}

// checkResult is one line of the doctor.
type checkResult struct {
	Check  string `json:"check"`
	Level  string `json:"level"` // ok, warn, fail
	Text   string `json:"text"`
	WayOut string `json:"way_out,omitempty"`
}

// doctor collects them.
type doctor struct {
	*global
	l      *config.Loaded
	now    time.Time
	sealed []store.Sealed
	list   []checkResult
}

func (d *doctor) ok(check, format string, args ...any) {
	d.list = append(d.list, checkResult{check, "ok", fmt.Sprintf(format, args...), ""})
}

func (d *doctor) warn(check, wayOut, format string, args ...any) {
	d.list = append(d.list, checkResult{check, "warn", fmt.Sprintf(format, args...), wayOut})
}

func (d *doctor) fail(check, wayOut, format string, args ...any) {
	d.list = append(d.list, checkResult{check, "fail", fmt.Sprintf(format, args...), wayOut})
}

func runDoctor(ctx context.Context, s stdio, o doctorOptions) error {
	if !exists(filepath.Join(o.data, dbFile)) {
		return errNoClinic(o.data)
	}
	d := &doctor{global: o.global, now: o.now()}
	d.config()
	err := runLowPriority(func() error { return d.database(ctx) })
	if err != nil {
		return err
	}
	d.disk()
	d.modes()
	d.zones()
	d.backups()
	d.outbox(ctx)
	if err := d.print(s, o.json); err != nil {
		return err
	}
	bad := 0
	for _, x := range d.list {
		if x.Level == "fail" {
			bad++
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d checks failed", bad, len(d.list))
	}
	return nil
}

func (d *doctor) print(s stdio, asJSON bool) error {
	if asJSON {
		return printJSON(s.out, d.list)
	}
	for _, x := range d.list {
		line := fmt.Sprintf("%-5s %-11s %s", x.Level, x.Check, printable(x.Text, ""))
		if x.WayOut != "" {
			line += ": " + x.WayOut
		}
		if _, err := fmt.Fprintln(s.out, strings.TrimRight(line, " ")); err != nil {
			return err
		}
	}
	return nil
}

// config loads the configuration; the rest goes on with the defaults if it cannot.
func (d *doctor) config() {
	l, err := d.loadConfig()
	if err != nil {
		d.fail("config", "'qb config check' names every mistake", "%v", firstLine(err))
		l = config.Default()
	} else if l.File == "" {
		d.ok("config", "the defaults: there is no %s", config.FileName)
	} else {
		d.ok("config", "%s", l.File)
	}
	d.l = l
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// database looks the file over: SQLite, schema, content, clock.
func (d *doctor) database(ctx context.Context) error {
	path := filepath.Join(d.data, dbFile)
	schema, err := d.schema()
	if err != nil {
		return err
	}
	in, err := store.Inspect(ctx, path, schema)
	switch {
	case errors.Is(err, store.ErrNewer):
		d.fail("database", "install the qb that wrote it, or a newer one", "it was written by a newer qb")
		return nil
	case errors.Is(err, store.ErrForeign):
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
		d.warn("sqlite", `set database.synchronous = "full"`, "%s, WAL, synchronous %s: a power cut may lose the last moments", in.SQLite, d.l.Database.Synchronous)
		return
	}
	log, _ := os.Stat(filepath.Join(d.data, dbFile+"-wal"))
	if log != nil && log.Size() > 256<<20 {
		d.warn("sqlite", "some program holds the database open for reading; end it", "%s, WAL of %s", in.SQLite, megabytes(log.Size()))
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
	u := readBackupState(d.data)
	report := func(check, wayOut string, s taskStatus) {
		text := s.why
		if !s.at.IsZero() {
			text = strings.TrimSuffix("last "+s.at.UTC().Format(time.RFC3339)+"; "+text, "; ")
		}
		if s.level == "ok" {
			wayOut = ""
		}
		d.list = append(d.list, checkResult{check, s.level, text, wayOut})
	}
	b := u.backupStatus(d.l.Backup, d.now)
	if u.Failed != nil {
		b.why = strings.TrimPrefix(b.why+": "+u.Failed.Error, ": ")
	}
	report("backup", "'qb backup' makes one now", b)
	s := u.drillStatus(d.now)
	if u.Drill != nil && u.Drill.Error != "" {
		s.why += ": " + u.Drill.Error
	}
	report("drill", "'qb backup drill'", s)
	if dir, _, err := backupPlace(d.data, d.l.Backup.Dir); err != nil {
		d.fail("backup", "mount it, or set backup.dir", "%v", err)
	} else if u.Backup != nil && filepath.Dir(u.Backup.File) == dir && !exists(u.Backup.File) {
		d.warn("backup", "is the disk of the backups mounted?", "%s is no longer there", u.Backup.File)
	}
}

// outbox tells what webhooks wait for.
func (d *doctor) outbox(ctx context.Context) {
	err := d.withClinic(ctx, stdio{err: os.Stderr}, target{verb: "doctor"}, func(at *session) error {
		depth, err := at.engine.OutboxDepth(ctx)
		if err != nil {
			return err
		}
		d.deliveries(depth)
		return nil
	})
	if err != nil {
		d.fail("webhooks", "", "cannot be asked: %v", firstLine(err))
	}
}

func (d *doctor) deliveries(depth engine.OutboxDepth) {
	late := d.now.Sub(time.Unix(depth.OldestDue, 0))
	if depth.OldestDue != 0 && late > 10*time.Minute {
		d.warn("webhooks", "is 'qb serve' running? The log says what hinders it", "%d deliveries wait; the oldest has been due for %s", depth.Pending, ago(late))
	} else {
		d.ok("webhooks", "%d deliveries wait, %d are under way", depth.Pending, depth.Sending)
	}
	if depth.Dead > 0 {
		d.warn("webhooks", "'qb webhooks dead' lists them, 'qb webhooks retry' sends them again", "%d dead letters", depth.Dead)
	}
}
