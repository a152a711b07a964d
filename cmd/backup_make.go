package cmd

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
	"qualifybase/engine"
	"qualifybase/store"
	"qualifybase/store/backup"
)

// spareDisk is what a backup leaves of the data directory's disk: bookings come first.
const spareDisk = 32 << 20

// maker makes backups of one data directory.
type maker struct {
	data       string           // the directory
	config     string           // the configuration file; "" = none
	schema     string           // the program's own, to hold the database's against
	recipient  backup.Recipient // nil = not encrypted
	tombstones []string         // directories that keep the tombstones
	now        func() time.Time
}

// backupResult is a backup that was made and verified.
type backupResult struct {
	manifest     backup.Manifest
	path         string // "-" = written to a stream
	bytes        int64
	sha256       string // of the file as it lies there
	encrypted    bool
	took         time.Duration
	appointments int64
}

// newMaker makes a maker by the configuration; recipient overrides backup.recipient.
func (g *global) newMaker(l *config.Loaded, recipient string) (*maker, error) {
	schema, err := g.schema()
	if err != nil {
		return nil, err
	}
	m := &maker{data: g.data, config: l.File, schema: schema, now: time.Now, tombstones: tombstoneDirs(g.data, l.Backup)}
	if recipient == "" {
		recipient = l.Backup.Recipient
	}
	if recipient != "" {
		if m.recipient, err = backup.ParseRecipient(recipient); err != nil {
			return nil, usageError("recipient: %w", err)
		}
	}
	return m, nil
}

// make writes a verified backup: into a directory under a name of its own, to a
// file that must not exist, or, where out is set, to that stream. Plain copies of
// the database lie in the data directory alone, never where the backup goes.
func (m *maker) make(ctx context.Context, dest string, out io.Writer) (backupResult, error) {
	start := m.now()
	stage, err := os.MkdirTemp(m.data, stagePrefix)
	if err != nil {
		return backupResult{}, err
	}
	defer os.RemoveAll(stage)
	b := backupResult{encrypted: m.recipient != nil, path: "-"}
	in, err := m.copyDatabase(ctx, filepath.Join(stage, dbFile))
	if err != nil {
		return b, err
	}
	for _, dir := range m.tombstones {
		if _, err := os.Stat(dir); err == nil {
			if err := addTombstones(dir, in.Erasures); err != nil {
				return b, fmt.Errorf("the tombstones of the erased: %w", err)
			}
		}
	}
	b.appointments = in.Appointments
	b.manifest = backup.Manifest{CreatedAt: start, QBVersion: buildInfo().Version, SchemaVersion: in.Version}
	for _, c := range in.Clinics {
		b.manifest.Clinics = append(b.manifest.Clinics, backup.Clinic{ID: c.ID, Slug: c.Slug, Name: c.Name})
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
	b.took = m.now().Sub(start)
	return b, err
}

// copyDatabase takes the snapshot and looks it over before anything is made of it.
func (m *maker) copyDatabase(ctx context.Context, to string) (in store.Inspection, err error) {
	db := filepath.Join(m.data, dbFile)
	info, err := os.Stat(db)
	if errors.Is(err, fs.ErrNotExist) {
		return in, errNoClinic(m.data)
	}
	if err != nil {
		return in, err
	}
	if err := requireSpace(m.data, 2*info.Size()+spareDisk); err != nil {
		return in, fmt.Errorf("the copy of the database: %w", err)
	}
	if err := store.Snapshot(ctx, db, to); errors.Is(err, store.ErrDamaged) {
		return in, &failure{exitDamage, err}
	} else if err != nil {
		return in, err
	}
	if in, err = store.Inspect(ctx, to, m.schema); err != nil {
		return in, err
	}
	return in, findingsError(m.data, in)
}

// findingsError is the error of a database with findings, exit code 3.
func findingsError(where string, in store.Inspection) error {
	if len(in.Findings) == 0 {
		return nil
	}
	lines := []string{fmt.Sprintf("the database of %s is damaged", where)}
	for _, f := range in.Findings {
		lines = append(lines, f.String())
	}
	return &failure{exitDamage, errors.New(strings.Join(lines, "\n  "))}
}

// requireSpace refuses what would not fit on the disk of a directory.
func requireSpace(dir string, bytes int64) error {
	free, err := freeDisk(dir)
	if err == nil && free < bytes {
		return fmt.Errorf("the disk of %s has %s free, %s are needed; make room and try again", dir, megabytes(free), megabytes(bytes))
	}
	return nil // where it cannot be told, the writing will
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// sources are the members: the copied database, and those of the other files that
// are there.
func (m *maker) sources(stage string) ([]backup.Source, error) {
	list := []backup.Source{{Name: dbFile, Path: filepath.Join(stage, dbFile)}}
	for _, f := range []struct{ name, path string }{
		{engine.SealKeyFile, filepath.Join(m.data, engine.SealKeyFile)},
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
	b *backupResult
	h io.Writer
}

func (c countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	_, _ = c.h.Write(p[:n])
	c.b.bytes += int64(n)
	return n, err
}

// write writes the backup to a stream, encrypted where that is wanted.
func (m *maker) write(b *backupResult, w io.Writer, sources []backup.Source) (err error) {
	sum := sha256.New()
	to := io.Writer(countingWriter{w, b, sum})
	if m.recipient != nil {
		sealed, err := backup.Encrypt(to, m.recipient)
		if err != nil {
			return err
		}
		b.manifest, err = backup.Write(sealed, b.manifest, sources)
		if err := errors.Join(err, sealed.Close()); err != nil {
			return err
		}
	} else if b.manifest, err = backup.Write(to, b.manifest, sources); err != nil {
		return err
	}
	b.sha256 = hex.EncodeToString(sum.Sum(nil))
	return nil
}
