package access

import (
	"context"
	"time"

	"qualifybase/engine/act"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/text"
	"qualifybase/engine/uuid"
)

// badSignIn is the one refusal of a sign-in, whatever was wrong, so that nobody learns who is
// a user. It names the two ways out.
func badSignIn() error {
	return fault.Fail(fault.Unauthenticated, "Wrong e-mail or password; a person of several clinics must name the clinic")
}

var userSignIn = act.Define("user.sign_in", scope.None)

const failuresPerIP = 30 // a minute (contract.md §5)

// SignIn finds the user with this e-mail and password. clinic is a slug or a
// public id; it may be empty for a person of one clinic. Refusals:
// Unauthenticated for any mismatch, with the same work and words for unknown
// users; RateLimited with RetryAfter after 30 failures a minute from one address
// (an IPv6 /64 counts as one) or, for one e-mail, known or not, after
// Options.LockoutFailures within LockoutWindow; Busy when too many hash at once.
func (e *Engine) SignIn(ctx context.Context, ip, email, password, clinic string) (User, directory.Clinic, error) {
	key, now := text.EmailKey(email), e.Now().Unix()
	if len(key) > text.MaxEmail || len(password) > 4*MaxPassword {
		return User{}, directory.Clinic{}, badSignIn()
	}
	address, mail := "ip "+Network(ip), "mail "+key
	if wait := e.attempts.take(address, now, 60, failuresPerIP); wait > 0 {
		return User{}, directory.Clinic{}, tooMany(wait)
	}
	if wait := e.attempts.take(mail, now, e.lockSeconds(), e.opt.LockoutFailures); wait > 0 {
		return User{}, directory.Clinic{}, tooMany(wait)
	}
	u, home, err := e.findSignIn(ctx, key, clinic)
	if err != nil {
		return User{}, directory.Clinic{}, err
	}
	if wait := e.locked(u, now); wait > 0 {
		return User{}, directory.Clinic{}, tooMany(wait)
	}
	ok, stale, err := e.checkPassword(ctx, u.PasswordHash, password)
	if err != nil {
		return User{}, directory.Clinic{}, err
	}
	if !ok || u.DisabledAt != 0 {
		if u.ID != "" { // not waited for: an unknown user's refusal writes nothing
			act.Enqueue(e.Room, u.callerAt(ip), userSignIn, act.Denied, func(w *Act) error { return w.failedSignIn(u.ID) })
		}
		return User{}, directory.Clinic{}, badSignIn()
	}
	rehashed := ""
	if stale {
		if rehashed, err = e.hashPassword(ctx, password); err != nil {
			return User{}, directory.Clinic{}, err
		}
	}
	u, err = act.Do(ctx, e.Room, u.callerAt(ip), userSignIn, func(w *Act) (User, error) { return w.signedIn(u, rehashed) })
	if err != nil {
		return User{}, directory.Clinic{}, err
	}
	e.attempts.giveBack(address)
	e.attempts.forget(mail)
	return u, home, nil
}

// findSignIn finds the user; the zero User when there is none, or more than one
// and no clinic named.
func (e *Engine) findSignIn(ctx context.Context, emailKey, clinic string) (u User, home directory.Clinic, err error) {
	u, err = act.View(ctx, e.Room, func(r Reader) (User, error) {
		users, err := usersIn(r, emailKey, clinic)
		if err != nil || len(users) != 1 {
			return User{}, err
		}
		home, err = r.Clinic(users[0].Clinic)
		return users[0], err
	})
	return u, home, err
}

// usersIn are the users with the e-mail, of the named clinic or of any. Of
// several, the disabled ones do not count.
func usersIn(r Reader, emailKey, clinic string) ([]User, error) {
	if emailKey == "" {
		return nil, nil
	}
	all, err := r.UsersByEmail(emailKey)
	if err != nil {
		return nil, err
	}
	if clinic != "" {
		n, err := clinicNamed(r, clinic)
		if err != nil {
			return nil, err
		}
		all = filterUsers(all, func(u User) bool { return u.Clinic == n })
	}
	if len(all) > 1 {
		all = filterUsers(all, func(u User) bool { return u.DisabledAt == 0 })
	}
	return all, nil
}

func filterUsers(all []User, want func(User) bool) []User {
	var out []User
	for _, u := range all {
		if want(u) {
			out = append(out, u)
		}
	}
	return out
}

// clinicNamed finds a clinic by slug or public id; 0 when there is none.
func clinicNamed(r Reader, name string) (int64, error) {
	home, err := r.ClinicBySlug(name)
	if fault.KindOf(err) == fault.NotFound && uuid.Valid(name) {
		home, err = r.ClinicByPublicID(name)
	}
	if fault.KindOf(err) == fault.NotFound {
		return 0, nil
	}
	return home.N, err
}

// callerAt is the user who signs in from an address.
func (u User) callerAt(ip string) act.Caller {
	c := u.caller()
	c.IP = ip
	return c
}

// failedSignIn counts a known user's failure in the row, so that it outlasts the process.
func (w *Act) failedSignIn(id string) error {
	u, err := w.User(id)
	if err != nil {
		return err
	}
	w.EntityID = id
	if !w.e.counts(u, w.Now) {
		u.Failures, u.FirstFailureAt = 0, w.Now
	}
	u.Failures++
	return w.UpdateUser(u)
}

// signedIn clears the failures and keeps a hash of today's cost.
func (w *Act) signedIn(u User, rehashed string) (User, error) {
	row, err := w.User(u.ID)
	if err != nil {
		return User{}, err
	}
	w.EntityID = u.ID
	before := row
	row.Failures, row.FirstFailureAt = 0, 0
	if rehashed != "" && row.PasswordHash == u.PasswordHash {
		row.PasswordHash = rehashed
	}
	if row != before {
		err = w.UpdateUser(row)
	}
	return row, err
}

// locked is how many seconds a user must wait by the failures in the row; those
// of this process are in attempts.
func (e *Engine) locked(u User, now int64) int64 {
	if u.Failures < e.opt.LockoutFailures || !e.counts(u, now) {
		return 0
	}
	return u.FirstFailureAt + e.lockSeconds() - now
}

// counts reports whether the window of the user's failures still runs. One that
// begins in the future was opened before the clock went back, and must not lock
// for as long as that.
func (e *Engine) counts(u User, now int64) bool {
	return now >= u.FirstFailureAt && now-u.FirstFailureAt < e.lockSeconds()
}

func (e *Engine) lockSeconds() int64 { return int64(e.opt.LockoutWindow / time.Second) }

func tooMany(wait int64) error {
	return &fault.Error{Kind: fault.RateLimited, Message: "Too many failed attempts; try again later",
		RetryAfter: time.Duration(wait) * time.Second}
}
