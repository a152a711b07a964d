package httpapi

import (
	"net/http"
	"strings"

	"qualifybase/engine/access"
	"qualifybase/engine/fault"
	"qualifybase/engine/secret"
)

// formOf is the wire form of a request: flat if its credential came as X-API-Key
// alone. Both headers at once are ambiguous, and that is said in the standard form.
func formOf(h http.Header) form {
	if len(h["X-Api-Key"]) > 0 && len(h["Authorization"]) == 0 {
		return flatForm
	}
	return standardForm
}

// authenticate finds the caller. Failures count against the client's address;
// beyond the limit its failing credentials hear 429, good ones still work.
func (s *Server) authenticate(c *call) (access.Identity, error) {
	if inQuery(c.R.URL.RawQuery) {
		return access.Identity{}, s.failed(c, fault.Fail(fault.InvalidKey,
			"Invalid or expired API key: a key in the URL is never accepted, and others may have read it; revoke it "+
				"and send the new one as a header"))
	}
	who, err := s.credential(c)
	if err != nil {
		switch fault.KindOf(err) {
		case fault.InvalidKey, fault.InvalidToken:
			err = s.failed(c, err)
		}
		return who, err
	}
	c.caller = who.Caller
	c.caller.IP, c.caller.RequestID = c.IP, c.ID
	c.Label = who.Caller.Label
	if who.Key == nil {
		c.Label = who.Caller.ID
	}
	return who, s.checkOrigin(c, who)
}

// failed counts a failed authentication.
func (s *Server) failed(c *call, err error) error {
	if many := s.failures.Count(access.Network(c.IP), s.o.FailuresPerMinute, s.o.Now()); many != nil {
		return many
	}
	return err
}

// credential reads the one credential of a request.
func (s *Server) credential(c *call) (who access.Identity, err error) {
	bearer, keys := c.R.Header["Authorization"], c.R.Header["X-Api-Key"]
	if len(bearer)+len(keys) > 1 {
		return who, fault.Fail(fault.AmbiguousCredentials,
			"Send exactly one credential, as Authorization or as X-API-Key")
	}
	ctx := c.R.Context()
	switch {
	case len(keys) == 1:
		if f, ok := secret.FamilyOf(keys[0]); ok && f.Channel() != secret.ChannelAPIKey {
			return who, fault.Fail(fault.InvalidKey, "Send this key as Authorization: Bearer …")
		}
		return s.e.AuthenticateKey(ctx, keys[0])
	case len(bearer) == 0:
		return who, fault.Fail(fault.Unauthenticated,
			"Send a key as Authorization: Bearer …, or a kv_ key as X-API-Key")
	}
	scheme, text, _ := strings.Cut(bearer[0], " ")
	text = strings.TrimSpace(text)
	if !strings.EqualFold(scheme, "Bearer") || text == "" {
		return who, fault.Fail(fault.Unauthenticated, "Send the key as Authorization: Bearer …")
	}
	if strings.Count(text, ".") == 2 {
		claims, err := s.o.JWT.verify(text, s.o.Now)
		if err != nil {
			return who, err
		}
		return s.e.AuthenticateClaims(ctx, claims)
	}
	if f, ok := secret.FamilyOf(text); ok && f.Channel() != secret.ChannelBearer {
		return who, fault.Fail(fault.InvalidKey, "Send this key as X-API-Key")
	}
	return s.e.AuthenticateKey(ctx, text)
}

// inQuery reports whether a query string holds a key, as a value, as a name, or
// inside of either.
func inQuery(query string) bool {
	if query == "" || !strings.Contains(query, "_") && !strings.Contains(query, "%") {
		return false
	}
	for pair := range strings.SplitSeq(query, "&") {
		text, err := unescape(pair)
		if err != nil {
			text = pair
		}
		if at, end := findKey(text); end-at >= keyLike {
			return true
		}
	}
	return false
}

// keyLike is how many characters are a key, or most of one.
const keyLike = 24

// findKey finds what looks like a key: a family and what is written without a
// break behind it.
func findKey(text string) (start, end int) {
	for i := 0; i < len(text); i++ {
		f, ok := secret.FamilyOf(text[i:])
		if !ok {
			continue
		}
		end := i + len(f)
		for end < len(text) && isBase62(text[end]) {
			end++
		}
		if end-i > len(f)+8 { // more than the visible id
			return i, end
		}
	}
	return 0, 0
}

// isBase62 reports whether keys are made of this character.
func isBase62(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// masked is a text without the keys in it: callers' own words come back in
// refusals, and an error body never holds a secret (contract.md §1).
func masked(text string) string {
	for range maxDetails {
		start, end := findKey(text)
		if end == 0 {
			break
		}
		f, _ := secret.FamilyOf(text[start:])
		text = text[:start+len(f)] + "…" + text[end:]
	}
	return text
}
