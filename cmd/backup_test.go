package cmd

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	_ "modernc.org/sqlite" // an SQL shell

	"qualifybase/cmd/upkeep"
	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/people"
	"qualifybase/engine/secret"
	"qualifybase/store/backup"
)

// The names of what lies in a data directory, as administrators know them.
const (
	dbFile    = "qb.db"
	stateFile = "upkeep.json"
)

// runCLI runs a command line and gives its exit code and what it said.
func runCLI(t *testing.T, args ...string) (code int, out, said string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	g := &global{files: os.DirFS(".."), env: environment("TZ=UTC")}
	code = execute(t.Context(), g, stdio{strings.NewReader(""), &stdout, &stderr}, args)
	return code, stdout.String(), stderr.String()
}

// mustRun is runCLI for a command that must succeed.
func mustRun(t *testing.T, args ...string) string {
	t.Helper()
	code, out, said := runCLI(t, args...)
	if code != exitOK {
		t.Fatalf("qb %s: exit code %d\n%s%s", strings.Join(args, " "), code, out, said)
	}
	return out
}

// mustFail wants an exit code and words of the message.
func mustFail(t *testing.T, code int, words string, args ...string) {
	t.Helper()
	got, out, said := runCLI(t, args...)
	if got != code || !strings.Contains(said, words) {
		t.Errorf("qb %s: exit code %d, want %d with %q\n%s%s", strings.Join(args, " "), got, code, words, out, said)
	}
}

// newClinicDir is a data directory with some bookings.
func newClinicDir(t *testing.T, visits int) string {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	mustRun(t, "--data", data, "init", "--name", "Park", "--timezone", "UTC", "--hours", "Mon-Sun 00:00-24:00")
	if _, err := secret.OpenSealer(data); err != nil {
		t.Fatal(err)
	}
	book(t, data, 0, visits)
	return data
}

// book books visits on the database of a directory, half an hour each.
func book(t *testing.T, data string, from, n int) {
	t.Helper()
	inClinic(t, data, func(ctx context.Context, e *engine.Engine, c act.Caller) error {
		lead, err := e.PutLead(ctx, c, people.LeadDraft{Name: new(fmt.Sprint("Person ", from))})
		if err != nil {
			return err
		}
		for i := from; i < from+n; i++ {
			start := time.Now().UTC().Truncate(24*time.Hour).Unix() + 86400 + int64(i)*1800
			if _, err := e.Book(ctx, c, booking.Booking{LeadID: lead.Lead.ID, StartsAt: start, EndsAt: start + 1800,
				Title: "Consultation"}); err != nil {
				return err
			}
		}
		return nil
	})
}

