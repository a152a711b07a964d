package upkeep

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"qualifybase/store/backup"
)

// stagePrefix begins the names of directories in which copies are made and looked
// over. One that a kill -9 left behind goes with the next start of the server.
const stagePrefix = ".stage-"

// place writes the backup under a temporary name, makes it durable, reads it back
// and only then gives it its name, so that nothing that has a backup's name is
// ever half of one.
func (m *Maker) place(b *Backup, dest string, sources []backup.Source) (err error) {
	path := dest
	if info, e := os.Stat(dest); e == nil && info.IsDir() {
		path = filepath.Join(dest, m.freeName(dest, b.Manifest))
	} else if e == nil || !errors.Is(e, fs.ErrNotExist) {
		return errors.Join(e, fmt.Errorf("%s exists; nothing was written. Give another name", dest))
	}
	dir := filepath.Dir(path)
	if !exists(dir) {
		return fmt.Errorf("there is no directory %s; nothing was written", dir)
	}
	if err := requireSpace(dir, total(sources)+1<<20); err != nil {
		return fmt.Errorf("the backup: %w", err)
	}
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	err = m.write(b, f, sources)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	read, err := digest(f.Name())
	if err == nil && read != b.SHA256 {
		err = &Error{Damaged, fmt.Errorf("%s reads back other bytes than were written: is its disk failing?", path)}
	}
	if err != nil {
		return err
	}
	if exists(path) {
		return fmt.Errorf("%s exists; nothing was written. Give another name", path)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	b.Path = path
	err = errors.Join(writeSum(path, b.SHA256), syncDir(dir))
	chownLikeParent(path, path+sumSuffix)
	return err
}

func total(sources []backup.Source) (n int64) {
	for _, s := range sources {
		if info, err := os.Stat(s.Path); s.Path != "" && err == nil {
			n += info.Size()
		}
		n += int64(len(s.Data)) + 4096
	}
	return n
}

// nameStem begins the names of all backups of a clinic: slug and the end of its
// id, so that two clinics may share a directory and neither tidies up the other's.
func nameStem(m backup.Manifest) string {
	if len(m.Clinics) == 0 {
		return "qb-"
	}
	c := m.Clinics[0]
	return "qb-" + c.Slug + "-" + c.ID[max(0, len(c.ID)-6):] + "-"
}

// freeName is a name in the directory that is not taken: qb-park-1a2b3c-20260731T021500Z.tar.
func (m *Maker) freeName(dir string, manifest backup.Manifest) string {
	end := ".tar"
	if m.Recipient != nil {
		end += ".age"
	}
	stem := nameStem(manifest) + manifest.CreatedAt.UTC().Format("20060102T150405Z")
	name := stem + end
	for n := 2; exists(filepath.Join(dir, name)); n++ {
		name = fmt.Sprintf("%s-%d%s", stem, n, end)
	}
	return name
}

// afterStem is what follows the stem in the name of a backup that qb named.
var afterStem = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}Z(-[0-9]+)?\.tar(\.age)?$`)

// ownBackups lists the backups in a directory whose names begin with the stem,
// oldest first. A directory that is not there is an error.
func ownBackups(dir, stem string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var list []string
	for _, e := range entries {
		if rest, ok := strings.CutPrefix(e.Name(), stem); ok && e.Type().IsRegular() && afterStem.MatchString(rest) {
			list = append(list, filepath.Join(dir, e.Name()))
		}
	}
	slices.SortFunc(list, func(a, b string) int {
		if c := strings.Compare(stamp(a, stem), stamp(b, stem)); c != 0 {
			return c
		}
		return len(a) - len(b) // "-2" after none, "-10" after "-9"
	})
	return list, nil
}

func stamp(path, stem string) string { return strings.TrimPrefix(filepath.Base(path), stem)[:16] }

// prune removes the oldest backups beyond keep, with their sums. The one just made
// stays, even where a clock that was set back made it the oldest by its name.
func prune(dir, stem string, keep int, made string) (gone []string, err error) {
	list, err := ownBackups(dir, stem)
	list = slices.DeleteFunc(list, func(path string) bool { return filepath.Base(path) == filepath.Base(made) })
	for err == nil && len(list) > max(keep-1, 0) {
		if err = os.Remove(list[0]); err == nil {
			_ = os.Remove(list[0] + sumSuffix)
			gone, list = append(gone, list[0]), list[1:]
		}
	}
	return gone, err
}

// removePartial removes halves of backups that a process left when it was killed.
func removePartial(dir, stem string, before time.Time) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && info.Mode().IsRegular() && strings.HasPrefix(e.Name(), "."+stem) && info.ModTime().Before(before) {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// sumSuffix ends the name of the file that holds a backup's SHA-256, as sha256sum
// writes and checks it. Whoever has no key can tell by it that the file is whole.
const sumSuffix = ".sha256"

func writeSum(path, sum string) error {
	return os.WriteFile(path+sumSuffix, []byte(sum+"  "+filepath.Base(path)+"\n"), 0o600)
}

// readSum is the SHA-256 beside a backup; "" when there is none.
func readSum(path string) string {
	text, err := os.ReadFile(path + sumSuffix)
	if err != nil || len(text) < 64 {
		return ""
	}
	if _, err := hex.DecodeString(string(text[:64])); err != nil {
		return ""
	}
	return string(text[:64])
}

// digest is the SHA-256 of a file.
func digest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// syncDir makes names durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
