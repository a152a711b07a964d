package httpapi

import (
	"context"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"qualifybase/engine/access"
	"qualifybase/engine/act"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
	"qualifybase/httpapi/wire"
)

// DefaultSessionTTL is how long a session lasts unless the operator says otherwise.
const DefaultSessionTTL = 12 * time.Hour

// SignIn is the body of a sign-in (contract.md §4).
type SignIn struct {
	Email    string `json:"email"`
	Password string `json:"password"`
	Clinic   string `json:"clinic_slug,omitempty" doc:"Or its id; needed where a person is a user of two clinics"`
}

// Session is the reply: send the token as Authorization: Bearer until it expires.
type Session struct {
	Token     string       `json:"token" doc:"A JWT"`
	TokenType string       `json:"token_type" enum:"Bearer"`
	ExpiresAt wire.Instant `json:"expires_at"`
	UserID    string       `json:"user_id" format:"uuid"`
	Name      string       `json:"name"`
	Role      act.Role     `json:"role"`
	ClinicID  string       `json:"clinic_id" format:"uuid"`
}

type signIn struct{ Body SignIn }

// session checks the password and signs a token of the user. Nothing is kept: the
// user is looked up with every request, so that disabling one or a new password
// ends the sessions.
func (s *Server) session(ctx context.Context, c act.Caller, in signIn) (Session, error) {
	if len(s.o.JWT.Secret) < MinJWTSecret {
		return Session{}, fault.Fail(fault.NotFound, "Sessions are off on this server: auth.jwt_secret is not set")
	}
	if c.Rehearsal { // no transaction would undo a sign-in
		return Session{}, nil
	}
	user, clinic, err := s.e.SignIn(ctx, c.IP, in.Body.Email, in.Body.Password, in.Body.Clinic)
	if err != nil {
		return Session{}, err
	}
	now := s.o.Now()
	ends := now.Add(s.o.JWT.TTL).Truncate(time.Second)
	token, err := s.o.JWT.sign(user, clinic, now, ends)
	return Session{
		Token: token, TokenType: "Bearer", ExpiresAt: wire.Instant(ends.Unix()),
		UserID: user.ID, Name: user.Name, Role: user.Role, ClinicID: clinic.ID,
	}, err
}

// sign makes a token that verify accepts.
func (j JWT) sign(u access.User, home directory.Clinic, now, ends time.Time) (string, error) {
	c := claims{Email: u.Email, Clinic: home.ID}
	c.Subject, c.Issuer = u.ID, j.Issuer
	c.IssuedAt, c.ExpiresAt = jwt.NewNumericDate(now), jwt.NewNumericDate(ends)
	if j.Audience != "" {
		c.Audience = jwt.ClaimStrings{j.Audience}
	}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(j.Secret)
}

func (s *Server) sessionRows() []Row {
	return []Row{{
		Method: "POST", Path: "/session", Public: true, Tag: "Session", ID: "signIn",
		Summary: "Sign in with e-mail and password", Status: 200,
		Doc: "The token is a JWT: send it as `Authorization: Bearer …`. After 10 wrong passwords in 15 minutes the " +
			"address is locked for as long; " +
			"an unknown user and a wrong password get the same answer in the same time.",
		Errors:  []fault.Kind{fault.Unauthenticated, fault.RateLimited, fault.NotFound},
		Example: `{"email":"ada@clinic.example","password":"correct horse battery"}`,
		Op:      Op(s.session, wire.Same[Session]),
	}}
}
