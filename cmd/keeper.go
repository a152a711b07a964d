package cmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// How the keeper minds the time. It looks at the clock again and again instead of
// sleeping until an hour: the clock may be set, and the machine may sleep.
const (
	keeperEvery  = 20 * time.Second
	firstBackup  = 5 * time.Minute // after the first start
	drillEvery   = 7 * 24 * time.Hour
	drillRetry   = 24 * time.Hour
	retryBackup  = 5 * time.Minute // doubled up to an hour while it fails
	staleStaging = 24 * time.Hour
)

// keeper makes the backups and the drills of a running server.
type keeper struct {
	maker *maker
	conf  BackupConfig
	log   *slog.Logger
	now   func() time.Time
	zone  *time.Location
	drill func(ctx context.Context, file string) chore
}

// run looks every now and then what is due, until ctx ends.
func (k *keeper) run(ctx context.Context) {
	k.sweep()
	note(k.maker.data, func(u *upkeep) {
		if u.Since.IsZero() {
			u.Since = k.now().UTC()
		}
	})
	tick := time.NewTicker(keeperEvery)
	defer tick.Stop()
	for {
		k.turn(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// turn does what is due now.
func (k *keeper) turn(ctx context.Context) {
	u := readUpkeep(k.maker.data)
	if k.backupDue(u) {
		u = k.backUp(ctx)
	}
	if ctx.Err() == nil && k.drillDue(u) {
		k.rehearse(ctx)
	}
}

// backupDue tells whether a backup is to be made. A last one in the future is a
// clock that was set back: then one is due now.
func (k *keeper) backupDue(u upkeep) bool {
	now := k.now()
	if !k.scheduled() {
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
	if k.conf.At != "" {
		return u.Backup.At.Before(k.lastTime(now))
	}
	return now.Sub(u.Backup.At) >= time.Duration(k.conf.Every)
}

// lastTime is the last instant at which backup.at struck, in the machine's zone.
// An hour that the clocks leave out strikes when they have leapt over it.
func (k *keeper) lastTime(now time.Time) time.Time {
	at, err := time.Parse("15:04", k.conf.At)
	if err != nil { // checked by the configuration
		return now
	}
	local := now.In(k.zone)
	for day := 0; ; day-- {
		y, m, d := local.AddDate(0, 0, day).Date()
		if t := time.Date(y, m, d, at.Hour(), at.Minute(), 0, 0, k.zone); !t.After(now) {
			return t
		}
	}
}

// drillDue tells whether the newest backup is to be restored for a trial.
func (k *keeper) drillDue(u upkeep) bool {
	if !k.scheduled() || u.Backup == nil {
		return false
	}
	if u.Drill == nil || u.Drill.At.After(k.now().Add(time.Minute)) {
		return true
	}
	wait := drillEvery
	if !u.Drill.OK {
		wait = drillRetry
	}
	return k.now().Sub(u.Drill.At) >= wait
}

// backUp makes a backup and lets the oldest go.
func (k *keeper) backUp(ctx context.Context) upkeep {
	var b made
	var gone []string
	dir, err := backupDir(k.maker.data, k.conf.Dir)
	if err == nil {
		err = runLowPriority(func() (err error) {
			b, err = k.maker.make(ctx, dir, nil)
			return err
		})
	}
	if ctx.Err() != nil { // the server ends: no failure, the next start makes it
		return readUpkeep(k.maker.data)
	}
	u := note(k.maker.data, func(u *upkeep) { u.tried(b, k.now(), err) })
	if err != nil {
		k.log.Error("the backup failed; it is tried again", "err", err, "failures", u.Failures)
		return u
	}
	k.log.Info("backup", "file", b.path, "bytes", b.bytes, "seconds", b.took.Seconds(), "encrypted", b.encrypted)
	if gone, err = prune(dir, nameStem(b.manifest), k.conf.Keep, b.path); err != nil {
		k.log.Error("old backups could not be removed", "err", err)
	}
	for _, path := range gone {
		k.log.Info("old backup removed", "file", path)
	}
	return u
}

// rehearse runs the drill on the newest backup.
func (k *keeper) rehearse(ctx context.Context) {
	o := chore{At: k.now().UTC()}
	file, err := k.newest()
	if err == nil {
		o = k.drill(ctx, file)
	} else {
		o.Error = err.Error()
	}
	if ctx.Err() != nil {
		return
	}
	note(k.maker.data, func(u *upkeep) { u.drilled(o) })
	if !o.OK {
		k.log.Error("the restore drill failed: the newest backup cannot be relied on", "file", o.File, "err", o.Error)
		return
	}
	k.log.Info("restore drill", "file", o.File, "seconds", o.Seconds, "appointments", o.Appointments, "note", o.Note)
}

// newest is the newest backup of this clinic.
func (k *keeper) newest() (string, error) {
	dir, missing, err := backupPlace(k.maker.data, k.conf.Dir)
	if err == nil && missing {
		err = fmt.Errorf("there is no backup in %s", dir)
	}
	if err != nil {
		return "", err
	}
	stem, err := stemOf(k.maker.data)
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

// slotWalk removes what a process that was killed left staged, and halves of backups.
func (k *keeper) sweep() {
	if stem, err := stemOf(k.maker.data); err == nil {
		if dir, missing, err := backupPlace(k.maker.data, k.conf.Dir); err == nil && !missing {
			sweepHalves(dir, stem, k.now().Add(-staleStaging))
		}
	}
	entries, err := os.ReadDir(k.maker.data)
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !e.IsDir() || !strings.HasPrefix(e.Name(), stagePrefix) || k.now().Sub(info.ModTime()) < staleStaging {
			continue
		}
		if err := os.RemoveAll(filepath.Join(k.maker.data, e.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
			k.log.Warn("a stale staging directory could not be removed", "err", err)
		}
	}
}
