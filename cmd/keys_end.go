package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"qualifybase/engine/access"
	"qualifybase/engine/secret"
)

type keysRevokeOptions struct {
	*global
	clinic, key string
}

func newKeysRevoke(g *global) *cobra.Command {
	o := keysRevokeOptions{global: g}
	c := &cobra.Command{
		Use:   "revoke KEY",
		Short: "End a key now",
		Long: `End a key, named by its prefix or id as 'qb keys list' shows them. A running
server refuses it within a second. There is no way back; make a new key.`,
		Example: "  qb keys revoke qbk_live_8fJ2kQ0a",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.key = args[0]
			return runKeysRevoke(c.Context(), streams(c), o)
		},
	}
	clinicFlag(c, &o.clinic)
	return c
}

func runKeysRevoke(ctx context.Context, s stdio, o keysRevokeOptions) error {
	if err := notWholeKey(o.key); err != nil {
		return err
	}
	return o.withClinic(ctx, s, target{verb: "keys revoke", clinic: o.clinic}, func(at *session) error {
		k, err := at.keyNamed(ctx, o.key)
		if err != nil {
			return err
		}
		if k, err = at.engine.RevokeKey(ctx, at.caller, k.ID); err != nil {
			return err
		}
		_, err = fmt.Fprintf(s.out, "%s (%s) is revoked since %s\n", k.Prefix(), printable(k.Name, ""),
			formatTime(k.RevokedAt))
		return err
	})
}

type keysRotateOptions struct {
	*global
	clinic, key, overlap string
}

func newKeysRotate(g *global) *cobra.Command {
	o := keysRotateOptions{global: g}
	c := &cobra.Command{
		Use:   "rotate KEY",
		Short: "Replace a key; standard output is the new one and nothing else",
		Long: `Make a new key with the name, scopes, origins, rate and end of an old one. The
old one goes on for the overlap, up to 7 days, so that its users can change over;
--overlap 0h ends it now.`,
		Example: `  export QB_KEY=$(qb keys rotate qbk_live_8fJ2kQ0a --overlap 48h)`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.key = args[0]
			return runKeysRotate(c.Context(), streams(c), o)
		},
	}
	c.Flags().StringVar(&o.overlap, "overlap", "24h", "how long the old key goes on, as a `TIME` in whole hours or days")
	clinicFlag(c, &o.clinic)
	return c
}

func runKeysRotate(ctx context.Context, s stdio, o keysRotateOptions) error {
	if err := notWholeKey(o.key); err != nil {
		return err
	}
	overlap, err := parsePeriod(o.overlap)
	if err == nil && overlap%time.Hour != 0 {
		err = errors.New("want whole hours, such as 24h or 7d")
	}
	if err != nil {
		return usageError("--overlap: %w", err)
	}
	return o.withClinic(ctx, s, target{verb: "keys rotate", clinic: o.clinic}, func(at *session) error {
		old, err := at.keyNamed(ctx, o.key)
		if err != nil {
			return err
		}
		key, err := at.engine.RotateKey(ctx, at.caller, old.ID, int(overlap/time.Hour))
		if err != nil {
			return asFlags(err, keyFlags)
		}
		printKeyNote(s, "made", key, at.clinic)
		fmt.Fprintf(s.err, "The old one, %s, goes on until %s.\n", old.Prefix(), formatTime(time.Now().Add(overlap).Unix()))
		_, err = fmt.Fprintln(s.out, key.Secret)
		return err
	})
}

func newKeysCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Tell whether a text on standard input is a whole key",
		Long: `Read texts from standard input, one a line, and tell of each whether it is one of
our keys, whole and without a typing mistake: family, length, alphabet and
checksum. It asks no database, so it cannot say whether a key still works. Exit
code 1 when one is none. No part of a secret is printed.`,
		Example: `  echo "$QB_KEY" | qb keys check`,
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return runKeysCheck(c.Context(), streams(c)) },
	}
}

func runKeysCheck(_ context.Context, s stdio) error {
	lines, err := askLines(s, "Key")
	if err != nil {
		return err
	}
	var faults []error
	for i, text := range lines {
		at := ""
		if len(lines) > 1 {
			at = fmt.Sprintf("line %d: ", i+1)
		}
		check := access.CheckKeyText(text)
		if check.Fault == "" {
			fmt.Fprintf(s.out, "%s%s: a whole %s key, sent as %s\n", at, check.Prefix, check.Family.Name(), sentAs(check.Family))
			continue
		}
		if check.Family != "" {
			at += "a " + check.Family.Name() + " key by its beginning. "
		}
		faults = append(faults, errors.New(at+check.Fault))
	}
	return errors.Join(faults...)
}

func sentAs(f secret.Family) string {
	if f.Channel() == secret.ChannelAPIKey {
		return "X-API-Key: <key>"
	}
	return "Authorization: Bearer <key>"
}

// maxSecretLine is more than any key or password has.
const maxSecretLine = 4096

// askLines reads texts: from a person one, from a pipe every line, so that none
// goes unjudged.
func askLines(s stdio, question string) ([]string, error) {
	if f, ok := s.in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		text, err := askSecret(s, question)
		return []string{text}, err
	}
	const limit = 1000 * maxSecretLine
	text, err := io.ReadAll(io.LimitReader(s.in, limit+1))
	if err == nil && len(text) > limit {
		err = fmt.Errorf("standard input has more than %d bytes", limit)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimSuffix(lines[i], "\r")
	}
	return lines, err
}

// askSecret reads a secret: from a person without showing it, from a pipe its
// first line.
func askSecret(s stdio, question string) (string, error) {
	f, ok := s.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return readLine(s.in, maxSecretLine)
	}
	fmt.Fprintf(s.err, "%s: ", question)
	text, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(s.err)
	return strings.TrimSpace(string(text)), err
}
