package store

import (
	"qualifybase/engine/access"
	"qualifybase/engine/act"
)

const selectUser = `SELECT id, clinic, email, email_key, name, role, password_hash, failures, first_failure_at, disabled_at,
	sessions_from, version, created_at, updated_at FROM users`

func scanUser(r *row) access.User {
	return access.User{
		ID: r.text(), Clinic: r.int(), Email: r.text(), EmailKey: r.text(), Name: r.text(), Role: act.Role(r.text()),
		PasswordHash: r.text(), Failures: r.small(), FirstFailureAt: r.int(), DisabledAt: r.int(),
		SessionsFrom: r.int(), Version: r.int(), CreatedAt: r.int(), UpdatedAt: r.int(),
	}
}

// User implements engine.Reader.
func (r *reads) User(id string) (access.User, error) {
	return one(r, "user", scanUser, selectUser+" WHERE id = ?", id)
}

// UsersByEmail implements engine.Reader, oldest first.
func (r *reads) UsersByEmail(emailKey string) ([]access.User, error) {
	return list(r, scanUser, selectUser+" WHERE email_key = ? ORDER BY created_at, id", emailKey)
}

// Users implements engine.Reader, oldest first.
func (r *reads) Users(clinic int64) ([]access.User, error) {
	return list(r, scanUser, selectUser+" WHERE clinic = ? ORDER BY created_at, id", clinic)
}

// InsertUser implements engine.Tx.
func (t *tx) InsertUser(u access.User) error {
	_, _, err := t.exec(`INSERT INTO users (id, clinic, email, email_key, name, role, password_hash, failures, first_failure_at,
		disabled_at, sessions_from, version, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		u.ID, u.Clinic, u.Email, u.EmailKey, u.Name, string(u.Role), u.PasswordHash, u.Failures, intOrNull(u.FirstFailureAt),
		intOrNull(u.DisabledAt), intOrNull(u.SessionsFrom), u.Version, u.CreatedAt, u.UpdatedAt)
	return err
}

// UpdateUser implements engine.Tx.
func (t *tx) UpdateUser(u access.User) error {
	return t.change("user", `UPDATE users SET email = ?, email_key = ?, name = ?, role = ?, password_hash = ?, failures = ?,
		first_failure_at = ?, disabled_at = ?, sessions_from = ?, version = ?, updated_at = ? WHERE id = ? AND clinic = ?`,
		u.Email, u.EmailKey, u.Name, string(u.Role), u.PasswordHash, u.Failures, intOrNull(u.FirstFailureAt),
		intOrNull(u.DisabledAt), intOrNull(u.SessionsFrom), u.Version, u.UpdatedAt, u.ID, u.Clinic)
}
