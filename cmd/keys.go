package cmd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"qualifybase/engine/access"
	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/secret"
	"qualifybase/httpapi"
)

func newKeysCommand(g *global) *cobra.Command {
	c := group("keys", "Make, list and end API keys",
		newKeysCreate(g), newKeysList(g), newKeysRevoke(g), newKeysRotate(g), newKeysCheck())
	c.Long = `Make, list and end API keys. A running server knows a new key at once and stops
an ended one within a second. The key itself is shown once and stored as a hash.`
	return c
}

// keyFlags are the flags behind the fields of a key's draft.
var keyFlags = map[string]string{"expires_at": "--expires", "rate_per_minute": "--rate", "allowed_origins": "--origin",
	"overlap_hours": "--overlap"}

type keysCreateOptions struct {
	*global
	clinic, family, expires string
	rate                    *int
	draft                   access.KeyDraft
}

func newKeysCreate(g *global) *cobra.Command {
	o := keysCreateOptions{global: g}
	var rate int
	c := &cobra.Command{
		Use:   "create --name NAME",
		Short: "Make a key; standard output is the key and nothing else",
		Long: `Make a key for a clinic. Standard output is the key and nothing else, so that a
script can take it; it is shown this once.

Families:
  live     qbk_live_…   a clinic's own back end (the default)
  test     qbk_test_…   the same in rows of its own, which never touch live ones
  secret   qual_sk_…    server-side research
  public   qual_pk_…    a browser, from the pages named with --origin
  scoped   qual_scope_… exactly the scopes listed
  klinivo  kv_…         Klinivo clients: sent as X-API-Key, answered in camelCase

Scopes may be spelled patients:read or READ_PATIENTS. Without --scopes a key
holds what its family usually does; scoped and klinivo keys must name theirs.`,
		Example: `  export QB_KEY=$(qb keys create --name website)
  qb keys create --name reports --scopes leads:read,appointments:read --expires 90d --rate 30
  qb keys create --name klinivo --family klinivo --scopes READ_PATIENTS,WRITE_APPOINTMENTS
  qb keys create --name form --family public --origin https://clinic.example`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if c.Flags().Changed("rate") {
				o.rate = &rate
			}
			return runKeysCreate(c.Context(), streams(c), o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.draft.Name, "name", "", "what the key is for, as `TEXT`")
	f.StringVar(&o.family, "family", "live", "live, test, secret, public, scoped or klinivo")
	f.StringSliceVar(&o.draft.Scopes, "scopes", nil, "`LIST` of scopes, separated by commas")
	f.StringSliceVar(&o.draft.AllowedOrigins, "origin", nil, "page that may use a public key, as `URL`; may be repeated")
	f.StringVar(&o.expires, "expires", "", "end of the key, as a `TIME` from now (90d, 12h, 2w) or a date, whose end "+
		"in the clinic's zone is meant")
	f.IntVar(&rate, "rate", 0, "requests a minute; 0 = unlimited (default: limits.key_requests_per_minute)")
	clinicFlag(c, &o.clinic)
	_ = c.MarkFlagRequired("name")
	return c
}

func runKeysCreate(ctx context.Context, s stdio, o keysCreateOptions) error {
	known := secret.Family(o.family).Valid()
	if o.draft.Family = secret.Family(o.family); !known { // not the API's spelling
		o.draft.Family, known = secret.FamilyNamed(o.family)
	}
	if !known {
		return usageError("--family: there is no family %q; use live, test, secret, public, scoped or klinivo", o.family)
	}
	if _, err := parseEnd(o.expires, time.Now(), time.UTC); o.expires != "" && err != nil {
		return usageError("--expires: %w", err)
	}
	o.draft.RatePerMinute = o.rate
	return o.withClinic(ctx, s, target{verb: "keys create", clinic: o.clinic}, func(at *session) error {
		if o.expires != "" {
			zone, err := calendar.LoadZone(at.clinic.TimeZone)
			if err != nil {
				return err
			}
			end, err := parseEnd(o.expires, time.Now(), zone)
			if err != nil {
				return err
			}
			o.draft.ExpiresAt = end.Unix()
		}
		key, err := at.engine.CreateKey(ctx, at.caller, o.draft)
		if err != nil {
			return asFlags(err, keyFlags)
		}
		printKeyNote(s, "made", key, at.clinic)
		_, err = fmt.Fprintln(s.out, key.Secret)
		return err
	})
}

// printKeyNote notes on the error stream what was made, never the key itself.
func printKeyNote(s stdio, done string, k access.Key, c directory.Clinic) {
	scopes := k.Scopes.Names()
	if k.Family == secret.FamilyKlinivo {
		scopes = k.Scopes.KlinivoNames()
	}
	ends := "no end"
	if k.ExpiresAt != 0 {
		ends = "until " + formatTime(k.ExpiresAt)
	}
	fmt.Fprintf(s.err, "%s key %q (%s) of %s: %s; %s. It is shown this once.\n",
		done, printable(k.Name, ""), k.Prefix(), c.Slug, strings.Join(scopes, ", "), ends)
}

type keysListOptions struct {
	*global
	clinic string
	json   bool
}

func newKeysList(g *global) *cobra.Command {
	o := keysListOptions{global: g}
	c := &cobra.Command{
		Use:   "list",
		Short: "List the keys of a clinic, ended ones included",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return runKeysList(c.Context(), streams(c), o) },
	}
	clinicFlag(c, &o.clinic)
	jsonFlag(c, &o.json)
	return c
}

