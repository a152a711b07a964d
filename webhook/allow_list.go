package webhook

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// allow adds one entry of the setting.
func (p *Policy) allow(entry string) error {
	if net, ok, err := parseNet(entry); ok || err != nil {
		if err != nil {
			return err
		}
		for _, m := range metadata {
			if m.Contains(net.prefix.Addr()) && net.prefix.Bits() >= m.Bits() {
				return errors.New(refusedMetadata.Reason)
			}
		}
		p.nets = append(p.nets, net)
		return nil
	}
	host, port := entry, uint16(0)
	if h, text, ok := strings.Cut(entry, ":"); ok {
		var err error
		if port, err = parsePort(text); err != nil {
			return err
		}
		host = h
	}
	host = foldHost(host)
	if fault := nameFault(host); fault != "" {
		return fmt.Errorf("want a network, an address or a host name, each with an optional port (%s)", fault)
	}
	p.names = append(p.names, allowedName{host, port})
	return nil
}

// parseNet reads "10.0.5.0/24", "10.0.5.7", "fd00::/64:8443", "[fd00::7]:8443";
// false without an error means that the entry looks like a name.
func parseNet(entry string) (n allowedNet, ok bool, err error) {
	if to, err := netip.ParseAddrPort(entry); err == nil {
		n.prefix, n.port = netip.PrefixFrom(to.Addr(), to.Addr().BitLen()), to.Port()
		return n, true, n.fault()
	}
	bare := entry
	if strings.HasPrefix(entry, "[") && strings.HasSuffix(entry, "]") && strings.Contains(entry, ":") {
		bare = entry[1 : len(entry)-1]
	}
	if a, err := netip.ParseAddr(bare); err == nil {
		n.prefix = netip.PrefixFrom(a, a.BitLen())
		return n, true, n.fault()
	}
	addr, rest, slash := strings.Cut(entry, "/")
	if !slash {
		return n, false, nil
	}
	bits, port, withPort := strings.Cut(rest, ":")
	if n.prefix, err = netip.ParsePrefix(addr + "/" + bits); err != nil {
		return n, false, fmt.Errorf("%s/%s is no network", addr, bits)
	}
	if withPort {
		if n.port, err = parsePort(port); err != nil {
			return n, false, err
		}
	}
	return n, true, n.fault()
}

func (n allowedNet) fault() error {
	switch {
	case n.prefix.Addr().Is4In6():
		return errors.New("write the IPv4 address itself")
	case n.prefix.Addr().Zone() != "":
		return errors.New("an address with a zone cannot be allowed")
	case n.prefix.Masked() != n.prefix:
		return fmt.Errorf("the address has bits beyond its mask; did you mean %s?", n.prefix.Masked())
	}
	return nil
}

func parsePort(text string) (uint16, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 || text[0] < '1' || text[0] > '9' {
		return 0, fmt.Errorf("%q is no port; want 1 to 65535", text)
	}
	return uint16(n), nil
}

// foldHost is a host name as it is compared: lower case, without the final dot.
func foldHost(host string) string {
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

// nameFault tells why a folded host is no DNS name; "" when it is one. A last label
// that is a number makes it one of the spellings of an IPv4 address that resolvers
// accept: decimal, octal, hex, short.
func nameFault(host string) string {
	if host == "" || len(host) > 253 {
		return "a host name has 1 to 253 characters"
	}
	labels := strings.Split(host, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
			return "each part of a host name has 1 to 63 characters and no hyphen at its ends"
		}
		for _, c := range []byte(l) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return "a host name has only letters, digits, hyphens and dots; write an international name in its " +
					"xn-- form"
			}
		}
	}
	last := labels[len(labels)-1]
	if last[0] >= '0' && last[0] <= '9' {
		return "it looks like a number; write an IP address as 203.0.113.7 or [2001:db8::7]"
	}
	return ""
}
