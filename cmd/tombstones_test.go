package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"qualifybase/cmd/config"
	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/people"
)

// Whoever was erased after a backup stays erased when it is restored, also when
// nothing of the old directory is left but what lies beside the backup.
func TestRestoreErasesAgain(t *testing.T) {
	data, dir := newClinicDir(t, 1), t.TempDir()
	if err := os.WriteFile(filepath.Join(data, config.FileName), []byte("[backup]\ndir = "+strconv.Quote(dir)+"\n"),
		0o600); err != nil {
		t.Fatal(err)
	}
	var id int64
	inClinic(t, data, func(ctx context.Context, e *engine.Engine, c act.Caller) error {
		p, err := e.CreatePatient(ctx, c, people.PatientDraft{GivenName: new("Forgotten"), FamilyName: new("Gonewest")})
		id = p.ID
		return err
	})
	mustRun(t, "--data", data, "backup")
	file, err := filepath.Glob(filepath.Join(dir, "qb-park-*.tar"))
	if err != nil || len(file) != 1 {
		t.Fatalf("%v %v", file, err)
	}
	inClinic(t, data, func(ctx context.Context, e *engine.Engine, c act.Caller) error {
		_, err := e.ErasePatient(ctx, c, id)
		return err
	})
	for _, where := range []string{data, dir} {
		if list := tombstonesIn(t, where); len(list) != 1 || list[0].PatientID != id {
			t.Errorf("%s has the tombstones %+v", where, list)
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
	inClinic(t, data, func(ctx context.Context, e *engine.Engine, c act.Caller) error {
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
	if list := tombstonesIn(t, data); len(list) != 1 {
		t.Errorf("the restored directory has the tombstones %+v", list)
	}
	// A second restore, with everything there, changes nothing more.
	if code, _, said := runCLI(t, "--data", data, "restore", file[0], "--force"); code != 0 ||
		!strings.Contains(said, "1 people") {
		t.Errorf("%d %s", code, said)
	}
}

type tombstoneLine struct {
	PatientID int64 `json:"patient_id"`
}

// tombstonesIn are those that a directory's file holds, one a line.
func tombstonesIn(t *testing.T, dir string) (list []tombstoneLine) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "erasures.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var e tombstoneLine
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}
