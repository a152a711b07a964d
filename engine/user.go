package engine

// User is a person of the clinic who signs in.
type User struct {
	ID             string
	Clinic         int64
	Email          string
	EmailKey       string // case-folded
	Name           string
	Role           Role
	PasswordHash   string // argon2id in PHC form; "" = signs in by a foreign JWT only
	Failures       int    // since FirstFailureAt
	FirstFailureAt int64
	DisabledAt     int64
	Version        int64
	CreatedAt      int64
	UpdatedAt      int64
}
