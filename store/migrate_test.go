package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"qualifybase/engine"
)

func options() Options {
	return Options{Now: func() time.Time { return noon }, Log: discard(), busy: time.Second}
}

func TestNewFileIsOursAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "odd name?#%.db")
	h := furnish(t, openAt(t, path, Options{}), 1)
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", suffix, info.Mode())
		}
	}
	for sql, want := range map[string]int64{
		"PRAGMA application_id": applicationID, "PRAGMA user_version": int64(current(embedded())),
		"SELECT count(*) FROM clinics": 1,
	} {
		if got := h.count(t, sql); got != want {
			t.Errorf("%s = %d, want %d", sql, got, want)
		}
	}
	for sql, want := range map[string]int64{"PRAGMA synchronous": 2, "PRAGMA foreign_keys": 1,
		"PRAGMA wal_autocheckpoint": 4000, "PRAGMA temp_store": 2} {
		var got int64
		h.must(t, func(engine.Tx) (err error) { got, err = h.w.c.number(sql); return err })
		if got != want {
			t.Errorf("%s = %d, want %d", sql, got, want)
		}
	}
}

// What is refused is left as it was, to the byte.
func TestRefusedUntouched(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ours := filepath.Join(dir, "ours.db")
	if err := openAt(t, ours, Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	made, err := os.ReadFile(ours)
	if err != nil {
		t.Fatal(err)
	}
	newer := slices.Clone(made)
	binary.BigEndian.PutUint32(newer[60:], 9999)
	foreign := slices.Clone(made)
	binary.BigEndian.PutUint32(foreign[68:], 0x12345678)
	unmarked := slices.Clone(made)
	binary.BigEndian.PutUint32(unmarked[68:], 0)
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"newer":    {newer, "newer version"},
		"foreign":  {foreign, "another program"},
		"unmarked": {unmarked, "another program"},
		"text":     {[]byte(strings.Repeat("no database, but a letter\n", 20)), "not a QualifyBase database"},
		"short":    {[]byte("SQLite"), "not a QualifyBase database"},
		"cut":      {made[:5000], "malformed"},
	} {
		path := filepath.Join(dir, name+".db")
		if err := os.WriteFile(path, c.content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path, schemaText(t), options())
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want one that says %q", name, err, c.says)
		}
		after, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if sha256.Sum256(after) != sha256.Sum256(c.content) {
			t.Errorf("%s: the file was changed", name)
		}
	}
	if _, err := Open(filepath.Join(dir, "none", "x.db"), schemaText(t), options()); err == nil {
		t.Error("a directory that is not there was opened")
	}
	if _, err := Open(filepath.Join(dir, "x.db"), "CREATE TABLE broken (", options()); err == nil {
		t.Error("a broken schema was accepted")
	}
}

// lay makes a database from a schema and migrations.
func lay(t *testing.T, path, schema string, list []migration) []string {
	t.Helper()
	if err := prepareFile(path, schema, list, options()); err != nil {
		t.Fatal(err)
	}
	c, err := dial(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	lines, err := c.structure()
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const oldSchema = "PRAGMA application_id = 0x51420001; CREATE TABLE a (x INTEGER PRIMARY KEY, y TEXT) STRICT; " +
		"INSERT INTO a VALUES (1, 'kept');"
	const newSchema = "CREATE TABLE a (x INTEGER PRIMARY KEY, y TEXT, z  INTEGER) STRICT; -- with z\nCREATE INDEX " +
		"a_z ON a(z); CREATE TABLE b (x INTEGER REFERENCES a (x)) STRICT;"
	list, err := readMigrations(fstest.MapFS{
		"0002_z.sql": {Data: []byte("ALTER TABLE a ADD COLUMN z INTEGER; CREATE INDEX a_z ON a (z);")},
		"0003_b.sql": {Data: []byte("CREATE TABLE b (x INTEGER REFERENCES a(x)) STRICT;")},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "old.db")
	lay(t, path, oldSchema, nil)
	migrated := lay(t, path, newSchema, list)
	if fresh := lay(t, filepath.Join(dir, "new.db"), newSchema, list); !slices.Equal(migrated, fresh) {
		t.Errorf("migrated and new differ:\n%s\n\n%s", strings.Join(migrated, "\n"), strings.Join(fresh, "\n"))
	}
	backups, _ := filepath.Glob(path + ".before-v3-*")
	if len(backups) != 1 {
		t.Fatalf("backups: %v", backups)
	}
	c, err := dial(backups[0])
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if n, err := c.number("SELECT count(*) FROM a WHERE y = 'kept'"); n != 1 || err != nil {
		t.Errorf("the backup has %d rows, %v", n, err)
	}
	if err := prepareFile(path, newSchema, list[:1],
		options()); err == nil || !strings.Contains(err.Error(), "newer version") {
		t.Errorf("an older program: %v", err)
	}
}

func TestFailedMigrationRollsBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "old.db")
	before := lay(t, path,
		"PRAGMA application_id = 0x51420001; CREATE TABLE a (x INTEGER PRIMARY KEY) STRICT; CREATE TABLE b (x INTEGER "+
			"REFERENCES a(x)) STRICT;", nil)
	for name, sql := range map[string]string{
		"syntax":    "CREATE TABLE c (x INTEGER) STRICT; NONSENSE",
		"reference": "CREATE TABLE c (x INTEGER) STRICT; INSERT INTO b VALUES (7)",
	} {
		err := prepareFile(path, "", []migration{{2, name, sql}},
			Options{Now: func() time.Time { return noon.Add(time.Duration(len(name)) * time.Second) }, Log: discard(),
				busy: time.Second})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		if after := lay(t, path, "", nil); !slices.Equal(before, after) {
			t.Errorf("%s left %v", name, after)
		}
	}
}

