package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"qualifybase/engine"
	"qualifybase/engine/access"
	"qualifybase/engine/act"
	"qualifybase/engine/text"
)

func newUsersCommand(g *global) *cobra.Command {
	c := group("users", "Add, list and disable the people who sign in",
		newUsersCreate(g), newUsersList(g), newUsersPassword(g),
		newUsersSwitch(g, "disable", "Keep a user from signing in; ends the sessions", (*engine.Engine).DisableUser),
		newUsersSwitch(g, "enable", "Let a disabled user sign in again", (*engine.Engine).EnableUser))
	c.Long = `Add, list and disable the people who sign in with e-mail and password.

Roles: owner, admin (all but erasing patients), provider, front_desk, auditor.
What a role forbids stays forbidden, whatever the session asks for.`
	return c
}

// userFlags are the flags behind the fields of a user; a password has none.
var userFlags = map[string]string{"password": "the password"}

type usersCreateOptions struct {
	*global
	clinic                string
	draft                 access.UserDraft
	passwordStdin, noPass bool
}

func newUsersCreate(g *global) *cobra.Command {
	o := usersCreateOptions{global: g}
	var role string
	c := &cobra.Command{
		Use:   "create --email EMAIL --role ROLE",
		Short: "Add a user",
		Long: `Add a user. The password is asked for, or read from standard input's first line
with --password-stdin; it is never an argument, for others can read those. It
has at least 12 characters, spaces and all scripts welcome. Standard output is
the new user's id.`,
		Example: `  qb users create --email ada@clinic.example --role owner --name "Ada Weiss"
  pass show clinic/ada | qb users create --email ada@clinic.example --role owner --password-stdin`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.draft.Role = act.Role(role)
			return runUsersCreate(c.Context(), streams(c), o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.draft.Email, "email", "", "`ADDRESS` to sign in with")
	f.StringVar(&role, "role", "", "owner, admin, provider, front_desk or auditor")
	f.StringVar(&o.draft.Name, "name", "", "the person's `NAME` (default: the part before @)")
	f.BoolVar(&o.passwordStdin, "password-stdin", false, "read the password from standard input")
	f.BoolVar(&o.noPass, "no-password", false, "make a user who signs in with another issuer's token only")
	clinicFlag(c, &o.clinic)
	_ = c.MarkFlagRequired("email")
	_ = c.MarkFlagRequired("role")
	c.MarkFlagsMutuallyExclusive("password-stdin", "no-password")
	return c
}

func runUsersCreate(ctx context.Context, s stdio, o usersCreateOptions) error {
	if o.draft.Name == "" {
		o.draft.Name, _, _ = strings.Cut(o.draft.Email, "@")
	}
	return o.withClinic(ctx, s, target{verb: "users create", clinic: o.clinic}, func(at *session) (err error) {
		if !o.noPass {
			if o.draft.Password, err = newPassword(s, o.passwordStdin); err != nil {
				return err
			}
		}
		u, err := at.engine.CreateUser(ctx, at.caller, o.draft)
		if err != nil {
			return asFlags(err, userFlags)
		}
		fmt.Fprintf(s.err, "%s is %s of %s\n", printable(u.Email, ""), u.Role, at.clinic.Slug)
		_, err = fmt.Fprintln(s.out, u.ID)
		return err
	})
}

// newPassword reads a password that somebody chooses: twice from a person, who
// does not see it, else once.
func newPassword(s stdio, fromStdin bool) (string, error) {
	if fromStdin {
		password, err := readLine(s.in, maxSecretLine)
		if err == nil && password == "" {
			err = errors.New("--password-stdin: standard input is empty")
		}
		return password, err
	}
	if newPrompt(s) == nil {
		return "", usageError("there is no terminal to ask for the password; use --password-stdin")
	}
	password, err := askSecret(s, "Password")
	if err != nil {
		return "", err
	}
	again, err := askSecret(s, "The same again")
	if err == nil && again != password {
		err = errors.New("the two are not the same; nothing was changed")
	}
	return password, err
}

type usersListOptions struct {
	*global
	clinic string
	json   bool
}

func newUsersList(g *global) *cobra.Command {
	o := usersListOptions{global: g}
	c := &cobra.Command{
		Use:   "list",
		Short: "List the users of a clinic, disabled ones included",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return runUsersList(c.Context(), streams(c), o) },
	}
	clinicFlag(c, &o.clinic)
	jsonFlag(c, &o.json)
	return c
}

// userJSON is a user without anything of the password.
type userJSON struct {
	ID         string     `json:"id"`
	Email      string     `json:"email"`
	Name       string     `json:"name"`
	Role       act.Role   `json:"role"`
	Password   bool       `json:"password"` // whether there is one
	DisabledAt *time.Time `json:"disabled_at"`
	CreatedAt  time.Time  `json:"created_at"`
}

