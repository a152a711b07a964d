package upkeep

import (
	"bufio"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"qualifybase/cmd/config"
	"qualifybase/engine/secret"
)

// What the doctor wants of a disk.
const (
	leastDisk  = 200 << 20 // below it, bookings are in danger
	enoughDisk = 1 << 30
)

// disk looks for room: for the database, and for the copies that backups take.
func (d *doctor) disk() {
	free, err := freeDisk(d.Path)
	if err != nil {
		d.warn("disk", "look yourself (df)", "the free room cannot be told here: %v", err)
		return
	}
	var size int64
	for _, name := range []string{dbFile, dbFile + "-wal"} {
		if info, err := os.Stat(d.file(name)); err == nil {
			size += info.Size()
		}
	}
	const wayOut = "make room, or move the backups to another disk (backup.dir)"
	switch {
	case free < leastDisk:
		d.fail("disk", wayOut, "%s free beside a database of %s", megabytes(free), megabytes(size))
	case free < enoughDisk || free < 3*size:
		d.warn("disk", wayOut, "%s free beside a database of %s: a backup needs room for three", megabytes(free),
			megabytes(size))
	default:
		d.ok("disk", "%s free, database %s", megabytes(free), megabytes(size))
	}
}

// modes looks for files that others on this machine could read.
func (d *doctor) modes() {
	if runtime.GOOS == "windows" {
		return
	}
	bad := false
	check := func(name string) {
		path := d.file(name)
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm()&0o077 == 0 {
			return
		}
		bad = true
		want := "600"
		if info.IsDir() {
			want = "700"
		}
		d.fail("modes", "chmod "+want+" "+path, "%s can be read by others (mode %04o)", path, info.Mode().Perm())
	}
	for _, name := range []string{"", dbFile, dbFile + "-wal", dbFile + "-shm", config.FileName, secret.SealKeyFile,
		backupDir, stateFile} {
		check(name)
	}
	if info, err := os.Stat(d.file(secret.SealKeyFile)); err != nil || info.Mode().Perm()&0o077 == 0 {
		if err := verifySealKey(d.Path, d.sealed); err != nil {
			d.fail("keys", "restore it from a backup, or rotate the secrets of all webhooks", "%v", err)
		}
	}
	if !bad {
		d.ok("modes", "nobody else can read the data directory")
	}
}

// zoneDirs are where systems keep their zone data, as package time looks for it.
var zoneDirs = []string{"/usr/share/zoneinfo", "/usr/share/lib/zoneinfo", "/usr/lib/locale/TZ", "/etc/zoneinfo"}

// zones tells the age of the zone data: governments change clocks at short notice,
// and an appointment is booked by local time.
func (d *doctor) zones() {
	const wayOut = "update the package tzdata"
	for _, dir := range zoneDirs {
		if _, err := os.Stat(filepath.Join(dir, "Europe/Berlin")); err != nil {
			continue
		}
		version := zoneVersion(os.DirFS(dir))
		year, err := strconv.Atoi(version[:min(4, len(version))])
		switch {
		case err != nil:
			d.ok("zones", "the system's, of an unknown version (%s)", dir)
		case d.now.Year()-year >= 2:
			d.warn("zones", wayOut, "the system's are of %s: clocks may have changed since", version)
		default:
			d.ok("zones", "the system's, version %s", version)
		}
		return
	}
	if !d.built.IsZero() && d.now.Sub(d.built) > 2*365*24*time.Hour {
		d.warn("zones", "update qb, or install the package tzdata", "those inside qb, of %s: clocks may have changed since",
			d.built.Format(time.DateOnly))
		return
	}
	d.ok("zones", "those inside qb (%s)", runtime.Version())
}

// zoneVersion reads the version of a system's zone data, such as "2026a"; "" = not told.
func zoneVersion(dir fs.FS) string {
	for _, name := range []string{"+VERSION", "tzdata.zi", "version"} {
		f, err := dir.Open(name)
		if err != nil {
			continue
		}
		lines := bufio.NewScanner(f)
		lines.Scan()
		_ = f.Close()
		text := strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(lines.Text(), "#"), " version "))
		if len(text) >= 4 && len(text) < 20 {
			return text
		}
	}
	return ""
}
