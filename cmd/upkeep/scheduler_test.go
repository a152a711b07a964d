package upkeep

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"qualifybase/cmd/config"
)

// testScheduler backs up a clinic by a clock that the test sets.
func testScheduler(t *testing.T, d Dir, conf config.Backup) (s *BackupScheduler, now *time.Time, log *bytes.Buffer) {
	t.Helper()
	log = &bytes.Buffer{}
	l := config.Default()
	l.Backup = conf
	now = new(time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC))
	d.Now = func() time.Time { return *now }
	s, err := d.NewBackupScheduler(l, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	s.zone = time.UTC
	changeState(d.Path, func(s *State) { s.Since = *now })
	return s, now, log
}

func backupsIn(t *testing.T, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "qb-*.tar"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// Three weeks of a server: a backup each day, seven kept with their sums, a drill
// each week, and nobody else's files touched.
func TestSchedule(t *testing.T) {
	d := newClinic(t, 2)
	dir := filepath.Join(d.Path, "vault")
	k, now, log := testScheduler(t, d, config.Backup{Dir: dir, Every: config.Duration(24 * time.Hour), Keep: 7})
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	others := []string{"qb-park-ffffff-20200101T000000Z.tar", "qb-park-notes.tar", "letter.txt"}
	for _, name := range others {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	made, drills, last := 0, 0, State{}
	for range 21 * 24 {
		k.RunDue(t.Context())
		u := readState(d.Path)
		if u.Backup != nil && (last.Backup == nil || !u.Backup.At.Equal(last.Backup.At)) {
			made++
		}
		if u.Drill != nil && (last.Drill == nil || !u.Drill.At.Equal(last.Drill.At)) {
			drills++
			if !u.Drill.OK || u.Drill.Appointments != 2 {
				t.Errorf("drill %+v", u.Drill)
			}
		}
		last = u
		*now = now.Add(time.Hour)
	}
	if made != 21 || drills != 3 {
		t.Errorf("%d backups and %d drills in three weeks\n%s", made, drills, log)
	}
	if list := backupsIn(t, dir); len(list) != 7+2 {
		t.Errorf("%d files are kept: %v", len(list), list)
	}
	if sums, _ := filepath.Glob(filepath.Join(dir, "*"+sumSuffix)); len(sums) != 7 {
		t.Errorf("%d sums", len(sums))
	}
	for _, name := range others {
		if !exists(filepath.Join(dir, name)) {
			t.Errorf("%s was removed", name)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(d.Path, stagePrefix+"*")); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// backup.at strikes once a day by the machine's clock, also after a night in which
// nobody ran, and over the change to summer time.
func TestScheduleAt(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	var now time.Time
	k := &BackupScheduler{conf: config.Backup{At: "02:30"}, zone: zone,
		maker: &Maker{dir: Dir{Now: func() time.Time { return now }}}}
	at := func(text string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", text, zone)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		last, now string
		due       bool
	}{
		{"2026-07-01 02:30", "2026-07-01 12:00", false}, {"2026-07-01 02:30", "2026-07-02 02:29", false},
		{"2026-07-01 02:30", "2026-07-02 02:30", true}, {"2026-07-01 02:30", "2026-07-05 09:00", true},
		{"2026-07-01 14:00", "2026-07-01 15:00", false},                                                 // made by hand
		{"2026-03-28 02:30", "2026-03-29 01:59", false}, {"2026-03-28 02:30", "2026-03-29 03:31", true}, // 02:30 is left out
		{"2026-10-25 02:30", "2026-10-25 04:00", false},
		{"2026-07-03 02:30", "2026-07-02 02:00", true}, // the clock was set back a day
	} {
		now = at(c.now)
		u := State{Since: at("2026-01-01 00:00"), Backup: &RunResult{At: at(c.last), OK: true}}
		if k.backupDue(u) != c.due {
			t.Errorf("last %s, now %s: due %v", c.last, c.now, !c.due)
		}
	}
}

// A directory that vanished is told, in all places, and tried again with growing
// pauses; nothing is made where its disk should be. When it is back, so are backups.
func TestScheduleVanishedDirectory(t *testing.T) {
	d, dir := newClinic(t, 1), filepath.Join(t.TempDir(), "nas")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	conf := config.Backup{Dir: dir, Every: config.Duration(time.Hour), Keep: 3}
	k, now, log := testScheduler(t, d, conf)
	*now = now.Add(10 * time.Minute)
	k.RunDue(t.Context())
	if u := readState(d.Path); u.Backup == nil || u.Drill == nil || !u.Drill.OK {
		t.Fatalf("%+v\n%s", u, log)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	*now = now.Add(time.Hour)
	tries := 0
	for range 4 * 60 { // four hours, by minutes
		before := readState(d.Path).Failures
		k.RunDue(t.Context())
		if readState(d.Path).Failures != before {
			tries++
		}
		*now = now.Add(time.Minute)
	}
	if tries < 5 || tries > 8 { // 0, 5, 15, 35, 75, 135, 195 minutes
		t.Errorf("%d tries in four hours", tries)
	}
	u := readState(d.Path)
	if s := u.backupStatus(conf, *now); s.Level != "fail" || !strings.Contains(s.Why, "hours old") ||
		strings.Contains(s.Why, dir) {
		t.Errorf("%+v", s)
	}
	if !strings.Contains(log.String(), "Is its disk mounted?") || exists(dir) {
		t.Error(log)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	*now = now.Add(time.Hour)
	k.RunDue(t.Context())
	if u = readState(d.Path); u.Failed != nil || u.Failures != 0 || len(backupsIn(t, dir)) != 1 {
		t.Errorf("%+v", u)
	}
	if s := u.backupStatus(conf, *now); s.Level != "ok" {
		t.Errorf("%+v", s)
	}
}

// A backup that turns out to be damaged on its disk is found by the drill, told,
// and tried again the next day.
func TestDrillFindsDamage(t *testing.T) {
	d := newClinic(t, 1)
	k, now, log := testScheduler(t, d, config.Backup{Every: config.Duration(24 * time.Hour), Keep: 9})
	*now = now.Add(time.Hour)
	k.RunDue(t.Context())
	list := backupsIn(t, filepath.Join(d.Path, "backups"))
	if len(list) != 1 {
		t.Fatal(list, log)
	}
	text, err := os.ReadFile(list[0])
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 1
	if err := os.WriteFile(list[0], text, 0o600); err != nil {
		t.Fatal(err)
	}
	changeState(d.Path, func(u *State) { u.Drill.At = now.Add(-drillEvery) })
	k.RunDue(t.Context())
	u := readState(d.Path)
	if u.Drill.OK || !strings.Contains(u.Drill.Error, "the backup is damaged: qb.db") ||
		!strings.Contains(log.String(), "cannot be relied on") {
		t.Errorf("%+v\n%s", u.Drill, log)
	}
	if s := u.drillStatus(*now); s.Level != "fail" {
		t.Errorf("%+v", s)
	}
	*now = now.Add(25 * time.Hour) // a new backup is due as well, and whole
	k.RunDue(t.Context())
	if u = readState(d.Path); !u.Drill.OK {
		t.Errorf("%+v\n%s", u.Drill, log)
	}
	if s := u.drillStatus(now.Add(30 * 24 * time.Hour)); s.Level != "warn" {
		t.Errorf("%+v", s)
	}
}

// Encrypted backups are restored for a trial where the key is at hand, and else
// held against the sum that was written with them.
func TestScheduleEncrypted(t *testing.T) {
	public, key := newAgeKey(t)
	for identity, note := range map[string]string{"": byDigestOnly, key: ""} {
		d := newClinic(t, 2)
		k, now, log := testScheduler(t, d, config.Backup{Every: config.Duration(24 * time.Hour), Keep: 9, Recipient: public,
			Identity: identity})
		*now = now.Add(time.Hour)
		k.RunDue(t.Context())
		u := readState(d.Path)
		if u.Drill == nil || !u.Drill.OK || u.Drill.Note != note || note == "" && u.Drill.Appointments != 2 {
			t.Errorf("%+v\n%s", u.Drill, log)
		}
		list, _ := filepath.Glob(filepath.Join(d.Path, "backups", "*.tar.age"))
		if len(list) != 1 {
			t.Fatal(list)
		}
		if err := os.Truncate(list[0], 5000); err != nil {
			t.Fatal(err)
		}
		*now = now.Add(drillEvery)
		u = readState(d.Path)
		k.drillNewest(t.Context())
		if u = readState(d.Path); u.Drill.OK {
			t.Errorf("a cut file passed the drill: %+v", u.Drill)
		}
	}
}

// A server that ends in the middle leaves no half backup, and no failure either.
func TestSchedulerEnds(t *testing.T) {
	d := newClinic(t, 1)
	k, now, log := testScheduler(t, d, config.Backup{Every: config.Duration(24 * time.Hour), Keep: 9})
	*now = now.Add(time.Hour)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	k.RunDue(ended)
	if u := readState(d.Path); u.Backup != nil || u.Failed != nil ||
		len(backupsIn(t, filepath.Join(d.Path, "backups"))) != 0 {
		t.Errorf("%+v\n%s", u, log)
	}
	// What a kill -9 left staged goes at a later start.
	stale := filepath.Join(d.Path, stagePrefix+"1")
	if err := os.Mkdir(stale, 0o700); err != nil {
		t.Fatal(err)
	}
	k.removeStale()
	if !exists(stale) && time.Since(*now) < staleAfter {
		t.Error("a directory that may be in use was removed")
	}
	*now = time.Now().Add(48 * time.Hour)
	k.removeStale()
	if exists(stale) {
		t.Error("a stale directory stays")
	}
}

// A clock that is set back by a month, as one without a battery is, makes the new
// backup the oldest by its name. It is not the one that goes.
func TestPruneKeepsTheNewOne(t *testing.T) {
	d := newClinic(t, 1)
	dir := filepath.Join(d.Path, "backups")
	k, now, log := testScheduler(t, d, config.Backup{Every: config.Duration(24 * time.Hour), Keep: 2})
	for range 3 {
		*now = now.Add(25 * time.Hour)
		k.RunDue(t.Context())
	}
	*now = now.Add(-30 * 24 * time.Hour)
	for range 3 {
		k.RunDue(t.Context())
		u := readState(d.Path)
		if list := backupsIn(t, dir); len(list) != 2 || u.Backup == nil || !u.Backup.At.Equal(*now) ||
			!exists(u.Backup.File) {
			t.Fatalf("%v %+v\n%s", list, u.Backup, log)
		}
		*now = now.Add(25 * time.Hour)
	}
}

// Halves of backups that a kill -9 left go at a later start; nobody else's files do.
func TestRemovePartial(t *testing.T) {
	d := newClinic(t, 1)
	backUp(t, d, "")
	dir := filepath.Join(d.Path, "backups")
	whole := filepath.Base(backupsIn(t, dir)[0])
	half, young, other := "."+whole+".123", "."+whole+".456", ".qb-else-ffffff-20260101T000000Z.tar.1"
	for _, name := range []string{half, young, other} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		if name != young {
			old := time.Now().Add(-48 * time.Hour)
			if err := os.Chtimes(filepath.Join(dir, name), old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	k, now, _ := testScheduler(t, d, config.Backup{Every: config.Duration(24 * time.Hour), Keep: 2})
	*now = time.Now()
	k.removeStale()
	for name, stays := range map[string]bool{half: false, young: true, other: true, whole: true} {
		if exists(filepath.Join(dir, name)) != stays {
			t.Errorf("%s is there: %v", name, !stays)
		}
	}
}

// The clock of a restored or moved server that lies a day behind its own data:
// a backup in the future does not stop the schedule.
func TestClockSetBack(t *testing.T) {
	d := newClinic(t, 1)
	k, now, _ := testScheduler(t, d, config.Backup{Every: config.Duration(24 * time.Hour), Keep: 9})
	*now = now.Add(time.Hour)
	k.RunDue(t.Context())
	first := readState(d.Path).Backup.At
	*now = now.Add(-24 * time.Hour)
	k.RunDue(t.Context())
	u := readState(d.Path)
	if !u.Backup.At.Before(first) || len(backupsIn(t, filepath.Join(d.Path, "backups"))) != 2 {
		t.Errorf("%+v", u.Backup)
	}
	k.RunDue(t.Context())
	if again := readState(d.Path).Backup.At; !again.Equal(u.Backup.At) {
		t.Error("it makes one backup after the other")
	}
	if s := u.backupStatus(k.conf, *now); s.Level != "ok" || s.At.Unix() != now.Unix() {
		t.Errorf("%+v", s)
	}
}
