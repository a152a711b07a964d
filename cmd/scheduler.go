package cmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"qualifybase/cmd/config"
	"strings"
	"time"
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

// backupScheduler makes the backups and the drills of a running server.
type backupScheduler struct {
	maker *maker
	conf  config.Backup
	log   *slog.Logger
	now   func() time.Time
	zone  *time.Location
	drill func(ctx context.Context, file string) runResult
}

// run looks every now and then what is due, until ctx ends.
func (s *backupScheduler) run(ctx context.Context) {
	s.removeStale()
	changeBackupState(s.maker.data, func(u *backupState) {
		if u.Since.IsZero() {
			u.Since = s.now().UTC()
		}
	})
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		s.runDue(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// runDue does what is due now.
func (s *backupScheduler) runDue(ctx context.Context) {
	u := readBackupState(s.maker.data)
	if s.backupDue(u) {
		u = s.backUp(ctx)
	}
	if ctx.Err() == nil && s.drillDue(u) {
		s.drillNewest(ctx)
	}
}

// backupDue tells whether a backup is to be made. A last one in the future is a
// clock that was set back: then one is due now.
func (s *backupScheduler) backupDue(u backupState) bool {
	now := s.now()
	if !s.scheduled() {
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
func (s *backupScheduler) lastTime(now time.Time) time.Time {
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

// drillDue tells whether the newest backup is to be restored for a trial.
func (s *backupScheduler) drillDue(u backupState) bool {
	if !s.scheduled() || u.Backup == nil {
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
func (s *backupScheduler) backUp(ctx context.Context) backupState {
	var b backupResult
	var gone []string
	dir, err := backupDir(s.maker.data, s.conf.Dir)
	if err == nil {
		err = runLowPriority(func() (err error) {
			b, err = s.maker.make(ctx, dir, nil)
			return err
		})
	}
	if ctx.Err() != nil { // the server ends: no failure, the next start makes it
		return readBackupState(s.maker.data)
	}
	u := changeBackupState(s.maker.data, func(u *backupState) { u.recordBackup(b, s.now(), err) })
	if err != nil {
		s.log.Error("the backup failed; it is tried again", "err", err, "failures", u.Failures)
		return u
	}
	s.log.Info("backup", "file", b.path, "bytes", b.bytes, "seconds", b.took.Seconds(), "encrypted", b.encrypted)
	if gone, err = prune(dir, nameStem(b.manifest), s.conf.Keep, b.path); err != nil {
		s.log.Error("old backups could not be removed", "err", err)
	}
	for _, path := range gone {
		s.log.Info("old backup removed", "file", path)
	}
	return u
}

// drillNewest runs the drill on the newest backup.
func (s *backupScheduler) drillNewest(ctx context.Context) {
	o := runResult{At: s.now().UTC()}
	file, err := s.newest()
	if err == nil {
		o = s.drill(ctx, file)
	} else {
		o.Error = err.Error()
	}
	if ctx.Err() != nil {
		return
	}
	changeBackupState(s.maker.data, func(u *backupState) { u.recordDrill(o) })
	if !o.OK {
		s.log.Error("the restore drill failed: the newest backup cannot be relied on", "file", o.File, "err", o.Error)
		return
	}
	s.log.Info("restore drill", "file", o.File, "seconds", o.Seconds, "appointments", o.Appointments, "note", o.Note)
}

// newest is the newest backup of this clinic.
func (s *backupScheduler) newest() (string, error) {
	dir, missing, err := backupPlace(s.maker.data, s.conf.Dir)
	if err == nil && missing {
		err = fmt.Errorf("there is no backup in %s", dir)
	}
	if err != nil {
		return "", err
	}
	stem, err := stemOf(s.maker.data)
	if err != nil {
		return "", err
	}
	list, err := ownBackups(dir, stem)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("there is no backup of this clinic in %s any more", dir)
	}
	if err != nil {
		return "", err
	}
	return list[len(list)-1], nil
}

// removeStale removes what a process that was killed left staged, and halves of backups.
func (s *backupScheduler) removeStale() {
	if stem, err := stemOf(s.maker.data); err == nil {
		if dir, missing, err := backupPlace(s.maker.data, s.conf.Dir); err == nil && !missing {
			removePartial(dir, stem, s.now().Add(-staleAfter))
		}
	}
	entries, err := os.ReadDir(s.maker.data)
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !e.IsDir() || !strings.HasPrefix(e.Name(), stagePrefix) || s.now().Sub(info.ModTime()) < staleAfter {
			continue
		}
		if err := os.RemoveAll(filepath.Join(s.maker.data, e.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
			s.log.Warn("a stale staging directory could not be removed", "err", err)
		}
	}
}
