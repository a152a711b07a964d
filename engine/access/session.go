package access

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/text"
	"qualifybase/engine/uuid"
)

// Claims are those of a session's JWT, whose signature and times the face has verified.
type Claims struct {
	Subject  string // sub
	Email    string
	Clinic   string // slug or public id; needed where a person is a user of two clinics
	IssuedAt int64  // iat, UTC seconds; 0 = the issuer does not say
}

// AuthenticateClaims finds the user of a session: sub if it is an id of ours,
// else the e-mail; the clinic claim decides where there are two (contract.md
// §4). A token that was issued before the user got a new password or was disabled
// is over; one that does not say when it was issued is not of ours, and lasts until
// it expires. Every refusal is one InvalidToken whose Err says why, for the log. The
// user holds all scopes and may what the role allows (Caller.May).
func (e *Engine) AuthenticateClaims(ctx context.Context, t Claims) (Identity, error) {
	u, err := act.View(ctx, e.Room, func(r Reader) (User, error) { return sessionUser(r, t) })
	if err == nil && t.IssuedAt != 0 && t.IssuedAt < u.SessionsFrom {
		err = badToken("issued before the user's password changed")
	}
	if err != nil {
		return Identity{}, err
	}
	return Identity{Caller: u.caller(), PerMinute: e.opt.UserPerMinute}, nil
}

func sessionUser(r Reader, t Claims) (User, error) {
	if uuid.Valid(strings.ToLower(t.Subject)) {
		u, err := r.User(strings.ToLower(t.Subject))
		if err == nil {
			return sessionOf(r, u, t.Clinic)
		}
		if fault.KindOf(err) != fault.NotFound {
			return User{}, err
		}
	}
	users, err := usersIn(r, text.EmailKey(t.Email), t.Clinic)
	if err != nil {
		return User{}, err
	}
	if len(users) != 1 {
		return User{}, badToken(fmt.Sprintf("the claims name %d users", len(users)))
	}
	return sessionOf(r, users[0], "")
}

// sessionOf checks a user that a claim named.
func sessionOf(r Reader, u User, clinic string) (User, error) {
	if u.DisabledAt != 0 {
		return User{}, badToken("the user is disabled")
	}
	if clinic == "" {
		return u, nil
	}
	n, err := clinicNamed(r, clinic)
	if err == nil && n != u.Clinic {
		err = badToken("the user is not of the claimed clinic")
	}
	return u, err
}

func badToken(why string) error {
	return &fault.Error{Kind: fault.InvalidToken, Message: "Invalid or expired token", Err: errors.New(why)}
}
