package upkeep

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// stateFile is where the outcomes of backups and drills are kept, beside the
// database: a restart must not forget when the last one was, and 'qb doctor' asks.
const stateFile = "upkeep.json"

// State is what is known of the backups and drills of a data directory.
type State struct {
	Since    time.Time  `json:"since"`               // when a server first made backups by itself
	Backup   *RunResult `json:"backup,omitempty"`    // the last good one
	Failed   *RunResult `json:"failed,omitempty"`    // the last try, if it failed
	Failures int        `json:"failures,omitempty"`  // in a row
	Drill    *RunResult `json:"drill,omitempty"`     // the last drill
	DrillBad int        `json:"drill_bad,omitempty"` // failed drills in a row
}

// RunResult is how one backup or drill went; times in UTC, lengths in seconds.
type RunResult struct {
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
func (s *State) recordBackup(b Backup, at time.Time, err error) {
	o := &RunResult{At: at.UTC(), OK: err == nil, File: b.Path, Bytes: b.Bytes,
		Seconds: b.Took.Seconds(), Appointments: b.Appointments}
	if err != nil {
		o.Error = err.Error()
		s.Failed, s.Failures = o, s.Failures+1
		return
	}
	s.Backup, s.Failed, s.Failures = o, nil, 0
}

// recordDrill notes a drill.
func (s *State) recordDrill(o RunResult) {
	s.Drill = &o
	if o.OK {
		s.DrillBad = 0
	} else {
		s.DrillBad++
	}
}

// stateMutex keeps two tasks of one process from losing each other's note.
var stateMutex sync.Mutex

// readState is what is known; nothing, where the file is missing or damaged: it
// is a note, no data.
func readState(data string) (s State) {
	text, err := os.ReadFile(filepath.Join(data, stateFile))
	if err == nil && json.Unmarshal(text, &s) != nil {
		s = State{}
	}
	return s
}

// changeState changes what is known. It fails silently where the disk is full: the log
// and the exit code have said the same.
func changeState(data string, change func(*State)) State {
	stateMutex.Lock()
	defer stateMutex.Unlock()
	s := readState(data)
	change(&s)
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return s
	}
	f, err := os.CreateTemp(data, "."+stateFile+".*")
	if err != nil {
		return s
	}
	_, err = f.Write(append(text, '\n'))
	if errors.Join(err, f.Close()) != nil || os.Rename(f.Name(), filepath.Join(data, stateFile)) != nil {
		_ = os.Remove(f.Name())
		return s
	}
	chownLikeParent(filepath.Join(data, stateFile))
	return s
}
