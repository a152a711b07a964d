package httpapi

import (
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"qualifybase/engine/access"
	"qualifybase/engine/fault"
)

// JWT says which session tokens count (contract.md §4).
type JWT struct {
	Secret   []byte // HS256, at least 32 bytes; empty = no sessions
	Issuer   string // checked where set
	Audience string
	TTL      time.Duration // of the sessions signed here; default DefaultSessionTTL
}

// MinJWTSecret is how long a secret must be, in bytes: that of the hash.
const MinJWTSecret = 32

// claims are the names that we read of a token.
type claims struct {
	jwt.RegisteredClaims
	Email  string `json:"email"`
	Clinic string `json:"clinic"`
}

// verify reads a token. The algorithm is pinned: a token cannot choose another,
// nor none. The reason of a refusal is for the log.
func (j JWT) verify(text string, now func() time.Time) (access.Claims, error) {
	if len(j.Secret) < MinJWTSecret {
		return access.Claims{}, badToken(errors.New("sessions are off"))
	}
	options := []jwt.ParserOption{
		jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired(), jwt.WithTimeFunc(now),
		jwt.WithStrictDecoding(),
	}
	if j.Issuer != "" {
		options = append(options, jwt.WithIssuer(j.Issuer))
	}
	if j.Audience != "" {
		options = append(options, jwt.WithAudience(j.Audience))
	}
	var c claims
	if _, err := jwt.ParseWithClaims(text, &c, func(*jwt.Token) (any, error) { return j.Secret, nil },
		options...); err != nil {
		return access.Claims{}, badToken(err)
	}
	out := access.Claims{Subject: c.Subject, Email: c.Email, Clinic: c.Clinic}
	if c.IssuedAt != nil {
		out.IssuedAt = c.IssuedAt.Unix()
	}
	return out, nil
}

func badToken(err error) error {
	return &fault.Error{Kind: fault.InvalidToken, Message: "Invalid or expired token", Err: err}
}
