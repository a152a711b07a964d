package access

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"qualifybase/engine/fault"
)

// anyLocalhost is the one pattern among origins: a developer's machine, any port.
const anyLocalhost = "http://localhost:*"

// cleanOrigins reads the origins of a browser key: exact `scheme://host[:port]`
// as browsers send them, or http://localhost:* (contract.md §2). At least one.
func cleanOrigins(f *fault.Faults, field string, list []string) []string {
	if len(list) == 0 {
		f.Add(field, `Required: the pages that may use the key, such as "https://clinic.example"`)
	}
	if len(list) > MaxOrigins {
		f.Add(field, "At most %d origins; there are %d", MaxOrigins, len(list))
		return nil
	}
	kept := []string{}
	for i, text := range list {
		origin, why := cleanOrigin(text)
		if why != "" {
			f.Add(fault.Indexed(field, i), "%s", why)
		} else if !slices.Contains(kept, origin) {
			kept = append(kept, origin)
		}
	}
	return kept
}

func cleanOrigin(text string) (origin, fault string) {
	const form = `Must be scheme://host or scheme://host:port, such as "https://clinic.example"`
	text = strings.ToLower(strings.TrimSpace(text))
	if text == anyLocalhost {
		return text, ""
	}
	if strings.Contains(text, "*") {
		return "", "Must be exact: the only origin with a * is " + anyLocalhost
	}
	scheme, authority, found := strings.Cut(text, "://")
	if !found || scheme != "https" && scheme != "http" {
		return "", form
	}
	if strings.ContainsAny(authority, "/?#") {
		return "", "Must be an origin without a path: only scheme, host and port"
	}
	host, port, fault := splitAuthority(authority)
	if fault != "" {
		return "", fault
	}
	if port == "" || scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		return scheme + "://" + host, "" // browsers leave the usual port out
	}
	return scheme + "://" + host + ":" + port, ""
}

// splitAuthority reads host[:port]; an IPv6 address stands in brackets.
func splitAuthority(text string) (host, port, fault string) {
	host = text
	if at := strings.LastIndexByte(text, ':'); at > strings.LastIndexByte(text, ']') {
		host, port = text[:at], text[at+1:]
		n, err := strconv.Atoi(port)
		if err != nil || n < 1 || n > 65535 || strconv.Itoa(n) != port {
			return "", "", "Must have a port of 1 to 65535, or none"
		}
	}
	if inner, found := strings.CutPrefix(host, "["); found {
		inner, closed := strings.CutSuffix(inner, "]")
		ip, err := netip.ParseAddr(inner)
		if !closed || err != nil || !ip.Is6() || ip.Zone() != "" {
			return "", "", "Must have an IPv6 address between its brackets"
		}
		return "[" + ip.String() + "]", port, ""
	}
	if !plainHost(host) {
		return "", "", "Must have a host of letters, digits, hyphens and dots; write other letters as xn--…"
	}
	return host, port, ""
}

func plainHost(host string) bool {
	if host == "" || len(host) > 253 {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
				return false
			}
		}
	}
	return true
}

// OriginAllowed reports whether a request's Origin header is among the origins of
// a key: byte for byte, or any port of http://localhost where the key says so.
func OriginAllowed(allowed []string, origin string) bool {
	if origin == "" {
		return false
	}
	for _, a := range allowed {
		if a == anyLocalhost && localOrigin(origin) || a == origin && a != anyLocalhost {
			return true
		}
	}
	return false
}

func localOrigin(origin string) bool {
	rest, found := strings.CutPrefix(origin, "http://localhost")
	if !found || rest == "" {
		return found
	}
	n, err := strconv.Atoi(strings.TrimPrefix(rest, ":"))
	return rest[0] == ':' && err == nil && n >= 1 && n <= 65535
}
