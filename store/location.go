package store

import (
	"qualifybase/engine/act"
	"qualifybase/engine/directory"
)

const selectLocation = `SELECT id, clinic, name, kind, parent_id, address, phone, time_zone, capacity, active,
	version, change, created_at, updated_at, created_by, updated_by FROM locations`

func scanLocation(r *row) directory.Location {
	l := directory.Location{
		ID: r.int(), Clinic: r.int(), Name: r.text(), Kind: directory.LocationKind(r.text()), ParentID: r.int(),
	}
	r.json((*addressDoc)(&l.Address))
	l.Phone, l.TimeZone, l.Capacity, l.Active, l.Meta = r.text(), r.text(), r.small(), r.bool(), r.meta()
	return l
}

// Locations implements engine.Reader.
func (r *reads) Locations(clinic int64, after act.Position, limit int) ([]directory.Location, error) {
	return directoryPage(r, scanLocation, selectLocation, clinic, after, limit)
}

// Location implements engine.Reader.
func (r *reads) Location(clinic, id int64) (directory.Location, error) {
	return one(r, "location", scanLocation, selectLocation+" WHERE id = ? AND clinic = ?", id, clinic)
}

// InsertLocation implements engine.Tx.
func (t *tx) InsertLocation(l *directory.Location) error {
	address, err := asJSON(addressDoc(l.Address))
	if err != nil {
		return err
	}
	t.wrotePlan(l.Clinic)
	_, l.ID, err = t.exec(`INSERT INTO locations (clinic, name, kind, parent_id, address, phone, time_zone, capacity, active,
		version, change, created_at, updated_at, created_by, updated_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		l.Clinic, l.Name, string(l.Kind), intOrNull(l.ParentID), address, l.Phone, l.TimeZone, l.Capacity, l.Active,
		l.Version, l.Change, l.CreatedAt, l.UpdatedAt, l.CreatedBy, l.UpdatedBy)
	return err
}

// UpdateLocation implements engine.Tx.
func (t *tx) UpdateLocation(l directory.Location) error {
	address, err := asJSON(addressDoc(l.Address))
	if err != nil {
		return err
	}
	t.wrotePlan(l.Clinic)
	return t.change("location", `UPDATE locations SET name = ?, kind = ?, parent_id = ?, address = ?, phone = ?, time_zone = ?,
		capacity = ?, active = ?, version = ?, change = ?, updated_at = ?, updated_by = ? WHERE id = ? AND clinic = ?`,
		l.Name, string(l.Kind), intOrNull(l.ParentID), address, l.Phone, l.TimeZone, l.Capacity, l.Active,
		l.Version, l.Change, l.UpdatedAt, l.UpdatedBy, l.ID, l.Clinic)
}
