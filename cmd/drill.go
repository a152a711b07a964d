package cmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"qualifybase/engine"
	"qualifybase/store"
	"qualifybase/store/backup"
)

type drillOptions struct {
	*global
	file     string
	identity string
	json     bool
}

func newBackupDrill(g *global) *cobra.Command {
	o := drillOptions{global: g}
	c := &cobra.Command{
		Use:   "drill [FILE]",
		Short: "Restore the newest backup for a trial, verify it, and throw it away",
		Long: `Restore a backup, the newest where the server puts its own or FILE, into a
temporary directory in the data directory: everything that 'qb restore' does.
Then open it, verify it again, and remove it. The running server does this every
week by itself; /readyz, /metrics, the log and 'qb doctor' tell how it went.

An encrypted backup needs its private key (--identity or backup.identity). Without
it only the file's bytes are held against the SHA-256 that was written beside it.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.file = args[0]
			}
			return runDrill(c.Context(), streams(c), o)
		},
	}
	identityFlag(c, &o.identity)
	jsonFlag(c, &o.json)
	return c
}

func identityFlag(c *cobra.Command, to *string) {
	c.Flags().StringVar(to, "identity", "", "the `KEYFILE` of age-keygen with the private key of an encrypted backup")
}

func runDrill(ctx context.Context, s stdio, o drillOptions) error {
	l, err := o.loadConfig()
	if err != nil {
		return err
	}
	if o.identity == "" {
		o.identity = l.Backup.Identity
	}
	keys, err := openKeys(o.identity)
	if err != nil {
		return err
	}
	m, err := o.newMaker(l, "")
	if err != nil {
		return err
	}
	if !exists(filepath.Join(o.data, dbFile)) {
		return errNoClinic(o.data)
	}
	k := &backupScheduler{maker: m, conf: l.Backup, now: time.Now}
	newest, err := k.newest()
	if o.file == "" {
		if err != nil {
			return err
		}
		o.file = newest
	}
	var out runResult
	err = runLowPriority(func() (err error) {
		out, err = drill(ctx, o.file, keys, m)
		return err
	})
	if isSameFile(o.file, newest) { // of another file, /readyz has nothing to tell
		changeBackupState(o.data, func(u *backupState) { u.recordDrill(out) })
	}
	if err != nil {
		return damageError(o.file, err)
	}
	if o.json {
		return printJSON(s.out, out)
	}
	if out.Note != "" {
		out.Note = " (" + out.Note + ")"
	}
	_, err = fmt.Fprintf(s.out, "%s: restored, verified and removed in %s: %d appointments%s\n",
		out.File, time.Duration(out.Seconds*float64(time.Second)).Round(time.Millisecond), out.Appointments, out.Note)
	return err
}

// byDigestOnly is the note of a drill that could not open its backup.
const byDigestOnly = "encrypted and no identity: only its SHA-256 was compared, nothing was restored"

// drill restores a backup into a directory of its own, verifies what came out, and
// removes it.
func drill(ctx context.Context, file string, keys []backup.Identity, m *maker) (runResult, error) {
	start := m.now()
	out := runResult{At: start.UTC(), File: file}
	done := func(err error) (runResult, error) {
		out.Seconds, out.OK = m.now().Sub(start).Seconds(), err == nil
		if err != nil {
			out.Error = err.Error()
		}
		return out, err
	}
	dir, err := os.MkdirTemp(m.data, stagePrefix)
	if err != nil {
		return done(err)
	}
	defer os.RemoveAll(dir)
	if info, err := os.Stat(file); err == nil {
		out.Bytes = info.Size()
	}
	r, err := stageRestore(ctx, file, keys, dir, m.schema, nil)
	if backup.KindOf(err) == backup.NeedsKey {
		o, e := inspectFile(ctx, file, keys, m.schema, dir)
		if e == nil && o.byDigest {
			out.Note = byDigestOnly
		}
		return done(e)
	}
	if err != nil {
		return done(err)
	}
	in, err := store.Inspect(ctx, filepath.Join(dir, dbFile), m.schema)
	if err == nil {
		err = findingsError("the restored "+filepath.Base(file), in)
	}
	if err == nil && in.Appointments != r.in.Appointments {
		err = fmt.Errorf("%d appointments came out of a backup of %d", in.Appointments, r.in.Appointments)
	}
	out.Appointments = in.Appointments
	return done(err)
}

// stagedRestore is a backup that lies ready in a directory.
type stagedRestore struct {
	unpackedBackup
	clinics []engine.Recovery
	erased  int // people erased after the backup was made, and now again
}

// stageRestore does everything of a restore but to put it into its place: unpack,
// migrate if it is older, verify, let the erased rest again, and ready the
// database to be served.
func stageRestore(ctx context.Context, file string, keys []backup.Identity, dir, schema string, tombstones []engine.Erasure) (r stagedRestore, err error) {
	if r.unpackedBackup, err = unpack(ctx, file, keys, dir, schema); err != nil {
		return r, err
	}
	path := filepath.Join(dir, dbFile)
	st, err := store.Open(path, schema, store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return r, err
	}
	e := engine.New(st, engine.Options{})
	if r.erased, err = e.ReapplyErasures(ctx, tombstones); err != nil {
		return r, errors.Join(err, st.Close())
	}
	r.clinics, err = e.Restored(ctx, engine.Shell(0, "restore"), r.manifest.CreatedAt.Unix())
	if err = errors.Join(err, st.Close()); err != nil {
		return r, err
	}
	if tombstones = uniqueTombstones(append(tombstones, r.in.Erasures...)); len(tombstones) > 0 {
		if err := addTombstones(dir, tombstones); err != nil {
			return r, err
		}
	}
	return r, nil
}
