package store_test

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	_ "modernc.org/sqlite" // an SQL shell

	"qualifybase/engine/booking"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/enginetest/proof"
	"qualifybase/engine/people"
	"qualifybase/store"
	"qualifybase/store/storetest"
)

var released = flag.String("released", "", "write store/testdata/released/`VERSION`.sql for a release")

// anOldClinic is the text of the standard clinic with some life in it.
func anOldClinic(t *testing.T) string {
	t.Helper()
	c := enginetest.New(t)
	c.Hook(t, c.Caller)
	lead, err := c.Engine.PutLead(t.Context(), c.Caller, people.LeadDraft{Name: new("Max 'Müller'"),
		Notes: new("two\nlines"), Phone: new("030 1234567")})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		start := enginetest.Unix("2026-04-28 09:00") + int64(i)*3600
		if i == 3 {
			start += 3600 // lunch
		}
		_, err := c.Engine.Book(t.Context(), c.Caller, booking.Booking{LeadID: lead.Lead.ID, ProviderID: c.Ada.ID,
			StartsAt: start, EndsAt: start + 1800, Title: "Consultation"})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Engine.CreatePatient(t.Context(), c.Caller, people.PatientDraft{GivenName: new("Ada"),
		FamilyName: new("Byron")}); err != nil {
		t.Fatal(err)
	}
	return dump(t, c.Store.Path())
}

// dump writes a database as SQL: tables, rows, then what watches over them.
func dump(t *testing.T, path string) string {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=query_only(1)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	column := func(question string) (out []string) {
		t.Helper()
		list, err := db.Query(question)
		if err != nil {
			t.Fatal(err, question)
		}
		defer list.Close()
		for list.Next() {
			var text string
			if err := list.Scan(&text); err != nil {
				t.Fatal(err)
			}
			out = append(out, text)
		}
		if err := list.Err(); err != nil {
			t.Fatal(err)
		}
		return out
	}
	var b strings.Builder
	fmt.Fprintf(&b, "PRAGMA application_id = %s;\nPRAGMA user_version = %s;\n", column("PRAGMA application_id")[0],
		column("PRAGMA user_version")[0])
	for _, text := range column("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' " +
		"ORDER BY name") {
		b.WriteString(text + ";\n")
	}
	for _, table := range column("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' " +
		"ORDER BY name") {
		values := column(fmt.Sprintf("SELECT group_concat('quote(' || name || ')', ' || '','' || ') FROM "+
			"pragma_table_info('%s')", table))[0]
		for _, row := range column(fmt.Sprintf("SELECT %s FROM %s", values, table)) {
			fmt.Fprintf(&b, "INSERT INTO %s VALUES (%s);\n", table, row)
		}
	}
	for _, text := range column("SELECT sql FROM sqlite_schema WHERE type <> 'table' AND sql IS NOT NULL ORDER BY " +
		"type, name") {
		b.WriteString(text + ";\n")
	}
	return b.String()
}

// load makes a database of a dump.
func load(t *testing.T, path, text string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("PRAGMA journal_mode = WAL; BEGIN; " + text + "COMMIT"); err != nil {
		t.Fatal(err)
	}
}

// Every released schema, with rows, and today's as the first: opened by this
// program, each is up to date, whole, and the copy of before lies beside it
// (proof.md R15).
func TestUpgrade(t *testing.T) {
	texts := map[string]string{"today": anOldClinic(t)}
	if *released != "" {
		if err := os.WriteFile(filepath.Join("testdata", "released", *released+".sql"), []byte(texts["today"]),
			0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob("testdata/released/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(file)] = string(text)
	}
	proof.Row(t, "R15", "verify ok from every released schema; a newer file with an old binary refused, untouched",
		"%d released schemas and today's: up to date, whole, with a checked copy of before; newer refused untouched "+
			"(TestMigrateEverything, TestRefusedUntouched)", len(files))
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "qb.db")
			load(t, path, text)
			before, err := store.Status(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := storetest.OpenWith(t, path, store.Options{}).Close(); err != nil {
				t.Fatal(err)
			}
			after, err := store.Status(path)
			if err != nil || after.File != after.Program || len(after.Backups) != min(1, len(before.Missing)) {
				t.Errorf("before %+v, after %+v, %v", before, after, err)
			}
			in, err := store.Inspect(context.Background(), path, storetest.Schema(t))
			if err != nil || len(in.Findings) != 0 || in.Appointments != 4 || in.AuditRows == 0 || in.People != 2 {
				t.Errorf("%+v, %v", in, err)
			}
		})
	}
}

// unreleased are the releases of a changelog that have no file in a directory.
func unreleased(changelog string, dir fs.FS) (missing []string) {
	for _, m := range regexp.MustCompile(`(?m)^## \[([0-9]+\.[0-9]+\.[0-9]+)\]`).FindAllStringSubmatch(changelog, -1) {
		if _, err := fs.Stat(dir, m[1]+".sql"); err != nil {
			missing = append(missing, m[1])
		}
	}
	return missing
}

func TestEveryReleaseIsUpgraded(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	if missing := unreleased(string(text), os.DirFS("testdata/released")); len(missing) > 0 {
		t.Errorf("write what these releases left: go test ./store -run TestUpgrade -released %s", strings.Join(missing, ", "))
	}
	got := unreleased("# Changelog\n\n## [Unreleased]\n\n## [1.1.0] - 2027-01-01\n\n## [1.0.0] - 2026-12-01\n",
		fstest.MapFS{"1.0.0.sql": {}})
	if !slices.Equal(got, []string{"1.1.0"}) {
		t.Errorf("missing %v, want 1.1.0", got)
	}
}
