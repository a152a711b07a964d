package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"qualifybase/cmd/config"
	"qualifybase/cmd/upkeep"
	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
	"qualifybase/store"
)

// session is what a verb works with: the open database, the engine on it, and the
// shell as its caller in one clinic.
type session struct {
	store  *store.Store
	engine *engine.Engine
	clinic directory.Clinic
	caller act.Caller
}

// target is the clinic that a verb works on, and for what.
type target struct {
	verb   string           // for the audit: "keys create"
	clinic string           // a slug; "" means the oldest clinic
	now    func() time.Time // nil means the clock
}

// withClinic opens a session in the clinic of the target, runs fn in it and closes it.
// It works beside a running server, which sees what was written within a second.
func (g *global) withClinic(ctx context.Context, s stdio, t target, fn func(*session) error) (err error) {
	d, l, err := g.configured()
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(s.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	st, err := d.Open(l.Database, log)
	if err != nil {
		return err
	}
	defer func() {
		if e := st.Close(); err == nil {
			err = e
		}
	}()
	options := engineOptions(l, log, t.now)
	options.Erased = upkeep.RecordErasure(g.data, l.Backup, log)
	at := &session{store: st, engine: engine.New(st, options)}
	if err := at.find(ctx, t); err != nil {
		return err
	}
	return fn(at)
}

// find finds the clinic that the verb means.
func (s *session) find(ctx context.Context, t target) (err error) {
	operator := act.Shell(0, t.verb)
	if t.clinic == "" {
		s.clinic, err = s.engine.OldestClinic(ctx, operator)
	} else if s.clinic, err = s.engine.ClinicBySlug(ctx, operator, t.clinic); fault.KindOf(err) == fault.NotFound {
		return fmt.Errorf("there is no clinic %q; 'qb clinics list' shows them", t.clinic)
	}
	s.caller = act.Shell(s.clinic.N, t.verb)
	return err
}

// engineOptions are the operator's choices for the engine.
func engineOptions(l *config.Loaded, log *slog.Logger, now func() time.Time) engine.Options {
	return engine.Options{
		Now: now, Log: log,
		HoldsPerCaller:  l.Limits.HoldsPerKey,
		RatePerMinute:   orUnlimited(l.Limits.KeyRequestsPerMinute),
		UserPerMinute:   orUnlimited(l.Limits.SessionRequestsPerMinute),
		Tiers:           tiers(l),
		LockoutFailures: l.Auth.LockoutFailures, LockoutWindow: time.Duration(l.Auth.LockoutWindow),
	}
}

// tiers are the configured sets of limits, as the engine knows them.
func tiers(l *config.Loaded) map[string]int {
	out := make(map[string]int, len(l.Tiers))
	for name, t := range l.Tiers {
		out[name] = t.RequestsPerMinute
	}
	return out
}

// orUnlimited turns the configuration's 0, no limit, into the engine's, whose 0
// is the default.
func orUnlimited(perMinute int) int {
	if perMinute == 0 {
		return -1
	}
	return perMinute
}

// clinicFlag gives a verb its --clinic.
func clinicFlag(c *cobra.Command, to *string) {
	c.Flags().StringVar(to, "clinic", "", "the clinic's `SLUG`; without it the oldest one")
}

// asFlags names the faulty fields of a draft as the flags they came from: those
// in names, else the field with hyphens.
func asFlags(err error, names map[string]string) error {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || len(e.Details) == 0 {
		return err
	}
	told := *e
	told.Details = make([]fault.Detail, len(e.Details))
	for i, d := range e.Details {
		field, place, listed := strings.Cut(d.Field, "[")
		flag, named := names[field]
		if !named {
			flag = "--" + strings.ReplaceAll(field, "_", "-")
		}
		if n, err := strconv.Atoi(strings.TrimSuffix(place, "]")); listed && err == nil {
			flag += fmt.Sprintf(" (number %d)", n+1)
		}
		told.Details[i] = fault.Detail{Field: flag, Message: d.Message}
	}
	return &told
}

// everyPage reads a list to its end.
func everyPage[T any](fetch func(act.Page) (act.List[T], error)) ([]T, error) {
	var out []T
	for p := (act.Page{Limit: act.MaxLimit}); ; {
		list, err := fetch(p)
		if err != nil {
			return nil, err
		}
		out = append(out, list.Items...)
		if !list.More {
			return out, nil
		}
		p.Cursor = list.Next
	}
}

// upTo reads at most limit rows of a list; 0 = all.
func upTo[T any](limit int, fetch func(act.Page) (act.List[T], error)) ([]T, error) {
	if limit == 0 {
		return everyPage(fetch)
	}
	var out []T
	for cursor := ""; ; {
		list, err := fetch(act.Page{Limit: min(act.MaxLimit, limit-len(out)), Cursor: cursor})
		if err != nil {
			return nil, err
		}
		out = append(out, list.Items...)
		if cursor = list.Next; !list.More || len(out) >= limit {
			return out, nil
		}
	}
}

// readLine reads the first line of a pipe, without its end and at most limit
// bytes in all.
func readLine(in io.Reader, limit int64) (string, error) {
	text, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return "", err
	}
	if int64(len(text)) > limit {
		return "", fmt.Errorf("standard input has more than %d bytes", limit)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSuffix(line, "\r"), nil
}
