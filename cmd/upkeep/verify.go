package upkeep

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"qualifybase/store"
	"qualifybase/store/backup"
)

// Report is what a verification found.
type Report struct {
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

// Verify verifies the directory as it lies there, also while it is served. Whatever is
// wrong is the error, of kind Damaged where it is damage; the report tells how far it
// came.
func (d Dir) Verify(ctx context.Context) (Report, error) {
	r := Report{What: d.Path, Findings: []store.Finding{}}
	err := r.directory(ctx, d)
	return r.ended(err), err
}

// VerifyFile verifies a backup file. identity names the file of private keys that open
// an encrypted one; without it only its bytes are held against the sum beside it.
func (d Dir) VerifyFile(ctx context.Context, file, identity string) (Report, error) {
	r := Report{What: file, Findings: []store.Finding{}}
	err := r.file(ctx, d, identity)
	return r.ended(err), err
}

// ended is the report with its outcome.
func (r Report) ended(err error) Report {
	r.Sound = err == nil
	if err != nil {
		r.Problem, r.Kind = err.Error(), backup.KindOf(err)
	}
	return r
}

// add copies what an inspection found.
func (r *Report) add(in store.Inspection) {
	r.Appointments, r.AuditRows = in.Appointments, in.AuditRows
	r.Findings = append(r.Findings, in.Findings...)
}

func (r *Report) directory(ctx context.Context, d Dir) error {
	in, err := store.Inspect(ctx, d.file(dbFile), d.Schema)
	if errors.Is(err, fs.ErrNotExist) {
		return d.noClinic()
	}
	if errors.Is(err, store.ErrOtherProgram) {
		return &Error{Damaged, err}
	}
	if err != nil {
		return err
	}
	r.add(in)
	if err := findingsError(d.Path, in); err != nil {
		return err
	}
	if in.Older {
		r.Note = fmt.Sprintf("of an older qb (schema %d): its pages and references are sound; 'qb migrate' it, then "+
			"verify the rest", in.Version)
	}
	return verifySealKey(d.Path, in.Sealed)
}

func (r *Report) file(ctx context.Context, d Dir, identity string) error {
	keys, err := ReadKeys(identity)
	if err != nil {
		return err
	}
	b, err := inspectFile(ctx, r.What, keys, d.Schema, os.TempDir())
	r.add(b.in)
	if b.manifest.Format != "" {
		r.Manifest = &b.manifest
	}
	if b.byDigest {
		r.Note = "encrypted: its bytes are those that were written; give --identity to verify what is in it"
	}
	return damageError(r.What, err)
}
