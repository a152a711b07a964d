package upkeep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/outbox"
	"qualifybase/engine/rights"
	"qualifybase/store"
	"qualifybase/store/backup"
)

// Drill restores a backup for a trial: everything that Restore does, in a directory of
// its own, which is verified again and removed. file "" is the newest backup where the
// server puts its own. The outcome of the newest is recorded for the schedule, whoever
// tried it. Without a key that opens the file only its bytes are held against the
// SHA-256 beside it, which the note of the outcome tells.
func (m *Maker) Drill(ctx context.Context, file string, keys []backup.Identity) (RunResult, error) {
	if err := m.dir.NeedDatabase(); err != nil {
		return RunResult{}, err
	}
	newest, err := m.dir.newestBackup(m.backup)
	if file == "" {
		if err != nil {
			return RunResult{}, err
		}
		file = newest
	}
	out, err := m.drillLowPriority(ctx, file, keys)
	if isSameFile(file, newest) { // of another file, /readyz has nothing to tell
		changeState(m.dir.Path, func(s *State) { s.recordDrill(out) })
	}
	return out, damageError(file, err)
}

// byDigestOnly is the note of a drill that could not open its backup.
const byDigestOnly = "encrypted and no identity: only its SHA-256 was compared, nothing was restored"

func (m *Maker) drillLowPriority(ctx context.Context, file string, keys []backup.Identity) (out RunResult, err error) {
	err = runLowPriority(func() (err error) {
		out, err = m.drill(ctx, file, keys)
		return err
	})
	return out, err
}

// drill restores a backup into a directory of its own, verifies what came out, and
// removes it.
func (m *Maker) drill(ctx context.Context, file string, keys []backup.Identity) (RunResult, error) {
	start := m.dir.Now()
	out := RunResult{At: start.UTC(), File: file}
	done := func(err error) (RunResult, error) {
		out.Seconds, out.OK = m.dir.Now().Sub(start).Seconds(), err == nil
		if err != nil {
			out.Error = err.Error()
		}
		return out, err
	}
	dir, err := os.MkdirTemp(m.dir.Path, stagePrefix)
	if err != nil {
		return done(err)
	}
	defer os.RemoveAll(dir)
	if info, err := os.Stat(file); err == nil {
		out.Bytes = info.Size()
	}
	r, err := stageRestore(ctx, file, keys, dir, m.dir.Schema, nil)
	if backup.KindOf(err) == backup.NeedsKey {
		o, e := inspectFile(ctx, file, keys, m.dir.Schema, dir)
		if e == nil && o.byDigest {
			out.Note = byDigestOnly
		}
		return done(e)
	}
	if err != nil {
		return done(err)
	}
	in, err := store.Inspect(ctx, filepath.Join(dir, dbFile), m.dir.Schema)
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
	clinics []outbox.Recovery
	erased  int // people erased after the backup was made, and now again
}

// stageRestore does everything of a restore but to put it into its place: unpack,
// migrate if it is older, verify, let the erased rest again, and ready the
// database to be served.
func stageRestore(ctx context.Context, file string, keys []backup.Identity, dir, schema string,
	tombstones []rights.Erasure) (r stagedRestore, err error) {
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
	r.clinics, err = e.Restored(ctx, act.Shell(0, "restore"), r.manifest.CreatedAt.Unix())
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
