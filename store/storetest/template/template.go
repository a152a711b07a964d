// Package template makes the schema once for all tests of a process: to run
// schema.sql costs 20 ms each time, and under the race detector 345 ms. Whether
// store.Open makes a database is tested where nobody calls this.
package template

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// file is the new database, closed and in one piece.
var file = struct {
	once sync.Once
	data []byte
	err  error
}{}

// Copy puts a new database at path, unless something is there already. The first
// call of the process makes it with create, which must leave it closed.
func Copy(t testing.TB, path string, create func(path string) error) {
	t.Helper()
	file.once.Do(func() { file.data, file.err = read(create) })
	if file.err != nil {
		t.Fatal(file.err)
	}
	f, err := os.OpenFile(filepath.Clean(path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(file.data)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// read makes a database in a directory of its own and gives its bytes.
func read(create func(path string) error) ([]byte, error) {
	dir, err := os.MkdirTemp("", "qb-template")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "qb.db")
	if err := create(path); err != nil {
		return nil, err
	}
	if wal, err := os.Stat(path + "-wal"); err == nil && wal.Size() > 0 {
		return nil, errors.New("the new database was not closed: it has a write-ahead log")
	}
	return os.ReadFile(filepath.Clean(path))
}
