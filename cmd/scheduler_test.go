package cmd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"qualifybase/cmd/config"
	"strings"
	"syscall"
	"testing"
	"time"
)

// testScheduler keeps the clinic of a directory by a clock that the test sets.
func testScheduler(t *testing.T, data string, conf config.Backup) (s *backupScheduler, now *time.Time, log *bytes.Buffer) {
	t.Helper()
	log = &bytes.Buffer{}
	g := &global{data: data, files: os.DirFS(".."), env: environment()}
	l := config.Default()
	l.Backup = conf
	k, err := g.newBackupScheduler(l, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	now = new(time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC))
	k.now, k.maker.now, k.zone = func() time.Time { return *now }, func() time.Time { return *now }, time.UTC
	changeBackupState(data, func(u *backupState) { u.Since = *now })
	return k, now, log
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
	data := newClinicDir(t, 2)
	dir := filepath.Join(data, "vault")
	k, now, log := testScheduler(t, data, config.Backup{Dir: dir, Every: config.Duration(24 * time.Hour), Keep: 7})
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	others := []string{"qb-park-ffffff-20200101T000000Z.tar", "qb-park-notes.tar", "letter.txt"}
	for _, name := range others {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	made, drills, last := 0, 0, backupState{}
	for range 21 * 24 {
		k.runDue(t.Context())
		u := readBackupState(data)
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
	if left, _ := filepath.Glob(filepath.Join(data, stagePrefix+"*")); len(left) != 0 {
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
	k := &backupScheduler{conf: config.Backup{At: "02:30"}, zone: zone}
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
		k.now = func() time.Time { return at(c.now) }
		u := backupState{Since: at("2026-01-01 00:00"), Backup: &runResult{At: at(c.last), OK: true}}
		if k.backupDue(u) != c.due {
			t.Errorf("last %s, now %s: due %v", c.last, c.now, !c.due)
		}
	}
}

// A directory that vanished is told, in all places, and tried again with growing
// pauses; nothing is made where its disk should be. When it is back, so are backups.
func TestScheduleVanishedDirectory(t *testing.T) {
	data, dir := newClinicDir(t, 1), filepath.Join(t.TempDir(), "nas")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	conf := config.Backup{Dir: dir, Every: config.Duration(time.Hour), Keep: 3}
	k, now, log := testScheduler(t, data, conf)
	*now = now.Add(10 * time.Minute)
	k.runDue(t.Context())
	if u := readBackupState(data); u.Backup == nil || u.Drill == nil || !u.Drill.OK {
		t.Fatalf("%+v\n%s", u, log)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	*now = now.Add(time.Hour)
	tries := 0
	for range 4 * 60 { // four hours, by minutes
		before := readBackupState(data).Failures
		k.runDue(t.Context())
		if readBackupState(data).Failures != before {
			tries++
		}
		*now = now.Add(time.Minute)
	}
	if tries < 5 || tries > 8 { // 0, 5, 15, 35, 75, 135, 195 minutes
		t.Errorf("%d tries in four hours", tries)
	}
	u := readBackupState(data)
	if s := u.backupStatus(conf, *now); s.level != "fail" || !strings.Contains(s.why, "hours old") || strings.Contains(s.why, dir) {
		t.Errorf("%+v", s)
	}
	if !strings.Contains(log.String(), "Is its disk mounted?") || exists(dir) {
		t.Error(log)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	*now = now.Add(time.Hour)
	k.runDue(t.Context())
	if u = readBackupState(data); u.Failed != nil || u.Failures != 0 || len(backupsIn(t, dir)) != 1 {
		t.Errorf("%+v", u)
	}
	if s := u.backupStatus(conf, *now); s.level != "ok" {
		t.Errorf("%+v", s)
	}
}

// A backup that turns out to be damaged on its disk is found by the drill, told,
// and tried again the next day.
func TestDrillFindsDamage(t *testing.T) {
	data := newClinicDir(t, 1)
	k, now, log := testScheduler(t, data, config.Backup{Every: config.Duration(24 * time.Hour), Keep: 9})
	*now = now.Add(time.Hour)
	k.runDue(t.Context())
	list := backupsIn(t, filepath.Join(data, "backups"))
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
	changeBackupState(data, func(u *backupState) { u.Drill.At = now.Add(-drillEvery) })
	k.runDue(t.Context())
	u := readBackupState(data)
	if u.Drill.OK || !strings.Contains(u.Drill.Error, "the backup is damaged: qb.db") || !strings.Contains(log.String(), "cannot be relied on") {
		t.Errorf("%+v\n%s", u.Drill, log)
	}
	if s := u.drillStatus(*now); s.level != "fail" {
		t.Errorf("%+v", s)
	}
	*now = now.Add(25 * time.Hour) // a new backup is due as well, and whole
	k.runDue(t.Context())
	if u = readBackupState(data); !u.Drill.OK {
		t.Errorf("%+v\n%s", u.Drill, log)
	}
	if s := u.drillStatus(now.Add(30 * 24 * time.Hour)); s.level != "warn" {
		t.Errorf("%+v", s)
	}
}

// Encrypted backups are restored for a trial where the key is at hand, and else
// held against the sum that was written with them.
func TestScheduleEncrypted(t *testing.T) {
	public, key := newAgeKey(t)
	for identity, note := range map[string]string{"": byDigestOnly, key: ""} {
		data := newClinicDir(t, 2)
		k, now, log := testScheduler(t, data, config.Backup{Every: config.Duration(24 * time.Hour), Keep: 9, Recipient: public, Identity: identity})
		*now = now.Add(time.Hour)
		k.runDue(t.Context())
		u := readBackupState(data)
		if u.Drill == nil || !u.Drill.OK || u.Drill.Note != note || note == "" && u.Drill.Appointments != 2 {
			t.Errorf("%+v\n%s", u.Drill, log)
		}
		list, _ := filepath.Glob(filepath.Join(data, "backups", "*.tar.age"))
		if len(list) != 1 {
			t.Fatal(list)
		}
		if err := os.Truncate(list[0], 5000); err != nil {
			t.Fatal(err)
		}
		*now = now.Add(drillEvery)
		u = readBackupState(data)
		k.drillNewest(t.Context())
		if u = readBackupState(data); u.Drill.OK {
			t.Errorf("a cut file passed the drill: %+v", u.Drill)
		}
	}
}

// A server that ends in the middle leaves no half backup, and no failure either.
func TestSchedulerEnds(t *testing.T) {
	data := newClinicDir(t, 1)
	k, now, log := testScheduler(t, data, config.Backup{Every: config.Duration(24 * time.Hour), Keep: 9})
	*now = now.Add(time.Hour)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	k.runDue(ended)
	if u := readBackupState(data); u.Backup != nil || u.Failed != nil || len(backupsIn(t, filepath.Join(data, "backups"))) != 0 {
		t.Errorf("%+v\n%s", u, log)
	}
	// What a kill -9 left staged goes at a later start.
	stale := filepath.Join(data, stagePrefix+"1")
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

// A full disk during a backup: told, nothing left, nothing else harmed. The file
// size limit of a process of its own is the full disk, for a mount needs rights.
func TestBackupFullDisk(t *testing.T) {
	if data := os.Getenv("QB_TEST_FULL_DISK"); data != "" {
		fullDisk(t, data)
		return
	}
	data := newClinicDir(t, 3)
	cmd := exec.Command(os.Args[0], "-test.run=^TestBackupFullDisk$", "-test.v") // #nosec G204 G702 -- this test itself
	cmd.Env = append(os.Environ(), "QB_TEST_FULL_DISK="+data)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "refused as it should be") {
		t.Fatalf("%v\n%s", err, out)
	}
	if left, _ := filepath.Glob(filepath.Join(data, stagePrefix+"*")); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if list, _ := filepath.Glob(filepath.Join(data, "backups", "*")); len(list) != 0 {
		t.Errorf("left: %v", list)
	}
	mustRun(t, "--data", data, "verify")
	mustRun(t, "--data", data, "backup") // with room again
}

// fullDisk backs up where no file may grow beyond some pages: first the copy of the
// database does not fit, then the backup itself.
func fullDisk(t *testing.T, data string) {
	signal.Ignore(syscall.SIGXFSZ)
	info, err := os.Stat(filepath.Join(data, dbFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, most := range []int64{info.Size() / 2, info.Size() + 2048} {
		limit := syscall.Rlimit{Cur: uint64(most), Max: ^uint64(0)}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
		code, out, said := runCLI(t, "--data", data, "backup")
		if code != exitFailure || out != "" {
			t.Errorf("limit %d: exit code %d\n%s%s", most, code, out, said)
		}
		t.Logf("limit %d: %s", most, said)
	}
	if !t.Failed() {
		t.Log("refused as it should be")
	}
}

// Details and metrics of a running server; nothing in them tells a path.
func TestSchedulerIsShown(t *testing.T) {
	s := startServer(t, func(c *config.Config) { c.Metrics.Token = "a token for the metrics" })
	data := filepath.Dir(s.store.Path())
	k, now, _ := testScheduler(t, data, config.Backup{Every: config.Duration(24 * time.Hour), Keep: 2})
	s.scheduler = k
	get := func(path string, header ...string) string {
		t.Helper()
		r, err := http.NewRequest("GET", s.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != 200 {
			t.Fatalf("%s: %d %s %v", path, answer.StatusCode, text, err)
		}
		return string(text)
	}
	if text := get("/readyz"); !strings.Contains(text, `"name":"backup","status":"ok","why":"there is no backup yet"`) {
		t.Error(text)
	}
	*now = now.Add(time.Hour)
	k.runDue(t.Context())
	text := get("/readyz")
	for _, want := range []string{`"name":"backup","status":"ok","at":"2026-07-01T13:00:00Z"`, `"name":"restore_drill","status":"ok"`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s lacks %s", text, want)
		}
	}
	k.conf.Dir = filepath.Join(data, "..", "gone")
	*now = now.Add(100 * time.Hour)
	k.runDue(t.Context())
	if text = get("/readyz"); !strings.Contains(text, `"status":"fail"`) || !strings.Contains(text, `{"status":"ok"`) || strings.Contains(text, data) {
		t.Error(text)
	}
	page := get("/metrics", "Authorization", "Bearer a token for the metrics")
	for _, want := range []string{"qb_backup_failures 1\n", "qb_backup_age_seconds 360000\n", "qb_restore_drill_ok 1\n", "qb_disk_free_bytes "} {
		if !strings.Contains(page, want) {
			t.Errorf("the metrics lack %q", want)
		}
	}
}

// A panic inside a backup is its failure, not the server's end.
func TestLowPriorityRecovers(t *testing.T) {
	if err := runLowPriority(func() error { panic("Ada Beispiel") }); err == nil || !strings.Contains(err.Error(), "panic: a string") || strings.Contains(err.Error(), "Ada") {
		t.Error(err)
	}
	if err := runLowPriority(func() error { return errors.ErrUnsupported }); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}
