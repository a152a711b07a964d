package upkeep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"qualifybase/cmd/config"
	"qualifybase/engine/secret"
	"qualifybase/store"
	"qualifybase/store/backup"
)

// unpackedBackup is a backup that was unpacked and verified.
type unpackedBackup struct {
	manifest  backup.Manifest
	encrypted bool
	in        store.Inspection
	byDigest  bool // without a key: only its bytes were compared with the sum beside it
}

// unpack reads a backup into a directory and verifies it whole: its bytes, its
// database, its key file. What is wrong with it is a *backup.Fault, or an *Error of kind
// Damaged for damage inside the database.
func unpack(ctx context.Context, file string, keys []backup.Identity, dir, schema string) (o unpackedBackup,
	err error) {
	f, err := os.Open(file)
	if err != nil {
		return o, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return o, err
	}
	if !info.Mode().IsRegular() {
		return o, fmt.Errorf("%s is not a regular file", file)
	}
	plain, encrypted, err := backup.Open(f, info.Size(), keys)
	o.encrypted = encrypted
	if err != nil {
		return o, err
	}
	if err := requireSpace(dir, info.Size()+spareDisk); err != nil {
		return o, err
	}
	files := &unpacker{ctx: ctx, dir: dir}
	o.manifest, err = backup.Read(plain, files.create)
	if err := errors.Join(err, files.close()); err != nil {
		return o, preferFault(err)
	}
	path := filepath.Join(dir, dbFile)
	for {
		if o.in, err = store.Inspect(ctx, path, schema); err != nil {
			return o, faultOf(err)
		}
		if err := findingsError(file, o.in); err != nil {
			return o, err
		}
		if !o.in.Older {
			return o, verifySealKey(dir, o.in.Sealed)
		}
		if err := migrateUnpacked(path, schema); err != nil {
			return o, err
		}
	}
}

// migrateUnpacked brings an unpacked database of an older qb up to date, so that it can
// be judged whole. The backup itself is the copy of before.
func migrateUnpacked(path, schema string) error {
	st, err := store.Open(path, schema, store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	copies, _ := filepath.Glob(path + ".before-*")
	for _, c := range copies {
		_ = os.Remove(c)
	}
	return st.Close()
}

// faultOf puts a refused database into the words of a refused backup.
func faultOf(err error) error {
	switch {
	case errors.Is(err, store.ErrNewer):
		return &backup.Fault{Kind: backup.Newer,
			Text: "its database has a schema that this qb does not know: update qb", Err: err}
	case errors.Is(err, store.ErrOtherProgram), errors.Is(err, os.ErrNotExist):
		return &backup.Fault{Kind: backup.Foreign, Text: "it holds no database of qb", Err: err}
	}
	return err
}

// preferFault prefers what is wrong with the backup over what followed from it.
func preferFault(err error) error {
	if f, ok := errors.AsType[*backup.Fault](err); ok {
		return f
	}
	return err
}

// verifySealKey wants the key file of a directory to be one, if it is there, and to
// open every secret of the database.
func verifySealKey(dir string, sealed []store.Sealed) error {
	if !exists(filepath.Join(dir, secret.SealKeyFile)) {
		if len(sealed) > 0 {
			return &Error{Damaged, fmt.Errorf("%s is missing: the secrets of webhooks cannot be read; restore it from a "+
				"backup, or rotate them", secret.SealKeyFile)}
		}
		return nil
	}
	sealer, err := secret.OpenSealer(dir)
	if err != nil {
		return &Error{Damaged, err}
	}
	for _, x := range sealed {
		if _, err := sealer.Open(x.Secret, x.Owner); err != nil {
			return &Error{Damaged, fmt.Errorf("%s: %w", x.Owner, err)}
		}
	}
	return nil
}

// unpacker writes the members that belong into a data directory.
type unpacker struct {
	ctx  context.Context
	dir  string
	open []*os.File
}

func (u *unpacker) create(m backup.Member) (io.Writer, error) {
	if err := u.ctx.Err(); err != nil {
		return nil, err
	}
	switch m.Name {
	case dbFile, secret.SealKeyFile, config.FileName:
	default:
		return io.Discard, nil // of a later qb, which found it dispensable
	}
	f, err := os.OpenFile(filepath.Join(u.dir, m.Name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	u.open = append(u.open, f)
	return f, nil
}

// close makes the files durable.
func (u *unpacker) close() error {
	var all error
	for _, f := range u.open {
		all = errors.Join(all, f.Sync(), f.Close())
	}
	return all
}

// ReadKeys reads the file of private keys that open encrypted backups, if one is named.
func ReadKeys(path string) ([]backup.Identity, error) {
	if path == "" {
		return nil, nil
	}
	return backup.ReadIdentities(path)
}

// inspectFile unpacks a backup into a directory that is gone afterwards.
func inspectFile(ctx context.Context, file string, keys []backup.Identity, schema, temp string) (o unpackedBackup,
	err error) {
	dir, err := os.MkdirTemp(temp, stagePrefix)
	if err != nil {
		return o, err
	}
	defer os.RemoveAll(dir)
	o, err = unpack(ctx, file, keys, dir, schema)
	if backup.KindOf(err) != backup.NeedsKey {
		return o, err
	}
	// Without the key, the sum that was written beside it still tells flips and cuts.
	sum := readSum(file)
	if sum == "" {
		return o, err
	}
	have, e := digest(file)
	if e != nil {
		return o, e
	}
	if have != sum {
		return o, &backup.Fault{Kind: backup.Damaged, Text: "its SHA-256 is not the one in " +
			filepath.Base(file) + sumSuffix}
	}
	o.byDigest = true
	return o, nil
}

// damageError names the file before a fault of a backup, and makes an *Error of kind
// Damaged of it unless the file may be sound.
func damageError(file string, err error) error {
	if err == nil {
		return nil
	}
	f, ok := errors.AsType[*backup.Fault](err)
	if !ok {
		return err
	}
	err = fmt.Errorf("%s: %w", file, err)
	if f.Kind.Damage() {
		return &Error{Damaged, err}
	}
	return err
}
