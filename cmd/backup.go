package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"qualifybase/cmd/config"
	"qualifybase/store/backup"
)

type backupOptions struct {
	*global
	dest      string
	recipient string
	json      bool
}

func newBackupCommand(g *global) *cobra.Command {
	o := backupOptions{global: g}
	c := &cobra.Command{
		Use:   "backup [FILE|DIR|-]",
		Short: "Back up the clinic into one verified file, also while it is served",
		Long: `Back up the data directory into one file: database, secrets.key and qb.toml. A
running server goes on serving. The copy is verified before it is called done:
SQLite's integrity check, references, no booking twice, the audit's chain, and the
written file read back.

FILE must not exist; in a DIR the file gets a name of its own; - is standard
output. Without any of them it goes where the server puts its own (backup.dir).
The file is a tar with a manifest; 'qb verify FILE' finds any flipped bit in it,
'qb restore FILE' brings it back.

With an age recipient ('age-keygen' makes a pair) only the private key opens the
file. Without one it is as readable as the database: keep it as safe.`,
		Example: `  qb backup
  qb backup /mnt/usb/today.tar
  qb backup - --recipient age1… | ssh attic 'cat > park.tar.age'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.dest = args[0]
			}
			return runBackup(c.Context(), streams(c), o)
		},
	}
	c.Flags().StringVar(&o.recipient, "recipient", "", "encrypt to this age public `KEY` (default backup.recipient of the configuration)")
	jsonFlag(c, &o.json)
	c.AddCommand(newBackupDrill(g), newBackupList(g))
	return c
}

// backupJSON is a backup as a listing shows it.
type backupJSON struct {
	File         string          `json:"file"`
	Bytes        int64           `json:"bytes"`
	SHA256       string          `json:"sha256"`
	Encrypted    bool            `json:"encrypted"`
	Seconds      float64         `json:"seconds"`
	Appointments int64           `json:"appointments"`
	Manifest     backup.Manifest `json:"manifest"`
}

func runBackup(ctx context.Context, s stdio, o backupOptions) error {
	l, err := o.loadConfig()
	if err != nil {
		return err
	}
	m, err := o.newMaker(l, o.recipient)
	if err != nil {
		return err
	}
	var out io.Writer
	switch o.dest {
	case "-":
		if f, ok := s.out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			return usageError("standard output is a terminal: pipe it somewhere, or name a file")
		}
		out = s.out
	case "":
		if !exists(filepath.Join(o.data, dbFile)) {
			return errNoClinic(o.data)
		}
		if o.dest, err = backupDir(o.data, l.Backup.Dir); err != nil {
			return err
		}
	}
	var b backupResult
	err = runLowPriority(func() (err error) {
		b, err = m.make(ctx, o.dest, out)
		return err
	})
	if o.counts(l) {
		changeBackupState(o.data, func(st *backupState) { st.recordBackup(b, m.now(), err) })
	}
	if err != nil {
		return err
	}
	if !b.encrypted {
		fmt.Fprintf(s.err, "warning: the backup is not encrypted: whoever has it can read everything. Name an age key with --recipient or backup.recipient\n")
	}
	return printBackup(s, o, b)
}

// counts tells whether a backup is the server's affair. One that somebody puts
// elsewhere is his own: it neither stands in for the next of the schedule nor can
// the server restore it for a trial. Where there is no schedule, every one counts.
func (o *backupOptions) counts(l *config.Loaded) bool {
	if o.dest == "-" || !exists(filepath.Join(o.data, dbFile)) {
		return false
	}
	dir := o.dest
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		dir = filepath.Dir(dir)
	}
	own, _, _ := backupPlace(o.data, l.Backup.Dir)
	return !l.Backup.Scheduled() || isSameFile(dir, own)
}

// isSameFile tells whether two names are of one file or directory that is there.
func isSameFile(a, b string) bool {
	x, e1 := os.Stat(a)
	y, e2 := os.Stat(b)
	return e1 == nil && e2 == nil && os.SameFile(x, y)
}

func printBackup(s stdio, o backupOptions, b backupResult) error {
	to := s.out
	if b.path == "-" {
		to = s.err
	}
	if o.json {
		return printJSON(to, backupJSON{b.path, b.bytes, b.sha256, b.encrypted, b.took.Seconds(), b.appointments, b.manifest})
	}
	_, err := fmt.Fprintf(to, "%s: %s, %d appointments, verified in %s\n", b.path, megabytes(b.bytes), b.appointments, b.took.Round(time.Millisecond))
	return err
}

// backupDir is where the server's own backups lie. Inside the data directory it
// is made when it is missing; elsewhere it must be there, for a disk that is not
// mounted looks like a directory that is missing.
func backupDir(data, dir string) (string, error) {
	dir, missing, err := backupPlace(data, dir)
	if err != nil || !missing {
		return dir, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return dir, err
	}
	chownLikeParent(dir)
	return dir, nil
}

// backupPlace is backupDir for whoever only looks: missing tells that the first
// backup will make the directory.
func backupPlace(data, dir string) (place string, missing bool, err error) {
	if dir == "" {
		dir = filepath.Join(data, "backups")
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
	if rel, err := filepath.Rel(home, full); e1 == nil && e2 == nil && err == nil && filepath.IsLocal(rel) && exists(home) {
		return dir, true, nil
	}
	return dir, false, fmt.Errorf("backup.dir: %s is not there. Is its disk mounted? If it is new, make the directory yourself", dir)
}

type backupListOptions struct {
	*global
	json bool
}

func newBackupList(g *global) *cobra.Command {
	o := backupListOptions{global: g}
	c := &cobra.Command{
		Use:   "list",
		Short: "List the backups where the server puts its own, oldest first",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return runBackupList(c.Context(), streams(c), o) },
	}
	jsonFlag(c, &o.json)
	return c
}

// backupFile is a line of the list.
type backupFile struct {
	File  string    `json:"file"`
	Bytes int64     `json:"bytes"`
	At    time.Time `json:"modified_at"`
}

func runBackupList(_ context.Context, s stdio, o backupListOptions) error {
	l, err := o.loadConfig()
	if err != nil {
		return err
	}
	stem, err := stemOf(o.data)
	if err != nil {
		return err
	}
	dir, missing, err := backupPlace(o.data, l.Backup.Dir)
	if err != nil {
		return err
	}
	var paths []string
	if !missing {
		if paths, err = ownBackups(dir, stem); err != nil {
			return err
		}
	}
	var list []backupFile
	for _, p := range paths {
		if info, err := os.Stat(p); err == nil {
			list = append(list, backupFile{p, info.Size(), info.ModTime().UTC().Truncate(time.Second)})
		}
	}
	return printList(s.out, o.json, list,
		column[backupFile]{"MADE", func(b backupFile) string { return b.At.Format(time.RFC3339) }},
		column[backupFile]{"SIZE", func(b backupFile) string { return megabytes(b.Bytes) }},
		column[backupFile]{"FILE", func(b backupFile) string { return b.File }},
	)
}
