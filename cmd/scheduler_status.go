package cmd

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"qualifybase/cmd/config"
	"qualifybase/httpapi"
	"qualifybase/httpapi/wire"
	"qualifybase/store/backup"
)

// newBackupScheduler makes the scheduler of a server by its configuration.
func (g *global) newBackupScheduler(l *config.Loaded, log *slog.Logger) (*backupScheduler, error) {
	m, err := g.newMaker(l, "")
	if err != nil {
		return nil, err
	}
	// A key that is not there now is told by the first drill, not by a server that does not start.
	keys := func() ([]backup.Identity, error) { return openKeys(l.Backup.Identity) }
	s := &backupScheduler{maker: m, conf: l.Backup, log: log, now: time.Now, zone: time.Local}
	s.drill = func(ctx context.Context, file string) (out runResult) {
		err := runLowPriority(func() error {
			keys, err := keys()
			if err != nil {
				return err
			}
			out, err = drill(ctx, file, keys, m)
			return err
		})
		if err != nil { // also one that ended before it had an outcome
			out.OK, out.Error = false, err.Error()
			out.At, out.File = s.now().UTC(), file
		}
		return out
	}
	if m.recipient == nil && s.scheduled() {
		log.Warn("backups are not encrypted: set backup.recipient to an age public key")
	}
	return s, nil
}

// scheduled tells whether the server makes backups by itself.
func (s *backupScheduler) scheduled() bool { return s.conf.Scheduled() }

// taskStatus is how one of the scheduled tasks stands.
type taskStatus struct {
	level string // "ok", "warn", "fail"
	why   string // in words without a path: it is public
	at    time.Time
}

// backupStatus tells how the backups stand.
func (u *backupState) backupStatus(conf config.Backup, now time.Time) taskStatus {
	if !conf.Scheduled() {
		return taskStatus{level: "warn", why: "nobody makes backups: backup.every is 0", at: u.lastGood()}
	}
	s := taskStatus{level: "ok", at: u.lastGood()}
	old := s.at.IsZero() && now.Sub(u.Since) > time.Hour && !u.Since.IsZero() || !s.at.IsZero() && now.Sub(s.at) > 2*conf.Interval()+time.Hour
	switch {
	case old && s.at.IsZero():
		s.level, s.why = "fail", "there is no backup yet"
	case old:
		s.level, s.why = "fail", fmt.Sprintf("the last backup is %s old", ago(now.Sub(s.at)))
	case u.Failed != nil:
		s.level, s.why = "warn", "the last try failed"
		if u.Failures > 1 {
			s.why = fmt.Sprintf("the last %d tries failed", u.Failures)
		}
	case s.at.IsZero():
		s.why = "there is no backup yet"
		if u.Since.IsZero() { // and no server has run that would make one
			s.level = "warn"
		}
	}
	return s
}

func (u *backupState) lastGood() time.Time {
	if u.Backup == nil {
		return time.Time{}
	}
	return u.Backup.At
}

// drillStatus tells how the drills stand.
func (u *backupState) drillStatus(now time.Time) taskStatus {
	switch d := u.Drill; {
	case d == nil:
		return taskStatus{level: "ok", why: "no backup was restored for a trial yet"}
	case !d.OK:
		return taskStatus{level: "fail", why: "the newest backup could not be restored for a trial", at: d.At}
	case now.Sub(d.At) > 2*drillEvery:
		return taskStatus{level: "warn", why: fmt.Sprintf("the last trial is %s old", ago(now.Sub(d.At))), at: d.At}
	default:
		return taskStatus{level: "ok", why: d.Note, at: d.At}
	}
}

// ago rounds a length of time as people say it.
func ago(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return fmt.Sprintf("%d minutes", d/time.Minute)
}

// checks are the details of /readyz.
func (s *backupScheduler) checks() []httpapi.Check {
	u, now := readBackupState(s.maker.data), s.now()
	if !s.scheduled() {
		return nil
	}
	check := func(name string, t taskStatus) httpapi.Check {
		c := httpapi.Check{Name: name, Status: t.level, Why: t.why}
		if !t.at.IsZero() {
			at := wire.Instant(t.at.Unix())
			c.At = &at
		}
		return c
	}
	return []httpapi.Check{check("backup", u.backupStatus(s.conf, now)), check("restore_drill", u.drillStatus(now))}
}

// gauges are the lines of /metrics.
func (s *backupScheduler) gauges(m *metricsPage) {
	u, now := readBackupState(s.maker.data), s.now()
	if u.Backup != nil {
		m.gauge("qb_backup_last_success_timestamp_seconds", "When the last good backup was made, Unix time.", float64(u.Backup.At.Unix()))
		m.gauge("qb_backup_age_seconds", "How old it is.", now.Sub(u.Backup.At).Seconds())
		m.gauge("qb_backup_bytes", "How large it is.", float64(u.Backup.Bytes))
		m.gauge("qb_backup_seconds", "How long it took, verification included.", u.Backup.Seconds)
	}
	m.gauge("qb_backup_failures", "Tries that failed since then.", float64(u.Failures))
	m.gauge("qb_backup_scheduled", "1 where the server makes backups by itself.", oneIf(s.scheduled()))
	if u.Drill != nil {
		m.gauge("qb_restore_drill_timestamp_seconds", "When a backup was last restored for a trial, Unix time.", float64(u.Drill.At.Unix()))
		m.gauge("qb_restore_drill_ok", "1 if that went well.", oneIf(u.Drill.OK))
		m.gauge("qb_restore_drill_seconds", "How long it took.", u.Drill.Seconds)
	}
	if free, err := freeDisk(filepath.Clean(s.maker.data)); err == nil {
		m.gauge("qb_disk_free_bytes", "Room on the data directory's disk.", float64(free))
	}
}
