package access

import (
	"context"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/text"
	"qualifybase/engine/uuid"
)

// User is a person of the clinic who signs in.
type User struct {
	ID             string
	Clinic         int64
	Email          string
	EmailKey       string // case-folded
	Name           string
	Role           act.Role
	PasswordHash   string // argon2id in PHC form; "" = signs in by the JWT of another issuer only
	Failures       int    // since FirstFailureAt
	FirstFailureAt int64
	DisabledAt     int64 // 0 = may sign in
	SessionsFrom   int64 // UTC seconds; sessions that were issued before are over
	Version        int64
	CreatedAt      int64
	UpdatedAt      int64
}

// caller is the user with a session.
func (u User) caller() act.Caller {
	return act.Caller{Clinic: u.Clinic, Kind: act.ActorUser, ID: u.ID, Label: string(u.Role), Role: u.Role,
		Scopes: scope.All}
}

// UserDraft is an unsaved user. Without a password the user signs in with a JWT
// of another issuer only (contract.md §4).
type UserDraft struct {
	Email    string
	Name     string
	Role     act.Role
	Password string
}

// mayGiveRole refuses a role that may do what the caller cannot: nobody makes or
// takes over an account above their own.
func mayGiveRole(c act.Caller, r act.Role) error {
	for _, s := range r.Rights().Without(1 << scope.None).List() {
		if !c.Grants().Has(s) {
			err := fault.Fail(fault.Forbidden, "The role %s has more rights than you", r)
			err.Missing = s
			return err.On("role", "You do not hold %s", s)
		}
	}
	return nil
}

// CreateUser makes a user of the clinic. Needs keys:manage, the right to hand out
// access, and everything that the role may. A second user of the clinic with the
// same e-mail is a Conflict.
func (e *Engine) CreateUser(ctx context.Context, c act.Caller, d UserDraft) (User, error) {
	var f fault.Faults
	u := User{Role: d.Role}
	u.Name = text.Require(&f, "name", d.Name, text.MaxName)
	u.Email = text.Require(&f, "email", d.Email, text.MaxEmail)
	if u.Email != "" {
		u.Email, u.EmailKey = text.CleanEmail(&f, "email", d.Email)
	}
	if !d.Role.Valid() {
		f.Add("role", "Must be %s", text.Or(act.Roles))
	}
	password := ""
	if d.Password != "" {
		password = cleanPassword(&f, "password", d.Password, u.EmailKey)
	}
	what := act.Define("user.create", scope.KeysManage)
	if c.May(what.Scope) && len(f) == 0 && password != "" { // costly, so neither in the transaction nor for nobody
		var err error
		if u.PasswordHash, err = e.hashPassword(ctx, password); err != nil {
			return User{}, err
		}
	}
	return act.Do(ctx, e.Room, c, what, func(w *Act) (User, error) {
		if err := f.Err(); err != nil {
			return User{}, err
		}
		if err := mayGiveRole(c, u.Role); err != nil {
			return User{}, err
		}
		same, err := w.UsersByEmail(u.EmailKey)
		if err != nil {
			return User{}, err
		}
		for _, other := range same {
			if other.Clinic == c.Clinic {
				return User{}, fault.Fail(fault.Conflict, "The clinic has a user with this e-mail already").On("email",
					"Must be new to the clinic")
			}
		}
		u.ID, u.Clinic, u.Version, u.CreatedAt, u.UpdatedAt = uuid.New(e.Now()), c.Clinic, 1, w.Now, w.Now
		w.EntityID, w.Fields = u.ID, []string{"role:" + string(u.Role)}
		return u, w.InsertUser(u)
	})
}

// Users lists the clinic's users, disabled ones included. Needs admin:read.
func (e *Engine) Users(ctx context.Context, c act.Caller) ([]User, error) {
	return act.Read(ctx, e.Room, c, act.Define("user.list", scope.AdminRead), func(r Reader) ([]User, error) {
		return r.Users(c.Clinic)
	})
}

// DisableUser keeps a user from signing in, and ends the sessions, also for when
// the user is enabled again: every request looks the user up. Disabling twice changes nothing; the
// clinic's last owner is
// a Conflict. Needs keys:manage and everything that the user may.
func (e *Engine) DisableUser(ctx context.Context, c act.Caller, id string) (User, error) {
	return e.changeUser(ctx, c, act.Define("user.disable", scope.KeysManage), id, "disabled_at",
		func(w *Act, u *User) error {
			if u.DisabledAt != 0 {
				return nil
			}
			u.DisabledAt, u.SessionsFrom = w.Now, w.Now
			if u.Role != act.Owner {
				return nil
			}
			all, err := w.Users(c.Clinic)
			if err != nil {
				return err
			}
			for _, other := range all {
				if other.Role == act.Owner && other.DisabledAt == 0 && other.ID != u.ID {
					return nil
				}
			}
			return fault.Fail(fault.Conflict, "The clinic's last owner cannot be disabled; make another owner first")
		})
}

// EnableUser lets a disabled user sign in again. Needs what DisableUser needs.
func (e *Engine) EnableUser(ctx context.Context, c act.Caller, id string) (User, error) {
	return e.changeUser(ctx, c, act.Define("user.enable", scope.KeysManage), id, "disabled_at",
		func(_ *Act, u *User) error {
			u.DisabledAt = 0
			return nil
		})
}

// SetPassword gives a user a new password, forgets failed attempts and ends the
// sessions: whoever knew the old password is out. Users may
// change their own; for others it needs keys:manage and everything that they may.
func (e *Engine) SetPassword(ctx context.Context, c act.Caller, id, password string) (User, error) {
	var f fault.Faults
	what := act.Define("user.password", scope.KeysManage)
	if c.Kind == act.ActorUser && c.ID == id {
		what.Scope = scope.None
	}
	password = cleanPassword(&f, "password", password, "")
	hash := ""
	if c.May(what.Scope) && len(f) == 0 {
		var err error
		if hash, err = e.hashPassword(ctx, password); err != nil {
			return User{}, err
		}
	}
	return e.changeUser(ctx, c, what, id, "password", func(w *Act, u *User) error {
		u.PasswordHash, u.Failures, u.FirstFailureAt, u.SessionsFrom = hash, 0, 0, w.Now
		return f.Err()
	})
}

// changeUser is the one shape of a change to a user.
func (e *Engine) changeUser(ctx context.Context, c act.Caller, d act.Action, id, field string,
	change func(*Act, *User) error) (User, error) {
	return act.Do(ctx, e.Room, c, d, func(w *Act) (User, error) {
		if !uuid.Valid(id) {
			return User{}, fault.Absent("user")
		}
		u, err := w.User(id)
		if err == nil && u.Clinic != c.Clinic {
			err = fault.Absent("user")
		}
		if err != nil {
			return User{}, err
		}
		w.EntityID, w.Fields = id, []string{field}
		if c.ID != id || c.Kind != act.ActorUser {
			if err := mayGiveRole(c, u.Role); err != nil {
				return User{}, err
			}
		}
		before := u
		if err := change(w, &u); err != nil {
			return User{}, err
		}
		if u == before {
			w.Quiet = true
			return u, nil
		}
		u.Version++
		u.UpdatedAt = w.Now
		return u, w.UpdateUser(u)
	})
}