func userOf(u access.User) userJSON {
	out := userJSON{u.ID, u.Email, u.Name, u.Role, u.PasswordHash != "", nil, utc(u.CreatedAt)}
	if u.DisabledAt != 0 {
		at := utc(u.DisabledAt)
		out.DisabledAt = &at
	}
	return out
}

func utc(sec int64) time.Time { return time.Unix(sec, 0).UTC() }

func runUsersList(ctx context.Context, s stdio, o usersListOptions) error {
	return o.withClinic(ctx, s, target{verb: "users list", clinic: o.clinic}, func(at *session) error {
		list, err := at.engine.Users(ctx, at.caller)
		if err != nil {
			return err
		}
		return printRows(s.out, o.json, list, userOf,
			column[access.User]{"EMAIL", func(u access.User) string { return u.Email }},
			column[access.User]{"NAME", func(u access.User) string { return u.Name }},
			column[access.User]{"ROLE", func(u access.User) string { return string(u.Role) }},
			column[access.User]{"DISABLED", func(u access.User) string { return formatTime(u.DisabledAt) }},
			column[access.User]{"CREATED", func(u access.User) string { return formatTime(u.CreatedAt) }},
			column[access.User]{"ID", func(u access.User) string { return u.ID }},
		)
	})
}

type usersSwitchOptions struct {
	*global
	clinic, user, verb string
	change             func(*engine.Engine, context.Context, act.Caller, string) (access.User, error)
}

// newUsersSwitch makes disable and enable, which differ in one use case.
func newUsersSwitch(g *global, verb, short string,
	change func(*engine.Engine, context.Context, act.Caller, string) (access.User, error)) *cobra.Command {
	o := usersSwitchOptions{global: g, verb: verb, change: change}
	c := &cobra.Command{
		Use:   verb + " EMAIL",
		Short: short,
		Long:  short + ". Name the user by e-mail or id.",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.user = args[0]
			return runUsersSwitch(c.Context(), streams(c), o)
		},
	}
	clinicFlag(c, &o.clinic)
	return c
}

func runUsersSwitch(ctx context.Context, s stdio, o usersSwitchOptions) error {
	return o.withClinic(ctx, s, target{verb: "users " + o.verb, clinic: o.clinic}, func(at *session) error {
		u, err := at.userNamed(ctx, o.user)
		if err != nil {
			return err
		}
		if u, err = o.change(at.engine, ctx, at.caller, u.ID); err != nil {
			return err
		}
		_, err = fmt.Fprintf(s.out, "%s is %sd\n", printable(u.Email, ""), o.verb)
		return err
	})
}

// userNamed finds a user of the clinic by e-mail or id.
func (s *session) userNamed(ctx context.Context, name string) (access.User, error) {
	list, err := s.engine.Users(ctx, s.caller)
	if err != nil {
		return access.User{}, err
	}
	for _, u := range list {
		if u.ID == name || u.EmailKey == text.EmailKey(name) {
			return u, nil
		}
	}
	return access.User{}, fmt.Errorf("%s has no user %q; 'qb users list' shows them", s.clinic.Slug, name)
}

type usersPasswordOptions struct {
	*global
	clinic, user string
	stdin        bool
}

func newUsersPassword(g *global) *cobra.Command {
	o := usersPasswordOptions{global: g}
	c := &cobra.Command{
		Use:   "password EMAIL",
		Short: "Give a user a new password; ends the sessions",
		Long: `Give a user a new password, and forget the failed attempts that locked them out.
It ends the sessions that were begun with the old one, on a running server within a
second. It is asked for, or read from standard input with --password-stdin.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.user = args[0]
			return runUsersPassword(c.Context(), streams(c), o)
		},
	}
	c.Flags().BoolVar(&o.stdin, "password-stdin", false, "read the password from standard input")
	clinicFlag(c, &o.clinic)
	return c
}

func runUsersPassword(ctx context.Context, s stdio, o usersPasswordOptions) error {
	return o.withClinic(ctx, s, target{verb: "users password", clinic: o.clinic}, func(at *session) error {
		u, err := at.userNamed(ctx, o.user)
		if err != nil {
			return err
		}
		password, err := newPassword(s, o.stdin)
		if err != nil {
			return err
		}
		if _, err = at.engine.SetPassword(ctx, at.caller, u.ID, password); err != nil {
			return asFlags(err, userFlags)
		}
		_, err = fmt.Fprintf(s.out, "%s has a new password\n", printable(u.Email, ""))
		return err
	})
}
