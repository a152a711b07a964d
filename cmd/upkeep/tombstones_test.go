package upkeep

import (
	"os"
	"path/filepath"
	"reflect"
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

// Backups and the file live longer than a version of the program: a line is written as
// it always was, and read.
func TestTombstoneLine(t *testing.T) {
	t.Parallel()
	const line = `{"id":"01970000-0000-7000-8000-000000000001","clinic":"01966f00-0000-7000-8000-000000000001",` +
		`"test":true,"patient_id":7,"created_at":1777190400,` +
		`"lead_ids":["01970000-0000-7000-8000-00000000000a"],"erased_at":1777269600}`
	full := rights.Erasure{ID: "01970000-0000-7000-8000-000000000001", Clinic: "01966f00-0000-7000-8000-000000000001",
		Test: true, PatientID: 7, CreatedAt: 1777190400, LeadIDs: []string{"01970000-0000-7000-8000-00000000000a"},
		ErasedAt: 1777269600}
	const short = `{"id":"b","clinic":"c","erased_at":1777269601}`
	bare := rights.Erasure{ID: "b", Clinic: "c", ErasedAt: 1777269601}
	dir := t.TempDir()
	if err := addTombstones(dir, []rights.Erasure{full, bare}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, erasuresFile))
	if err != nil || string(text) != line+"\n"+short+"\n" {
		t.Errorf("the file holds\n%s\nwant\n%s\n%s\n%v", text, line, short, err)
	}
	if list := readTombstones(dir); !reflect.DeepEqual(list, []rights.Erasure{full, bare}) {
		t.Errorf("read %+v", list)
	}
}
