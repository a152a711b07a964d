package webhook

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"qualifybase/engine/fault"
)

func policy(t testing.TB, allow ...string) *Policy {
	t.Helper()
	p, err := NewPolicy(allow)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// policyFault is the message of the single detail, or "" when the URL passes.
func policyFault(t testing.TB, p *Policy, raw string) string {
	t.Helper()
	err := p.CheckURL(raw)
	if err == nil {
		return ""
	}
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind != fault.Invalid || len(e.Details) == 0 {
		t.Fatalf("%q: %v is no VALIDATION_ERROR with details", raw, err)
	}
	var all []string
	for _, d := range e.Details {
		if d.Field != "url" {
			t.Errorf("%q: a fault of %q", raw, d.Field)
		}
		all = append(all, d.Message)
	}
	return strings.Join(all, "; ")
}

func TestCheckURL(t *testing.T) {
	t.Parallel()
	open := policy(t)
	for _, c := range []struct{ url, want string }{
		{"https://crm.example.com/hooks?tenant=1", ""},
		{"https://crm.example.com:8443/", ""},
		{"https://CRM.Example.com./x", ""},
		{"https://1.1.1.1/x", ""},
		{"https://[2606:4700::1111]/x", ""},
		{"https://xn--zahnrzte-5za.de/", ""},
		{"", "Required"},
		{"crm.example.com", "absolute URL"},
		{"/hooks", "absolute URL"},
		{"https:///x", "absolute URL"},
		{"https:crm.example.com", "absolute URL"},
		{"https://a\nb.com/", "absolute URL"},
		{"https://crm.example.com\\@evil.com/", "absolute URL"},
		{"ftp://crm.example.com/", "https://"},
		{"file://host/etc/passwd", "https://"},
		{"gopher://crm.example.com/", "https://"},
		{"http://crm.example.com/", AllowSetting},
		{"https://user:pw@crm.example.com/", "user name"},
		{"https://@crm.example.com/", "user name"},
		{"https://crm.example.com/#top", "fragment"},
		{"https://crm.example.com/#", "fragment"},
		{"https://crm.example.com:0/", "port"},
		{"https://crm.example.com:65536/", "port"},
		{"https://crm.example.com:/", "port"},
		{"https://crm.example.com/" + strings.Repeat("x", 2048), "2048"},
		{"https://crm.example.com/\xff", "UTF-8"},
		{"https://zahnärzte.de/", "xn--"},
		{"https://crm..example.com/", "part of a host name"},
		{"https://-crm.example.com/", "hyphen"},
		{"https://localhost/", AllowSetting},
		{"https://LOCALHOST./", AllowSetting},
		{"https://api.localhost/", AllowSetting},
		{"https://crm/", AllowSetting},
		{"https://127.0.0.1/", AllowSetting},
		{"https://10.1.2.3/", AllowSetting},
		{"https://169.254.169.254/latest/meta-data/", "metadata"},
		{"https://168.63.129.16/", "metadata"},
		{"https://[::1]/", AllowSetting},
		{"https://[fe80::1%25eth0]/", "write an IP address"},
		{"https://[::ffff:127.0.0.1]/", "IPv4 address itself"},
		{"https://[::ffff:8.8.8.8]/", "IPv4 address itself"},
		{"https://[2606:4700:0:0::1111]/", "write the address as [2606:4700::1111]"},
		{"https://2130706433/", "number"},
		{"https://0x7f000001/", "number"},
		{"https://0177.0.0.1/", "number"},
		{"https://127.1/", "number"},
		{"https://127.0.0.1./", "number"},
		{"https://0x7f.1/", "number"},
	} {
		got := policyFault(t, open, c.url)
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%q: %q, want %q", c.url, got, c.want)
		}
	}
	if got := policyFault(t, open, "http://u@localhost/#x"); strings.Count(got, ";") < 3 {
		t.Errorf("not every fault came back: %q", got)
	}
}

func TestCheckURLAllowed(t *testing.T) {
	t.Parallel()
	p := policy(t, "192.168.10.20/32:8443", "10.0.5.0/24", "127.0.0.1/32", "crm.clinic.lan", "intranet:8080",
		"[fd00::7]:443", "localhost")
	for url, ok := range map[string]bool{
		"https://192.168.10.20:8443/":  true,
		"http://192.168.10.20:8443/":   true,
		"https://192.168.10.20/":       false,
		"http://10.0.5.9/":             true,
		"https://10.0.6.9/":            false,
		"http://127.0.0.1:9/":          true,
		"http://127.0.0.2/":            false,
		"http://crm.clinic.lan/":       true,
		"http://CRM.clinic.lan.:81/":   true,
		"http://other.clinic.lan/":     false,
		"http://x.crm.clinic.lan/":     false,
		"http://intranet:8080/":        true,
		"https://intranet/":            false,
		"https://[fd00::7]/":           true,
		"http://[fd00::7]/":            false,
		"http://localhost:3000/":       true,
		"http://169.254.169.254/":      false,
		"https://user@crm.clinic.lan/": false,
		"http://2130706433/":           false,
	} {
		if got := policyFault(t, p, url); (got == "") != ok {
			t.Errorf("%s: %q, want allowed %v", url, got, ok)
		}
	}
}

