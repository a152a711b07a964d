package cmd

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/enginetest/proof"
	"qualifybase/engine/outbox"
	"qualifybase/engine/secret"
)

// Bits flipped and ends cut off, in backup, database, log and key file. A backup's
// are all found. A database has no checksums over its pages: a flip in a text that
// no index, reference or hash covers is not seen by anybody; but none makes verify
// or a start end without a word (proof.md R8).
func TestDamage(t *testing.T) {
	chance := rand.New(rand.NewPCG(proof.Seed(t, 1), 8)) // #nosec G404 -- chosen
	tries := proof.Times(40, 150, 2000)
	data := newClinicDir(t, 4)
	addWebhook(t, data)
	file := filepath.Join(t.TempDir(), "b.tar")
	mustRun(t, "--data", data, "backup", file)
	found := map[string]int{}
	for name, path := range map[string]string{"backup": file, "database": filepath.Join(data, dbFile),
		"key file": filepath.Join(data, secret.SealKeyFile)} {
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for n := range tries {
			bad := bytes.Clone(whole)
			if n%5 == 4 {
				bad = bad[:chance.IntN(len(bad))]
			} else {
				bad[chance.IntN(len(bad))] ^= 1 << chance.IntN(8)
			}
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			args := []string{"--data", data, "verify"}
			if name == "backup" {
				args = append(args, file)
			}
			code, out, said := runCLI(t, args...)
			switch {
			case code == exitDamage && strings.HasPrefix(said, "qb: "):
				found[name]++
			case name == "backup":
				t.Errorf("%s, try %d: exit code %d\n%s%s", name, n, code, out, said)
			case code == exitOK && strings.Contains(out, "sound"), code == exitFailure && strings.HasPrefix(said, "qb: "):
			default:
				t.Errorf("%s, try %d: exit code %d\n%s%s", name, n, code, out, said)
			}
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	proof.Row(t, "R8", "damage in database, log, backup, config: found at verify (backups 100 %), never without a message",
		"of %d flips and cuts each: backup %d found, database %d, key file %d (the rest in bytes that nothing uses or "+
			"covers); 0 without a message",
		tries, found["backup"], found["database"], found["key file"])
}

// addWebhook leaves a secret in the database that the key file must open.
func addWebhook(t *testing.T, data string) {
	t.Helper()
	sealer, err := secret.OpenSealer(data)
	if err != nil {
		t.Fatal(err)
	}
	g := &global{data: data, files: os.DirFS(".."), env: environment()}
	err = g.withClinic(t.Context(), stdio{err: os.Stderr}, target{verb: "test"}, func(at *session) error {
		e := engine.New(at.store, engine.Options{Sealer: sealer, CheckURL: func(string) error { return nil }})
		_, err := e.CreateWebhook(t.Context(), at.caller,
			outbox.WebhookDraft{URL: new("https://crm.example.com/hook"), Events: &[]string{"*"}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Another key file than that of the database is damage, and so is a missing one.
func TestVerifyKeyFile(t *testing.T) {
	data := newClinicDir(t, 1)
	addWebhook(t, data)
	mustRun(t, "--data", data, "verify")
	path := filepath.Join(data, secret.SealKeyFile)
	if err := os.WriteFile(path, []byte(strings.Repeat("0f", 32)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustFail(t, exitDamage, "does not open with this key file", "--data", data, "verify")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	mustFail(t, exitDamage, "secrets.key is missing", "--data", data, "verify")
	code, list := runDoctorAt(t, data, time.Now())
	if code != exitFailure {
		t.Errorf("exit code %d", code)
	}
	wantCheck(t, list, "keys", "fail", "is missing")
}

// A database that SQLite cannot read is told by name and with the way out, by every
// verb, and not in SQL.
func TestTornDatabase(t *testing.T) {
	data := newClinicDir(t, 1)
	path := filepath.Join(data, dbFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 100; i < 4096; i++ { // the root of all tables; the header stays
		text[i] = 0x5a
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	const wayOut = "qb.db is damaged (SQLite: database disk image is malformed (11)); 'qb verify' names what, 'qb " +
		"restore' brings"
	mustFail(t, exitFailure, wayOut, "--data", data, "keys", "list")
	mustFail(t, exitFailure, wayOut, "--data", data, "migrate")
	mustFail(t, exitFailure, wayOut, "--data", data, "serve", "--listen", "127.0.0.1:0")
	mustFail(t, exitDamage, wayOut, "--data", data, "backup")
	code, out, said := runCLI(t, "--data", data, "verify")
	if code != exitDamage || strings.Contains(said, "SELECT") ||
		!strings.Contains(said, "integrity: the file cannot be read") {
		t.Errorf("%d\n%s%s", code, out, said)
	}
	code, list := runDoctorAt(t, data, time.Now())
	if code != exitFailure {
		t.Errorf("exit code %d", code)
	}
	for _, x := range list {
		if strings.Contains(x.Text, "SELECT") || x.Check == "sqlite" {
			t.Errorf("%+v", x)
		}
	}
}
