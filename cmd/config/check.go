package config

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"qualifybase/store/backup"
	"qualifybase/webhook"
)

// minJWTSecret is the least length of auth.jwt_secret in bytes (contract.md §4).
const minJWTSecret = 32

const shortSecret = "want at least 32 bytes; 'openssl rand -base64 48' makes one" // #nosec G101 -- advice

var (
	domainName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)
	clockTime  = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$`)
	tierName   = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,30}$`)
)

// checker collects the faults of the values.
type checker struct {
	l      *Loaded
	faults Faults
}

// fault names the key, the value it has, where that came from, and the way out.
func (l *Loaded) fault(key, format string, args ...any) Fault {
	f := Fault{where: "default", key: key, message: fmt.Sprintf(format, args...)}
	if s, ok := l.source[key]; ok {
		f.where = s
	}
	for _, s := range l.settings() {
		if _, secret := s.value.Interface().(Secret); s.key == key && !secret {
			f.value = s.literal()
		}
	}
	return f
}

func (c *checker) must(ok bool, key, format string, args ...any) {
	if !ok {
		c.faults = append(c.faults, c.l.fault(key, format, args...))
	}
}

// validate finds every fault of the values at once.
func (l *Loaded) validate() Faults {
	c := &checker{l: l}
	c.server(&l.Server)
	c.oneOf("log.level", l.Log.Level, "debug", "info", "warn", "error")
	c.oneOf("log.format", l.Log.Format, "text", "json")
	c.tls(&l.TLS)
	c.auth(&l.Auth)
	c.limits()
	c.oneOf("database.synchronous", l.Database.Synchronous, "full", "normal")
	c.between("database.readers", l.Database.Readers, 1, 64)
	c.between("database.cache_mib", l.Database.CacheMiB, 1, 4096)
	c.between("database.wal_autocheckpoint", l.Database.WALAutocheckpoint, 100, 1_000_000)
	c.webhooks(&l.Webhooks)
	c.backup(&l.Backup)
	c.metrics(&l.Metrics)
	return c.faults
}

func (c *checker) server(s *Server) {
	c.address("server.listen", s.Listen)
	if s.PublicURL != "" {
		u, err := url.Parse(s.PublicURL)
		ok := err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil &&
			(u.Path == "" || u.Path == "/") && u.RawQuery == "" && u.Fragment == ""
		c.must(ok, "server.public_url", `want scheme and host alone, such as "https://qb.clinic.example"`)
	}
	for _, p := range s.TrustedProxies {
		_, err := netip.ParsePrefix(p)
		c.must(err == nil, "server.trusted_proxies", `%s is no address range; want CIDRs such as "10.0.0.5/32"`, quote(p))
	}
	c.within("server.read_header_timeout", s.ReadHeaderTimeout, time.Second, time.Minute)
	c.within("server.read_timeout", s.ReadTimeout, time.Second, 10*time.Minute)
	c.within("server.write_timeout", s.WriteTimeout, time.Second, time.Hour)
	c.within("server.idle_timeout", s.IdleTimeout, time.Second, time.Hour)
	c.within("server.shutdown_timeout", s.ShutdownTimeout, time.Second, time.Minute)
}

func (c *checker) tls(t *TLS) {
	if t.Domain != "" {
		c.must(domainName.MatchString(t.Domain), "tls.domain",
			`want a public host name in lower case, such as "qb.clinic.example"`)
		c.must(t.Cert == "" && t.Key == "", "tls.domain",
			"give either a domain (certificates by ACME) or tls.cert and tls.key")
	}
	c.must((t.Cert == "") == (t.Key == ""), "tls.cert", "tls.cert and tls.key belong together; give both or none")
	if t.Email != "" {
		a, err := mail.ParseAddress(t.Email)
		c.must(err == nil && a.Address == t.Email, "tls.email", `want an address such as "it@clinic.example"`)
	}
	if t.HTTPListen != "" {
		c.address("tls.http_listen", t.HTTPListen)
	}
}

func (c *checker) auth(a *Auth) {
	if a.JWTSecret != "" {
		c.must(len(a.JWTSecret) >= minJWTSecret, "auth.jwt_secret", shortSecret)
		c.must(a.JWTSecretFile == "", "auth.jwt_secret_file", "give either auth.jwt_secret or auth.jwt_secret_file")
	}
	c.within("auth.session_ttl", a.SessionTTL, time.Minute, 31*24*time.Hour)
	c.between("auth.failed_per_minute", a.FailedPerMinute, 1, 100_000)
	c.between("auth.lockout_failures", a.LockoutFailures, 1, 1000)
	c.within("auth.lockout_window", a.LockoutWindow, time.Minute, 24*time.Hour)
}

