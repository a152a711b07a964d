package httpapi

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"qualifybase/engine/access"
	"qualifybase/engine/fault"
	"qualifybase/engine/secret"
)

// Browsers may call with public keys only, from the exact origins that a key
// lists; no other family ever gets a CORS header (contract.md §2).
var (
	exposed = []string{"X-Request-Id, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, RateLimit, " +
		"RateLimit-Policy, Retry-After, Idempotent-Replayed, Location, ETag"}
	vary = []string{"Origin"}
)

// checkOrigin lets a public key through from its own origins and tells the
// browser so.
func (s *Server) checkOrigin(c *call, who access.Identity) error {
	if who.Key == nil || who.Key.Family != secret.FamilyPublic {
		return nil
	}
	h := c.Header()
	h["Vary"] = vary
	origin := c.R.Header["Origin"]
	if len(origin) != 1 || !access.OriginAllowed(who.Key.AllowedOrigins, origin[0]) {
		return fault.Fail(fault.OriginNotAllowed, "This key only works from its allowed origins")
	}
	h["Access-Control-Allow-Origin"] = origin
	h["Access-Control-Expose-Headers"] = exposed
	return nil
}

// originList keeps the union of live public keys' origins for a moment: a
// preflight carries no key, so it cannot be asked more exactly.
type originList struct {
	mu   sync.Mutex
	list []string
	read time.Time
}

const originsFor = time.Second

func (o *originList) get(ctx context.Context, s *Server) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if now := time.Now(); now.Sub(o.read) >= originsFor {
		list, err := s.e.PublicOrigins(ctx)
		if err != nil {
			return nil // closed is the safe answer
		}
		o.list, o.read = list, now
	}
	return o.list
}

// options answers OPTIONS: a browser's preflight, or what a path takes.
func (s *Server) options(c *call) {
	if err := s.gate.RequireHTTPS(&c.Request); err != nil {
		c.Refuse(err)
		return
	}
	allowed := s.methods(c.R.URL.Path)
	h := c.Header()
	origin, wants := c.R.Header.Get("Origin"), c.R.Header.Get("Access-Control-Request-Method")
	if origin == "" || wants == "" {
		if len(allowed) == 0 {
			s.notFound(c, c.R)
			return
		}
		h["Allow"] = []string{strings.Join(allowed, ", ")}
		c.WriteHeader(http.StatusNoContent)
		return
	}
	h["Vary"] = vary
	if !access.OriginAllowed(s.origins.get(c.R.Context(), s), origin) {
		c.Refuse(fault.Fail(fault.OriginNotAllowed, "No public key allows this origin"))
		return
	}
	if len(allowed) == 0 { // the request itself hears that there is no such path
		allowed = allMethods
	}
	h["Access-Control-Allow-Origin"] = []string{origin}
	h["Access-Control-Allow-Methods"] = []string{strings.Join(allowed, ", ")}
	h["Access-Control-Allow-Headers"] = []string{"Authorization, Content-Type, Idempotency-Key, If-Match, " +
		"If-None-Match"}
	h["Access-Control-Max-Age"] = []string{"600"}
	c.WriteHeader(http.StatusNoContent)
}

var allMethods = []string{http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodPatch, http.MethodPost,
	http.MethodPut}

// methods lists what a path takes, OPTIONS included; nothing for an unknown path.
func (s *Server) methods(path string) []string {
	var out []string
	for _, m := range allMethods {
		if h, _, _ := s.router.Lookup(m, path); h != nil {
			out = append(out, m)
		}
	}
	if len(out) > 0 {
		out = append(out, http.MethodOptions)
	}
	return out
}