func TestAllowSettingTakes(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"10.0.0.1", "fd00::7", "[fd00::7]", "[fd00::7]:8443", "fd00::/64", "fd00::/64:8443",
		"crm.clinic.lan.", "CRM.clinic.lan:80"} {
		if _, err := NewPolicy([]string{good}); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
}

func TestAllowSettingRefuses(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"", " ", "10.0.5.7/24", "10.0.0.0/33", "10.0.0.0/8:0", "10.0.0.0/8:http", "10.0.0.0/8:+80", "::ffff:10.0.0.1",
		"[10.0.0.1]", "]10.0.0.1", "[10.0.0.1", "[fd00::7", "fd00::7]", "[[fd00::7]]", "[fd00::7]x",
		"169.254.169.254", "169.254.169.254/32:80", "169.254.0.0/16", "fd00:ec2::254", "100.100.100.200", "fe80::1",
		"fe80::1%eth0",
		"*.clinic.lan", "crm.clinic.lan:99999", "https://crm.clinic.lan", "crm clinic", "2130706433", "0x7f.1",
		"zahnärzte.lan",
	} {
		if _, err := NewPolicy([]string{bad}); err == nil || !strings.Contains(err.Error(), AllowSetting) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestCheckAddress(t *testing.T) {
	t.Parallel()
	wide := policy(t, "0.0.0.0/0", "::/0", "crm.clinic.lan")
	wide.SetOwn(netip.MustParseAddrPort("127.0.0.1:8080"), netip.MustParseAddrPort("[::]:9090"))
	wide.local = func() []netip.Addr { return []netip.Addr{netip.MustParseAddr("192.168.1.5")} }
	named := policy(t, "crm.clinic.lan")
	for _, c := range []struct {
		p    *Policy
		to   string
		want *Refusal
	}{
		{wide, "10.0.0.1:80", nil},
		{wide, "127.0.0.1:8081", nil},
		{wide, "127.0.0.1:8080", refusedOwn},
		{wide, "[::ffff:127.0.0.1]:8080", refusedOwn},
		{wide, "127.0.0.9:9090", refusedOwn},
		{wide, "[::1]:9090", refusedOwn},
		{wide, "192.168.1.5:9090", refusedOwn},
		{wide, "[64:ff9b::7f00:1]:8080", refusedOwn},
		{wide, "192.168.1.6:9090", nil},
		{wide, "169.254.169.254:80", refusedMetadata},
		{wide, "[::ffff:169.254.169.254]:80", refusedMetadata},
		{wide, "[64:ff9b::a9fe:a9fe]:80", refusedMetadata},
		{wide, "[64:ff9b:1::a9fe:a9fe]:80", refusedMetadata},
		{wide, "[2002:a9fe:a9fe::]:80", refusedMetadata},
		{wide, "[2001:0:1:2:3:4:5601:5601]:80", refusedMetadata}, // Teredo: inverted
		{wide, "[::a9fe:a9fe]:80", refusedMetadata},
		{wide, "[fd00:ec2::254]:80", refusedMetadata},
		{wide, "[fe80::a9fe:a9fe%eth0]:80", refusedMetadata},
		{wide, "0.0.0.0:80", refusedNowhere},
		{wide, "[::]:80", refusedNowhere},
		{wide, "224.0.0.1:80", refusedNowhere},
		{wide, "[ff02::1]:80", refusedNowhere},
		{named, "10.0.0.1:80", nil},
		{named, "100.64.1.1:80", nil},
		{named, "8.8.8.8:80", nil},
		{named, "169.254.169.254:80", refusedMetadata},
		{named, "240.0.0.1:80", refusedPrivate},
		{named, "[64:ff9b::a00:1]:80", refusedPrivate},
		{policy(t), "10.0.0.1:80", refusedPrivate},
		{policy(t), "8.8.8.8:80", nil},
	} {
		err := c.p.Check("crm.clinic.lan", netip.MustParseAddrPort(c.to))
		if got, _ := errors.AsType[*Refusal](err); got != c.want {
			t.Errorf("%s: %v, want %v", c.to, err, c.want)
		}
	}
}

func FuzzCheckURL(f *testing.F) {
	for _, s := range []string{"https://crm.example.com/", "http://10.0.0.1:80/", "https://[::1]/", "https://0x7f.1/",
		"https://a@b#c"} {
		f.Add(s)
	}
	p := policy(f)
	f.Fuzz(func(t *testing.T, raw string) {
		if policyFault(t, p, raw) != "" {
			return
		}
		u, err := url.Parse(raw)
		if err != nil || u.Scheme != "https" || u.User != nil || len(raw) > MaxURL {
			t.Fatalf("%q passed", raw)
		}
		if a, err := netip.ParseAddr(u.Hostname()); err == nil &&
			(a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.Is4In6()) {
			t.Fatalf("%q passed: inner address", raw)
		}
	})
}

func FuzzAllowEntry(f *testing.F) {
	for _, s := range []string{"10.0.5.0/24", "192.168.10.20/32:8443", "[fd00::7]:8443", "crm.clinic.lan:80", "::/0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, entry string) {
		p, err := NewPolicy([]string{entry})
		if err != nil {
			return
		}
		if p.Check("x.example", netip.MustParseAddrPort("169.254.169.254:80")) == nil ||
			p.Check(entry, netip.MustParseAddrPort("[fd00:ec2::254]:80")) == nil {
			t.Fatalf("%q allows the metadata address", entry)
		}
	})
}
