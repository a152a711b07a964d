package gate

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"qualifybase/engine/fault"
)

// findClient finds out who the client is: the connection's other end or, behind a
// proxy that the operator trusts, the last address that no trusted proxy added.
func (g *Gate) findClient(q *Request) {
	host, _, err := net.SplitHostPort(q.R.RemoteAddr)
	if err != nil {
		host = q.R.RemoteAddr
	}
	q.IP, q.Secure = host, q.R.TLS != nil
	if len(g.o.Proxies) == 0 || !g.trusted(host) {
		return
	}
	q.Secure = q.Secure || strings.EqualFold(q.R.Header.Get("X-Forwarded-Proto"), "https")
	hops := strings.Split(strings.Join(q.R.Header["X-Forwarded-For"], ","), ",")
	for _, hop := range slices.Backward(hops) {
		hop = strings.TrimSpace(hop)
		if _, err := netip.ParseAddr(hop); err != nil {
			return // nothing before garbage can be believed
		}
		q.IP = hop
		if !g.trusted(hop) {
			return
		}
	}
}

// trusted reports whether an address is that of a proxy which the operator trusts.
func (g *Gate) trusted(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && slices.ContainsFunc(g.o.Proxies, func(p netip.Prefix) bool { return p.Contains(a.Unmap()) })
}

// RequireHTTPS refuses plain http from another machine (contract.md §8).
func (g *Gate) RequireHTTPS(q *Request) error {
	if q.Secure || g.o.AllowHTTP {
		return nil
	}
	if a, err := netip.ParseAddr(q.IP); err == nil && a.Unmap().IsLoopback() {
		return nil
	}
	return fault.Fail(fault.HTTPSRequired, "Use https: keys and patient data must not be sent unencrypted")
}
