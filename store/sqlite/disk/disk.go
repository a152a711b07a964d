// Package disk is a disk on which tests pull the plug. It stands between SQLite
// and the real files of one directory: it knows which writes have been synced,
// can fail any operation, and can say what a power cut at this very moment could
// have left behind: everything synced, and any part of the rest in any order,
// torn at sectors of 512 bytes.
//
// Two things are simpler than the world: a file that was made or deleted is so
// for good, and what was synced is never lost.
package disk

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// sector is what a disk writes whole or not at all.
const sector = 512

// Op is something that SQLite asks of the disk.
type Op struct {
	Kind string // "write", "sync", "truncate"
	Name string // the file's, without the directory
	N    int    // how many there were on this disk, this one included
}

// Result codes that a Disk may answer with (sqlite.org/rescode.html).
const (
	OK        = 0
	Full      = 13
	FailWrite = 10 | 3<<8
	FailSync  = 10 | 4<<8
)

// Disk watches the files of one directory.
type Disk struct {
	dir string

	mu    sync.Mutex
	files map[string]*file
	n     int
	hook  func(*Disk, Op) int32
}

// file is what is known of one file.
type file struct {
	synced  []byte  // survives a power cut
	pending []write // may or may not
}

// write is one change since the last sync; nil bytes cut the file at the offset.
type write struct {
	at   int64
	data []byte
}

var (
	disks  sync.Map // directory → *Disk
	opened sync.Map // sqlite3_file pointer → handle
)

type handle struct {
	d       *Disk
	name    string
	methods uintptr // the real ones
}

// New watches a directory that exists. hook is asked before every
// operation, on SQLite's own goroutine, and answers OK or a result code to fail
// with; it may call Cut.
func New(dir string, hook func(*Disk, Op) int32) (*Disk, error) {
	full, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := register(); err != nil {
		return nil, err
	}
	d := &Disk{dir: full, files: map[string]*file{}, hook: hook}
	if _, taken := disks.LoadOrStore(full, d); taken {
		return nil, fmt.Errorf("disk: %s is watched already", dir)
	}
	return d, nil
}

// Close ends the watch; files that are open stay watched.
func (d *Disk) Close() { disks.Delete(d.dir) }

// Hook changes who is asked.
func (d *Disk) Hook(hook func(*Disk, Op) int32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hook = hook
}

// ask counts an operation and lets the hook decide on it.
func (d *Disk) ask(kind, name string) int32 {
	d.mu.Lock()
	d.n++
	op, hook := Op{kind, name, d.n}, d.hook
	d.mu.Unlock()
	if hook == nil {
		return OK
	}
	return hook(d, op)
}

// did notes a change that the real file has taken.
func (d *Disk) did(name string, w write) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.file(name)
	f.pending = append(f.pending, w)
}

func (d *Disk) file(name string) *file {
	f := d.files[name]
	if f == nil {
		f = &file{}
		d.files[name] = f
	}
	return f
}

// synced makes what is pending survive.
func (d *Disk) synced(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.file(name)
	for _, w := range f.pending {
		f.synced = w.apply(f.synced)
	}
	f.pending = nil
}

// found takes in a file that was there before the first open by SQLite. It must
// not be read later: closing it would drop the locks of this process.
func (d *Disk) found(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.files[name] != nil {
		return
	}
	image, err := os.ReadFile(filepath.Join(d.dir, name))
	if err == nil {
		d.files[name] = &file{synced: image}
	}
}

func (d *Disk) deleted(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.files, name)
}

// apply changes an image; a gap is zeros, as on a real disk.
func (w write) apply(image []byte) []byte {
	if w.data == nil {
		if int64(len(image)) > w.at {
			image = image[:w.at]
		}
		return image
	}
	end := w.at + int64(len(w.data))
	if grow := end - int64(len(image)); grow > 0 {
		image = append(image, make([]byte, grow)...)
	}
	copy(image[w.at:end], w.data)
	return image
}

// Cut writes into the directory what a power cut now could have left: of what is
// not synced nothing, all, the beginning, or any part, as chance has it.
func (d *Disk) Cut(into string, chance *rand.Rand) error {
	d.mu.Lock()
	images := map[string][]byte{}
	mode := chance.IntN(4)
	for name, f := range d.files {
		images[name] = f.left(mode, chance)
	}
	d.mu.Unlock()
	for name, image := range images {
		if err := os.WriteFile(filepath.Join(into, name), image, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// left is one outcome of a power cut for one file.
func (f *file) left(mode int, chance *rand.Rand) []byte {
	image := slices.Clone(f.synced)
	kept := slices.Clone(f.pending)
	switch mode {
	case 0: // the cache is lost
		kept = nil
	case 1: // all of it had been written
	case 2: // as far as the disk came, in order
		if n := len(kept); n > 0 {
			kept = kept[:chance.IntN(n+1)]
			kept = torn(kept, len(kept)-1, chance)
		}
	default: // some of it, in any order
		chance.Shuffle(len(kept), func(i, j int) {
			if kept[i].data != nil && kept[j].data != nil {
				kept[i], kept[j] = kept[j], kept[i]
			}
		})
		kept = kept[:chance.IntN(len(kept)+1)]
		for i := range kept {
			if chance.IntN(3) == 0 {
				kept = torn(kept, i, chance)
			}
		}
	}
	for _, w := range kept {
		image = w.apply(image)
	}
	return image
}

// torn cuts one write at a sector.
func torn(writes []write, i int, chance *rand.Rand) []write {
	if i < 0 || len(writes[i].data) <= sector {
		return writes
	}
	w := &writes[i]
	n := sector * (1 + chance.IntN((len(w.data)-1)/sector))
	w.data = w.data[:n]
	return writes
}