func (c *checker) limits() {
	l := c.l
	c.between("limits.key_requests_per_minute", l.Limits.KeyRequestsPerMinute, 0, 10_000_000)
	c.between("limits.session_requests_per_minute", l.Limits.SessionRequestsPerMinute, 0, 10_000_000)
	c.between("limits.holds_per_key", l.Limits.HoldsPerKey, 1, 1_000_000)
	c.between("limits.holds_per_visitor", l.Limits.HoldsPerVisitor, 1, 1000)
	for _, name := range slices.Sorted(maps.Keys(l.Tiers)) {
		key := "tiers." + name + ".requests_per_minute"
		c.must(tierName.MatchString(name), key, "a tier's name is lower-case letters, digits, - and _, at most 31")
		c.between(key, l.Tiers[name].RequestsPerMinute, 0, 10_000_000)
	}
}

func (c *checker) webhooks(w *Webhooks) {
	for _, entry := range w.Allow {
		_, err := webhook.NewPolicy([]string{entry})
		c.must(err == nil, "webhooks.allow", `%s: %v; want "10.0.5.0/24", "192.168.10.20/32:8443" or "crm.clinic.lan"`,
			quote(entry), errors.Unwrap(err))
	}
	c.must(len(w.RetryMinutes) >= 1 && len(w.RetryMinutes) <= 20, "webhooks.retry_minutes", "want 1 to 20 steps")
	for _, m := range w.RetryMinutes {
		c.must(m >= 1 && m <= 7*24*60, "webhooks.retry_minutes", "%d is out of range; want minutes from 1 to 10080", m)
	}
	c.within("webhooks.timeout", w.Timeout, time.Second, 2*time.Minute)
	c.within("webhooks.connect_timeout", w.ConnectTimeout, 100*time.Millisecond, time.Minute)
	c.must(w.ConnectTimeout <= w.Timeout, "webhooks.connect_timeout", "want no more than webhooks.timeout (%s)", w.Timeout)
	c.between("webhooks.in_flight", w.InFlight, 1, 256)
}

func (c *checker) backup(b *Backup) {
	if b.Every != 0 { // 0 switches the schedule off
		c.within("backup.every", b.Every, 10*time.Minute, 31*24*time.Hour)
	}
	if b.At != "" {
		c.must(clockTime.MatchString(b.At), "backup.at", `want a time of day such as "02:30"`)
	}
	c.between("backup.keep", b.Keep, 1, 10_000)
	if b.Recipient != "" {
		_, err := backup.ParseRecipient(b.Recipient)
		c.must(err == nil, "backup.recipient", "%v", err)
	}
}

func (c *checker) metrics(m *Metrics) {
	if m.Token != "" {
		c.must(len(m.Token) >= 16, "metrics.token", "want at least 16 characters")
	}
	if m.Listen == "" {
		return
	}
	c.address("metrics.listen", m.Listen)
	host, _, _ := net.SplitHostPort(m.Listen)
	ip, err := netip.ParseAddr(host)
	loopback := host == "localhost" || err == nil && ip.IsLoopback()
	c.must(loopback || m.Token != "", "metrics.listen",
		"others can reach this address; set metrics.token, or listen on 127.0.0.1")
}

// address wants host:port; an empty host means every address of the machine,
// port 0 any free port.
func (c *checker) address(key, value string) {
	host, port, err := net.SplitHostPort(value)
	ok := err == nil && isPort(port) && !strings.ContainsAny(host, " \t/@")
	c.must(ok, key, `want host:port, such as "127.0.0.1:8080" or ":8080"`)
}

func isPort(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

func (c *checker) oneOf(key, value string, allowed ...string) {
	c.must(slices.Contains(allowed, value), key, "want one of %s", strings.Join(allowed, ", "))
}

func (c *checker) between(key string, value, low, high int) {
	c.must(value >= low && value <= high, key, "want %d to %d", low, high)
}

func (c *checker) within(key string, value Duration, low, high time.Duration) {
	c.must(time.Duration(value) >= low && time.Duration(value) <= high, key, "want %s to %s", Duration(low),
		Duration(high))
}
