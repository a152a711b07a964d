package cmd

import "time"

// Config is every setting of qb. config.example.toml is its manual: a test
// proves that each key is in it, with its default.
type Config struct {
	Server   ServerConfig     `toml:"server"`
	Log      LogConfig        `toml:"log"`
	TLS      TLSConfig        `toml:"tls"`
	Auth     AuthConfig       `toml:"auth"`
	Limits   LimitsConfig     `toml:"limits"`
	Tiers    map[string]*Tier `toml:"tiers"`
	Database DatabaseConfig   `toml:"database"`
	Webhooks WebhooksConfig   `toml:"webhooks"`
	Backup   BackupConfig     `toml:"backup"`
	Metrics  MetricsConfig    `toml:"metrics"`
}

// ServerConfig is the HTTP server.
type ServerConfig struct {
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

// LogConfig is what goes to standard error while the server runs.
type LogConfig struct {
	Level  string `toml:"level"`  // debug, info, warn, error
	Format string `toml:"format"` // text, json
}

// TLSConfig is HTTPS: a domain for ACME certificates, or a pair of files.
type TLSConfig struct {
	Domain     string `toml:"domain"`
	Email      string `toml:"email"`
	Cert       string `toml:"cert"`
	Key        string `toml:"key"`
	HTTPListen string `toml:"http_listen"`
}

// AuthConfig is sessions and failed logins (contract.md §4, §5).
type AuthConfig struct {
	JWTSecret       Secret   `toml:"jwt_secret"`
	JWTSecretFile   string   `toml:"jwt_secret_file"`
	JWTIssuer       string   `toml:"jwt_issuer"`
	JWTAudience     string   `toml:"jwt_audience"`
	SessionTTL      Duration `toml:"session_ttl"`
	FailedPerMinute int      `toml:"failed_per_minute"`
	LockoutFailures int      `toml:"lockout_failures"`
	LockoutWindow   Duration `toml:"lockout_window"`
}

// LimitsConfig bounds what one caller may do (contract.md §5, booking.md §6).
// 0 means unlimited where requests are counted.
type LimitsConfig struct {
	KeyRequestsPerMinute     int `toml:"key_requests_per_minute"`
	SessionRequestsPerMinute int `toml:"session_requests_per_minute"`
	HoldsPerKey              int `toml:"holds_per_key"`
	HoldsPerVisitor          int `toml:"holds_per_visitor"`
}

// Tier is one named set of limits (contract.md §5); 0 means unlimited.
type Tier struct {
	RequestsPerMinute int `toml:"requests_per_minute"`
}

// DatabaseConfig tunes SQLite; proof.md §1 has the measurements.
type DatabaseConfig struct {
	Synchronous       string `toml:"synchronous"` // full, normal
	Readers           int    `toml:"readers"`
	CacheMiB          int    `toml:"cache_mib"`
	WALAutocheckpoint int    `toml:"wal_autocheckpoint"` // pages
}

// WebhooksConfig is the sender (webhooks.md).
type WebhooksConfig struct {
	Allow          []string `toml:"allow"`
	RetryMinutes   []int    `toml:"retry_minutes"`
	Timeout        Duration `toml:"timeout"`
	ConnectTimeout Duration `toml:"connect_timeout"`
	InFlight       int      `toml:"in_flight"`
}

// BackupConfig is the backup that serve makes by itself.
type BackupConfig struct {
	Dir       string   `toml:"dir"` // "" means backups in the data directory
	Every     Duration `toml:"every"`
	At        string   `toml:"at"` // HH:MM in the machine's zone; wins over Every
	Keep      int      `toml:"keep"`
	Recipient string   `toml:"recipient"` // an age public key
	Identity  string   `toml:"identity"`  // the file of its private key, for the drill
}

// MetricsConfig opens /metrics; without listen and token it is off.
type MetricsConfig struct {
	Listen string `toml:"listen"`
	Token  Secret `toml:"token"`
}

// defaultConfig is what runs without a qb.toml. Every call makes a new one:
// loading writes into it.
func defaultConfig() *Config {
	return &Config{
		Server: ServerConfig{
			Listen: "127.0.0.1:8080", TrustedProxies: []string{},
			ReadHeaderTimeout: seconds(10), ReadTimeout: seconds(30), WriteTimeout: seconds(60),
			IdleTimeout: seconds(120), ShutdownTimeout: seconds(10),
		},
		Log: LogConfig{Level: "info", Format: "text"},
		TLS: TLSConfig{HTTPListen: ":80"},
		Auth: AuthConfig{
			SessionTTL: Duration(12 * time.Hour), FailedPerMinute: 30,
			LockoutFailures: 10, LockoutWindow: Duration(15 * time.Minute),
		},
		Limits: LimitsConfig{
			KeyRequestsPerMinute: 120, SessionRequestsPerMinute: 600, HoldsPerKey: 500, HoldsPerVisitor: 3,
		},
		Tiers:    map[string]*Tier{"free": {60}, "standard": {120}, "pro": {600}},
		Database: DatabaseConfig{Synchronous: "full", Readers: 2, CacheMiB: 8, WALAutocheckpoint: 4000},
		Webhooks: WebhooksConfig{
			Allow: []string{}, RetryMinutes: []int{1, 2, 4, 8, 16},
			Timeout: seconds(15), ConnectTimeout: seconds(5), InFlight: 16,
		},
		Backup: BackupConfig{Every: Duration(24 * time.Hour), Keep: 7},
	}
}

func seconds(n int) Duration { return Duration(time.Duration(n) * time.Second) }
