package cmd

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"qualifybase/cmd/config"
	"qualifybase/cmd/upkeep"
)

// testScheduler backs up the clinic of a directory by a clock that the test sets.
func testScheduler(t *testing.T, data string, conf config.Backup) (s *upkeep.BackupScheduler, now *time.Time,
	log *bytes.Buffer) {
	t.Helper()
	log = &bytes.Buffer{}
	d, err := (&global{data: data, files: os.DirFS("..")}).dir()
	if err != nil {
		t.Fatal(err)
	}
	now = new(time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC))
	d.Now = func() time.Time { return *now }
	l := config.Default()
	l.Backup = conf
	if s, err = d.NewBackupScheduler(l, slog.New(slog.NewTextHandler(log, nil))); err != nil {
		t.Fatal(err)
	}
	writeState(t, data, upkeep.State{Since: *now})
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

// What somebody backs up or tries elsewhere is his own: it neither stands in for
// the server's next backup, nor fails its drill, nor is counted as its failure.
func TestBackupsElsewhereAreNotTheServers(t *testing.T) {
	data, usb := newClinicDir(t, 2), t.TempDir()
	k, now, log := testScheduler(t, data, config.Backup{Every: config.Duration(24 * time.Hour), Keep: 7})
	mustRun(t, "--data", data, "backup", filepath.Join(usb, "today.tar"))
	mustRun(t, "--data", data, "backup", usb)
	mustFail(t, exitFailure, "exists", "--data", data, "backup", filepath.Join(usb, "today.tar"))
	mustFail(t, exitFailure, "no such file", "--data", data, "backup", "drill", filepath.Join(usb, "typo.tar"))
	mustFail(t, exitFailure, "there is no directory", "--data", data, "backup", filepath.Join(usb, "deep", "x.tar"))
	k.RunDue(t.Context())
	if u := readState(t, data); u.Backup != nil || u.Failed != nil || u.Drill != nil {
		t.Errorf("%+v\n%s", u, log)
	}
	*now = now.Add(10 * time.Minute)
	k.RunDue(t.Context())
	own := backupsIn(t, filepath.Join(data, "backups"))
	u := readState(t, data)
	if len(own) != 1 || u.Backup == nil || u.Drill == nil || !u.Drill.OK {
		t.Fatalf("%v %+v\n%s", own, u, log)
	}
	aged := readState(t, data)
	aged.Drill.At = now.Add(-7 * 24 * time.Hour)
	writeState(t, data, aged)
	mustRun(t, "--data", data, "backup", "drill", filepath.Join(usb, "today.tar"))
	if again := readState(t, data); !again.Drill.At.Equal(aged.Drill.At) {
		t.Errorf("the drill of another file was noted: %+v", again.Drill)
	}
	mustRun(t, "--data", data, "backup", "drill", own[0])
	if again := readState(t, data); again.Drill.At.Equal(aged.Drill.At) {
		t.Errorf("the drill of the newest was not noted: %+v", again.Drill)
	}
}

// Whoever only looks makes nothing, and a directory without a clinic is told as one.
func TestLookingMakesNothing(t *testing.T) {
	data := newClinicDir(t, 0)
	for _, verb := range [][]string{{"backup", "list"}, {"doctor"}} {
		mustRun(t, append([]string{"--data", data}, verb...)...)
	}
	if exists(filepath.Join(data, "backups")) {
		t.Error("a directory was made")
	}
	mustFail(t, exitFailure, "there is no backup in", "--data", data, "backup", "drill")
	none := filepath.Join(data, "none")
	for _, verb := range [][]string{{"backup"}, {"backup", "list"}, {"backup", "drill"}, {"backup", "drill", "x.tar"}} {
		mustFail(t, exitFailure, "there is no clinic in", append([]string{"--data", none}, verb...)...)
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
	if left, _ := filepath.Glob(filepath.Join(data, ".stage-*")); len(left) != 0 {
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
	dir := filepath.Join(t.TempDir(), "nas")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	k, now, _ := testScheduler(t, data, config.Backup{Dir: dir, Every: config.Duration(24 * time.Hour), Keep: 2})
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
	k.RunDue(t.Context())
	text := get("/readyz")
	for _, want := range []string{`"name":"backup","status":"ok","at":"2026-07-01T13:00:00Z"`,
		`"name":"restore_drill","status":"ok"`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s lacks %s", text, want)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	*now = now.Add(100 * time.Hour)
	k.RunDue(t.Context())
	if text = get("/readyz"); !strings.Contains(text, `"status":"fail"`) || !strings.Contains(text, `{"status":"ok"`) ||
		strings.Contains(text, data) {
		t.Error(text)
	}
	page := get("/metrics", "Authorization", "Bearer a token for the metrics")
	for _, want := range []string{"qb_backup_failures 1\n", "qb_backup_age_seconds 360000\n", "qb_restore_drill_ok 1\n",
		"qb_disk_free_bytes "} {
		if !strings.Contains(page, want) {
			t.Errorf("the metrics lack %q", want)
		}
	}
}
