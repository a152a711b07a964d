// Package storetest opens real databases for tests: an open costs milliseconds, as
// the schema is made once (storetest/template), so SQLite is never mocked.
package storetest

import (
	"os"
	"path/filepath"
	"testing"

	"qualifybase/store"
	"qualifybase/store/storetest/template"
)

// Schema is the text of the repository's schema.sql: the nearest one above the
// directory of the test, which is that of its package.
func Schema(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "schema.sql"))
		if err == nil {
			return string(text)
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no directory above the test's holds schema.sql")
		}
		dir = filepath.Dir(dir)
	}
}

// Open makes a new database in the test's own directory and closes it at the
// test's end.
func Open(t testing.TB) *store.Store {
	t.Helper()
	return OpenWith(t, filepath.Join(t.TempDir(), "qb.db"), store.Options{})
}

// OpenWith opens the database at path with options; a new one where there is none.
func OpenWith(t testing.TB, path string, o store.Options) *store.Store {
	t.Helper()
	schema := Schema(t)
	template.Copy(t, path, func(path string) error {
		s, err := store.Open(path, schema, store.Options{})
		if err != nil {
			return err
		}
		return s.Close()
	})
	s, err := store.Open(path, schema, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
