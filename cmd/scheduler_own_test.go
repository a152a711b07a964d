package cmd

import (
	"os"
	"path/filepath"
	"qualifybase/cmd/config"
	"strings"
	"testing"
	"time"
)

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
	k.runDue(t.Context())
	if u := readBackupState(data); u.Backup != nil || u.Failed != nil || u.Drill != nil {
		t.Errorf("%+v\n%s", u, log)
	}
	*now = now.Add(10 * time.Minute)
	k.runDue(t.Context())
	own := backupsIn(t, filepath.Join(data, "backups"))
	u := readBackupState(data)
	if len(own) != 1 || u.Backup == nil || u.Drill == nil || !u.Drill.OK {
		t.Fatalf("%v %+v\n%s", own, u, log)
	}
	changeBackupState(data, func(u *backupState) { u.Drill.At = now.Add(-drillEvery) })
	mustRun(t, "--data", data, "backup", "drill", filepath.Join(usb, "today.tar"))
	if again := readBackupState(data); !again.Drill.At.Equal(now.Add(-drillEvery)) {
		t.Errorf("the drill of another file was noted: %+v", again.Drill)
	}
	mustRun(t, "--data", data, "backup", "drill", own[0])
	if again := readBackupState(data); again.Drill.At.Equal(now.Add(-drillEvery)) {
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

// A clock that is set back by a month, as one without a battery is, makes the new
// backup the oldest by its name. It is not the one that goes.
func TestPruneKeepsTheNewOne(t *testing.T) {
	data := newClinicDir(t, 1)
	dir := filepath.Join(data, "backups")
	k, now, log := testScheduler(t, data, config.Backup{Every: config.Duration(24 * time.Hour), Keep: 2})
	for range 3 {
		*now = now.Add(25 * time.Hour)
		k.runDue(t.Context())
	}
	*now = now.Add(-30 * 24 * time.Hour)
	for range 3 {
		k.runDue(t.Context())
		u := readBackupState(data)
		if list := backupsIn(t, dir); len(list) != 2 || u.Backup == nil || !u.Backup.At.Equal(*now) || !exists(u.Backup.File) {
			t.Fatalf("%v %+v\n%s", list, u.Backup, log)
		}
		*now = now.Add(25 * time.Hour)
	}
}

// Halves of backups that a kill -9 left go at a later start; nobody else's files do.
func TestRemovePartial(t *testing.T) {
	data := newClinicDir(t, 1)
	mustRun(t, "--data", data, "backup")
	dir := filepath.Join(data, "backups")
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
	k, now, _ := testScheduler(t, data, config.Backup{Every: config.Duration(24 * time.Hour), Keep: 2})
	*now = time.Now()
	k.removeStale()
	if left := listFiles(t, dir); strings.Contains(left, half) || !strings.Contains(left, young) || !strings.Contains(left, other) || !strings.Contains(left, whole) {
		t.Error(left)
	}
}
