package access

import (
	"qualifybase/engine/act"
	"qualifybase/engine/directory"
	"qualifybase/engine/secret"
)

// Reader is what this room asks of a snapshot. Package store implements it.
type Reader interface {
	Clinic(n int64) (directory.Clinic, error)             // NotFound
	ClinicBySlug(slug string) (directory.Clinic, error)   // NotFound
	ClinicByPublicID(id string) (directory.Clinic, error) // NotFound
	Plan(clinic int64) (*directory.Plan, error)
	KeyByLookup(f secret.Family, keyID string) (Key, error) // of any clinic; NotFound
	Key(clinic int64, id string) (Key, error)
	Keys(clinic int64, after act.Position, limit int) ([]Key, error) // newest first; limit 0 = all
	CountKeys(clinic int64) (int64, error)
	PublicOrigins(now int64) ([]string, error) // of all live public keys: the preflight's answer
	User(id string) (User, error)              // of any clinic
	UsersByEmail(emailKey string) ([]User, error)
	Users(clinic int64) ([]User, error)
}

// Writer is what this room's acts change in their transaction.
type Writer interface {
	InsertKey(k Key) error
	UpdateKey(k Key) error
	TouchKey(id string, at int64) error // last_used_at
	InsertUser(u User) error
	UpdateUser(u User) error
}
