package upkeep

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"qualifybase/cmd/config"
	"qualifybase/engine/secret"
	"qualifybase/store"
	"qualifybase/store/backup"
)

// spareDisk is what a backup leaves of the data directory's disk: bookings come first.
const spareDisk = 32 << 20

// Maker makes backups of one data directory, and restores them for a trial.
type Maker struct {
	Recipient backup.Recipient // nil = not encrypted

	dir    Dir
	config string // the configuration file; "" = none
	backup config.Backup
}

// Backup is a backup that was made and verified.
type Backup struct {
	Manifest     backup.Manifest
	Path         string // "-" = written to a stream
	Bytes        int64
	SHA256       string // of the file as it lies there, in hex
	Encrypted    bool
	Took         time.Duration
	Appointments int64
}

// NewMaker makes a maker by the configuration.
func (d Dir) NewMaker(l *config.Loaded) (*Maker, error) {
	m := &Maker{dir: d, config: l.File, backup: l.Backup}
	if l.Backup.Recipient == "" {
		return m, nil
	}
	var err error
	if m.Recipient, err = backup.ParseRecipient(l.Backup.Recipient); err != nil {
		return nil, fmt.Errorf("backup.recipient: %w", err)
	}
	return m, nil
}

// Make writes a verified backup: into a directory under a name of its own, to a file
// that must not exist, where out is set to that stream, and where dest is "" to where
// the server puts its own. It steps back for whoever books at the same time. The
// outcome is recorded for the schedule if the backup is the server's affair. Damage of
// the database is an *Error of kind Damaged.
func (m *Maker) Make(ctx context.Context, dest string, out io.Writer) (b Backup, err error) {
	if out == nil && dest == "" {
		if err := m.dir.NeedDatabase(); err != nil {
			return b, err
		}
		if dest, err = ensureBackupDir(m.dir.Path, m.backup.Dir); err != nil {
			return b, err
		}
	}
	b, err = m.makeLowPriority(ctx, dest, out)
	if m.counts(dest, out) {
		changeState(m.dir.Path, func(s *State) { s.recordBackup(b, m.dir.Now(), err) })
	}
	return b, err
}

// counts reports whether a backup is the server's affair. One that somebody puts
// elsewhere is his own: it neither stands in for the next of the schedule nor can
// the server restore it for a trial. Where there is no schedule, every one counts.
func (m *Maker) counts(dest string, out io.Writer) bool {
	if out != nil || m.dir.NeedDatabase() != nil {
		return false
	}
	dir := dest
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		dir = filepath.Dir(dir)
	}
	own, _, _ := findBackupDir(m.dir.Path, m.backup.Dir)
	return !m.backup.Scheduled() || isSameFile(dir, own)
}

// isSameFile reports whether two names are of one file or directory that is there.
func isSameFile(a, b string) bool {
	x, e1 := os.Stat(a)
	y, e2 := os.Stat(b)
	return e1 == nil && e2 == nil && os.SameFile(x, y)
}

func (m *Maker) makeLowPriority(ctx context.Context, dest string, out io.Writer) (b Backup, err error) {
	err = runLowPriority(func() (err error) {
		b, err = m.make(ctx, dest, out)
		return err
	})
	return b, err
}

// make is Make at once and without a record. Plain copies of the database lie in the
// data directory alone, never where the backup goes.
func (m *Maker) make(ctx context.Context, dest string, out io.Writer) (Backup, error) {
	start := m.dir.Now()
	stage, err := os.MkdirTemp(m.dir.Path, stagePrefix)
	if err != nil {
		return Backup{}, err
	}
	defer os.RemoveAll(stage)
	b := Backup{Encrypted: m.Recipient != nil, Path: "-"}
	in, err := m.copyDatabase(ctx, filepath.Join(stage, dbFile))
	if err != nil {
		return b, err
	}
	for _, dir := range tombstoneDirs(m.dir.Path, m.backup) {
		if _, err := os.Stat(dir); err == nil {
			if err := addTombstones(dir, in.Erasures); err != nil {
				return b, fmt.Errorf("the tombstones of the erased: %w", err)
			}
		}
	}
	b.Appointments = in.Appointments
	b.Manifest = backup.Manifest{CreatedAt: start, QBVersion: m.dir.Version, SchemaVersion: in.Version}
	for _, c := range in.Clinics {
		b.Manifest.Clinics = append(b.Manifest.Clinics, backup.Clinic{ID: c.ID, Slug: c.Slug, Name: c.Name})
	}
	sources, err := m.sources(stage)
	if err != nil {
		return b, err
	}
	if out != nil {
		err = m.write(&b, out, sources)
	} else {
		err = m.place(&b, dest, sources)
	}
	b.Took = m.dir.Now().Sub(start)
	return b, err
}

