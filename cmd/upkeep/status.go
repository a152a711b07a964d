package upkeep

import (
	"fmt"
	"path/filepath"
	"time"

	"qualifybase/cmd/config"
)

// Status is how one of the scheduled tasks stands.
type Status struct {
	Task  string    // TaskBackup or TaskDrill
	Level string    // "ok", "warn", "fail"
	Why   string    // in words without a path: it is public
	At    time.Time // when it last went well, a drill also badly; zero = never
}

// The tasks that a Status is of.
const (
	TaskBackup = "backup"
	TaskDrill  = "restore_drill"
)

// backupStatus is how the backups stand.
func (s *State) backupStatus(conf config.Backup, now time.Time) Status {
	if !conf.Scheduled() {
		return Status{Task: TaskBackup, Level: "warn", Why: "nobody makes backups: backup.every is 0", At: s.lastGood()}
	}
	out := Status{Task: TaskBackup, Level: "ok", At: s.lastGood()}
	old := now.Sub(out.At) > 2*conf.Interval()+time.Hour
	if out.At.IsZero() {
		old = !s.Since.IsZero() && now.Sub(s.Since) > time.Hour
	}
	switch {
	case old && out.At.IsZero():
		out.Level, out.Why = "fail", "there is no backup yet"
	case old:
		out.Level, out.Why = "fail", fmt.Sprintf("the last backup is %s old", ago(now.Sub(out.At)))
	case s.Failed != nil:
		out.Level, out.Why = "warn", "the last try failed"
		if s.Failures > 1 {
			out.Why = fmt.Sprintf("the last %d tries failed", s.Failures)
		}
	case out.At.IsZero():
		out.Why = "there is no backup yet"
		if s.Since.IsZero() { // and no server has run that would make one
			out.Level = "warn"
		}
	}
	return out
}

// lastGood is when the last good backup was made; zero = never.
func (s *State) lastGood() time.Time {
	if s.Backup == nil {
		return time.Time{}
	}
	return s.Backup.At
}

// drillStatus is how the drills stand.
func (s *State) drillStatus(now time.Time) Status {
	switch d := s.Drill; {
	case d == nil:
		return Status{Task: TaskDrill, Level: "ok", Why: "no backup was restored for a trial yet"}
	case !d.OK:
		return Status{Task: TaskDrill, Level: "fail", Why: "the newest backup could not be restored for a trial", At: d.At}
	case now.Sub(d.At) > 2*drillEvery:
		return Status{Task: TaskDrill, Level: "warn",
			Why: fmt.Sprintf("the last trial is %s old", ago(now.Sub(d.At))), At: d.At}
	default:
		return Status{Task: TaskDrill, Level: "ok", Why: d.Note, At: d.At}
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

// Status is how backups and drills stand, in this order; nothing where the server makes
// no backups by itself.
func (s *BackupScheduler) Status() []Status {
	if !s.conf.Scheduled() {
		return nil
	}
	state, now := readState(s.data()), s.now()
	return []Status{state.backupStatus(s.conf, now), state.drillStatus(now)}
}

// Figures are what can be measured of backups and drills.
type Figures struct {
	State
	Scheduled bool          // whether the server makes backups by itself
	Age       time.Duration // of the last good backup; 0 = there is none
	FreeDisk  int64         // bytes free on the data directory's disk; -1 where nobody tells
}

// Figures reads the figures as they are now.
func (s *BackupScheduler) Figures() Figures {
	f := Figures{State: readState(s.data()), Scheduled: s.conf.Scheduled(), FreeDisk: -1}
	if f.Backup != nil {
		f.Age = s.now().Sub(f.Backup.At)
	}
	if free, err := freeDisk(filepath.Clean(s.data())); err == nil {
		f.FreeDisk = free
	}
	return f
}
