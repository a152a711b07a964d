package cmd

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"qualifybase/cmd/upkeep"
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
	c.Flags().StringVar(&o.recipient, "recipient", "",
		"encrypt to this age public `KEY` (default backup.recipient of the configuration)")
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
	d, l, err := o.configured()
	if err != nil {
		return err
	}
	m, err := d.NewMaker(l)
	if err != nil {
		return err
	}
	if o.recipient != "" {
		if m.Recipient, err = backup.ParseRecipient(o.recipient); err != nil {
			return usageError("recipient: %w", err)
		}
	}
	var out io.Writer
	if o.dest == "-" {
		if f, ok := s.out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			return usageError("standard output is a terminal: pipe it somewhere, or name a file")
		}
		out = s.out
	}
	b, err := m.Make(ctx, o.dest, out)
	if err != nil {
		return err
	}
	if !b.Encrypted {
		fmt.Fprintf(s.err, "warning: the backup is not encrypted: whoever has it can read everything. Name an age key "+
			"with --recipient or backup.recipient\n")
	}
	return printBackup(s, o, b)
}

func printBackup(s stdio, o backupOptions, b upkeep.Backup) error {
	to := s.out
	if b.Path == "-" {
		to = s.err
	}
	if o.json {
		return printJSON(to, backupJSON{b.Path, b.Bytes, b.SHA256, b.Encrypted, b.Took.Seconds(), b.Appointments, b.Manifest})
	}
	_, err := fmt.Fprintf(to, "%s: %s, %d appointments, verified in %s\n", b.Path, megabytes(b.Bytes), b.Appointments,
		b.Took.Round(time.Millisecond))
	return err
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
	Path     string    `json:"file"`
	Bytes    int64     `json:"bytes"`
	Modified time.Time `json:"modified_at"`
}

func runBackupList(_ context.Context, s stdio, o backupListOptions) error {
	d, l, err := o.configured()
	if err != nil {
		return err
	}
	files, err := d.Backups(l.Backup)
	if err != nil {
		return err
	}
	return printRows(s.out, o.json, files, func(f upkeep.File) backupFile { return backupFile(f) },
		column[upkeep.File]{"MADE", func(f upkeep.File) string { return f.Modified.Format(time.RFC3339) }},
		column[upkeep.File]{"SIZE", func(f upkeep.File) string { return megabytes(f.Bytes) }},
		column[upkeep.File]{"FILE", func(f upkeep.File) string { return f.Path }},
	)
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
