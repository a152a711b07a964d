package webhook

import (
	"net/netip"
	"net/url"
	"strings"
	"unicode/utf8"

	"qualifybase/engine/fault"
)

// MaxURL is the length of a webhook URL, in bytes.
const MaxURL = 2048

// CheckURL is the rule at save time (webhooks.md "Where it may send"). It resolves
// nothing: what a name leads to is decided when it is dialled. The error is a
// VALIDATION_ERROR on the field url with one detail per fault. The engine gets this
// method as a function value; the sender asks it again before each attempt, since
// the operator may have narrowed the setting.
func (p *Policy) CheckURL(raw string) error {
	var f fault.Faults
	p.checkURL(raw, &f)
	return f.Err()
}

func (p *Policy) checkURL(raw string, f *fault.Faults) {
	fault := func(format string, args ...any) { f.Add("url", format, args...) }
	switch {
	case raw == "":
		fault("Required")
		return
	case len(raw) > MaxURL:
		fault("must have at most %d characters", MaxURL)
		return
	case !utf8.ValidString(raw):
		fault("must be valid UTF-8")
		return
	}
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || u.Host == "" {
		fault("must be an absolute URL such as https://crm.example.com/hooks")
		return
	}
	if u.User != nil {
		fault("must not contain a user name or password; the signature proves who sends")
	}
	if strings.Contains(raw, "#") {
		fault("must not contain a fragment (#…); it would never be sent")
	}
	secure := u.Scheme == "https"
	if !secure && u.Scheme != "http" {
		fault("must begin with https://")
		return
	}
	port := map[bool]uint16{true: 443, false: 80}[secure]
	if text := u.Port(); text != "" || strings.HasSuffix(u.Host, ":") {
		if port, err = parsePort(text); text == "" || err != nil {
			fault("has an invalid port; want 1 to 65535")
			return
		}
	}
	if why, listed := p.hostFault(u, port); why != "" {
		fault("%s", why)
	} else if !secure && !listed {
		fault("must begin with https://; http is only for targets that the operator lists in %s", AllowSetting)
	}
}

// hostFault is what is wrong with the host of a URL, and whether it is allow-listed.
func (p *Policy) hostFault(u *url.URL, port uint16) (why string, listed bool) {
	host := u.Hostname()
	addr, err := netip.ParseAddr(host)
	bracket := strings.HasPrefix(u.Host, "[")
	if err == nil || bracket || strings.Contains(host, ":") {
		return p.literalFault(addr, host, bracket, port)
	}
	name := foldHost(host)
	if why := nameFault(name); why != "" {
		return "has an unusable host: " + why, false
	}
	if p.allowsName(name, port) {
		return "", true
	}
	if name == "localhost" || strings.HasSuffix(name, ".localhost") || !strings.Contains(name, ".") {
		return "must not name this machine or a bare inner host; the operator can allow it by name in " + AllowSetting,
			false
	}
	return "", false
}

func (p *Policy) literalFault(addr netip.Addr, host string, bracket bool, port uint16) (why string, listed bool) {
	switch {
	case !addr.IsValid() || addr.Is6() != bracket || addr.Zone() != "":
		return "has an unusable host: write an IP address as 203.0.113.7 or [2001:db8::7]", false
	case addr.Is4In6():
		return "has an unusable host: write the IPv4 address itself, " + addr.Unmap().String(), false
	case addr.String() != host: // IPv4 has one spelling only
		return "has an unusable host: write the address as [" + addr.String() + "]", false
	}
	to := netip.AddrPortFrom(addr, port)
	if err := p.Check(host, to); err != nil {
		return "has a host that may not be sent to: " + err.Error(), false
	}
	return "", p.allowsNet(to)
}
