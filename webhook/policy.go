package webhook

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"

	"code.dny.dev/ssrf"
)

// AllowSetting is how every refusal names the operator's way out.
const AllowSetting = "[webhooks] allow"

// Policy says where deliveries may go (webhooks.md "Where it may send"): public
// addresses, and what the operator allows in the configuration. It is safe for
// concurrent use. CheckURL is the rule at save time, Check the one that counts: it
// sees the address that is about to be connected to.
type Policy struct {
	nets   []allowedNet
	names  []allowedName
	public *ssrf.Guardian
	own    atomic.Pointer[[]netip.AddrPort]
	local  func() []netip.Addr // this machine's addresses
}

type allowedNet struct {
	prefix netip.Prefix
	port   uint16 // 0 = any
}

type allowedName struct {
	host string // lower case, no final dot
	port uint16
}

// Refusal is a target that the policy forbids. Its text names no resolved address:
// it ends in the delivery log, which must be no map of the inner network.
type Refusal struct{ Reason string }

func (r *Refusal) Error() string { return r.Reason }

var (
	refusedMetadata = &Refusal{"cloud metadata and link-local addresses are never allowed"}
	refusedOwn      = &Refusal{"this is one of the appliance's own listeners, which are never allowed"}
	refusedNowhere  = &Refusal{"unspecified and multicast addresses are never allowed"}
	refusedPrivate  = &Refusal{"the address is not public; the operator can allow it in " + AllowSetting}
)

// metadata are the networks where clouds answer their own machines; some are
// public addresses. They are never allowable.
var metadata = prefixes(
	"169.254.0.0/16",     // nearly all clouds, and everything link-local
	"fe80::/10",          // the same on IPv6
	"fd00:ec2::/32",      // AWS
	"fd20:ce::/64",       // Google Cloud
	"100.100.100.200/32", // Alibaba Cloud
	"168.63.129.16/32",   // Azure
	"192.0.0.192/32",     // Oracle Cloud
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// NewPolicy reads the entries of the setting [webhooks] allow: a network
// ("10.0.5.0/24"), an address, or a host name, each with an optional port
// ("192.168.10.20/32:8443", "[fd00::7]:8443", "crm.clinic.lan:8443"). An error
// names the entry.
func NewPolicy(allow []string) (*Policy, error) {
	p := &Policy{public: ssrf.New(ssrf.WithAnyPort()), local: localAddrs}
	p.own.Store(&[]netip.AddrPort{})
	for _, entry := range allow {
		if err := p.allow(entry); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", AllowSetting, entry, err)
		}
	}
	return p, nil
}

// SetOwn names the appliance's own listeners; an unspecified address (":8080")
// stands for every address of this machine.
func (p *Policy) SetOwn(listeners ...netip.AddrPort) {
	own := slices.Clone(listeners)
	p.own.Store(&own)
}

// Check decides about one connection: host is the name from the URL, to what it
// resolved to. The error is a *Refusal.
func (p *Policy) Check(host string, to netip.AddrPort) error {
	addr := to.Addr().Unmap().WithZone("")
	to = netip.AddrPortFrom(addr, to.Port())
	inner, tunnel := embedded(addr)
	switch {
	case !addr.IsValid() || addr.IsUnspecified() || addr.IsMulticast():
		return refusedNowhere
	case within(metadata, addr):
		return refusedMetadata
	case p.isOwn(to):
		return refusedOwn
	case p.allowsNet(to):
		if tunnel { // allowing a translator's prefix does not allow what is behind it
			return p.Check(host, netip.AddrPortFrom(inner, to.Port()))
		}
		return nil
	case p.allowsName(host, to.Port()) && !tunnel && nameable(addr):
		return nil
	case p.public.SafeAddr(addr) != nil:
		return refusedPrivate
	}
	return nil
}

// nameable reports whether an allowed host name may resolve to the inner address;
// public ones are decided by the general rule.
func nameable(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLoopback() || sharedSpace.Contains(a)
}

var sharedSpace = netip.MustParsePrefix("100.64.0.0/10") // CGNAT, also used by overlay networks

// allowsNet reports whether the operator allows the address, or its network, and the port.
func (p *Policy) allowsNet(to netip.AddrPort) bool {
	return slices.ContainsFunc(p.nets, func(n allowedNet) bool {
		return n.prefix.Contains(to.Addr()) && (n.port == 0 || n.port == to.Port())
	})
}

// allowsName reports whether the operator allows the host name and port.
func (p *Policy) allowsName(host string, port uint16) bool {
	host = foldHost(host)
	return slices.ContainsFunc(p.names, func(n allowedName) bool {
		return n.host == host && (n.port == 0 || n.port == port)
	})
}

func (p *Policy) isOwn(to netip.AddrPort) bool {
	for _, own := range *p.own.Load() {
		if own.Port() != to.Port() {
			continue
		}
		addr := own.Addr().Unmap().WithZone("")
		if addr == to.Addr() || addr.IsUnspecified() &&
			(to.Addr().IsLoopback() || slices.Contains(p.local(), to.Addr())) {
			return true
		}
	}
	return false
}

func localAddrs() (list []netip.Addr) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range all {
		if n, err := netip.ParsePrefix(a.String()); err == nil {
			list = append(list, n.Addr().Unmap())
		}
	}
	return list
}

// within reports whether one of the networks has the address.
func within(list []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}

var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96")
	nat64Local = netip.MustParsePrefix("64:ff9b:1::/48")
	sixToFour  = netip.MustParsePrefix("2002::/16")
	teredo     = netip.MustParsePrefix("2001::/32")
	compatible = netip.MustParsePrefix("::/96")
)

// embedded is the IPv4 address that a translated or tunnelled IPv6 address leads to.
func embedded(a netip.Addr) (netip.Addr, bool) {
	if !a.Is6() {
		return netip.Addr{}, false
	}
	b := a.As16()
	v4 := func(b []byte) (netip.Addr, bool) { return netip.AddrFrom4([4]byte(b)), true }
	switch {
	case nat64.Contains(a), nat64Local.Contains(a), compatible.Contains(a) && !a.IsLoopback():
		return v4(b[12:])
	case sixToFour.Contains(a):
		return v4(b[2:6])
	case teredo.Contains(a):
		return v4([]byte{^b[12], ^b[13], ^b[14], ^b[15]})
	}
	return netip.Addr{}, false
}