// copyDatabase takes the snapshot and looks it over before anything is made of it.
func (m *Maker) copyDatabase(ctx context.Context, to string) (in store.Inspection, err error) {
	db := m.dir.file(dbFile)
	info, err := os.Stat(db)
	if errors.Is(err, fs.ErrNotExist) {
		return in, m.dir.noClinic()
	}
	if err != nil {
		return in, err
	}
	if err := requireSpace(m.dir.Path, 2*info.Size()+spareDisk); err != nil {
		return in, fmt.Errorf("the copy of the database: %w", err)
	}
	if err := store.Snapshot(ctx, db, to); errors.Is(err, store.ErrDamaged) {
		return in, &Error{Damaged, err}
	} else if err != nil {
		return in, err
	}
	if in, err = store.Inspect(ctx, to, m.dir.Schema); err != nil {
		return in, err
	}
	return in, findingsError(m.dir.Path, in)
}

// findingsError is the error of a database with findings.
func findingsError(where string, in store.Inspection) error {
	if len(in.Findings) == 0 {
		return nil
	}
	lines := []string{fmt.Sprintf("the database of %s is damaged", where)}
	for _, f := range in.Findings {
		lines = append(lines, f.String())
	}
	return &Error{Damaged, errors.New(strings.Join(lines, "\n  "))}
}

// requireSpace refuses what would not fit on the disk of a directory.
func requireSpace(dir string, bytes int64) error {
	free, err := freeDisk(dir)
	if err == nil && free < bytes {
		return fmt.Errorf("the disk of %s has %s free, %s are needed; make room and try again", dir, megabytes(free),
			megabytes(bytes))
	}
	return nil // where it cannot be told, the writing will
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// sources are the members: the copied database, and those of the other files that
// are there.
func (m *Maker) sources(stage string) ([]backup.Source, error) {
	list := []backup.Source{{Name: dbFile, Path: filepath.Join(stage, dbFile)}}
	for _, f := range []struct{ name, path string }{
		{secret.SealKeyFile, m.dir.file(secret.SealKeyFile)},
		{config.FileName, m.config},
	} {
		if f.path == "" {
			continue
		}
		text, err := os.ReadFile(f.path) // into memory: it may be edited meanwhile
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, backup.Source{Name: f.name, Data: text})
	}
	return list, nil
}

// countingWriter hashes and counts what is written.
type countingWriter struct {
	w io.Writer
	b *Backup
	h io.Writer
}

func (c countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	_, _ = c.h.Write(p[:n])
	c.b.Bytes += int64(n)
	return n, err
}

// write writes the backup to a stream, encrypted where that is wanted.
func (m *Maker) write(b *Backup, w io.Writer, sources []backup.Source) (err error) {
	sum := sha256.New()
	to := io.Writer(countingWriter{w, b, sum})
	if m.Recipient != nil {
		sealed, err := backup.Encrypt(to, m.Recipient)
		if err != nil {
			return err
		}
		b.Manifest, err = backup.Write(sealed, b.Manifest, sources)
		if err := errors.Join(err, sealed.Close()); err != nil {
			return err
		}
	} else if b.Manifest, err = backup.Write(to, b.Manifest, sources); err != nil {
		return err
	}
	b.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return nil
}
