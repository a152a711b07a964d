package store

import (
	"qualifybase/engine/directory"
)

const selectClinic = `SELECT n, id, slug, name, time_zone, country, settings, version, created_at, updated_at FROM clinics`

func scanClinic(r *row) directory.Clinic {
	c := directory.Clinic{N: r.int(), ID: r.text(), Slug: r.text(), Name: r.text(), TimeZone: r.text(), Country: r.text()}
	r.json((*settingsDoc)(&c.Settings))
	c.Version, c.CreatedAt, c.UpdatedAt = r.int(), r.int(), r.int()
	return c
}

// Clinic implements engine.Reader.
func (r *reads) Clinic(n int64) (directory.Clinic, error) {
	return one(r, "clinic", scanClinic, selectClinic+" WHERE n = ?", n)
}

// ClinicBySlug implements engine.Reader.
func (r *reads) ClinicBySlug(slug string) (directory.Clinic, error) {
	return one(r, "clinic", scanClinic, selectClinic+" WHERE slug = ?", slug)
}

// ClinicByPublicID implements engine.Reader.
func (r *reads) ClinicByPublicID(id string) (directory.Clinic, error) {
	return one(r, "clinic", scanClinic, selectClinic+" WHERE id = ?", id)
}

// Clinics implements engine.Reader.
func (r *reads) Clinics() ([]directory.Clinic, error) {
	return list(r, scanClinic, selectClinic+" ORDER BY n")
}

// InsertClinic implements engine.Tx; the running numbers begin at zero.
func (t *tx) InsertClinic(c *directory.Clinic) error {
	settings, err := asJSON(settingsDoc(c.Settings))
	if err != nil {
		return err
	}
	_, n, err := t.exec(`INSERT INTO clinics (id, slug, name, time_zone, country, settings, version, change, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?)`,
		c.ID, c.Slug, c.Name, c.TimeZone, c.Country, settings, c.Version, c.CreatedAt, c.UpdatedAt)
	if err != nil {
		return err
	}
	c.N = n
	_, _, err = t.exec("INSERT INTO counters (clinic, change, event, audit, mrn, stamp, audit_hash) VALUES (?, 0, 0, "+
		"0, 0, 0, '')", n)
	t.wrotePlan(n)
	return err
}

// UpdateClinic implements engine.Tx.
func (t *tx) UpdateClinic(c directory.Clinic) error {
	settings, err := asJSON(settingsDoc(c.Settings))
	if err != nil {
		return err
	}
	t.wrotePlan(c.N)
	return t.change("clinic", `UPDATE clinics SET slug = ?, name = ?, time_zone = ?, country = ?, settings = ?, version = ?,
		updated_at = ? WHERE n = ?`, c.Slug, c.Name, c.TimeZone, c.Country, settings, c.Version, c.UpdatedAt, c.N)
}

// LeapNumbers implements engine.Tx, in the table in which SQLite keeps the last
// number of each AUTOINCREMENT.
func (t *tx) LeapNumbers(n int64) error {
	for _, table := range []string{"patients", "providers", "locations", "services"} {
		moved, _, err := t.exec("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = ?", n, table)
		if err == nil && moved == 0 {
			_, _, err = t.exec("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", table, n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
