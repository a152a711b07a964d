package upkeep

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"qualifybase/cmd/config"
)

// How the scheduler minds the time. It looks at the clock again and again instead of
// sleeping until an hour: the clock may be set, and the machine may sleep.
const (
	checkEvery  = 20 * time.Second
	firstBackup = 5 * time.Minute // after the first start
	drillEvery  = 7 * 24 * time.Hour
	drillRetry  = 24 * time.Hour
	retryBackup = 5 * time.Minute // doubled up to an hour while it fails
	staleAfter  = 24 * time.Hour
)

// BackupScheduler makes the backups and the drills of a running server.
type BackupScheduler struct {
	maker *Maker
	conf  config.Backup
	log   *slog.Logger
	zone  *time.Location // in which backup.at strikes
}

// NewBackupScheduler makes the scheduler of a server by its configuration.
func (d Dir) NewBackupScheduler(l *config.Loaded, log *slog.Logger) (*BackupScheduler, error) {
	m, err := d.NewMaker(l)
	if err != nil {
		return nil, err
	}
	s := &BackupScheduler{maker: m, conf: l.Backup, log: log, zone: time.Local}
	if m.Recipient == nil && s.conf.Scheduled() {
		log.Warn("backups are not encrypted: set backup.recipient to an age public key")
	}
	return s, nil
}

func (s *BackupScheduler) now() time.Time { return s.maker.dir.Now() }

func (s *BackupScheduler) data() string { return s.maker.dir.Path }

// Run looks every now and then what is due, until ctx ends.
func (s *BackupScheduler) Run(ctx context.Context) {
	s.removeStale()
	changeState(s.data(), func(u *State) {
		if u.Since.IsZero() {
			u.Since = s.now().UTC()
		}
	})
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		s.RunDue(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// RunDue does what is due now.
func (s *BackupScheduler) RunDue(ctx context.Context) {
	u := readState(s.data())
	if s.backupDue(u) {
		u = s.backUp(ctx)
	}
	if ctx.Err() == nil && s.drillDue(u) {
		s.drillNewest(ctx)
	}
}

// backupDue reports whether a backup is to be made. A last one in the future is a
// clock that was set back: then one is due now.
func (s *BackupScheduler) backupDue(u State) bool {
	now := s.now()
	if !s.conf.Scheduled() {
		return false
	}
	if u.Failed != nil && now.After(u.Failed.At) {
		wait := min(retryBackup<<min(u.Failures-1, 4), time.Hour)
		return now.Sub(u.Failed.At) >= wait
	}
	if u.Backup == nil {
		return now.Sub(u.Since) >= firstBackup || now.Before(u.Since)
	}
	if u.Backup.At.After(now.Add(time.Minute)) {
		return true
	}
	if s.conf.At != "" {
		return u.Backup.At.Before(s.lastTime(now))
	}
	return now.Sub(u.Backup.At) >= time.Duration(s.conf.Every)
}

// lastTime is the last instant at which backup.at struck, in the machine's zone.
// An hour that the clocks leave out strikes when they have leapt over it.
func (s *BackupScheduler) lastTime(now time.Time) time.Time {
	at, err := time.Parse("15:04", s.conf.At)
	if err != nil { // checked by the configuration
		return now
	}
	local := now.In(s.zone)
	for day := 0; ; day-- {
		y, m, d := local.AddDate(0, 0, day).Date()
		if t := time.Date(y, m, d, at.Hour(), at.Minute(), 0, 0, s.zone); !t.After(now) {
			return t
		}
	}
}

// drillDue reports whether the newest backup is to be restored for a trial.
func (s *BackupScheduler) drillDue(u State) bool {
	if !s.conf.Scheduled() || u.Backup == nil {
		return false
	}
	if u.Drill == nil || u.Drill.At.After(s.now().Add(time.Minute)) {
		return true
	}
	wait := drillEvery
	if !u.Drill.OK {
		wait = drillRetry
	}
	return s.now().Sub(u.Drill.At) >= wait
}

// backUp makes a backup and lets the oldest go.
func (s *BackupScheduler) backUp(ctx context.Context) State {
	var b Backup
	var gone []string
	dir, err := ensureBackupDir(s.data(), s.conf.Dir)
	if err == nil {
		b, err = s.maker.makeLowPriority(ctx, dir, nil)
	}
	if ctx.Err() != nil { // the server ends: no failure, the next start makes it
		return readState(s.data())
	}
	u := changeState(s.data(), func(u *State) { u.recordBackup(b, s.now(), err) })
	if err != nil {
		s.log.Error("the backup failed; it is tried again", "err", err, "failures", u.Failures)
		return u
	}
	s.log.Info("backup", "file", b.Path, "bytes", b.Bytes, "seconds", b.Took.Seconds(), "encrypted", b.Encrypted)
	if gone, err = prune(dir, nameStem(b.Manifest), s.conf.Keep, b.Path); err != nil {
		s.log.Error("old backups could not be removed", "err", err)
	}
	for _, path := range gone {
		s.log.Info("old backup removed", "file", path)
	}
	return u
}

// drillNewest runs the drill on the newest backup.
func (s *BackupScheduler) drillNewest(ctx context.Context) {
	o := RunResult{At: s.now().UTC()}
	file, err := s.maker.dir.newestBackup(s.conf)
	if err == nil {
		o = s.drill(ctx, file)
	} else {
		o.Error = err.Error()
	}
	if ctx.Err() != nil {
		return
	}
	changeState(s.data(), func(u *State) { u.recordDrill(o) })
	if !o.OK {
		s.log.Error("the restore drill failed: the newest backup cannot be relied on", "file", o.File, "err", o.Error)
		return
	}
	s.log.Info("restore drill", "file", o.File, "seconds", o.Seconds, "appointments", o.Appointments, "note", o.Note)
}

// drill restores a backup for a trial. A key that is not there is told by it, not by a
// server that does not start.
func (s *BackupScheduler) drill(ctx context.Context, file string) (out RunResult) {
	keys, err := ReadKeys(s.conf.Identity)
	if err == nil {
		out, err = s.maker.drillLowPriority(ctx, file, keys)
	}
	if err != nil { // also one that ended before it had an outcome
		out.OK, out.Error = false, err.Error()
		out.At, out.File = s.now().UTC(), file
	}
	return out
}

// removeStale removes what a process that was killed left staged, and halves of backups.
func (s *BackupScheduler) removeStale() {
	if stem, err := s.maker.dir.backupStem(); err == nil {
		if dir, missing, err := findBackupDir(s.data(), s.conf.Dir); err == nil && !missing {
			removePartial(dir, stem, s.now().Add(-staleAfter))
		}
	}
	entries, err := os.ReadDir(s.data())
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !e.IsDir() || !strings.HasPrefix(e.Name(), stagePrefix) || s.now().Sub(info.ModTime()) < staleAfter {
			continue
		}
		if err := os.RemoveAll(filepath.Join(s.data(), e.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
			s.log.Warn("a stale staging directory could not be removed", "err", err)
		}
	}
}
