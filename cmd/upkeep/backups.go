package upkeep

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"qualifybase/cmd/config"
	"qualifybase/store"
	"qualifybase/store/backup"
)

// File is a backup as it lies where the server puts its own.
type File struct {
	Path     string
	Bytes    int64
	Modified time.Time // UTC, whole seconds
}

// Backups lists the backups of this clinic where the server puts its own, oldest first.
func (d Dir) Backups(b config.Backup) ([]File, error) {
	stem, err := d.backupStem()
	if err != nil {
		return nil, err
	}
	dir, missing, err := findBackupDir(d.Path, b.Dir)
	if err != nil || missing {
		return nil, err
	}
	paths, err := ownBackups(dir, stem)
	if err != nil {
		return nil, err
	}
	var list []File
	for _, p := range paths {
		if info, err := os.Stat(p); err == nil {
			list = append(list, File{p, info.Size(), info.ModTime().UTC().Truncate(time.Second)})
		}
	}
	return list, nil
}

// newestBackup is the newest backup of this clinic.
func (d Dir) newestBackup(b config.Backup) (string, error) {
	dir, missing, err := findBackupDir(d.Path, b.Dir)
	if err == nil && missing {
		err = fmt.Errorf("there is no backup in %s", dir)
	}
	if err != nil {
		return "", err
	}
	stem, err := d.backupStem()
	if err != nil {
		return "", err
	}
	list, err := ownBackups(dir, stem)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("there is no backup of this clinic in %s any more", dir)
	}
	if err != nil {
		return "", err
	}
	return list[len(list)-1], nil
}

// backupStem is how the names of the clinic's backups begin.
func (d Dir) backupStem() (string, error) {
	in, err := store.Peek(d.file(dbFile))
	if errors.Is(err, os.ErrNotExist) {
		return "", d.noClinic()
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

// ensureBackupDir is where the server's own backups lie. Inside the data directory it
// is made when it is missing; elsewhere it must be there, for a disk that is not
// mounted looks like a directory that is missing.
func ensureBackupDir(data, dir string) (string, error) {
	dir, missing, err := findBackupDir(data, dir)
	if err != nil || !missing {
		return dir, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return dir, err
	}
	chownLikeParent(dir)
	return dir, nil
}

// findBackupDir is ensureBackupDir for whoever only looks: missing tells that the first
// backup will make the directory.
func findBackupDir(data, dir string) (place string, missing bool, err error) {
	if dir == "" {
		dir = filepath.Join(data, backupDir)
	}
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		return dir, false, fmt.Errorf("backup.dir: %s is not a directory", dir)
	}
	if err == nil || !errors.Is(err, os.ErrNotExist) {
		return dir, false, err
	}
	full, e1 := filepath.Abs(dir)
	home, e2 := filepath.Abs(data)
	if rel, err := filepath.Rel(home, full); e1 == nil && e2 == nil && err == nil && filepath.IsLocal(rel) &&
		exists(home) {
		return dir, true, nil
	}
	return dir, false, fmt.Errorf("backup.dir: %s is not there. Is its disk mounted? If it is new, make the "+
		"directory yourself", dir)
}
