package cmd

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"qualifybase/cmd/config"
	"qualifybase/engine"
)

// Whoever was erased after a backup stays erased when it is restored, also when
// nothing of the old directory is left but what lies beside the backup.
func TestRestoreErasesAgain(t *testing.T) {
	data, dir := newClinicDir(t, 1), t.TempDir()
	if err := os.WriteFile(filepath.Join(data, config.FileName), []byte("[backup]\ndir = "+strconv.Quote(dir)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var id int64
	inClinic(t, data, func(ctx context.Context, e *engine.Engine, c engine.Caller) error {
		p, err := e.CreatePatient(ctx, c, engine.PatientDraft{GivenName: new("Forgotten"), FamilyName: new("Gonewest")})
		id = p.ID
		return err
	})
	mustRun(t, "--data", data, "backup")
	file, err := filepath.Glob(filepath.Join(dir, "qb-park-*.tar"))
	if err != nil || len(file) != 1 {
		t.Fatalf("%v %v", file, err)
	}
	inClinic(t, data, func(ctx context.Context, e *engine.Engine, c engine.Caller) error {
		_, err := e.ErasePatient(ctx, c, id)
		return err
	})
	for _, where := range []string{data, dir} {
		if tombstones := readTombstones(where); len(tombstones) != 1 || tombstones[0].PatientID != id {
			t.Errorf("%s has the tombstones %+v", where, tombstones)
		}
	}
	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}
	code, _, said := runCLI(t, "--data", data, "restore", file[0])
	if code != 0 || !strings.Contains(said, "1 people who were erased") {
		t.Fatalf("%d %s", code, said)
	}
	text, err := os.ReadFile(filepath.Join(data, dbFile))
	if err != nil {
		t.Fatal(err)
	}
	inClinic(t, data, func(ctx context.Context, e *engine.Engine, c engine.Caller) error {
		p, err := e.Patient(ctx, c, id)
		if err != nil || p.ErasedAt == 0 || p.FamilyName == "Gonewest" {
			t.Errorf("%+v, %v", p, err)
		}
		return nil
	})
	if bytes.Contains(text, []byte("Gonewest")) {
		t.Error("the name is still in the file")
	}
	mustRun(t, "--data", data, "verify")
	if tombstones := readTombstones(data); len(tombstones) != 1 {
		t.Errorf("the restored directory has the tombstones %+v", tombstones)
	}
	// A second restore, with everything there, changes nothing more.
	if code, _, said := runCLI(t, "--data", data, "restore", file[0], "--force"); code != 0 || !strings.Contains(said, "1 people") {
		t.Errorf("%d %s", code, said)
	}
}

// The file bears what a crash leaves in it.
func TestTombstones(t *testing.T) {
	dir := t.TempDir()
	a, b := engine.Erasure{ID: "a", ErasedAt: 2}, engine.Erasure{ID: "b", ErasedAt: 1}
	for _, list := range [][]engine.Erasure{{a}, {a, b}, {b, b}, nil} {
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
	if err := addTombstones(dir, []engine.Erasure{{ID: "c", ErasedAt: 3}}); err != nil {
		t.Fatal(err)
	}
	list := readTombstones(dir, dir, filepath.Join(dir, "none"))
	if len(list) != 3 || list[0].ID != "b" || list[1].ID != "a" || list[2].ID != "c" {
		t.Errorf("%+v", list)
	}
}
