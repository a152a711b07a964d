package upkeep

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"qualifybase/engine/rights"
)

// The file bears what a crash leaves in it.
func TestTombstones(t *testing.T) {
	dir := t.TempDir()
	a, b := rights.Erasure{ID: "a", ErasedAt: 2}, rights.Erasure{ID: "b", ErasedAt: 1}
	for _, list := range [][]rights.Erasure{{a}, {a, b}, {b, b}, nil} {
		if err := addTombstones(dir, list); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, erasuresFile)
	text, err := os.ReadFile(path)
	if err != nil || strings.Count(string(text), "\n") != 2 {
		t.Fatalf("%s %v", text, err)
	}
	if err := os.WriteFile(path, append(text, []byte("junk\n{\"id\":\"half")...), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := addTombstones(dir, []rights.Erasure{{ID: "c", ErasedAt: 3}}); err != nil {
		t.Fatal(err)
	}
	list := readTombstones(dir, dir, filepath.Join(dir, "none"))
	if len(list) != 3 || list[0].ID != "b" || list[1].ID != "a" || list[2].ID != "c" {
		t.Errorf("%+v", list)
	}
}
