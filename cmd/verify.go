package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"qualifybase/store"
	"qualifybase/store/backup"
)

type verifyOptions struct {
	*global
	file     string
	identity string
	json     bool
}

func newVerifyCommand(g *global) *cobra.Command {
	o := verifyOptions{global: g}
	c := &cobra.Command{
		Use:   "verify [FILE]",
		Short: "Verify a backup, or the data directory; exit code 3 tells damage",
		Long: `Verify a backup file, or without FILE the data directory, also while it is served.
Nothing is changed. A flipped bit, a missing end, a foreign file, a database that
contradicts itself, a booking made twice, a broken audit: each is named, and the
exit code is 3. A sound file that this qb cannot judge (of a newer qb, or encrypted
for another key) is told with exit code 1.

The content of an encrypted backup can be verified with its private key only; its
copy is unpacked into the directory of TMPDIR and removed again.`,
		Example: `  qb verify
  qb verify /mnt/usb/today.tar
  qb verify park.tar.age --identity key.txt`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.file = args[0]
			}
			return runVerify(c.Context(), streams(c), o)
		},
	}
	identityFlag(c, &o.identity)
	jsonFlag(c, &o.json)
	return c
}

// verifyReport is what a verification found.
type verifyReport struct {
	What         string           `json:"what"` // the file or directory
	Sound        bool             `json:"sound"`
	Appointments int64            `json:"appointments"`
	AuditRows    int64            `json:"audit_rows"`
	Findings     []store.Finding  `json:"findings"`
	Problem      string           `json:"problem,omitempty"`
	Kind         backup.Kind      `json:"kind,omitempty"` // of the problem, for a backup
	Note         string           `json:"note,omitempty"`
	Manifest     *backup.Manifest `json:"manifest,omitempty"`
}

func runVerify(ctx context.Context, s stdio, o verifyOptions) error {
	schema, err := o.schema()
	if err != nil {
		return err
	}
	v := verifyReport{What: o.file, Findings: []store.Finding{}}
	if o.file == "" {
		v.What = o.data
		err = v.data(ctx, o.data, schema)
	} else {
		err = v.backup(ctx, o, schema)
	}
	v.Sound = err == nil
	if !o.json {
		if err == nil {
			v.print(s)
		}
		return err
	}
	if err != nil {
		v.Problem, v.Kind = err.Error(), backup.KindOf(err)
	}
	if e := printJSON(s.out, v); e != nil {
		return e
	}
	return err
}

// add copies what an inspection found.
func (v *verifyReport) add(in store.Inspection) {
	v.Appointments, v.AuditRows = in.Appointments, in.AuditRows
	v.Findings = append(v.Findings, in.Findings...)
}

// data verifies a data directory as it lies there.
func (v *verifyReport) data(ctx context.Context, data, schema string) error {
	in, err := store.Inspect(ctx, filepath.Join(data, dbFile), schema)
	if errors.Is(err, fs.ErrNotExist) {
		return errNoClinic(data)
	}
	if errors.Is(err, store.ErrForeign) {
		return &failure{exitDamage, err}
	}
	if err != nil {
		return err
	}
	v.add(in)
	if err := findingsError(data, in); err != nil {
		return err
	}
	if in.Older {
		v.Note = fmt.Sprintf("of an older qb (schema %d): its pages and references are sound; 'qb migrate' it, then verify the rest", in.Version)
	}
	return verifySealKey(data, in.Sealed)
}

// backup verifies a backup file.
func (v *verifyReport) backup(ctx context.Context, o verifyOptions, schema string) error {
	keys, err := openKeys(o.identity)
	if err != nil {
		return err
	}
	b, err := inspectFile(ctx, o.file, keys, schema, os.TempDir())
	v.add(b.in)
	if b.manifest.Format != "" {
		v.Manifest = &b.manifest
	}
	if b.byDigest {
		v.Note = "encrypted: its bytes are those that were written; give --identity to verify what is in it"
	}
	return damageError(o.file, err)
}

func (v *verifyReport) print(s stdio) {
	if v.Note != "" {
		fmt.Fprintf(s.out, "%s: %s\n", v.What, v.Note)
		return
	}
	if v.Manifest != nil {
		var names []string
		for _, c := range v.Manifest.Clinics {
			names = append(names, c.Slug)
		}
		fmt.Fprintf(s.out, "%s: a backup of %s, made %s by qb %s\n", v.What,
			printable(strings.Join(names, ", "), ""), v.Manifest.CreatedAt.Format(time.RFC3339), printable(v.Manifest.QBVersion, ""))
	}
	fmt.Fprintf(s.out, "%s: sound: %d appointments, none booked twice; %d audit rows, unbroken\n", v.What, v.Appointments, v.AuditRows)
}