func TestMigrationNames(t *testing.T) {
	t.Parallel()
	for _, names := range [][]string{{"0003_gap.sql"}, {"2_short.sql"}, {"0002_a.sql", "0002_b.sql"}, {"0002_A.sql"}} {
		dir := fstest.MapFS{}
		for _, n := range names {
			dir[n] = &fstest.MapFile{}
		}
		if _, err := readMigrations(dir); err == nil {
			t.Errorf("%v was accepted", names)
		}
	}
}

// Every released schema, migrated, has the structure of schema.sql. Released
// schemas lie in testdata/schemas/vN.sql; until the first release there is only
// today's, which is compared with itself in another spelling.
func TestOldSchemasBecomeSchema(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want := lay(t, filepath.Join(dir, "want.db"), schemaText(t), embedded())
	old, err := filepath.Glob("testdata/schemas/v*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range old {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.Base(name)+".db")
		lay(t, path, string(text), nil)
		if got := lay(t, path, "", embedded()); !slices.Equal(got, want) {
			t.Errorf("%s: %s", name, strings.Join(got, "\n"))
		}
	}
	spaced := strings.ReplaceAll(schemaText(t), "\n  ", "\n\t/* spaced */  -- out\n")
	if got := lay(t, filepath.Join(dir, "spaced.db"), spaced, embedded()); !slices.Equal(got, want) {
		t.Error("comments and spaces count as structure")
	}
	changed := strings.Replace(schemaText(t), "s > new.s - 86400", "s > new.s - 86401", 1)
	if got := lay(t, filepath.Join(dir, "changed.db"), changed, embedded()); slices.Equal(got, want) {
		t.Error("a changed trigger does not count as structure")
	}
}

func TestAtLeast(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]bool{"3.53.0": true, "3.53.4": true, "3.100": true, "4.0": true, "3.51.2": false,
		"3.9.9": false, "3.53": true} {
		if atLeast(v, minSQLite) != want {
			t.Errorf("%s: %v", v, !want)
		}
	}
}

func TestBareKeepsQuotedText(t *testing.T) {
	t.Parallel()
	got := stripSQL("CREATE  TABLE a ( x TEXT DEFAULT 'a -- b  c' , /* no */ \"odd  name\" INTEGER ) -- end")
	want := `CREATE TABLE a(x TEXT DEFAULT'a -- b  c',"odd  name"INTEGER)`
	if got != want || bytes.Contains([]byte(got), []byte("end")) {
		t.Errorf("%s\n%s", got, want)
	}
}

// The whole of today's schema with a life in it goes through migrations to come:
// rows kept, structure as a new install's, a verified copy of before, and the old
// program refuses what came out, untouched (proof.md R15).
func TestMigrateEverything(t *testing.T) {
	t.Parallel()
	list, err := readMigrations(fstest.MapFS{
		"0002_colour.sql": {Data: []byte("ALTER TABLE leads ADD COLUMN colour TEXT; CREATE INDEX leads_colour ON " +
			"leads (clinic, colour);")},
		"0003_wards.sql": {Data: []byte("CREATE TABLE wards (id INTEGER PRIMARY KEY, clinic INTEGER NOT NULL " +
			"REFERENCES clinics(n)) STRICT; INSERT INTO wards (clinic) SELECT n FROM clinics;")},
	})
	if err != nil {
		t.Fatal(err)
	}
	h := openHouse(t, Options{})
	h.live(t, 50)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	migrated := lay(t, h.path, "", list)
	fresh := filepath.Join(t.TempDir(), "new.db")
	lay(t, fresh, schemaText(t), nil)
	if want := lay(t, fresh, "", list); !slices.Equal(migrated, want) {
		t.Errorf("migrated and new differ:\n%s\n\n%s", strings.Join(migrated, "\n"), strings.Join(want, "\n"))
	}
	if a, w := h.count(t, "SELECT count(*) FROM appointments"), h.count(t,
		"SELECT count(*) FROM wards"); a != 50 || w != 1 {
		t.Errorf("%d appointments, %d wards", a, w)
	}
	copies, _ := filepath.Glob(h.path + ".before-v3-*")
	if len(copies) != 1 {
		t.Fatalf("copies: %v", copies)
	}
	if in := inspect(t, copies[0]); in.Version != 1 || in.Appointments != 50 || len(in.Findings) != 0 {
		t.Errorf("the copy: %+v", in)
	}
	before, err := os.ReadFile(h.path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(h.path, schemaText(t), options()); !errors.Is(err, ErrNewer) {
		t.Errorf("the old program: %v", err)
	}
	if after, err := os.ReadFile(h.path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the old program changed it, %v", err)
	}
}

// A database whose pages are broken is not migrated, and stays as it is.
func TestMigrateRefusesDamage(t *testing.T) {
	t.Parallel()
	list, err := readMigrations(fstest.MapFS{"0002_z.sql": {Data: []byte("CREATE TABLE z (x) STRICT")}})
	if err != nil {
		t.Fatal(err)
	}
	h := openHouse(t, Options{})
	h.live(t, 5)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := dial(h.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.script("PRAGMA foreign_keys = OFF; DELETE FROM patients"); err == nil {
		t.Fatal("patients can be deleted")
	}
	if err := c.script("PRAGMA foreign_keys = OFF; DROP TRIGGER patients_no_delete; DELETE FROM patients"); err != nil {
		t.Fatal(err)
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	err = prepareFile(h.path, "", list, options())
	if err == nil || !strings.Contains(err.Error(), "refers to a missing row") {
		t.Errorf("%v", err)
	}
	if v := h.count(t, "PRAGMA user_version"); v != 1 {
		t.Errorf("migrated to %d", v)
	}
}
