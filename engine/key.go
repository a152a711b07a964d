package engine

// Key is an API key as it is stored: the hash, never the key.
type Key struct {
	ID             string
	Clinic         int64
	KeyID          string // the 8 characters after the family
	Family         Family
	Name           string
	Hash           string // hex SHA-256 of the whole key
	Scopes         ScopeSet
	RatePerMinute  *int // nil = the tier's; 0 = unlimited
	AllowedOrigins []string
	ExpiresAt      int64 // 0 = never
	RevokedAt      int64 // 0 = live; may lie ahead during a rotation's overlap
	RotatedTo      string
	CreatedAt      int64
	CreatedBy      string
	LastUsedAt     int64
	Secret         string // the key itself, once, in the reply that makes it
}

// Prefix is the visible part: "qbk_live_8fJ2kQ0a".
func (k Key) Prefix() string { return string(k.Family) + k.KeyID }

// WithoutSecret is the key as its idempotency record keeps it.
func (k Key) WithoutSecret() any { k.Secret = ""; return k }

// KeyDraft asks for a key.
type KeyDraft struct {
	Name           string
	Family         Family
	Scopes         []string // either spelling; empty = the family's default
	AllowedOrigins []string
	ExpiresAt      int64
	RatePerMinute  *int
}