// inClinic opens the clinic of a directory as a verb does.
func inClinic(t *testing.T, data string, fn func(context.Context, *engine.Engine, act.Caller) error) {
	t.Helper()
	g := &global{data: data, files: os.DirFS(".."), env: environment()}
	err := g.withClinic(t.Context(), stdio{err: os.Stderr}, target{verb: "test"}, func(at *session) error {
		return fn(t.Context(), at.engine, at.caller)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// newAgeKey makes a pair: the public key, and the file of the private one.
func newAgeKey(t *testing.T) (public, file string) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "key.txt")
	if err := os.WriteFile(file, []byte("# "+id.Recipient().String()+"\n"+id.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return id.Recipient().String(), file
}

// listFiles lists a directory with sizes, for "nothing was changed".
func listFiles(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && path != dir && !strings.HasSuffix(path, "-shm") && !strings.HasSuffix(path, "-wal") &&
			filepath.Base(path) != "qb.lock" {
			fmt.Fprintln(&b, strings.TrimPrefix(path, dir), info.Size())
		}
		return err
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return b.String()
}

// A backup comes back with everything, and nothing of the way there is left.
func TestBackupAndRestore(t *testing.T) {
	data := newClinicDir(t, 5)
	file := filepath.Join(t.TempDir(), "b.tar")
	code, out, said := runCLI(t, "--data", data, "backup", file)
	if code != 0 || !strings.Contains(out, "5 appointments, verified") || !strings.Contains(said, "not encrypted") {
		t.Fatalf("%d %s %s", code, out, said)
	}
	mustFail(t, exitFailure, "exists; nothing was written", "--data", data, "backup", file)
	if left, _ := filepath.Glob(filepath.Join(data, ".*")); len(left) != 0 {
		t.Errorf("left in the data directory: %v", left)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file),
		"*")); !slices.Equal(left, []string{file, file + ".sha256"}) {
		t.Errorf("left beside the backup: %v", left)
	}
	mustRun(t, "--data", data, "backup")
	for _, path := range []string{file, file + ".sha256", filepath.Join(data, stateFile)} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", path, info.Mode(), err)
		}
	}
	if out := mustRun(t, "verify", file); !strings.Contains(out, "a backup of park") ||
		!strings.Contains(out, "sound: 5 appointments") {
		t.Error(out)
	}

	book(t, data, 5, 3) // after the backup: lost with the disk
	key, err := os.ReadFile(filepath.Join(data, secret.SealKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	back := filepath.Join(t.TempDir(), "deep", "new")
	if out := mustRun(t, "--data", back, "restore", file); !strings.Contains(out, "restored park as of") ||
		!strings.Contains(out, "5 appointments") {
		t.Error(out)
	}
	var names []string
	for line := range strings.Lines(listFiles(t, back)) {
		names = append(names, strings.Fields(strings.TrimPrefix(line, "/"))[0])
	}
	if want := []string{"qb.db", "qb.toml", "secrets.key"}; !slices.Equal(names, want) {
		t.Errorf("restored %v, want %v", names, want)
	}
	if again, err := os.ReadFile(filepath.Join(back, secret.SealKeyFile)); err != nil || !bytes.Equal(again, key) {
		t.Errorf("another key file, %v", err)
	}
	if out := mustRun(t, "--data", back, "verify"); !strings.Contains(out, "sound: 5 appointments") {
		t.Error(out)
	}
	book(t, back, 5, 1) // the time is free again, and the clinic goes on
	if out := mustRun(t, "--data", back, "audit", "list", "--action",
		"clinic.restore"); !strings.Contains(out, "qb restore") {
		t.Error(out)
	}
}

func TestRestoreRefuses(t *testing.T) {
	data, other := newClinicDir(t, 3), newClinicDir(t, 1)
	dir := t.TempDir()
	file, foreign := filepath.Join(dir, "b.tar"), filepath.Join(dir, "o.tar")
	mustRun(t, "--data", data, "backup", file)
	mustRun(t, "--data", other, "backup", foreign)
	before := listFiles(t, data)

	mustFail(t, exitFailure, "is not empty (", "--data", data, "restore", file)
	mustFail(t, exitFailure, "holds another clinic (park) than the backup (park)", "--data", data, "restore",
		foreign, "--force")
	lock, err := upkeep.Dir{Path: data}.Lock("serve")
	if err != nil {
		t.Fatal(err)
	}
	mustFail(t, exitLocked, "is in use by process", "--data", data, "restore", file, "--force")
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	mustFail(t, exitFailure, "no such file", "--data", filepath.Join(dir, "none"), "restore",
		filepath.Join(dir, "absent.tar"))
	mustFail(t, exitUsage, "want one argument, not 0", "restore")
	if after := listFiles(t, data); after != before {
		t.Errorf("a refused restore changed\n%s\nto\n%s", before, after)
	}
	if exists(filepath.Join(dir, "none")) {
		t.Error("a directory was left behind")
	}

	// An unused clinic, as a server on an emptied directory makes one, is nobody's.
	fresh := filepath.Join(t.TempDir(), "fresh")
	mustRun(t, "--data", fresh, "init")
	mustRun(t, "--data", fresh, "restore", file, "--force")
	if out := mustRun(t, "--data", fresh, "verify"); !strings.Contains(out, "3 appointments") {
		t.Error(out)
	}
}

// --force moves everything aside but the backups, and what it moved is whole.
func TestRestoreForce(t *testing.T) {
	data := newClinicDir(t, 4)
	mustRun(t, "--data", data, "backup")
	list, err := filepath.Glob(filepath.Join(data, "backups", "qb-park-*.tar"))
	if err != nil || len(list) != 1 {
		t.Fatalf("%v %v", list, err)
	}
	book(t, data, 4, 2)
	code, out, said := runCLI(t, "--data", data, "restore", list[0], "--force")
	if code != 0 || !strings.Contains(out, "4 appointments") || !strings.Contains(said, "before-restore-") {
		t.Fatalf("%d %s %s", code, out, said)
	}
	aside, err := filepath.Glob(filepath.Join(data, "before-restore-"+"*"))
	if err != nil || len(aside) != 1 || !exists(list[0]) {
		t.Fatalf("%v %v", aside, err)
	}
	for dir, want := range map[string]string{data: "4 appointments", aside[0]: "6 appointments"} {
		if out := mustRun(t, "--data", dir, "verify"); !strings.Contains(out, want) {
			t.Errorf("%s: %s, want %s", dir, out, want)
		}
	}
	// A database that is torn to pieces is no reason not to restore.
	if err := os.WriteFile(filepath.Join(data, dbFile), bytes.Repeat([]byte("junk"), 5000), 0o600); err != nil {
		t.Fatal(err)
	}
	mustFail(t, exitDamage, "not a QualifyBase database", "--data", data, "verify")
	mustRun(t, "--data", data, "restore", list[0], "--force")
	mustRun(t, "--data", data, "verify")
}

// Every bad file, with the message of its kind (issue "Bad input"), on verify and
// on restore alike; restore leaves nothing behind.
func TestBadBackups(t *testing.T) {
	data := newClinicDir(t, 2)
	dir := t.TempDir()
	public, key := newAgeKey(t)
	_, otherKey := newAgeKey(t)
	plain, sealed := filepath.Join(dir, "plain.tar"), filepath.Join(dir, "sealed.tar.age")
	mustRun(t, "--data", data, "backup", plain)
	mustRun(t, "--data", data, "backup", sealed, "--recipient", public)
	text, err := os.ReadFile(plain)
	if err != nil {
		t.Fatal(err)
	}
	cipher, err := os.ReadFile(sealed)
	if err != nil {
		t.Fatal(err)
	}
	flip := func(b []byte, at int) []byte { b = bytes.Clone(b); b[at] ^= 4; return b }
	secrets := bytes.Index(text, []byte(secret.SealKeyFile+"\x00")) + 512 + 10
	newer := repacked(t, text, func(m *backup.Manifest) {}, func(db string) {
		execSQL(t, db, "PRAGMA user_version = 99")
	})
	other := repacked(t, text, nil, func(db string) { execSQL(t, db, "PRAGMA application_id = 7") })
	twice := repacked(t, text, nil, func(db string) {
		execSQL(t, db, "DROP TRIGGER occupancy_no_overlap_update; UPDATE occupancy SET s = (SELECT min(s) FROM "+
			"occupancy), e = (SELECT min(e) FROM occupancy)")
	})
	for _, c := range []struct {
		name  string
		bytes []byte
		key   string
		code  int
		says  string
	}{
		{"text", []byte("a letter"), "", exitDamage, "this is not a QualifyBase backup"},
		{"empty", nil, "", exitDamage, "it is empty"},
		{"database", []byte("SQLite format 3\x00" + strings.Repeat("x", 9000)), "", exitDamage,
			"this is not a QualifyBase backup"},
		{"cut", text[:len(text)/2], "", exitDamage, "the backup is cut short: it has"},
		{"cut by a byte", text[:len(text)-1], "", exitDamage, "the backup is cut short: it has"},
		{"flipped database", flip(text, 100_000), "", exitDamage, "the backup is damaged: qb.db"},
		{"flipped key file", flip(text, secrets), "", exitDamage, "the backup is damaged: secrets.key"},
		{"flipped manifest", flip(text, 600), "", exitDamage, "the backup is damaged: manifest.json"},
		{"flipped seal", flip(text, len(text)-1500), "", exitDamage, "the backup is damaged"},
		{"newer database", newer, "", exitFailure, "made by a newer qb"},
		{"foreign database", other, "", exitDamage, "it holds no database of qb"},
		{"booked twice", twice, "", exitDamage, "taken twice"},
		{"for somebody else", cipher, otherKey, exitFailure, "encrypted for another key"},
		{"without a key", cipher, "", exitFailure, "give the file of its private key with --identity"},
		{"sealed and flipped", flip(cipher, len(cipher)/2), key, exitDamage, "are not those that were written"},
		{"sealed and cut", cipher[:len(cipher)/2], key, exitDamage, "the backup is cut short"},
	} {
		path := filepath.Join(dir, "bad")
		if err := os.WriteFile(path, c.bytes, 0o600); err != nil {
			t.Fatal(err)
		}
		args := []string{path}
		if c.key != "" {
			args = append(args, "--identity", c.key)
		}
		t.Run(c.name, func(t *testing.T) {
			mustFail(t, c.code, c.says, append([]string{"verify"}, args...)...)
			target := filepath.Join(dir, "target")
			mustFail(t, c.code, c.says, append([]string{"--data", target, "restore"}, args...)...)
			if exists(target) {
				t.Errorf("left behind:\n%s", listFiles(t, target))
			}
		})
	}
	mustRun(t, "verify", sealed, "--identity", key)
	if out := mustRun(t, "verify", sealed); !strings.Contains(out, "its bytes are those that were written; give "+
		"--identity") {
		t.Error(out) // the sum beside it speaks
	}
	target := filepath.Join(dir, "target")
	mustRun(t, "--data", target, "restore", sealed, "--identity", key)
	mustRun(t, "--data", target, "verify")
}

// repacked makes a sound backup of a changed database: what a forger or a newer
// program would hand in.
func repacked(t *testing.T, text []byte, manifest func(*backup.Manifest), change func(db string)) []byte {
	t.Helper()
	dir := t.TempDir()
	var db bytes.Buffer
	m, err := backup.Read(bytes.NewReader(text), func(m backup.Member) (io.Writer, error) {
		if m.Name == dbFile {
			return &db, nil
		}
		return io.Discard, nil
	})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, dbFile), db.Bytes(), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	change(filepath.Join(dir, dbFile))
	if manifest != nil {
		manifest(&m)
	}
	var b bytes.Buffer
	if _, err := backup.Write(&b, m, []backup.Source{{Name: dbFile, Path: filepath.Join(dir, dbFile)}}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestVerifyLive(t *testing.T) {
	data := newClinicDir(t, 3)
	var v upkeep.Report
	if err := json.Unmarshal([]byte(mustRun(t, "--data", data, "verify", "--json")), &v); err != nil || !v.Sound ||
		v.Appointments != 3 {
		t.Errorf("%+v, %v", v, err)
	}
	mustFail(t, exitFailure, "there is no clinic in", "--data", filepath.Join(data, "none"), "verify")
	execSQL(t, filepath.Join(data, dbFile),
		"DROP TRIGGER audit_no_update; UPDATE audit SET actor_label = 'nobody' WHERE seq = 2")
	mustFail(t, exitDamage, "row 2 was changed", "--data", data, "verify")
	mustFail(t, exitDamage, "is damaged", "--data", data, "backup", filepath.Join(t.TempDir(), "x.tar"))
	code, out, _ := runCLI(t, "--data", data, "verify", "--json")
	if err := json.Unmarshal([]byte(out), &v); err != nil || code != exitDamage || v.Sound || len(v.Findings) == 0 {
		t.Errorf("%d %s", code, out)
	}

	whole := newClinicDir(t, 1)
	if err := os.WriteFile(filepath.Join(whole, secret.SealKeyFile), []byte("half a k"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustFail(t, exitDamage, "secrets.key is damaged", "--data", whole, "verify")
}

// execSQL changes a database behind everybody's back.
func execSQL(t *testing.T, db, text string) {
	t.Helper()
	c, err := sql.Open("sqlite", db)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Exec(text)
	if err := errors.Join(err, c.Close()); err != nil {
		t.Fatal(err)
	}
}

// readState is what the directory knows of its backups and drills.
func readState(t *testing.T, data string) (s upkeep.State) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(data, stateFile))
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// writeState is readState's opposite.
func writeState(t *testing.T, data string, s upkeep.State) {
	t.Helper()
	text, err := json.Marshal(s)
	if err == nil {
		err = os.WriteFile(filepath.Join(data, stateFile), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// exists reports whether there is something at the path.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
