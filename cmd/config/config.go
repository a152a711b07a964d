// Package config is the configuration of qb: its keys with their defaults, how it is
// read from file, environment and flags, and what its values may be. It knows the
// senders and backups only to judge the settings that are theirs.
package config

import "time"

// Config is every setting of qb. config.example.toml is its manual: a test
// proves that each key is in it, with its default.
type Config struct {
	Server   Server           `toml:"server"`
	Log      Log              `toml:"log"`
	TLS      TLS              `toml:"tls"`
	Auth     Auth             `toml:"auth"`
	Limits   Limits           `toml:"limits"`
	Tiers    map[string]*Tier `toml:"tiers"`
	Database Database         `toml:"database"`
	Webhooks Webhooks         `toml:"webhooks"`
	Backup   Backup           `toml:"backup"`
	Metrics  Metrics          `toml:"metrics"`
}

// Server is the HTTP server.
type Server struct {
	Listen            string   `toml:"listen"`
	PublicURL         string   `toml:"public_url"`
	AllowHTTP         bool     `toml:"allow_http"`
	TrustedProxies    []string `toml:"trusted_proxies"`
	ReadHeaderTimeout Duration `toml:"read_header_timeout"`
	ReadTimeout       Duration `toml:"read_timeout"`
	WriteTimeout      Duration `toml:"write_timeout"`
	IdleTimeout       Duration `toml:"idle_timeout"`
	ShutdownTimeout   Duration `toml:"shutdown_timeout"`
}

// Log is what goes to standard error while the server runs.
type Log struct {
	Level  string `toml:"level"`  // debug, info, warn, error
	Format string `toml:"format"` // text, json
}

// TLS is HTTPS: a domain for ACME certificates, or a pair of files.
type TLS struct {
	Domain     string `toml:"domain"`
	Email      string `toml:"email"`
	Cert       string `toml:"cert"`
	Key        string `toml:"key"`
	HTTPListen string `toml:"http_listen"`
}

// Auth is sessions and failed logins (contract.md §4, §5).
type Auth struct {
	JWTSecret       Secret   `toml:"jwt_secret"`
	JWTSecretFile   string   `toml:"jwt_secret_file"`
	JWTIssuer       string   `toml:"jwt_issuer"`
	JWTAudience     string   `toml:"jwt_audience"`
	SessionTTL      Duration `toml:"session_ttl"`
	FailedPerMinute int      `toml:"failed_per_minute"`
	LockoutFailures int      `toml:"lockout_failures"`
	LockoutWindow   Duration `toml:"lockout_window"`
}

// Limits bounds what one caller may do (contract.md §5, booking.md §6).
// 0 means unlimited where requests are counted.
type Limits struct {
	KeyRequestsPerMinute     int `toml:"key_requests_per_minute"`
	SessionRequestsPerMinute int `toml:"session_requests_per_minute"`
	HoldsPerKey              int `toml:"holds_per_key"`
	HoldsPerVisitor          int `toml:"holds_per_visitor"`
}

// Tier is one named set of limits (contract.md §5); 0 means unlimited.
type Tier struct {
	RequestsPerMinute int `toml:"requests_per_minute"`
}

// Database tunes SQLite; proof.md §1 has the measurements.
type Database struct {
	Synchronous       string `toml:"synchronous"` // full, normal
	Readers           int    `toml:"readers"`
	CacheMiB          int    `toml:"cache_mib"`
	WALAutocheckpoint int    `toml:"wal_autocheckpoint"` // pages
}

// Webhooks is the sender (webhooks.md).
type Webhooks struct {
	Allow          []string `toml:"allow"`
	RetryMinutes   []int    `toml:"retry_minutes"`
	Timeout        Duration `toml:"timeout"`
	ConnectTimeout Duration `toml:"connect_timeout"`
	InFlight       int      `toml:"in_flight"`
}

// Backup is the backup that serve makes by itself.
type Backup struct {
	Dir       string   `toml:"dir"` // "" means backups in the data directory
	Every     Duration `toml:"every"`
	At        string   `toml:"at"` // HH:MM in the machine's zone; wins over Every
	Keep      int      `toml:"keep"`
	Recipient string   `toml:"recipient"` // an age public key
	Identity  string   `toml:"identity"`  // the file of its private key, for the drill
}

// Scheduled reports whether the server makes backups by itself.
func (b *Backup) Scheduled() bool { return b.Every != 0 || b.At != "" }

// Interval is how far two backups of the schedule lie apart.
func (b *Backup) Interval() time.Duration {
	if b.At != "" {
		return 24 * time.Hour
	}
	return time.Duration(b.Every)
}

// Metrics opens /metrics; without listen and token it is off.
type Metrics struct {
	Listen string `toml:"listen"`
	Token  Secret `toml:"token"`
}

// Default is the configuration without file, environment and flags.
func Default() *Loaded {
	return &Loaded{Config: defaults(), source: map[string]string{}}
}

// defaults is what runs without a qb.toml. Every call makes a new one:
// loading writes into it.
func defaults() *Config {
	return &Config{
		Server: Server{
			Listen: "127.0.0.1:8080", TrustedProxies: []string{},
			ReadHeaderTimeout: seconds(10), ReadTimeout: seconds(30), WriteTimeout: seconds(60),
			IdleTimeout: seconds(120), ShutdownTimeout: seconds(10),
		},
		Log: Log{Level: "info", Format: "text"},
		TLS: TLS{HTTPListen: ":80"},
		Auth: Auth{
			SessionTTL: Duration(12 * time.Hour), FailedPerMinute: 30,
			LockoutFailures: 10, LockoutWindow: Duration(15 * time.Minute),
		},
		Limits: Limits{
			KeyRequestsPerMinute: 120, SessionRequestsPerMinute: 600, HoldsPerKey: 500, HoldsPerVisitor: 3,
		},
		Tiers:    map[string]*Tier{"free": {60}, "standard": {120}, "pro": {600}},
		Database: Database{Synchronous: "full", Readers: 2, CacheMiB: 8, WALAutocheckpoint: 4000},
		Webhooks: Webhooks{
			Allow: []string{}, RetryMinutes: []int{1, 2, 4, 8, 16},
			Timeout: seconds(15), ConnectTimeout: seconds(5), InFlight: 16,
		},
		Backup: Backup{Every: Duration(24 * time.Hour), Keep: 7},
	}
}

func seconds(n int) Duration { return Duration(time.Duration(n) * time.Second) }
