package cmd

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"qualifybase/cmd/config"
	"qualifybase/cmd/upkeep"
	"qualifybase/engine/secret"
)

// runDoctorAt runs the doctor at a time and gives its lines.
func runDoctorAt(t *testing.T, data string, at time.Time) (code int, list []upkeep.CheckResult) {
	t.Helper()
	var out, errs bytes.Buffer
	g := &global{data: data, files: os.DirFS(".."), env: environment()}
	err := runDoctor(t.Context(), stdio{strings.NewReader(""), &out, &errs},
		doctorOptions{g, true, func() time.Time { return at }})
	if e := json.Unmarshal(out.Bytes(), &list); e != nil {
		t.Fatal(err, e, out.String())
	}
	return exitCode(err), list
}

// wantCheck wants a line of a check at a level, with words in it; each that is not ok
// names a way out.
func wantCheck(t *testing.T, list []upkeep.CheckResult, check, level, words string) {
	t.Helper()
	for _, x := range list {
		if x.Check == check && x.Level == level && strings.Contains(x.Text, words) {
			if level != "ok" && x.WayOut == "" {
				t.Errorf("%+v names no way out", x)
			}
			return
		}
	}
	t.Errorf("no line %s %s %q in %+v", level, check, words, list)
}

func TestDoctorWell(t *testing.T) {
	data, now := newClinicDir(t, 3), time.Now()
	mustRun(t, "--data", data, "backup")
	mustRun(t, "--data", data, "backup", "drill")
	code, list := runDoctorAt(t, data, now)
	if code != exitOK {
		t.Errorf("exit code %d: %+v", code, list)
	}
	for check, words := range map[string]string{
		"config": "qb.toml", "sqlite": "WAL, synchronous full", "database": "3 appointments", "audit": "rows, unbroken",
		"schema": "up to date",
		"clock":  "T", "disk": "free", "modes": "nobody else", "zones": "", "backup": "last ", "drill": "last ",
		"webhooks": "0 deliveries wait",
	} {
		wantCheck(t, list, check, "ok", words)
	}
	// For people: a line each, and nothing on the error stream.
	got, out, said := runCLI(t, "--data", data, "doctor")
	if got != exitOK || said != "" || strings.Count(out, "\n") != len(list) || !strings.HasPrefix(out, "ok    config ") {
		t.Errorf("%d %s %s", got, out, said)
	}
	mustFail(t, exitFailure, "there is no clinic", "--data", filepath.Join(data, "none"), "doctor")
}

// Everything that can be wrong is told at once, each with its way out.
func TestDoctorIll(t *testing.T) {
	data, now := newClinicDir(t, 1), time.Now()
	gone := filepath.Join(t.TempDir(), "nas")
	text := "[database]\nsynchronous = \"normal\"\n[backup]\ndir = " + strconv.Quote(gone) + "\n"
	if err := os.WriteFile(filepath.Join(data, config.FileName), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{data: 0o755, filepath.Join(data, config.FileName): 0o644} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(data, secret.SealKeyFile), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	writeState(t, data, upkeep.State{
		Backup: &upkeep.RunResult{At: now.Add(-100 * time.Hour), OK: true, File: filepath.Join(gone, "b.tar")},
		Failed: &upkeep.RunResult{At: now, Error: os.ErrPermission.Error()}, Failures: 1,
		Drill: &upkeep.RunResult{At: now, Error: "the backup is damaged"}, DrillBad: 1,
	})
	execSQL(t, filepath.Join(data, dbFile),
		"DROP TRIGGER audit_no_update; UPDATE audit SET actor_label = 'x' WHERE seq = 1")
	code, list := runDoctorAt(t, data, now.Add(-26*time.Hour)) // and the clock was set back a day
	if code != exitFailure {
		t.Errorf("exit code %d", code)
	}
	wantCheck(t, list, "sqlite", "warn", "synchronous normal")
	wantCheck(t, list, "database", "fail", "row 1 was changed")
	wantCheck(t, list, "database", "fail", "audit_no_update is missing")
	wantCheck(t, list, "clock", "fail", "25 hours before the newest audit row: it was set back")
	wantCheck(t, list, "modes", "fail", data+" can be read by others (mode 0755)")
	wantCheck(t, list, "modes", "fail", "qb.toml can be read by others (mode 0644)")
	wantCheck(t, list, "keys", "fail", "secrets.key is damaged")
	wantCheck(t, list, "drill", "fail", "could not be restored")
	wantCheck(t, list, "backup", "fail", "is not there. Is its disk mounted?")
	_, list = runDoctorAt(t, data, now)
	wantCheck(t, list, "backup", "fail", "days old: permission denied")

	if err := os.WriteFile(filepath.Join(data, config.FileName), []byte("[backup]\nkep = 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, list = runDoctorAt(t, data, now)
	wantCheck(t, list, "config", "fail", "unknown key; did you mean backup.keep?")
}

func TestDoctorSchema(t *testing.T) {
	data := newClinicDir(t, 0)
	execSQL(t, filepath.Join(data, dbFile), "PRAGMA user_version = 99")
	code, list := runDoctorAt(t, data, time.Now())
	wantCheck(t, list, "database", "fail", "newer qb")
	if code != exitFailure {
		t.Errorf("exit code %d", code)
	}
	execSQL(t, filepath.Join(data, dbFile), "PRAGMA application_id = 5")
	_, list = runDoctorAt(t, data, time.Now())
	wantCheck(t, list, "database", "fail", "another program")
}
