package store

import (
	"qualifybase/engine/directory"
)

func clinicColumns(c *columns, v *directory.Clinic) {
	c.derived("n").int(&v.N)
	c.fixed("id").text(&v.ID)
	c.column("slug").text(&v.Slug)
	c.column("name").text(&v.Name)
	c.column("time_zone").text(&v.TimeZone)
	c.column("country").text(&v.Country)
	c.column("settings").json((*settingsDoc)(&v.Settings))
	c.column("version").int(&v.Version)
	c.in(inserted, "change").value(0)
	c.fixed("created_at").int(&v.CreatedAt)
	c.column("updated_at").int(&v.UpdatedAt)
}

var (
	clinicTable  = newTable("clinics", "clinic", "n = ?", clinicColumns)
	selectClinic = clinicTable.selects
)

func scanClinic(r *row) (v directory.Clinic) {
	clinicColumns(scanning(r), &v)
	return v
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
func (t *tx) InsertClinic(v *directory.Clinic) error {
	c := t.inserting()
	clinicColumns(c, v)
	n, err := t.insert(clinicTable, c)
	if err != nil {
		return err
	}
	v.N = n
	_, _, err = t.exec("INSERT INTO counters (clinic, change, event, audit, mrn, stamp, audit_hash) VALUES (?, 0, 0, "+
		"0, 0, 0, '')", n)
	t.wrotePlan(n)
	return err
}

// UpdateClinic implements engine.Tx.
func (t *tx) UpdateClinic(v directory.Clinic) error {
	t.wrotePlan(v.N)
	c := t.updating()
	clinicColumns(c, &v)
	return t.update(clinicTable, c, v.N)
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
