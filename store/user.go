package store

import (
	"qualifybase/engine/access"
)

func userColumns(c *columns, u *access.User) {
	c.fixed("id").text(&u.ID)
	c.fixed("clinic").int(&u.Clinic)
	c.column("email").text(&u.Email)
	c.column("email_key").text(&u.EmailKey)
	c.column("name").text(&u.Name)
	c.column("role").text((*string)(&u.Role))
	c.column("password_hash").text(&u.PasswordHash)
	c.column("failures").small(&u.Failures)
	c.column("first_failure_at").intOrNull(&u.FirstFailureAt)
	c.column("disabled_at").intOrNull(&u.DisabledAt)
	c.column("sessions_from").intOrNull(&u.SessionsFrom)
	c.column("version").int(&u.Version)
	c.fixed("created_at").int(&u.CreatedAt)
	c.column("updated_at").int(&u.UpdatedAt)
}

var (
	userTable  = newTable("users", "user", ofClinic, userColumns)
	selectUser = userTable.selects
)

func scanUser(r *row) (u access.User) {
	userColumns(scanning(r), &u)
	return u
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
	c := t.inserting()
	userColumns(c, &u)
	_, err := t.insert(userTable, c)
	return err
}

// UpdateUser implements engine.Tx.
func (t *tx) UpdateUser(u access.User) error {
	c := t.updating()
	userColumns(c, &u)
	return t.update(userTable, c, u.ID, u.Clinic)
}
