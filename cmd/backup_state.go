package cmd

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"qualifybase/store"
	"qualifybase/store/backup"
)

// backupStateFile is where the outcomes of backups and drills are kept, beside the
// database: a restart must not forget when the last one was, and 'qb doctor' asks.
const backupStateFile = "upkeep.json"

// backupState is what is known of backups and drills.
type backupState struct {
	Since    time.Time  `json:"since"`               // when a server first made backups by itself
	Backup   *runResult `json:"backup,omitempty"`    // the last good one
	Failed   *runResult `json:"failed,omitempty"`    // the last try, if it failed
	Failures int        `json:"failures,omitempty"`  // in a row
	Drill    *runResult `json:"drill,omitempty"`     // the last drill
	DrillBad int        `json:"drill_bad,omitempty"` // failed drills in a row
}

// runResult is how one backup or drill went.
type runResult struct {
	At           time.Time `json:"at"`
	OK           bool      `json:"ok"`
	File         string    `json:"file,omitempty"`
	Bytes        int64     `json:"bytes,omitempty"`
	Seconds      float64   `json:"seconds"`
	Appointments int64     `json:"appointments,omitempty"`
	Note         string    `json:"note,omitempty"`
	Error        string    `json:"error,omitempty"`
}

// recordBackup notes a backup that was made, or that failed with err.
func (u *backupState) recordBackup(b backupResult, at time.Time, err error) {
	o := &runResult{At: at.UTC(), OK: err == nil, File: b.path, Bytes: b.bytes, Seconds: b.took.Seconds(), Appointments: b.appointments}
	if err != nil {
		o.Error = err.Error()
		u.Failed, u.Failures = o, u.Failures+1
		return
	}
	u.Backup, u.Failed, u.Failures = o, nil, 0
}

// recordDrill notes a drill.
func (u *backupState) recordDrill(o runResult) {
	u.Drill = &o
	if o.OK {
		u.DrillBad = 0
	} else {
		u.DrillBad++
	}
}

// stateMutex keeps two tasks of one process from losing each other's note.
var stateMutex sync.Mutex

// readBackupState is what is known; nothing, where the file is missing or damaged: it
// is a note, no data.
func readBackupState(data string) (u backupState) {
	text, err := os.ReadFile(filepath.Join(data, backupStateFile))
	if err == nil && json.Unmarshal(text, &u) != nil {
		u = backupState{}
	}
	return u
}

// changeBackupState changes what is known. It fails silently where the disk is full: the log
// and the exit code have said the same.
func changeBackupState(data string, change func(*backupState)) backupState {
	stateMutex.Lock()
	defer stateMutex.Unlock()
	u := readBackupState(data)
	change(&u)
	text, err := json.MarshalIndent(u, "", "  ")
	if err != nil {
		return u
	}
	f, err := os.CreateTemp(data, "."+backupStateFile+".*")
	if err != nil {
		return u
	}
	_, err = f.Write(append(text, '\n'))
	if errors.Join(err, f.Close()) != nil || os.Rename(f.Name(), filepath.Join(data, backupStateFile)) != nil {
		_ = os.Remove(f.Name())
		return u
	}
	chownLikeParent(filepath.Join(data, backupStateFile))
	return u
}

// stemOf is how the names of a clinic's backups begin.
func stemOf(data string) (string, error) {
	in, err := store.Peek(filepath.Join(data, dbFile))
	if errors.Is(err, os.ErrNotExist) {
		return "", errNoClinic(data)
	}
	if err != nil {
		return "", err
	}
	var m backup.Manifest
	for _, c := range in.Clinics {
		m.Clinics = append(m.Clinics, backup.Clinic{ID: c.ID, Slug: c.Slug})
	}
	return nameStem(m), nil
}