func runKeysList(ctx context.Context, s stdio, o keysListOptions) error {
	return o.withClinic(ctx, s, target{verb: "keys list", clinic: o.clinic}, func(at *session) error {
		list, err := at.keys(ctx)
		if err != nil {
			return err
		}
		now := time.Now().Unix()
		return printRows(s.out, o.json, list, httpapi.KeyOf,
			column[access.Key]{"KEY", access.Key.Prefix},
			column[access.Key]{"NAME", func(k access.Key) string { return k.Name }},
			column[access.Key]{"STATE", func(k access.Key) string { return keyState(k, now) }},
			column[access.Key]{"CREATED", func(k access.Key) string { return formatTime(k.CreatedAt) }},
			column[access.Key]{"LAST USED", func(k access.Key) string { return formatTime(k.LastUsedAt) }},
			column[access.Key]{"SCOPES", func(k access.Key) string { return strings.Join(k.Scopes.Names(), ",") }},
		)
	})
}

// keyState says whether the key works, and until when.
func keyState(k access.Key, now int64) string {
	ended := k.Ended(now)
	switch {
	case ended != "":
		return ended
	case k.RevokedAt != 0:
		return "rotated, until " + formatTime(k.RevokedAt)
	case k.ExpiresAt != 0:
		return "until " + formatTime(k.ExpiresAt)
	}
	return "live"
}

// keys are all keys of the clinic.
func (s *session) keys(ctx context.Context) ([]access.Key, error) {
	return everyPage(func(p act.Page) (act.List[access.Key], error) { return s.engine.Keys(ctx, s.caller, p) })
}

// keyNamed finds a key by its id or its visible prefix.
func (s *session) keyNamed(ctx context.Context, name string) (access.Key, error) {
	list, err := s.keys(ctx)
	if err != nil {
		return access.Key{}, err
	}
	for _, k := range list {
		if k.ID == name || k.Prefix() == name {
			return k, nil
		}
	}
	return access.Key{}, fmt.Errorf("%s has no key %s; 'qb keys list' shows them", s.clinic.Slug, name)
}

// notWholeKey refuses a whole key as an argument: it would stand in the shell's
// history and in the list of processes.
func notWholeKey(name string) error {
	check := access.CheckKeyText(name)
	switch {
	case check.Prefix != "":
		return usageError("that is a whole key; name it by its prefix, %s, and rotate it: others can read the command line",
			check.Prefix)
	case check.Family != "" && len(name) > len(check.Family)+8:
		return usageError("that is longer than a key's prefix; name the key by the first part that 'qb keys list' shows")
	}
	return nil
}

// parseEnd reads a time from now, or a date, which ends where the next one begins
// in the zone.
func parseEnd(text string, now time.Time, zone *time.Location) (time.Time, error) {
	if d, err := calendar.ParseDate(text); err == nil {
		return time.Unix(calendar.Instant(zone, d.AddDays(1), 0), 0).UTC(), nil
	}
	period, err := parsePeriod(text)
	if err != nil {
		err = fmt.Errorf("%w, or a date such as 2027-01-31", err)
	}
	return now.Add(period), err
}
