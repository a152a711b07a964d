package upkeep

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"qualifybase/cmd/config"
	"qualifybase/engine/rights"
)

// erasuresFile keeps the tombstones of erased people outside of the database, one
// a line, in the data directory and beside the backups: a backup from before an
// erasure brings the person back, and this file lets them rest again. It holds
// numbers and times, nothing of anybody.
const erasuresFile = "erasures.jsonl"

// tombstone is a line of the file. Old files are read for as long as there are backups.
type tombstone struct {
	ID        string   `json:"id"`
	Clinic    string   `json:"clinic"`
	Test      bool     `json:"test,omitempty"`
	PatientID int64    `json:"patient_id,omitempty"`
	CreatedAt int64    `json:"created_at,omitempty"`
	LeadIDs   []string `json:"lead_ids,omitempty"`
	ErasedAt  int64    `json:"erased_at"`
}

// tombstoneMutex keeps the appends of one process in lines.
var tombstoneMutex sync.Mutex

// RecordErasure is what the engine calls after an erasure: it notes the tombstone in the
// data directory and beside the backups, where those directories are there. A failure is
// told in the log; the next backup notes it again from the database.
func RecordErasure(data string, b config.Backup, log *slog.Logger) func(rights.Erasure) {
	return func(g rights.Erasure) {
		for _, dir := range tombstoneDirs(data, b) {
			if info, err := os.Stat(dir); err != nil || !info.IsDir() {
				continue
			}
			if err := addTombstones(dir, []rights.Erasure{g}); err != nil {
				log.Error("the tombstone of an erasure could not be noted beside the database; the next backup tries again",
					"dir", dir, "err", err)
			}
		}
	}
}

// tombstoneDirs are where tombstones are noted: the data directory and that of the backups.
func tombstoneDirs(data string, b config.Backup) []string {
	if b.Dir == "" {
		return []string{data, filepath.Join(data, backupDir)}
	}
	return []string{data, b.Dir}
}

// addTombstones appends the tombstones that a directory's file does not have yet, and
// makes them durable.
func addTombstones(dir string, tombstones []rights.Erasure) error {
	tombstoneMutex.Lock()
	defer tombstoneMutex.Unlock()
	known := map[string]bool{}
	for _, g := range readTombstones(dir) {
		known[g.ID] = true
	}
	var lines bytes.Buffer
	for _, g := range tombstones {
		if !known[g.ID] {
			known[g.ID] = true
			line, err := json.Marshal(tombstone(g))
			if err != nil {
				return err
			}
			lines.Write(append(line, '\n'))
		}
	}
	if lines.Len() == 0 {
		return nil
	}
	path := filepath.Join(dir, erasuresFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	text := lines.Bytes()
	if info, e := f.Stat(); e == nil && info.Size() > 0 {
		var last [1]byte
		if _, e := f.ReadAt(last[:], info.Size()-1); e == nil && last[0] != '\n' { // half a line, from a crash
			text = append([]byte{'\n'}, text...)
		}
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	chownLikeParent(path)
	return err
}

// readTombstones reads the tombstones of the directories that have some. A line that
// cannot be read is passed over: a crash may have left half of the last one.
func readTombstones(dirs ...string) (list []rights.Erasure) {
	for _, dir := range dirs {
		f, err := os.Open(filepath.Join(dir, erasuresFile))
		if err != nil {
			continue
		}
		for lines := bufio.NewScanner(f); lines.Scan(); {
			var g tombstone
			if json.Unmarshal(lines.Bytes(), &g) == nil && g.ID != "" {
				list = append(list, rights.Erasure(g))
			}
		}
		_ = f.Close()
	}
	return uniqueTombstones(list)
}

// uniqueTombstones drops what is in the list twice; oldest first.
func uniqueTombstones(list []rights.Erasure) []rights.Erasure {
	slices.SortStableFunc(list, func(a, b rights.Erasure) int {
		if a.ErasedAt != b.ErasedAt {
			return int(a.ErasedAt - b.ErasedAt)
		}
		return strings.Compare(a.ID, b.ID)
	})
	return slices.CompactFunc(list, func(a, b rights.Erasure) bool { return a.ID == b.ID })
}
